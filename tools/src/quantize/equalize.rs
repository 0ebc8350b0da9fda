//! Channels of very different sizes are brought to one size before they share a scale.
//!
//! Between two convolutions that alone read each other, a channel may be multiplied by any positive
//! factor if the weights behind are divided by it (Nagel et al., "Data-free quantization through weight
//! equalization and bias correction", ICCV 2019). Weights have a scale for each OUTPUT channel, so in
//! front of a depthwise convolution this costs nothing, and small channels grow to the largest one's
//! size; in front of any other, activations and weights share the burden by the square root (Xiao et
//! al., "SmoothQuant", ICML 2023).
//!
//! A clamp at 6 stays where it is, because channels that reach it keep their factor; one that was never
//! seen to reach it gets the clamp at [`HEADROOM`] times the largest number that was seen in it.

use std::collections::HashMap;

use praxiscope_runtime::step::Activation;
use tract_core::internal::*;
use tract_core::ops::konst::Const;

use super::emit::conv;

/// What the channels of wires are multiplied by, by the name of the wire.
pub(super) type Factors = HashMap<String, Vec<f32>>;

/// How far beyond what was seen a channel may go before a clamp that it never reached cuts it.
const HEADROOM: f32 = 2.0;
/// No channel grows more: beyond it there is nothing but noise to be seen.
const LARGEST_FACTOR: f32 = 4096.0;

/// Multiplies the channels between convolutions. `largest` is, for each node, the largest absolute
/// number that was seen in each channel.
pub(super) fn equalize(
    graph: &mut TypedModel,
    largest: &HashMap<usize, Vec<f32>>,
) -> TractResult<Factors> {
    let mut all = Factors::new();
    for front in graph.eval_order()? {
        let Some(behind) = reader(graph, front) else {
            continue;
        };
        let Some(largest) = largest.get(&front) else {
            continue;
        };
        let factors = factors(graph, front, behind, largest)?;
        if factors.iter().all(|factor| *factor == 1.0) {
            continue;
        }
        for (input, each) in [(1, true), (2, true)] {
            let factors = factors.iter().copied();
            scale_constant(graph, front, input, each, &factors.collect::<Vec<_>>())?;
        }
        let inverse: Vec<f32> = factors.iter().map(|factor| 1.0 / factor).collect();
        scale_constant(graph, behind, 1, is_depthwise(graph, behind), &inverse)?;
        all.insert(graph.node(front).name.clone(), factors);
    }
    Ok(all)
}

fn weights(graph: &TypedModel, node: usize) -> Option<&Tensor> {
    let outlet = graph.node(node).inputs.get(1)?;
    let constant = graph.node(outlet.node).op_as::<Const>()?;
    Some(constant.val())
}

/// Whether output channel c is made of input channel c alone.
fn is_depthwise(graph: &TypedModel, node: usize) -> bool {
    let groups = conv(graph.node(node)).map_or(0, |conv| conv.groups);
    weights(graph, node).is_some_and(|weights| weights.shape()[..2] == [groups, 1])
}

/// The convolution that reads a convolution's output, if nothing else does.
fn reader(graph: &TypedModel, front: usize) -> Option<usize> {
    let is_positive = match conv(graph.node(front))?.activation {
        Activation::Identity => true,
        Activation::Clamp { low, high } => low == 0.0 && high > 0.0,
        _ => false,
    };
    let is_output = graph.output_outlets().ok()?.iter();
    let is_output = is_output.into_iter().any(|outlet| outlet.node == front);
    let [reader] = graph.node(front).outputs[0].successors.as_slice() else {
        return None;
    };
    let behind = conv(graph.node(reader.node))?;
    let whole = behind.groups == 1 || is_depthwise(graph, reader.node);
    (is_positive && !is_output && reader.slot == 0 && whole && graph.node(front).inputs.len() == 3)
        .then_some(reader.node)
}

fn factors(
    graph: &TypedModel,
    front: usize,
    behind: usize,
    largest: &[f32],
) -> TractResult<Vec<f32>> {
    let clamp = match conv(graph.node(front)).map(|conv| conv.activation) {
        Some(Activation::Clamp { high, .. }) if high.is_finite() => Some(high),
        _ => None,
    };
    let all = largest.iter().copied().fold(0.0, f32::max);
    let whole = clamp.unwrap_or(all);
    let share = if is_depthwise(graph, behind) {
        1.0
    } else {
        0.5
    };
    let factors = largest.iter().map(|seen| {
        let seen = match clamp {
            // What may reach the clamp must meet it where it was.
            Some(_) => seen * HEADROOM,
            None => *seen,
        };
        if !seen.is_normal() || seen >= whole {
            return 1.0;
        }
        (whole / seen).powf(share).min(LARGEST_FACTOR)
    });
    Ok(factors.collect())
}

/// Multiplies a constant input of a node: by output channels, or by input channels.
fn scale_constant(
    graph: &mut TypedModel,
    node: usize,
    input: usize,
    by_outputs: bool,
    factors: &[f32],
) -> TractResult<()> {
    let outlet = graph.node(node).inputs[input];
    let constant = graph.node(outlet.node).op_as::<Const>();
    let tensor = constant.context("weights are no constant")?.val();
    let shape: TVec<usize> = tensor.shape().into();
    let mut numbers = tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
    let each = match by_outputs {
        true => shape[1..].iter().product::<usize>(),
        false => shape[2..].iter().product::<usize>(),
    };
    for (part, factor) in numbers.chunks_mut(each.max(1)).zip(factors.iter().cycle()) {
        part.iter_mut().for_each(|number| *number *= factor);
    }
    let name = format!("{}.equal{input}.{}", graph.node(node).name, outlet.node);
    let scaled = graph.add_const(name, Tensor::from_shape(&shape, &numbers)?)?;
    graph.add_edge(scaled, InletId::new(node, input))
}

#[cfg(test)]
mod tests;
