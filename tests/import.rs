//! Exported clip networks become clip graphs in which every temporal operator is one node, and which
//! answer as PyTorch did.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayD, Axis, Slice};
use praxiscope_tests::files::{
    folder, largest_difference, left_in, root, rows, tensor, write_tensor,
};
use praxiscope_tests::praxc::convert;
use praxiscope_tests::programs::{Program, praxc};
use praxiscope_tools::import::{self, Imported, Want};
use praxiscope_tools::network::operators;
use tract_core::prelude::*;

/// Of the largest score.
const TOLERANCE: f32 = 1e-4;
/// Frames of every clip with an axis of time, and of those whose frames are stacked.
const FRAMES: usize = 16;
const SEGMENTS: usize = 8;

/// A file, operators of its clip graph with their numbers, and operators that it has none of.
type Case = (
    &'static str,
    &'static [(&'static str, usize)],
    &'static [&'static str],
);

#[rustfmt::skip]
const NETWORKS: [Case; 37] = [
    ("tsm.two-way.legacy13", &[("TemporalShift", 2)], SCATTERED),
    ("tsm.two-way.dynamo18", &[("TemporalShift", 2)], SCATTERED),
    ("tsm.two-way.legacy17.slim", &[("TemporalShift", 2)], SCATTERED),
    ("tsm.one-way.legacy13", &[("TemporalShift", 2)], SCATTERED),
    ("tsm.one-way.dynamo18", &[("TemporalShift", 2)], SCATTERED),
    ("tsm.joined.legacy11", &[("TemporalShift", 2)], SCATTERED),
    ("tsm.joined.dynamo20", &[("TemporalShift", 2)], SCATTERED),
    ("tsm.circular.legacy13", &[("TemporalShift", 0)], &[]),
    ("tsm.circular.dynamo18", &[("TemporalShift", 0)], &[]),
    ("tsm.attention.legacy13", &[("TemporalShift", 2), ("Attention", 1)], SCATTERED),
    ("tsm.attention.dynamo18", &[("TemporalShift", 2), ("Attention", 1)], SCATTERED),
    ("tsm.pool.legacy13", &[("TemporalShift", 2), ("MaxPool", 1)], SCATTERED),
    ("tsm.pool.dynamo18", &[("TemporalShift", 2), ("MaxPool", 1)], SCATTERED),
    ("i3d.squeezed.legacy17", &[("SumPool", 1), ("Mean", 1)], &["If", "Reduce<Sum>"]),
    ("i3d.squeezed.dynamo18", &[("SumPool", 1), ("Mean", 1)], &["If", "Reduce<Sum>"]),
    ("s3d-g.legacy17", &[("MaxPool", 7), ("Sigmoid", 13), ("Mean", 14)], &["Reduce<Sum>"]),
    ("s3d-g.dynamo18", &[("MaxPool", 7), ("Sigmoid", 13), ("Mean", 14)], &["Reduce<Sum>"]),
    ("r2plus1d.dynamo18", &[("Mean", 1)], &["Reduce<Sum>"]),
    ("csn.legacy17.open", &[("Mean", 1)], &["Reduce<Sum>"]),
    ("nonlocal.embedded_gaussian.legacy17", &[("Attention", 1)], &["Softmax"]),
    ("nonlocal.dot_product.legacy17", &[("Attention", 1)], &["Softmax"]),
    ("nonlocal.gaussian.dynamo18", &[("Attention", 1)], &["Softmax"]),
    ("slowfast.two.dynamo18", &[("Mean", 2), ("Downsample", 0)], &[]),
    ("slowfast.resized.legacy17", &[("Mean", 2), ("Downsample", 1)], &["Resize"]),
    ("artnet.legacy17", &[("Mean", 1)], &["Reduce<Sum>"]),
    ("mobile.legacy17", &[("Mean", 2)], &["Reduce<Sum>", "Pad"]),
    ("mobile.dynamo18", &[("Mean", 2)], &["Reduce<Sum>", "Pad"]),
    ("mobile.causal.legacy17", &[("Mean", 2), ("CumSum", 1)], &["Reduce<Sum>", "Pad"]),
    ("mobile.causal.dynamo18", &[("Mean", 2), ("CumSum", 1)], &["Reduce<Sum>", "Pad"]),
    ("mobile.running.legacy17", &[("Mean", 2), ("CumSum", 2)], &["Reduce<Sum>", "Pad"]),
    ("lent.legacy17.open", &[("TemporalShift", 3), ("Conv", 12)], SCATTERED),
    ("lent.dynamo18.open", &[("TemporalShift", 3), ("Conv", 12)], SCATTERED),
    ("lent.window.legacy17", &[("Conv", 5)], &["ScatterNd", "Slice", "Concat", "Pad"]),
    ("lent.window.dynamo18", &[("Conv", 5)], &["ScatterNd", "Slice", "Concat", "Pad"]),
    ("r3d.padded.legacy17.open", &[("Pad", 2), ("Mean", 1)], &["Concat", "Reduce<Sum>"]),
    ("r3d.padded.dynamo18.open", &[("Pad", 2), ("Mean", 1)], &["Concat", "Reduce<Sum>"]),
    ("odd.qdq", &[("TemporalShift", 2)], SCATTERED),
];

const SCATTERED: &[&str] = &[
    "ScatterNd",
    "Slice",
    "StridedSlice",
    "Concat",
    "Pad",
    "Reduce<Sum>",
    "Reshape",
];

#[test]
fn every_temporal_operator_is_one_node_and_the_answer_is_pytorchs() {
    for (name, wanted, gone) in NETWORKS {
        let imported = imported(name);
        let found = operators(&imported.clip);
        for (operator, count) in wanted {
            let number = found.get(*operator).copied().unwrap_or(0);
            assert_eq!(number, *count, "{name}: {operator} in {found:?}");
        }
        for operator in gone {
            assert!(
                !found.contains_key(*operator),
                "{name}: {operator} in {found:?}"
            );
        }
        let answer = answer(name);
        for graph in [imported.clip, imported.network.graph] {
            let apart = largest_difference(&run(graph, name), &answer);
            let largest = answer
                .iter()
                .fold(0f32, |most, value| most.max(value.abs()));
            assert!(
                apart <= TOLERANCE * largest,
                "{name}: {apart:e} of {largest}"
            );
        }
    }
}

#[test]
fn a_file_that_lies_otherwise_says_so() {
    for (name, layout) in [
        ("tsm.two-way.legacy13", "[1, T*3, H, W]"),
        ("tsm.joined.legacy11", "[1, T, 3, H, W]"),
    ] {
        let warnings = imported(name).warnings;
        assert!(
            warnings.iter().any(|warning| warning.contains(layout)),
            "{warnings:?}"
        );
    }
    let warnings = imported("tsm.circular.dynamo18").warnings;
    assert!(
        warnings.iter().any(|warning| warning.contains("circular")),
        "{warnings:?}"
    );
}

#[test]
fn a_quantized_network_is_read_in_float_and_its_scales_are_kept() {
    let scales = imported("odd.qdq").scales;
    let weights = &scales["weights.integers"];
    assert_eq!(
        (weights.scale.len(), &weights.zero_point[..]),
        (1, &[0][..])
    );
    let maps = scales.values().filter(|scale| scale.zero_point == [100]);
    assert_eq!(maps.count(), 5, "one for each convolution: {scales:?}");
}

/// Through the program and a bundle, whose form on disk must lose nothing.
#[test]
fn bundles_answer_as_their_networks() {
    for name in [
        "tsm.one-way.dynamo18",
        "s3d-g.legacy17",
        "r2plus1d.dynamo18",
        "tsm.attention.legacy13",
    ] {
        let folder = folder();
        let bundle = convert(&file(name), "--mode clip", folder.path());
        let output = folder.path().join("answer.npy");
        let program = praxc().arg("run").arg(bundle).arg("--tensor");
        let clip = folder.path().join("clip.npy");
        write_tensor(&clip, &frames(name));
        program.arg(clip).arg("-o").arg(&output).run().good();
        let apart = largest_difference(&rows(&output), &answer(name));
        assert!(apart <= TOLERANCE, "{name}: {apart:e}");
    }
}

#[test]
fn a_network_of_two_pathways_takes_both_clips() {
    let name = "slowfast.two.dynamo18";
    let folder = folder();
    let bundle = convert(&file(name), "--mode clip", folder.path());
    let output = folder.path().join("answer.npy");
    let fast = clip();
    let slow = fast.slice_axis(Axis(2), Slice::new(0, None, 4));
    let paths = ["slow.npy", "fast.npy"].map(|name| folder.path().join(name));
    write_tensor(&paths[0], &slow.to_owned());
    write_tensor(&paths[1], &fast);
    let run = |first: usize, second: usize| {
        let program = praxc().arg("run").arg(&bundle);
        let program = program
            .arg("--tensor")
            .arg(&paths[first])
            .arg("--tensor")
            .arg(&paths[second]);
        program.arg("-o").arg(&output).run()
    };
    for (first, second) in [(0, 1), (1, 0)] {
        run(first, second).good();
        let apart = largest_difference(&rows(&output), &answer(name));
        assert!(apart <= TOLERANCE, "{apart:e}");
    }
    run(1, 1).refused(&["[1, 3, 16, 32, 32] and [1, 3, 4, 32, 32]"]);
}

/// On a camera, and over a recording, the network is given one clip and samples it by itself.
#[test]
fn a_network_of_two_pathways_samples_the_frames_by_itself() {
    let name = "slowfast.two.dynamo18";
    let folder = folder();
    let fast = clip();
    let slow = fast.slice_axis(Axis(2), Slice::new(0, None, 4)).to_owned();
    let paths = ["slow.npy", "fast.npy"].map(|name| folder.path().join(name));
    write_tensor(&paths[0], &slow);
    write_tensor(&paths[1], &fast);
    let output = folder.path().join("answer.npy");
    let run = |bundle: &Path, clips: &[&PathBuf]| {
        let program = praxc().arg("run").arg(bundle);
        let give = |program: Program, clip: &&PathBuf| program.arg("--tensor").arg(clip);
        let program = clips.iter().fold(program, give);
        program.arg("-o").arg(&output).run()
    };
    let windows = convert(
        &file(name),
        "--mode clip --slow-frames strided",
        folder.path(),
    );
    run(&windows, &[&paths[1]]).good();
    let apart = largest_difference(&rows(&output), &answer(name));
    assert!(apart <= TOLERANCE, "{apart:e}");
    praxc().arg("inspect").arg(&windows).run().good();

    let stream = convert(&file(name), "--mode stream --window all", folder.path());
    for clips in [&[&paths[1]][..], &[&paths[0], &paths[1]]] {
        run(&stream, clips).good();
        let rows = rows(&output);
        let last = rows.select(Axis(0), &[rows.nrows() - 1]);
        let apart = largest_difference(&last, &answer(name));
        assert!(apart <= TOLERANCE, "{apart:e}");
    }
    // Other frames than the program takes are not taken for them.
    write_tensor(
        &paths[0],
        &fast.slice_axis(Axis(2), Slice::new(1, None, 4)).to_owned(),
    );
    run(&stream, &[&paths[0], &paths[1]]).refused(&["the first of every 4"]);
}

#[test]
fn what_is_odd_is_read_or_refused_by_its_cause() {
    let folder = folder();
    for (name, options, words) in [
        (
            "odd.squeeze",
            "",
            &["no_op", "Squeeze", "export it anew"][..],
        ),
        (
            "odd.stuck",
            "--frames 12",
            &["8 frames alone", "--frames 8"],
        ),
        ("odd.stuck", "", &["open", "--frames"]),
    ] {
        let program = praxc()
            .arg("convert")
            .arg(file(name))
            .args("--mode clip")
            .args(options);
        program
            .arg("-o")
            .arg(folder.path().join("out.prax"))
            .run()
            .refused(words);
    }
    let answer = rows(&root().join("tests/fixtures/onnx/tsm.joined.npy"));
    let read = import::onnx(&file("odd.stuck"), Want::Clip { frames: Some(8) }, None).unwrap();
    let apart = largest_difference(&run(read.clip, "tsm.joined.legacy11"), &answer);
    assert!(apart <= TOLERANCE, "{apart:e}");
}

/// A network that nobody imports here is a hole in this file.
#[test]
fn every_export_is_imported() {
    for name in left_in(&root().join("tests/fixtures/onnx")) {
        if let Some(name) = name.strip_suffix(".onnx") {
            let known = NETWORKS.iter().any(|network| network.0 == name);
            assert!(
                known || name.starts_with("odd."),
                "{name} is imported nowhere"
            );
        }
    }
}

fn file(name: &str) -> PathBuf {
    root()
        .join("tests/fixtures/onnx")
        .join(format!("{name}.onnx"))
}

#[track_caller]
fn imported(name: &str) -> Imported {
    let frames = name.ends_with(".open").then_some(FRAMES);
    let imported = import::onnx(&file(name), Want::Clip { frames }, None);
    imported.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What PyTorch answered: of `NAME.EXPORTER.onnx` it stands in `NAME.npy`.
fn answer(name: &str) -> Array2<f32> {
    let folder = root().join("tests/fixtures/onnx");
    let mut stem = name;
    loop {
        let path = folder.join(format!("{stem}.npy"));
        if path.exists() {
            return rows(&path);
        }
        stem = stem.rsplit_once('.').expect("an answer is there").0;
    }
}

/// `[1, 3, 16, 32, 32]`.
fn clip() -> ArrayD<f32> {
    let frames = tensor(&root().join("tests/fixtures/onnx/frames16.npy"));
    frames.permuted_axes(vec![1, 0, 2, 3]).insert_axis(Axis(0))
}

/// The input of a network's clip graph: the first segments as they are stacked, or the whole clip.
fn frames(name: &str) -> ArrayD<f32> {
    match name.starts_with("tsm.") || name == "odd.qdq" {
        true => {
            let path = root().join("tests/fixtures/onnx/frames16.npy");
            let frames = tensor(&path);
            frames.slice_axis(Axis(0), (0..SEGMENTS).into()).to_owned()
        }
        false => clip(),
    }
}

fn run(graph: TypedModel, name: &str) -> Array2<f32> {
    let value = |array: ArrayD<f32>| {
        let values: Vec<f32> = array.iter().copied().collect();
        Tensor::from_shape(array.shape(), &values)
            .unwrap()
            .into_tvalue()
    };
    let clip = frames(name);
    let inputs = match graph.inputs.len() {
        1 => tvec!(value(clip)),
        _ => {
            let every_fourth = Slice::new(0, None, 4);
            let slow = clip.slice_axis(Axis(2), every_fourth).to_owned();
            tvec!(value(slow), value(clip))
        }
    };
    let plan = graph.into_optimized().unwrap().into_runnable().unwrap();
    let output = plan.run(inputs).unwrap().remove(0);
    let output = output.to_plain_array_view::<f32>().unwrap();
    let values = output.iter().copied().collect();
    Array2::from_shape_vec((1, output.len()), values).unwrap()
}
