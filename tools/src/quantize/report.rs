//! What was done to a program, layer by layer, as `quantization.json` in the bundle.

use std::collections::HashMap;

use praxiscope_runtime::step::{IntOp, Quantization, StepOp};
use serde::{Deserialize, Serialize};
use tract_core::internal::*;

use super::RangeMethod;
use super::answers::Answers;
use super::measure::Apart;
use super::mixed::Gains;
use super::signal::Signal;

/// What was done to a program and measured of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How ranges were chosen.
    pub method: RangeMethod,
    /// Whether what rounding changes on the average was put right in the biases.
    pub bias_corrected: bool,
    /// Convolutions whose channels were brought to one size.
    pub equalized: Vec<String>,
    /// Recordings that it was calibrated on.
    pub recordings: usize,
    /// Their frames.
    pub frames: usize,
    /// Answers that were compared.
    pub answers: usize,
    /// Share of them with the float program's first class.
    pub top1_agreement: f64,
    /// Signal-to-noise ratio of the logits in decibels; `None` if they are equal.
    pub logits_decibels: Option<f64>,
    /// Over one long stream.
    pub drift: Drift,
    /// Whether the same bits come out on every CPU: all that reckons does so in integers, or in an
    /// order that is fixed.
    pub bit_exact: bool,
    /// Share of the multiply-adds that reckon in float.
    pub float_share: f64,
    /// Nodes that reckon in float.
    pub float_nodes: Vec<String>,
    /// What was tried because too much was lost, in order; the best of it was taken.
    pub fallbacks: Vec<Fallback>,
    /// On other recordings, where some were given.
    pub holdout: Option<Holdout>,
    /// Every node, in the program's order.
    pub layers: Vec<Layer>,
}

/// The two programs over one long stream: recordings one after another, and again from the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// How long it was.
    pub frames: usize,
    /// Frames of each span.
    pub span: usize,
    /// Signal-to-noise ratio in decibels of what the stream keeps from frame to frame, span by span;
    /// `None` where it keeps nothing or nothing differs.
    pub state: Vec<Option<f64>>,
    /// The same of the logits.
    pub logits: Vec<Option<f64>>,
}

impl Drift {
    pub(super) const SPAN: usize = 64;

    pub(super) fn new(frames: usize, spans: &[(Signal, Signal)]) -> Drift {
        let spans = spans.iter();
        let (state, logits) = spans
            .map(|(state, logits)| (finite(state.decibels()), finite(logits.decibels())))
            .unzip();
        Drift {
            frames,
            span: Drift::SPAN,
            state,
            logits,
        }
    }
}

/// One node of the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name.
    pub node: String,
    /// What it does.
    pub operator: String,
    /// Signal-to-noise ratio of its output in decibels; `None` where nothing is lost or nothing is
    /// there.
    pub decibels: Option<f64>,
    /// Decibels that the logits would gain if it reckoned in float and those that read it too, over a
    /// sample.
    pub gain: Option<f64>,
    /// The range that its values cover.
    pub range: Option<(f32, f32)>,
    /// Of its values; `None`: it gives numbers.
    pub scale: Option<f32>,
    /// The value that stands for zero.
    pub zero_point: Option<i8>,
}

/// What it gave back to keep nodes in float.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fallback {
    /// The nodes.
    pub nodes: Vec<String>,
    /// Share of the multiply-adds that are in float with them.
    pub float_share: f64,
    /// Share of the answers with the float program's first class, then.
    pub top1_agreement: f64,
    /// Signal-to-noise ratio of the logits in decibels, then.
    pub logits_decibels: Option<f64>,
}

impl Fallback {
    pub(super) fn new(nodes: Vec<String>, float_share: f64, answers: &Answers) -> Fallback {
        Fallback {
            nodes,
            float_share,
            top1_agreement: 1.0 - answers.drop(),
            logits_decibels: answers.decibels(),
        }
    }
}

/// What was measured on recordings that nothing was decided by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holdout {
    /// How many.
    pub recordings: usize,
    /// Answers that were compared.
    pub answers: usize,
    /// Share of them with the float program's first class.
    pub top1_agreement: f64,
    /// Signal-to-noise ratio of the logits in decibels; `None` if they are equal.
    pub logits_decibels: Option<f64>,
}

/// The layers of an integer program made of `source`, and those nodes that reckon in float.
pub(super) fn layers(
    source: &TypedModel,
    graph: &TypedModel,
    apart: &Apart,
    ranges: &HashMap<usize, (f32, f32)>,
    gains: &Gains,
) -> (Vec<Layer>, Vec<String>) {
    let ids: HashMap<&str, usize> = source
        .nodes()
        .iter()
        .map(|n| (n.name.as_str(), n.id))
        .collect();
    let mut layers = vec![];
    let mut float_nodes = vec![];
    for node in graph.nodes() {
        let Some(op) = node.op_as::<StepOp>() else {
            continue;
        };
        let quantization = Quantization::of(node.outputs[0].fact.datum_type);
        let gives_sums = matches!(op, StepOp::Int(IntOp::Conv(_) | IntOp::Dequantize));
        if quantization.is_none() && !gives_sums {
            float_nodes.push(node.name.clone());
        }
        let signal = apart.wires.get(&node.name);
        layers.push(Layer {
            node: node.name.clone(),
            operator: op.word().into(),
            gain: gains
                .get(&node.name)
                .copied()
                .and_then(|gain| finite(Some(gain))),
            decibels: signal.and_then(|signal| finite(signal.decibels())),
            range: ids
                .get(node.name.as_str())
                .and_then(|id| ranges.get(id).copied()),
            scale: quantization.map(|quantization| quantization.scale),
            zero_point: quantization.map(|quantization| quantization.zero_point),
        });
    }
    (layers, float_nodes)
}

/// Whether a step program gives the same bits on every CPU. Sums of a window of rows are taken in float64
/// and in order; what else reckons in float does so in the order of its CPU's vectors.
pub fn is_bit_exact(graph: &TypedModel) -> bool {
    let ops = graph
        .nodes()
        .iter()
        .filter_map(|node| node.op_as::<StepOp>().map(|op| (node, op)));
    ops.into_iter().all(|(node, op)| {
        let gives_values = Quantization::of(node.outputs[0].fact.datum_type).is_some();
        gives_values
            || matches!(
                op,
                StepOp::Int(_) | StepOp::Sliding(_) | StepOp::Sample { .. }
            )
    })
}

/// To a hundredth, so that a bundle's bytes do not hang on the last bit of a logarithm.
pub(super) fn finite(decibels: Option<f64>) -> Option<f64> {
    let decibels = decibels.filter(|decibels| decibels.is_finite());
    decibels.map(|decibels| (decibels * 100.0).round() / 100.0)
}
