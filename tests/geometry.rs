//! A bundle of whole clips, run on a clip of another length and size than it was made for.

use std::path::{Path, PathBuf};

use ndarray::{Axis, Slice};
use praxiscope_tests::files::{
    fixture, folder, largest_difference, root, rows, tensor, write_tensor,
};
use praxiscope_tests::praxc::convert;
use praxiscope_tests::programs::{Ended, praxc};

/// The bar is 1e-3, as for a network that was built for the clip.
const TOLERANCE: f32 = 1e-4;

/// `[1, 3, 16, 48, 48]`, its first half, and `[1, 3, 17, 45, 52]`.
const CLIP: &str = "clip48.npy";
const HALF: &str = "half of clip48.npy";
const ODD: &str = "clip17.npy";

/// Family, checkpoint, what it is made for, the clip, and what PyTorch answers: heads clamped to the
/// map and not, pads of TensorFlow's kind, attention, sampled frames and views of the whole clip.
#[rustfmt::skip]
const CLIPS: [(&str, &str, &str, &str, &str); 8] = [
    ("r3d-18", "r3d/r3d", "--frames 32 --size 64", CLIP, "r3d/r3d"),
    ("i3d-inception", "i3d/inception", "--frames 8 --size 96", ODD, "i3d/inception.odd"),
    ("i3d-resnet50", "i3d/resnet50.pytorchvideo", "--frames 8 --size 96", ODD, "i3d/resnet50.pytorchvideo.odd"),
    ("s3d", "s3d/s3d.torchvision", "--frames 32 --size 64x96", ODD, "s3d/s3d.torchvision.odd"),
    ("s3d-g", "s3d/s3d-g.plain", "--frames 16 --size 32", ODD, "s3d/s3d-g.plain.odd"),
    ("nonlocal5-resnet50", "nonlocal/embedded", "--frames 32 --size 64", CLIP, "nonlocal/embedded"),
    ("smallbig-50", "smallbig/smallbig", "--frames 16 --size 64", HALF, "smallbig/smallbig"),
    ("slowfast-8x8-r50", "slowfast/pytorchvideo", "--frames 32 --size 64", CLIP, "slowfast/pytorchvideo.packed"),
];

#[test]
fn clips_of_another_length_and_size_answer_as_pytorch_does() {
    for (family, weights, made_for, clip, answer) in CLIPS {
        let weights = families(&format!("{weights}.safetensors"));
        let folder = folder();
        let options = format!("--family {family} {made_for}");
        let bundle = convert(&weights, &options, folder.path());
        let found = folder.path().join("rows.npy");
        let clip = match clip {
            HALF => half_of(&families(CLIP), folder.path()),
            whole => families(whole),
        };
        run(&bundle, &clip, &found, "").good();
        let apart = largest_difference(&rows(&found), &rows(&families(&format!("{answer}.npy"))));
        println!("{family}: {apart:.1e}");
        assert!(apart <= TOLERANCE, "{family}: {apart:e}");
    }
}

#[test]
fn frames_of_another_number_are_one_clip() {
    let folder = folder();
    let options = "--family tsm-resnet18 --size 96 --frames 12";
    let bundle = convert(&fixture("tsn-resnet18.pth.tar"), options, folder.path());
    let found = folder.path().join("rows.npy");
    run(&bundle, &fixture("frames8.npy"), &found, "").good();
    let wanted = rows(&fixture("tsn-resnet18.two-way.consensus.npy"));
    assert!(largest_difference(&rows(&found), &wanted) <= TOLERANCE);
}

#[test]
fn what_holds_for_one_size_says_so() {
    let folder = folder();
    let weights = families("tsn/r2d.safetensors");
    let bundle = convert(
        &weights,
        "--family r2d-18 --frames 16 --size 64",
        folder.path(),
    );
    let found = folder.path().join("rows.npy");
    let ended = run(&bundle, &families("clip48.npy"), &found, "");
    ended.refused(&[
        "16 frames of 48x48",
        "16 frames of 64x64",
        "--size",
        "--hop",
    ]);
}

#[test]
fn a_clip_that_no_such_network_takes_is_refused() {
    let folder = folder();
    let weights = families("slowfast/pytorchvideo.safetensors");
    let options = "--family slowfast-4x16-r50 --frames 32 --size 64";
    let bundle = convert(&weights, options, folder.path());
    let found = folder.path().join("rows.npy");
    let ended = run(&bundle, &fixture("frames12.npy"), &found, "");
    ended.refused(&["12 frames of 64x64"]);
}

#[test]
fn a_step_program_has_no_windows() {
    let folder = folder();
    let bundle = convert(
        &fixture("online.pth"),
        "--family tsm-mobilenetv2 --size 64",
        folder.path(),
    );
    let found = folder.path().join("rows.npy");
    let ended = run(&bundle, &fixture("frames12.npy"), &found, "--hop 2");
    ended.refused(&["frame by frame", "--hop"]);
}

fn half_of(clip: &Path, folder: &Path) -> PathBuf {
    let clip = tensor(clip);
    let frames = Slice::from(..clip.shape()[2] / 2);
    let half = folder.join("half.npy");
    write_tensor(&half, &clip.slice_axis(Axis(2), frames).to_owned());
    half
}

fn families(name: &str) -> PathBuf {
    root().join("tests/fixtures/families").join(name)
}

fn run(bundle: &Path, tensor: &Path, output: &Path, options: &str) -> Ended {
    let program = praxc().arg("run").arg(bundle).args(options);
    let program = program.arg("--tensor").arg(tensor);
    program.arg("-o").arg(output).run()
}
