//! A folder for each class.

use std::path::{Path, PathBuf};

use super::Row;
use crate::listing::{self, is_recording, is_video};

/// The videos of a folder, in the order of their paths.
pub fn rows(root: &Path) -> Result<Vec<Row>, String> {
    let mut rows = vec![];
    for class in entries(root)?.into_iter().filter(|path| path.is_dir()) {
        let label = file_name(&class);
        for path in entries(&class)? {
            let is_item = match path.is_dir() {
                true => is_recording(&path).map_err(|error| unread(&path, &error))?,
                false => is_video(&path),
            };
            if is_item {
                rows.push(Row {
                    name: format!("{label}/{}", file_name(&path)),
                    path,
                    label: label.clone(),
                    span: None,
                });
            }
        }
    }
    match rows.is_empty() {
        true => Err("it holds no folder with videos in it; each class has a folder".into()),
        false => Ok(rows),
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    listing::entries(folder).map_err(|error| unread(folder, &error))
}

fn unread(folder: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", folder.display())
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
