//! A graph with what can be read off it.

use tract_core::internal::*;
use tract_core::ops::konst::Const;

/// A graph from frames to scores.
#[derive(Clone, Debug)]
pub struct Network {
    /// Input `[T, 3, H, W]` or `[1, 3, T, H, W]`, one output of scores.
    pub graph: TypedModel,
    /// Frames of the input, T; 1 in a step network.
    pub frames: usize,
    /// Height and width of a frame, in pixels.
    pub size: (usize, usize),
    /// Numbers in the output.
    pub classes: usize,
}

impl Network {
    /// Declutters a graph and reads its number of classes.
    ///
    /// # Errors
    /// When tract refuses the graph, or its output has no known size.
    pub fn new(graph: TypedModel, frames: usize, size: (usize, usize)) -> TractResult<Network> {
        Network::of(graph.into_decluttered()?, frames, size)
    }

    /// Reads a graph's number of classes. The graph stays as it is: what tract declutters has the
    /// extents of its maps written into it, and cannot be wired again for others.
    ///
    /// # Errors
    /// When its output has no known size.
    pub fn of(graph: TypedModel, frames: usize, size: (usize, usize)) -> TractResult<Network> {
        let output = graph.output_fact(0)?.clone();
        let shape = output.shape.as_concrete();
        let shape = shape.with_context(|| format!("its output {output:?} has no fixed size"))?;
        let classes = shape.iter().product();
        ensure!(
            output.datum_type == f32::datum_type(),
            "its output is {output:?}"
        );
        Ok(Network {
            graph,
            frames,
            size,
            classes,
        })
    }
}

/// Multiply-adds of one run of a graph.
///
/// # Errors
/// When a shape is not known.
pub fn multiply_adds(graph: &TypedModel) -> TractResult<u64> {
    let mut total = 0;
    for node in graph.nodes() {
        for (cost, count) in node.op.cost(&graph.node_input_facts(node.id)?)? {
            if matches!(cost, Cost::FMA(_)) {
                total += count.to_i64()?.unsigned_abs();
            }
        }
    }
    Ok(total)
}

/// Operators by name with how often they occur, constants and the source aside.
pub fn operators(graph: &TypedModel) -> std::collections::BTreeMap<String, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for node in graph.nodes() {
        if !node.op_is::<Const>() && !node.inputs.is_empty() {
            *counts.entry(node.op.name().into_owned()).or_default() += 1;
        }
    }
    counts
}
