//! Installs the pinned ONNX Runtime where `praxc` finds it again.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::ReferenceError;
use super::onnxruntime::library_in;

/// The version that is installed, and that the tests of this repository run with.
pub const VERSION: &str = include_str!("onnxruntime.version").trim_ascii();

/// The folder that it is installed in: below `XDG_DATA_HOME`, else below `~/.local/share`.
pub fn fetched_folder() -> Option<PathBuf> {
    let below = |variable: &str, folder: &str| {
        let path = std::env::var_os(variable).filter(|path| !path.is_empty())?;
        Some(PathBuf::from(path).join(folder))
    };
    let data = below("XDG_DATA_HOME", "").or_else(|| below("HOME", ".local/share"))?;
    Some(data.join(format!("praxiscope/onnxruntime-{VERSION}")))
}

/// Installs it into `folder` by pip, and gives its library. The wheel's Python dependencies stay out:
/// the library is all that is loaded.
///
/// # Errors
/// [`ReferenceError::NotFetched`].
pub fn fetch(folder: &Path) -> Result<PathBuf, ReferenceError> {
    let failed = |reason: String| ReferenceError::NotFetched(reason);
    if let Some(library) = library_in(folder) {
        return Ok(library);
    }
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--disable-pip-version-check", "--upgrade", "--target"])
        .arg(folder)
        .arg(format!("onnxruntime=={VERSION}"))
        .output()
        .map_err(|error| failed(format!("python3 cannot be started ({error})")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        return Err(failed(format!("pip said: {}", last.unwrap_or("nothing"))));
    }
    library_in(folder).ok_or_else(|| failed("the wheel holds no library".into()))
}
