//! The same content is the same bundle, to the last byte.

use std::fs;

use praxiscope_tests::files::{demo, fixture, folder, root};
use praxiscope_tests::praxc::{convert, demo_commands, float_demo, pack, unpack};
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
    let [_, quantize] = demo_commands();
    let (_, options) = quantize.split_once(" demo.float.prax ").unwrap();
    let rebuilt = folder.path().join("demo.prax");
    let program = praxc().within(root()).arg("quantize").arg(float_demo());
    program.args(options).arg("-o").arg(&rebuilt).run().good();
    let (rebuilt, shipped) = (
        fs::read(rebuilt).unwrap(),
        fs::read(demo("demo.prax")).unwrap(),
    );
    assert!(
        rebuilt == shipped,
        "models/demo/demo.prax is not made of models/demo"
    );
}
