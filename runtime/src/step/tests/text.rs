//! Step programs in a bundle.

use proptest::prelude::*;
use tract_core::internal::*;

use super::random::{INPUT, build, recipes, recording};
use crate::bundle::{Archive, read_graph, write_graph};
use crate::step::{Program, Run, SpaceWindow, StepOp, TimeWindow};

fn written(graph: &TypedModel) -> Archive {
    let mut archive = Archive::default();
    write_graph(graph, &mut archive).unwrap();
    archive
}

fn text(archive: &Archive) -> String {
    String::from_utf8(archive.get("graph/graph.nnef").unwrap().to_vec()).unwrap()
}

fn replaced(archive: &Archive, from: &str, to: &str) -> Archive {
    let (mut archive, text) = (archive.clone(), text(archive));
    assert!(text.contains(from), "{text}");
    let text = text.replace(from, to).into_bytes();
    archive.insert("graph/graph.nnef", text).unwrap();
    archive
}

fn steps(graph: &TypedModel) -> Vec<StepOp> {
    let order = graph.eval_order().unwrap();
    let ops = order
        .iter()
        .filter_map(|id| graph.node(*id).op_as::<StepOp>());
    ops.cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_program_is_read_as_it_was_written(recipes in recipes()) {
        let recording = recording(1, 6);
        let graph = build(&recipes, &recording).graph;
        let archive = written(&graph);
        let read = read_graph(&archive).unwrap();
        prop_assert_eq!(steps(&read), steps(&graph));
        let answers = |graph: &TypedModel| -> Vec<Vec<f32>> {
            let mut run = Run::new(&Program::compile(graph).unwrap());
            let mut answers = vec![];
            for frame in &recording {
                answers.extend(run.step(&frame.values).unwrap().map(|a| a.values.to_vec()));
            }
            answers
        };
        prop_assert_eq!(answers(&read), answers(&graph));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_number_gives_another_program_or_is_refused(
        recipes in recipes(),
        at in any::<prop::sample::Index>(),
        digit in proptest::char::range('0', '9'),
    ) {
        let archive = written(&build(&recipes, &recording(1, 0)).graph);
        let mut text = text(&archive).into_bytes();
        let body = text.windows(6).position(|word| word == b"graph ").unwrap();
        let digits = (body..text.len()).filter(|at| text[*at].is_ascii_digit());
        let digits: Vec<usize> = digits.collect();
        text[*at.get(&digits)] = digit as u8;
        let mut changed = archive;
        changed.insert("graph/graph.nnef", text).unwrap();
        // Neither panics, whatever comes out.
        if let Ok(graph) = read_graph(&changed) {
            let _ = Program::compile(&graph);
        }
    }
}

#[test]
fn graphs_of_other_kinds_are_refused() {
    let refused = |graph: &TypedModel, word: &str| {
        let refused = format!("{:#}", Program::compile(graph).unwrap_err());
        assert!(refused.contains(word), "{refused}");
    };
    let mut clip = TypedModel::default();
    let x = clip.add_source("frames", f32::fact([1, 3, 4, 4])).unwrap();
    clip.select_output_outlets(&[x]).unwrap();
    refused(&clip, "no frame");

    let mut other = TypedModel::default();
    let x = other.add_source("frames", f32::fact(INPUT)).unwrap();
    let x = other
        .wire_node("square", tract_core::ops::math::square(), &[x])
        .unwrap();
    other.select_output_outlets(&x).unwrap();
    refused(&other, "\"square\"");

    let mut rates = TypedModel::default();
    let x = rates.add_source("frames", f32::fact(INPUT)).unwrap();
    let sample = StepOp::Sample { every: 2, first: 0 };
    let half = rates.wire_node("half", sample, &[x]).unwrap()[0];
    let both = rates.wire_node("both", StepOp::Concat, &[x, half]).unwrap();
    rates.select_output_outlets(&both).unwrap();
    refused(&rates, "\"both\"");

    let mut constants = TypedModel::default();
    constants.add_source("frames", f32::fact(INPUT)).unwrap();
    let x = constants
        .add_const("numbers", Tensor::zero::<f32>(&INPUT).unwrap())
        .unwrap();
    let x = constants.wire_node("max", StepOp::Softmax, &[x]).unwrap();
    constants.select_output_outlets(&x).unwrap();
    refused(&constants, "\"max\"");
}

#[test]
fn parameters_that_describe_nothing_are_refused() {
    let mut graph = TypedModel::default();
    let x = graph.add_source("frames", f32::fact(INPUT)).unwrap();
    let pool = StepOp::Pool(crate::step::Pool {
        of: crate::step::Reduction::Mean,
        time: TimeWindow::FRAME,
        space: SpaceWindow::PIXEL,
        zero_padded: true,
    });
    let x = graph.wire_node("pool", pool, &[x]).unwrap()[0];
    let attention = crate::step::Attention {
        weighting: crate::step::Weighting::Softmax,
        scale: 0.5,
        frames: 4,
        dilation: 1,
    };
    let x = graph
        .wire_node("attention", StepOp::Attention(attention), &[x, x, x])
        .unwrap()[0];
    let clamp = StepOp::Activation(crate::step::Activation::RELU);
    let x = graph.wire_node("clamp", clamp, &[x]).unwrap();
    graph.select_output_outlets(&x).unwrap();
    let archive = written(&graph);
    assert!(read_graph(&archive).is_ok());
    for (from, to) in [
        ("time = [1, 1, 1, 0, 0]", "time = [0, 1, 1, 0, 0]"),
        ("time = [1, 1, 1, 0, 0]", "time = [1, 0, 1, 0, 0]"),
        ("time = [1, 1, 1, 0, 0]", "time = [1, 1, 0, 0, 0]"),
        ("time = [1, 1, 1, 0, 0]", "time = [1, 1, 1, -1, 0]"),
        ("time = [1, 1, 1, 0, 0]", "time = [1, 1, 1, 0, 9999999999]"),
        ("time = [1, 1, 1, 0, 0]", "time = [4096, 1, 4096, 0, 0]"),
        ("time = [1, 1, 1, 0, 0]", "time = [1, 1, 1]"),
        ("kernel = [1, 1]", "kernel = [0, 1]"),
        ("kernel = [1, 1]", "kernel = [5, 1]"),
        (", stride = [1, 1]", ", stride = [1, 0]"),
        ("padding = [0, 0, 0, 0]", "padding = [-1, 0, 0, 0]"),
        ("\"mean\"", "\"median\""),
        ("scale = 0.5", "scale = inf"),
        ("scale = 0.5", "scale = 1e60"),
        ("frames = 4", "frames = 0"),
        ("frames = 4", "frames = 1000000000000"),
        ("low = 0.0", "low = NaN"),
        ("low = 0.0", "low = 1.0"),
    ] {
        let to = if to == "low = 1.0" {
            "low = 1.0, high = 0.5"
        } else {
            to
        };
        let refused = read_graph(&replaced(&archive, from, to));
        assert!(refused.is_err(), "{to}");
    }
}
