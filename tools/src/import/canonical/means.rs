//! Means over axes: a sum and a division by what was counted.

use praxiscope_runtime::ops::Mean;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

use super::scalars;

/// Of the number that is divided by; exporters round its reciprocal.
const TOLERANCE: f32 = 1e-5;

/// Replaces each sum whose only use is to be divided by its count.
///
/// # Errors
/// When tract refuses the graph.
pub fn replace(graph: &mut TypedModel) -> TractResult<()> {
    for id in graph.eval_order()? {
        let Some((value, axes)) = mean(graph, graph.node(id)) else {
            continue;
        };
        let mut patch = TypedModelPatch::new("a sum and a division become a mean");
        let map = patch.tap_model(graph, value)?;
        let name = graph.node(id).name.clone();
        let wire = patch.wire_node(name, Mean { axes }, &[map])?;
        patch.shunt_outside(graph, id.into(), wire[0])?;
        patch.apply(graph)?;
    }
    graph.compact()
}

fn mean(graph: &TypedModel, node: &TypedNode) -> Option<(OutletId, TVec<usize>)> {
    let (sum, factor) = scalars::scaled(graph, node)?;
    let reduce = graph.node(sum.node);
    let op = reduce
        .op_as::<Reduce>()
        .filter(|op| op.reducer == Reducer::Sum)?;
    let value = *reduce.inputs.first()?;
    let shape = graph.outlet_fact(value).ok()?;
    let shape = shape
        .shape
        .as_concrete()
        .filter(|_| shape.datum_type == f32::datum_type())?;
    let mut axes = op.axes.clone();
    axes.sort();
    let count: usize = axes.iter().map(|axis| shape[*axis]).product();
    let same_rank = graph.outlet_fact(node.id.into()).ok()?.rank() == shape.len();
    let is_mean = (factor * count as f32 - 1.0).abs() <= TOLERANCE && same_rank;
    is_mean.then_some((value, axes))
}
