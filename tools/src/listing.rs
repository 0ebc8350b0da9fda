//! Which files of a folder are recordings.

use std::path::{Path, PathBuf};

/// Suffixes of videos.
pub const VIDEOS: [&str; 12] = [
    "avi", "gif", "mjpeg", "mjpg", "mkv", "mov", "mp4", "mpeg", "mpg", "webm", "wmv", "y4m",
];

/// Whether a file's name is that of a video.
pub fn is_video(path: &Path) -> bool {
    has_suffix(path, &VIDEOS)
}

/// Whether a file's name is that of a JPEG picture.
pub fn is_picture(path: &Path) -> bool {
    has_suffix(path, &["jpg", "jpeg"])
}

/// Whether a file's name is that of a tensor.
pub fn is_tensor(path: &Path) -> bool {
    has_suffix(path, &["npy"])
}

fn has_suffix(path: &Path, suffixes: &[&str]) -> bool {
    let suffix = path.extension().and_then(|suffix| suffix.to_str());
    suffix.is_some_and(|suffix| suffixes.contains(&suffix.to_ascii_lowercase().as_str()))
}

/// What a folder holds, in the order of the names.
///
/// # Errors
/// When it cannot be read.
pub fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Whether a folder is one recording: its pictures are the frames.
///
/// # Errors
/// When it cannot be read.
pub fn is_recording(folder: &Path) -> std::io::Result<bool> {
    Ok(entries(folder)?.iter().any(|path| is_picture(path)))
}
