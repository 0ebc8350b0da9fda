//! Checkpoints and exported networks, through `praxc convert` and `praxc run`, against the rows
//! that PyTorch gave for them.

use std::path::Path;

use ndarray::{Array2, Axis};
use praxiscope_tests::files::{demo, fixture, folder, largest_difference, left_in, root, rows};
use praxiscope_tests::praxc::convert;
use praxiscope_tests::programs::praxc;

/// The bar is 1e-3. What is reached, with logits of order 1, is 6e-5 and less.
const TOLERANCE: f32 = 1e-4;

/// Source, how it is converted, the frames, and the saved answer.
#[rustfmt::skip]
const STREAMS: [(&str, &str, &str, &str); 23] = [
    ("online.pth", TSM_MOBILENET, FRAMES12, "online.logits.npy"),
    ("online.safetensors", TSM_MOBILENET, FRAMES12, "online.logits.npy"),
    ("online.legacy.onnx", "", FRAMES12, "online.logits.npy"),
    ("online.dynamo.onnx", "", FRAMES12, "online.logits.npy"),
    ("online.caches-first.onnx", "", FRAMES12, "online.logits.npy"),
    ("tsn-mobilenetv2.pth", ONE_WAY[0], FRAMES8, "tsn-mobilenetv2.one-way.rows.npy"),
    ("tsn-mobilenetv2.pth", ONE_WAY[0], FRAMES12, "tsn-mobilenetv2.one-way.long-rows.npy"),
    ("tsn-resnet18.pth.tar", ONE_WAY[1], FRAMES8, "tsn-resnet18.one-way.rows.npy"),
    ("tsn-resnet18.pth.tar", ONE_WAY[1], FRAMES12, "tsn-resnet18.one-way.long-rows.npy"),
    ("tsn-resnet50.safetensors", ONE_WAY[2], FRAMES8, "tsn-resnet50.one-way.rows.npy"),
    ("tsn-resnet50.safetensors", ONE_WAY[2], FRAMES12, "tsn-resnet50.one-way.long-rows.npy"),
    ("tsn-mobilenetv2.pth", TWO_WAY_STREAM[0], FRAMES8, "tsn-mobilenetv2.two-way.rows.npy"),
    ("tsn-mobilenetv2.pth", TWO_WAY_STREAM[0], FRAMES12, "tsn-mobilenetv2.two-way.long-rows.npy"),
    ("tsn-resnet18.pth.tar", TWO_WAY_STREAM[1], FRAMES12, "tsn-resnet18.two-way.long-rows.npy"),
    ("tsn-resnet50.safetensors", TWO_WAY_STREAM[2], FRAMES12, "tsn-resnet50.two-way.long-rows.npy"),
    ("mobilenetv2.mmaction2.safetensors", TWO_WAY_STREAM[0], FRAMES8, "mobilenetv2.mmaction2.rows.npy"),
    ("resnet18.block.safetensors", TWO_WAY_STREAM[1], FRAMES8, "resnet18.block.rows.npy"),
    ("resnet50.block.safetensors", TWO_WAY_STREAM[2], FRAMES8, "resnet50.block.rows.npy"),
    ("frame.fixed.onnx", "", FRAMES12, "frame.logits.npy"),
    ("frame.dynamic.onnx", "--size 64", FRAMES12, "frame.logits.npy"),
    ("frame.dynamic.dynamo.onnx", "--size 64", FRAMES12, "frame.logits.npy"),
    ("step.shift.onnx", "", FRAMES12, "step.shift.logits.npy"),
    ("step.shift.onnx", "--mode stream", FRAMES12, "step.shift.logits.npy"),
];

/// The same for whole clips of 8 frames.
#[rustfmt::skip]
const CLIPS: [(&str, &str, &str, &str); 10] = [
    ("tsn-mobilenetv2.pth", TWO_WAY[0], FRAMES8, "tsn-mobilenetv2.two-way.consensus.npy"),
    ("tsn-mobilenetv2.pth", ONE_WAY_CLIP[0], FRAMES8, "tsn-mobilenetv2.one-way.consensus.npy"),
    ("tsn-resnet18.pth.tar", TWO_WAY[1], FRAMES8, "tsn-resnet18.two-way.consensus.npy"),
    ("tsn-resnet18.pth.tar", ONE_WAY_CLIP[1], FRAMES8, "tsn-resnet18.one-way.consensus.npy"),
    ("tsn-resnet50.safetensors", TWO_WAY[2], FRAMES8, "tsn-resnet50.two-way.consensus.npy"),
    ("tsn-resnet50.safetensors", ONE_WAY_CLIP[2], FRAMES8, "tsn-resnet50.one-way.consensus.npy"),
    ("tsn-resnet18.pth.tar", CIRCULAR, FRAMES8, "tsn-resnet18.circular.consensus.npy"),
    ("resnet18.pool.safetensors", TWO_WAY[1], FRAMES8, "resnet18.pool.consensus.npy"),
    ("clip.two-way.legacy.onnx", "", FRAMES8, "clip.two-way.logits.npy"),
    ("clip.two-way.dynamo.onnx", "--mode clip", FRAMES8, "clip.two-way.logits.npy"),
];

/// Two-way networks over one clip of 12 segments, whose rows were saved before the consensus.
#[rustfmt::skip]
const LONG_CLIPS: [(&str, &str, &str); 3] = [
    ("tsn-mobilenetv2.pth", TWO_WAY[0], "tsn-mobilenetv2.two-way.long-rows.npy"),
    ("tsn-resnet18.pth.tar", TWO_WAY[1], "tsn-resnet18.two-way.long-rows.npy"),
    ("tsn-resnet50.safetensors", TWO_WAY[2], "tsn-resnet50.two-way.long-rows.npy"),
];

/// What is refused, and the words that name why.
const REFUSALS: [(&str, &str, &[&str]); 8] = [
    (
        "tsn-resnet18.pth.tar",
        "--family tsm-resnet18 --shift-border circular --mode stream",
        &["circular", "--mode"],
    ),
    ("step.scaled.onnx", "", &["cache", "temporal shift"]),
    ("step.gate.onnx", "", &["cache", "temporal shift"]),
    ("step.slice.onnx", "", &["cache", "temporal shift"]),
    ("tsn-mobilenetv2.pth", "--family tsm-resnet18", &["conv1"]),
    (
        "tsn-resnet18.pth.tar",
        "--family tsm-mobilenetv2",
        &["features.0"],
    ),
    (
        "online.logits.npy",
        "--family tsm-mobilenetv2",
        &["online.logits.npy"],
    ),
    ("online.logits.npy", "", &["online.logits.npy"]),
];

const FRAMES8: &str = "frames8.npy";
const FRAMES12: &str = "frames12.npy";
const TSM_MOBILENET: &str = "--family tsm-mobilenetv2 --size 64";
const ONE_WAY: [&str; 3] = [
    "--family tsm-mobilenetv2 --size 64 --direction one-way",
    "--family tsm-resnet18 --size 64 --direction one-way",
    "--family tsm-resnet50 --size 64 --direction one-way",
];
const ONE_WAY_CLIP: [&str; 3] = [
    "--family tsm-mobilenetv2 --size 64 --direction one-way --mode clip",
    "--family tsm-resnet18 --size 64 --direction one-way --mode clip",
    "--family tsm-resnet50 --size 64 --direction one-way --mode clip",
];
/// They answer late, each row when the frames after it have come.
const TWO_WAY_STREAM: [&str; 3] = [
    "--family tsm-mobilenetv2 --size 64 --mode stream",
    "--family tsm-resnet18 --size 64 --mode stream",
    "--family tsm-resnet50 --size 64 --mode stream",
];
const CIRCULAR: &str = "--family tsm-resnet18 --size 64 --shift-border circular";
/// Clip mode is what `praxc` chooses for them by itself.
const TWO_WAY: [&str; 3] = [
    "--family tsm-mobilenetv2 --size 64",
    "--family tsm-resnet18 --size 64",
    "--family tsm-resnet50 --size 64",
];

#[test]
fn step_programs_answer_every_frame_as_pytorch_did() {
    for (source, options, frames, answer) in STREAMS {
        let ours = converted_and_run(source, options, frames);
        assert_near(&ours, &rows(&fixture(answer)), source);
    }
}

#[test]
fn clip_programs_answer_a_whole_clip_as_pytorch_did() {
    for (source, options, frames, answer) in CLIPS {
        let ours = converted_and_run(source, options, frames);
        assert_near(&ours, &rows(&fixture(answer)), source);
    }
}

#[test]
fn a_clip_may_be_longer_than_the_published_one() {
    for (source, options, answer) in LONG_CLIPS {
        let ours = converted_and_run(source, &format!("{options} --frames 12"), FRAMES12);
        let answer = rows(&fixture(answer)).mean_axis(Axis(0)).unwrap();
        assert_near(&ours, &answer.insert_axis(Axis(0)), source);
    }
}

/// Over as many frames as the network's own clip has, the last answer, with the mean over all rows, is
/// what the network says of the clip: nothing stands before or behind it in either.
#[test]
fn step_programs_of_clip_networks_end_with_the_answer_of_pytorch() {
    for (source, family) in [
        ("r3d/r3d", "r3d-18"),
        ("r3d/mc3", "mc3-18"),
        ("r3d/r2plus1d", "r2plus1d-18"),
        ("csn/ir.vmz", "ir-csn-50"),
        ("csn/ip.vmz", "ip-csn-152"),
        ("artnet/artnet", "artnet-18"),
    ] {
        let family = format!("--family {family} --size 48 --frames 16 --mode stream --window all");
        let source = format!("../families/{source}");
        let rows_of = converted_and_run(
            &format!("{source}.safetensors"),
            &family,
            "../families/clip48.npy",
        );
        let last = rows_of.select(Axis(0), &[rows_of.nrows() - 1]);
        assert_near(&last, &rows(&fixture(&format!("{source}.npy"))), &source);
    }
    for name in ["legacy", "dynamo"] {
        let source = format!("clip.two-way.{name}.onnx");
        let rows_of = converted_and_run(&source, "--mode stream --window all", FRAMES8);
        assert_eq!(rows_of.nrows(), 8);
        let last = rows_of.select(Axis(0), &[7]);
        assert_near(&last, &rows(&fixture("clip.two-way.logits.npy")), &source);
    }
}

/// A network that was exported with a row for each frame streams them as they are.
#[test]
fn rows_of_a_clip_network_are_streamed() {
    let folder = folder();
    let output = folder.path().join("out.prax");
    let program = praxc().arg("convert").arg(demo("demo-clip.onnx"));
    let program = program
        .args("--size 96 --frames 8 --mode stream")
        .arg("-o")
        .arg(&output);
    let ended = program.run().good();
    assert!(ended.stdout.contains("causal"), "{}", ended.stdout);
}

#[test]
fn a_window_is_answered_anew_every_hop() {
    let frames = FRAMES12;
    let [every, every_second] = ["--hop 1", "--hop 2"]
        .map(|hop| converted_and_run_so("tsn-mobilenetv2.pth", TWO_WAY[0], frames, hop));
    assert_eq!(every.nrows(), 5);
    assert_eq!(every_second.nrows(), 3);
    for (row, second) in every_second.outer_iter().enumerate() {
        assert_eq!(every.row(2 * row), second);
    }
}

#[test]
fn what_cannot_be_converted_is_refused_by_its_cause() {
    let folder = folder();
    for (source, options, words) in REFUSALS {
        let program = praxc().arg("convert").arg(fixture(source)).args(options);
        let output = folder.path().join("out.prax");
        program.arg("-o").arg(output).run().refused(words);
    }
    assert_eq!(left_in(folder.path()), [""; 0], "nothing was written");
}

/// An open first dimension may be a batch of pictures or a clip; only running it tells.
#[test]
fn a_clip_of_any_length_is_not_taken_for_single_frames() {
    let folder = folder();
    let clip = demo("demo-clip.onnx");
    for (options, words) in [
        ("--size 96 --mode stream", ["number of frames", "--frames"]),
        ("--size 96 --frames 8 --mode clip", ["8 rows", "mean"]),
    ] {
        let program = praxc().arg("convert").arg(&clip).args(options);
        let output = folder.path().join("out.prax");
        program.arg("-o").arg(output).run().refused(&words);
    }
    assert_eq!(left_in(folder.path()), [""; 0], "nothing was written");
}

#[test]
fn damaged_sources_are_refused() {
    let folder = folder();
    let damaged = folder.path().join("damaged");
    for (source, options) in [
        ("online.pth", TSM_MOBILENET),
        ("online.safetensors", TSM_MOBILENET),
        ("tsn-resnet18.pth.tar", TWO_WAY[1]),
        ("online.legacy.onnx", ""),
        ("clip.two-way.dynamo.onnx", ""),
    ] {
        let whole = std::fs::read(fixture(source)).unwrap();
        for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&damaged, &whole[..length]).unwrap();
            let program = praxc().arg("convert").arg(&damaged).args(options);
            let output = folder.path().join("out.prax");
            program.arg("-o").arg(output).run().refused(&["damaged"]);
        }
    }
    assert_eq!(left_in(folder.path()), ["damaged"], "nothing was written");
}

/// A network that nobody converts here is a hole in this file.
#[test]
fn every_fixture_is_converted_or_refused() {
    let listed = STREAMS.iter().chain(&CLIPS).map(|case| case.0);
    let listed: Vec<&str> = listed.chain(REFUSALS.iter().map(|case| case.0)).collect();
    for name in left_in(&root().join("tests/fixtures/tsm")) {
        if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension != "npy")
        {
            assert!(
                listed.contains(&name.as_str()),
                "{name} is converted nowhere"
            );
        }
    }
}

fn converted_and_run(source: &str, options: &str, frames: &str) -> Array2<f32> {
    converted_and_run_so(source, options, frames, "")
}

fn converted_and_run_so(source: &str, options: &str, frames: &str, run: &str) -> Array2<f32> {
    let folder = folder();
    let bundle = convert(&fixture(source), options, folder.path());
    let answer = folder.path().join("answer.npy");
    let program = praxc()
        .arg("run")
        .arg(bundle)
        .arg("--tensor")
        .arg(fixture(frames))
        .args(run);
    program.arg("-o").arg(&answer).run().good();
    rows(&answer)
}

#[track_caller]
fn assert_near(ours: &Array2<f32>, wanted: &Array2<f32>, source: &str) {
    let apart = largest_difference(ours, wanted);
    let scale = wanted
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    assert!(
        apart <= TOLERANCE,
        "{source}: {apart:e}, logits up to {scale}"
    );
    println!("{source}: {apart:.1e}, logits up to {scale:.2}");
}
