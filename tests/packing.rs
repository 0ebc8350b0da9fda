//! The same content is the same bundle, to the last byte.

use std::fs;

use praxiscope_tests::files::{demo, fixture, folder, root};
use praxiscope_tests::praxc::{convert, pack, unpack};
use praxiscope_tests::programs::praxc;

#[test]
fn unpacked_and_packed_again_a_bundle_has_the_same_bytes() {
    let folder = folder();
    for bundle in [
        demo("demo.prax"),
        convert(&fixture("clip.two-way.legacy.onnx"), "", folder.path()),
    ] {
        let files = folder.path().join("files");
        let again = folder.path().join("again.prax");
        unpack(&bundle, &files);
        pack(&files, &again).run().good();
        assert!(
            fs::read(&again).unwrap() == fs::read(&bundle).unwrap(),
            "{bundle:?}"
        );
        fs::remove_dir_all(files).unwrap();
    }
}

#[test]
fn converted_twice_a_network_has_the_same_bytes() {
    for (source, options) in [
        ("online.legacy.onnx", "--fps 12 --reproducible"),
        ("tsn-resnet18.pth.tar", "--family tsm-resnet18 --size 64"),
    ] {
        let [first, second] = [folder(), folder()]
            .map(|folder| fs::read(convert(&fixture(source), options, folder.path())).unwrap());
        assert!(first == second, "{source}");
    }
}

#[test]
fn the_demo_bundle_is_rebuilt_to_the_last_byte() {
    let folder = folder();
    let rebuilt = folder.path().join("demo.prax");
    let program = praxc().within(root()).args(&documented_arguments());
    program.arg("-o").arg(&rebuilt).run().good();
    let (rebuilt, shipped) = (
        fs::read(rebuilt).unwrap(),
        fs::read(demo("demo.prax")).unwrap(),
    );
    assert!(
        rebuilt == shipped,
        "models/demo/demo.prax is not made of models/demo"
    );
}

/// The arguments of the command in `models/demo/README.md`, up to the place of the bundle.
fn documented_arguments() -> String {
    let text = fs::read_to_string(demo("README.md")).unwrap();
    let (_, command) = text.split_once("\npraxc ").expect("a command");
    let (arguments, output) = command.split_once(" -o ").expect("a place for the bundle");
    assert!(output.starts_with("models/demo/demo.prax\n"), "{output}");
    arguments.replace("\\\n", " ")
}
