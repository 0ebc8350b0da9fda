//! Values times a constant number.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::{Div, Mul};

/// The value that `node` multiplies with one number, or divides by one, and the factor.
pub fn scaled(graph: &TypedModel, node: &TypedNode) -> Option<(OutletId, f32)> {
    let op = node.op_as::<TypedBinOp>()?;
    let [left, right] = node.inputs[..] else {
        return None;
    };
    let shape = |outlet: OutletId| graph.outlet_fact(outlet).ok().map(|fact| &fact.shape);
    let (value, factor) = if op.0.is::<Mul>() {
        match (number(graph, left), number(graph, right)) {
            (None, Some(factor)) => (left, factor),
            (Some(factor), None) => (right, factor),
            _ => return None,
        }
    } else if op.0.is::<Div>() {
        (left, 1.0 / number(graph, right)?)
    } else {
        return None;
    };
    // A number of higher rank would add axes.
    let keeps = shape(value)? == shape(node.id.into())?;
    (keeps && factor.is_finite()).then_some((value, factor))
}

/// The number that all of a constant is.
fn number(graph: &TypedModel, outlet: OutletId) -> Option<f32> {
    let constant = graph.outlet_fact(outlet).ok()?.konst.clone()?;
    let values = constant.cast_to::<f32>().ok()?;
    let values = values.to_plain_array_view::<f32>().ok()?;
    let first = *values.iter().next()?;
    values.iter().all(|value| *value == first).then_some(first)
}
