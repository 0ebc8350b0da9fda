//! Pools that round up, with the padding that makes them so.
//!
//! A graph's written form has no word for rounding up, and would lose it.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::{MaxPool, PaddingSpec, PoolSpec, SumPool};

/// Gives each pool that rounds up as much padding behind the map as its last window reaches over.
///
/// # Errors
/// When a mean would count that padding, or tract refuses the graph.
pub fn explicit(graph: &mut TypedModel) -> TractResult<()> {
    for id in 0..graph.nodes().len() {
        let node = graph.node(id);
        let (max, sum) = (node.op_as::<MaxPool>(), node.op_as::<SumPool>());
        let spec = max.map(|op| &op.pool_spec).or(sum.map(|op| &op.pool_spec));
        let Some((spec, PaddingSpec::ExplicitOnnxPool(before, after, true))) =
            spec.map(|spec| (spec, &spec.padding))
        else {
            continue;
        };
        let reached = reached(graph, node, spec, before, after)?;
        let counts = sum.is_some_and(|op| op.count_include_pad && op.normalize);
        ensure!(
            !counts || reached == *after,
            "{node} is a mean that rounds up and counts its padding, which exporters and engines \
             read in different ways; export it with count_include_pad=False or ceil_mode=False"
        );
        let padding = PaddingSpec::ExplicitOnnxPool(before.clone(), reached, false);
        let node = graph.node_mut(id);
        if let Some(op) = node.op_as_mut::<MaxPool>() {
            op.pool_spec.padding = padding;
        } else if let Some(op) = node.op_as_mut::<SumPool>() {
            op.pool_spec.padding = padding;
        }
    }
    Ok(())
}

fn reached(
    graph: &TypedModel,
    node: &TypedNode,
    spec: &PoolSpec,
    before: &[usize],
    after: &[usize],
) -> TractResult<TVec<usize>> {
    let shape = graph.outlet_fact(node.inputs[0])?.shape.to_tvec();
    let shape = spec.data_format.shape(shape)?;
    let computed = spec.computed_padding(shape.hw_dims());
    let mut reached = tvec![];
    for (axis, (extent, computed)) in shape.hw_dims().iter().zip(&computed).enumerate() {
        let (extent, windows) = (extent.to_usize()?, computed.convoluted.to_usize()?);
        let field = (spec.kernel_shape[axis] - 1) * spec.dilation(axis) + 1;
        let last = (windows.max(1) - 1) * spec.stride(axis) + field;
        reached.push(last.saturating_sub(extent + before[axis]).max(after[axis]));
    }
    Ok(reached)
}
