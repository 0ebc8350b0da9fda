//! Where this program keeps what it has to remember.

use std::path::{Path, PathBuf};

/// The service's folder, as its unit and its package name it.
const OF_THE_SERVICE: &str = "/var/lib/praxiscope";

/// systemd's state folder for the service, else the user's.
pub fn state_folder() -> Option<PathBuf> {
    let folder = |name: &str, below: &str| {
        let folder = std::env::var_os(name).filter(|folder| !folder.is_empty())?;
        Some(Path::new(&folder).join(below))
    };
    folder("STATE_DIRECTORY", "")
        .or_else(|| folder("XDG_STATE_HOME", "praxiscope"))
        .or_else(|| folder("HOME", ".local/state/praxiscope"))
}

/// The folder of installed models: the service's, where there is one, whoever asks.
pub fn models() -> Option<PathBuf> {
    let service = Path::new(OF_THE_SERVICE);
    let own = std::env::var_os("STATE_DIRECTORY").is_some_and(|folder| !folder.is_empty());
    let folder = match !own && service.is_dir() {
        true => Some(service.into()),
        false => state_folder(),
    };
    folder.map(|folder| folder.join("models"))
}
