//! `praxc compare`: what it finds, and whom it tells.

use std::path::{Path, PathBuf};

use praxiscope_tests::files::{self, demo, fixture, folder};
use praxiscope_tests::praxc::{convert, float_demo, pack, unpack};
use praxiscope_tests::programs::{Program, praxc};

const LIBRARY: &str = "ORT_DYLIB_PATH";
/// Bytes before the numbers of a tensor file in a bundle.
const HEADER: usize = 128;

fn is_absent(test: &str) -> bool {
    let absent = std::env::var_os(LIBRARY).is_none();
    if absent {
        files::say_skipped(&format!("compare::{test}"), "ORT_DYLIB_PATH is not set");
    }
    absent
}

/// The demo model against its step network over frames that vary.
fn against_source(bundle: &Path, folder: &Path) -> Program {
    let frames = folder.join("frames.npy");
    files::write_tensor(&frames, &files::varied_frames(12, 96));
    let program = praxc().arg("compare").arg(bundle);
    let program = program.arg("--source").arg(demo("demo-step.onnx"));
    program.arg("--tensor").arg(frames)
}

/// The same bundle with one weight of `tensor` changed, its digests renewed; and the node that reads the
/// tensor.
fn with_another_weight(bundle: &Path, tensor: &str, folder: &Path) -> (PathBuf, String) {
    let (files, changed) = (folder.join("files"), folder.join("changed.prax"));
    unpack(bundle, &files);
    let path = files.join(format!("graph/{tensor}.dat"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[HEADER..HEADER + 4].copy_from_slice(&7f32.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    pack(&files, &changed).run().good();
    let text = std::fs::read_to_string(files.join("graph/graph.nnef")).unwrap();
    let argument = format!(", {tensor},");
    let reader = text.lines().find(|line| line.contains(&argument));
    let (node, _) = reader.unwrap().split_once(" = ").unwrap();
    (changed, node.trim().to_owned())
}

#[test]
fn one_changed_weight_is_noticed_and_its_layer_named() {
    if is_absent("one_changed_weight_is_noticed_and_its_layer_named") {
        return;
    }
    for layer in ["features_0_0", "features_3_conv_0", "features_3_conv_6"] {
        let folder = folder();
        let tensor = format!("{layer}_weights");
        let bundle = float_demo();
        let (changed, node) = with_another_weight(bundle, &tensor, folder.path());
        let program = against_source(&changed, folder.path()).args("--layers --json");
        let report = program.run().exits_with(1).json();
        assert_eq!(report["layers"]["first"], node, "{tensor}");
    }
}

#[test]
fn a_good_bundle_departs_nowhere_whatever_its_mode_and_arithmetic() {
    if is_absent("a_good_bundle_departs_nowhere_whatever_its_mode_and_arithmetic") {
        return;
    }
    let folder = folder();
    let path = folder.path();
    let report = against_source(float_demo(), path);
    let report = report.args("--layers --json").run().good().json();
    assert!(report["layers"]["first"].is_null(), "{report}");
    assert!(report["layers"]["layers"].as_array().unwrap().len() > 20);

    let source = fixture("clip.two-way.legacy.onnx");
    let clip = convert(&source, "--mode clip", path);
    let compare = |bundle: &Path, options: &str| {
        let program = praxc()
            .arg("compare")
            .arg(bundle)
            .arg("--source")
            .arg(&source);
        let program = program.arg("--tensor").arg(fixture("frames12.npy"));
        program.args(options).run()
    };
    let report = compare(&clip, "--layers --json").good().json();
    assert!(report["layers"]["first"].is_null(), "{report}");
    assert_eq!(report["agreement"], 1.0);
}

#[test]
fn the_verdict_is_told_as_a_page_and_as_junit() {
    if is_absent("the_verdict_is_told_as_a_page_and_as_junit") {
        return;
    }
    let folder = folder();
    let (page, xml) = (
        folder.path().join("page.html"),
        folder.path().join("junit.xml"),
    );
    let told = |options: &str, code: i32| {
        let program = against_source(float_demo(), folder.path()).args(options);
        let program = program.arg("--html").arg(&page).arg("--junit").arg(&xml);
        program.run().exits_with(code);
        [&page, &xml].map(|path| std::fs::read_to_string(path).unwrap())
    };
    let [html, junit] = told("--layers", 0);
    assert!(
        html.matches("<svg").count() == 3,
        "scores, differences, layers"
    );
    for outside in ["http://", "https://", "<script", "src="] {
        let inside = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!inside.contains(outside), "{outside}");
    }
    assert!(junit.contains("failures=\"0\""), "{junit}");
    let [html, junit] = told("--tolerance 0 --min-agreement 100", 1);
    assert!(html.contains("BEYOND the tolerance"));
    assert!(junit.contains("failures=\"1\""), "{junit}");
}

/// Rows that another program saved stand in for a reference, which then need not be there.
#[test]
fn saved_rows_are_a_reference() {
    let folder = folder();
    let (frames, rows) = (
        folder.path().join("frames.npy"),
        folder.path().join("rows.npy"),
    );
    files::write_tensor(&frames, &files::varied_frames(6, 96));
    let run = praxc().arg("run").arg(float_demo());
    let run = run.arg("--tensor").arg(&frames).arg("-o").arg(&rows);
    run.run().good();
    let compare = |rows: &Path| {
        let program = praxc().arg("compare").arg(float_demo());
        let program = program
            .arg("--reference")
            .arg("tensors")
            .arg("--source")
            .arg(rows);
        program
            .arg("--tensor")
            .arg(&frames)
            .env(LIBRARY, "/nowhere")
            .arg("--json")
    };
    let report = compare(&rows).run().good().json();
    assert_eq!(report["difference"]["rows"], 6);
    let mut other = files::tensor(&rows);
    other[[3, 1]] += 1.0;
    files::write_tensor(&rows, &other);
    let report = compare(&rows).run().exits_with(1).json();
    assert_eq!(report["difference"]["largest"], 1.0);
}

#[test]
fn without_a_gpu_it_says_so_in_one_sentence() {
    if is_absent("without_a_gpu_it_says_so_in_one_sentence") {
        return;
    }
    if Path::new("/dev/nvidia0").exists() {
        files::say_skipped(
            "compare::without_a_gpu_it_says_so_in_one_sentence",
            "there is one",
        );
        return;
    }
    let folder = folder();
    let program = against_source(float_demo(), folder.path()).args("--reference cuda");
    program.run().exits_with(3).says(&["CUDA"]);
}
