//! A folder for each class.

use std::path::{Path, PathBuf};

use super::Row;
use crate::pictures::is_picture;

/// Suffixes of videos.
pub const VIDEOS: [&str; 12] = [
    "avi", "gif", "mjpeg", "mjpg", "mkv", "mov", "mp4", "mpeg", "mpg", "webm", "wmv", "y4m",
];

/// Whether a file's name is that of a video.
fn is_video(path: &Path) -> bool {
    let suffix = path.extension().and_then(|suffix| suffix.to_str());
    suffix.is_some_and(|suffix| VIDEOS.contains(&suffix.to_ascii_lowercase().as_str()))
}

/// The videos of a folder, in the order of their paths.
pub fn rows(root: &Path) -> Result<Vec<Row>, String> {
    let mut rows = vec![];
    for class in entries(root)?.into_iter().filter(|path| path.is_dir()) {
        let label = file_name(&class);
        for path in entries(&class)? {
            let is_item = match path.is_dir() {
                true => entries(&path)?.iter().any(|path| is_picture(path)),
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
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
