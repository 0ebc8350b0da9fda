//! Against ONNX Runtime, an engine that shares no code with ours. It is needed for most of these;
//! `tests/run` installs it and names its library in `ORT_DYLIB_PATH`.

use std::path::Path;

use ndarray::{Array2, ArrayD, s};
use praxiscope_models::checkpoint::Checkpoint;
use praxiscope_models::{BuildOptions, Family};
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::stream::{Model, Stream};
use praxiscope_tests::files::{self, demo, fixture, folder, largest_difference};
use praxiscope_tests::praxc::{convert, float_demo};
use praxiscope_tests::programs::{Program, praxc};
use praxiscope_tools::import::Ports;
use praxiscope_tools::reference::{OnnxRuntime, Reference};
use praxiscope_tools::run;
use tract_core::prelude::*;

const LIBRARY: &str = "ORT_DYLIB_PATH";
const FRAMES: usize = 300;
/// Height and width of the demo model's frames.
const SIDE: usize = 96;
const CLIP_TOLERANCE: f32 = 1e-4;

#[test]
fn step_networks_agree() {
    if is_absent("step_networks_agree") {
        return;
    }
    let folder = folder();
    for source in [
        "online.legacy.onnx",
        "online.dynamo.onnx",
        "online.caches-first.onnx",
        "step.shift.onnx",
        "frame.fixed.onnx",
    ] {
        let bundle = convert(&fixture(source), "", folder.path());
        let report = compare(&bundle, source).arg("--json").run().good().json();
        assert_eq!(report["difference"]["rows"], 12, "{report}");
        assert_eq!(report["difference"]["same_top"], 12, "{report}");
    }
}

#[test]
fn clip_networks_agree_on_every_window() {
    if is_absent("clip_networks_agree_on_every_window") {
        return;
    }
    let folder = folder();
    for source in ["clip.two-way.legacy.onnx", "clip.two-way.dynamo.onnx"] {
        let bundle = convert(&fixture(source), "--mode clip", folder.path());
        let report = compare(&bundle, source).arg("--json").run().good().json();
        assert_eq!(report["difference"]["rows"], 5, "{report}");
    }
}

#[test]
fn a_difference_beyond_the_tolerance_exits_with_1() {
    if is_absent("a_difference_beyond_the_tolerance_exits_with_1") {
        return;
    }
    let folder = folder();
    let source = "online.legacy.onnx";
    let bundle = convert(&fixture(source), "", folder.path());
    let strict = compare(&bundle, source).args("--tolerance 0");
    let ended = strict.run().exits_with(1);
    assert!(
        ended.stdout.contains("BEYOND the tolerance"),
        "{}",
        ended.stdout
    );
}

#[test]
fn another_networks_bundle_exits_with_1() {
    if is_absent("another_networks_bundle_exits_with_1") {
        return;
    }
    let folder = folder();
    let bundle = convert(&fixture("step.shift.onnx"), "", folder.path());
    compare(&bundle, "online.legacy.onnx").run().exits_with(1);
}

#[test]
fn without_the_library_the_program_says_how_to_get_it() {
    let folder = folder();
    let source = "step.shift.onnx";
    let bundle = convert(&fixture(source), "", folder.path());
    let program = compare(&bundle, source).env(LIBRARY, "/nowhere/libonnxruntime.so");
    let ended = program.run().exits_with(3);
    ended.says(&["/nowhere/libonnxruntime.so", "pip install onnxruntime"]);
}

#[test]
fn the_demo_model_steps_as_its_onnx_step_does() {
    if is_absent("the_demo_model_steps_as_its_onnx_step_does") {
        return;
    }
    let folder = folder();
    let (bundle, frames) = (float_demo(), folder.path().join("frames.npy"));
    files::write_tensor(&frames, &files::varied_frames(FRAMES, SIDE));
    let program = praxc()
        .arg("compare")
        .arg(bundle)
        .arg("--source")
        .arg(demo("demo-step.onnx"));
    let program = program
        .arg("--tensor")
        .arg(frames)
        .args("--tolerance 1e-3 --json");
    let report = program.run().good().json();
    println!(
        "step against ONNX Runtime: {}",
        report["difference"]["largest"]
    );
    assert_eq!(report["difference"]["rows"], FRAMES, "{report}");
    let scale = report["difference"]["scale"].as_f64().unwrap();
    assert!(
        (0.5..50.0).contains(&scale),
        "logits of order 1, not {scale}"
    );
}

#[test]
fn a_video_is_compared_with_the_whole_recording_as_one_clip() {
    if is_absent("a_video_is_compared_with_the_whole_recording_as_one_clip") {
        return;
    }
    let program = praxc().arg("compare").arg(float_demo());
    let program = program.arg("--source").arg(demo("demo-clip.onnx"));
    let program = program.arg("--input").arg(demo("clip.mjpeg"));
    let report = program.args("--tolerance 1e-4 --json").run().good().json();
    assert!(
        report["difference"]["rows"].as_u64() > Some(100),
        "{report}"
    );
}

/// The step program, frame by frame, gives the rows of the clip form, in one go: those of our own
/// clip graph, and those of the exported one in ONNX Runtime.
#[test]
fn the_demo_models_step_equals_its_clip() {
    let model = Model::load(&Bundle::read(float_demo()).unwrap()).unwrap();
    let frames = files::varied_frames(FRAMES, SIDE);
    let list = run::frames(&frames).unwrap();
    let answers = run::step_all(&mut Stream::new(&model).unwrap(), &list, 0).unwrap();
    let classes = model.manifest().labels.len();
    let ours = run::rows(&answers, classes);
    assert_near(&ours, &our_clip(&frames), "our clip graph");
    // Rows that were all alike would agree whatever the network did.
    let earlier = ours.slice(s![..FRAMES - 1, ..]).to_owned();
    let later = ours.slice(s![1.., ..]).to_owned();
    assert!(
        largest_difference(&earlier, &later) > 0.1,
        "rows differ from one another"
    );

    if is_absent("the_demo_models_step_equals_its_clip, its second half") {
        return;
    }
    let path = demo("demo-clip.onnx");
    let mut clip = OnnxRuntime::load(&path, Ports::default()).unwrap();
    let rows = clip.windows(&list, FRAMES, 1).unwrap();
    let rows = rows.into_shape_with_order((FRAMES, classes)).unwrap();
    assert_near(&ours, &rows, "the clip form in ONNX Runtime");
}

#[track_caller]
fn assert_near(ours: &Array2<f32>, wanted: &Array2<f32>, name: &str) {
    let apart = largest_difference(ours, wanted);
    println!("step against {name}: {apart:.1e}");
    assert!(apart <= CLIP_TOLERANCE, "{name}: {apart:e}");
}

fn our_clip(frames: &ArrayD<f32>) -> Array2<f32> {
    let family: Family = "tsm-mobilenetv2".parse().unwrap();
    let checkpoint = Checkpoint::read(&demo("demo.safetensors")).unwrap();
    let options = BuildOptions {
        frames: FRAMES,
        size: (SIDE, SIDE),
        ..BuildOptions::published(family)
    };
    let clip = praxiscope_models::build(family, checkpoint, &options).unwrap();
    let plan = clip
        .graph
        .into_optimized()
        .unwrap()
        .into_runnable()
        .unwrap();
    let input = Tensor::from_shape(
        frames.shape(),
        frames.as_slice().expect("in the order of its axes"),
    );
    let rows = plan.run(tvec!(input.unwrap().into_tvalue())).unwrap();
    let rows = rows[0].to_plain_array_view::<f32>().unwrap();
    let values = rows.iter().copied().collect();
    Array2::from_shape_vec((FRAMES, clip.classes), values).unwrap()
}

fn compare(bundle: &Path, source: &str) -> Program {
    let program = praxc().arg("compare").arg(bundle);
    let program = program.arg("--source").arg(fixture(source));
    program.arg("--tensor").arg(fixture("frames12.npy"))
}

fn is_absent(test: &str) -> bool {
    let absent = std::env::var_os(LIBRARY).is_none();
    if absent {
        files::say_skipped(&format!("onnxruntime::{test}"), "ORT_DYLIB_PATH is not set");
    }
    absent
}
