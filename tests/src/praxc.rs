//! What many tests ask of `praxc`.

use std::path::{Path, PathBuf};

use crate::programs::{Program, praxc};

/// Converts `source` with `options` into `folder`, and gives the bundle's path.
#[track_caller]
pub fn convert(source: &Path, options: &str, folder: &Path) -> PathBuf {
    let name = source.file_name().expect("a file").to_string_lossy();
    let bundle = folder.join(format!("{name}.prax"));
    praxc()
        .arg("convert")
        .arg(source)
        .args(options)
        .arg("-o")
        .arg(&bundle)
        .run()
        .good();
    bundle
}

/// Unpacks `bundle` into the new folder `files`.
#[track_caller]
pub fn unpack(bundle: &Path, files: &Path) {
    let program = praxc().arg("unpack").arg(bundle);
    program.arg("-o").arg(files).run().good();
}

/// The program that packs the folder `files` as `bundle`.
pub fn pack(files: &Path, bundle: &Path) -> Program {
    praxc().arg("pack").arg(files).arg("-o").arg(bundle)
}
