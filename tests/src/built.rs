//! Where the programs under test lie, and that they are there and new.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::files;

/// The folder of the programs, `target/PROFILE`, two above the running test.
///
/// `cargo test` builds no programs of other packages, so they are built here, once, and are never
/// older than the tests. All targets are asked for, because then cargo sees the dependencies with
/// the same features as it did for the tests, and builds none of them again. Others that lie in the
/// folder `PRAXISCOPE_PROGRAMS`, optimised ones say, are taken as they are.
pub fn folder_of_programs() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        if let Some(folder) = std::env::var_os("PRAXISCOPE_PROGRAMS") {
            return folder.into();
        }
        let test = std::env::current_exe().expect("the running test has a path");
        let folder = test.ancestors().nth(2).expect("the test is in a folder");
        let profile = match folder.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--locked",
                "--workspace",
                "--all-targets",
            ])
            .args(["--profile", profile])
            .current_dir(files::root())
            .status();
        assert!(
            built.is_ok_and(|status| status.success()),
            "the programs build"
        );
        folder.into()
    });
    &FOLDER
}
