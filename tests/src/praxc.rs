//! What many tests ask of `praxc`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::files;
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

/// The two commands of `models/demo/README.md`, without the bundles that they write: what makes the
/// demo model in float, and what makes the shipped one of it.
pub fn demo_commands() -> [String; 2] {
    let text = std::fs::read_to_string(files::demo("README.md")).expect("it says how");
    let commands = text.split("\npraxc ").skip(1).map(|command| {
        let (arguments, _) = command.split_once(" -o ").expect("a place for the bundle");
        arguments.replace("\\\n", " ")
    });
    let commands: Vec<String> = commands.collect();
    commands.try_into().expect("two commands")
}

/// The demo model in float, made once by each test program: what is held against other frameworks.
pub fn float_demo() -> &'static Path {
    static MADE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let folder = files::folder();
        let bundle = folder.path().join("demo.float.prax");
        let [convert, _] = demo_commands();
        let program = praxc().within(files::root()).args(&convert);
        program.arg("-o").arg(&bundle).run().good();
        (folder, bundle)
    });
    &MADE.1
}
