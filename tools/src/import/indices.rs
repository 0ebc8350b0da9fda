//! Places that are counted from the end.
//!
//! ONNX allows them, and `x[:, -1] = 0` in PyTorch makes them; tract's `ScatterNd` and `GatherNd` do not.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{GatherNd, ScatterNd};

/// Counts the constant places of scatters and gathers from the beginning.
///
/// # Errors
/// When tract refuses the graph.
pub fn from_the_beginning(graph: &mut TypedModel) -> TractResult<()> {
    for id in 0..graph.nodes().len() {
        let node = graph.node(id);
        let batch = match (node.op_as::<GatherNd>(), node.op_is::<ScatterNd>()) {
            (Some(op), _) => op.batch_dims,
            (None, true) => 0,
            (None, false) => continue,
        };
        let Some(forward) = counted(graph, node, batch)? else {
            continue;
        };
        let mut patch = TypedModelPatch::new("places are counted from the beginning");
        let mut inputs = patch.taps(graph, &node.inputs)?;
        inputs[1] = patch.add_const(format!("{}.places", node.name), forward)?;
        let wire = patch.wire_node(&node.name, node.op.clone(), &inputs)?;
        patch.shunt_outside(graph, id.into(), wire[0])?;
        patch.apply(graph)?;
    }
    graph.compact()
}

/// A node's places, none of them below zero; `None` where they are so already, or not constant.
fn counted(graph: &TypedModel, node: &TypedNode, batch: usize) -> TractResult<Option<Tensor>> {
    let Some(places) = &graph.outlet_fact(node.inputs[1])?.konst else {
        return Ok(None);
    };
    let mut places = places.cast_to::<i64>()?.into_owned();
    let shape = &graph.outlet_fact(node.inputs[0])?.shape;
    let axes = places.shape().last().copied().unwrap_or(0);
    let shape = shape
        .as_concrete()
        .and_then(|shape| shape.get(batch..batch + axes));
    let Some(extents) = shape.filter(|extents| !extents.is_empty()) else {
        return Ok(None);
    };
    let mut view = places.try_as_plain_ram_mut()?;
    let numbers = view.as_slice_mut::<i64>()?;
    if numbers.iter().all(|number| *number >= 0) {
        return Ok(None);
    }
    for (number, extent) in numbers.iter_mut().zip(extents.iter().cycle()) {
        if *number < 0 {
            *number += *extent as i64;
        }
    }
    Ok(Some(places))
}
