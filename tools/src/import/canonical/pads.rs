//! Zeros that stand in front of a convolution become its own padding.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{Pad, PadMode};
use tract_onnx::tract_core::ops::cnn::{Conv, PaddingSpec};

use super::movement::is_zero;

/// Joins each zero `Pad` of the extents behind the channels with the convolutions that read it. In
/// front of a maximum the zeros stay a `Pad`: there a padding is never the largest.
///
/// # Errors
/// When tract refuses the graph.
pub fn join(graph: &mut TypedModel) -> TractResult<()> {
    for id in graph.eval_order()? {
        let Some((source, op)) = padded(graph, graph.node(id)) else {
            continue;
        };
        let node = graph.node(id);
        let mut patch = TypedModelPatch::new("zeros become the padding of a convolution");
        let mut inputs = tvec![patch.tap_model(graph, source)?];
        for input in &node.inputs[1..] {
            inputs.push(patch.tap_model(graph, *input)?);
        }
        let wire = patch.wire_node(&node.name, op, &inputs)?;
        patch.shunt_outside(graph, id.into(), wire[0])?;
        patch.apply(graph)?;
    }
    graph.compact()
}

fn padded(graph: &TypedModel, node: &TypedNode) -> Option<(OutletId, Conv)> {
    let conv = node.op_as::<Conv>()?;
    let before = graph.node(node.inputs.first()?.node);
    let pad = before.op_as::<Pad>()?;
    let PadMode::Constant(value) = &pad.mode else {
        return None;
    };
    let shape = graph.outlet_fact(node.inputs[0]).ok()?.shape.to_tvec();
    let shape = conv.pool_spec.data_format.shape(shape).ok()?;
    let others = (0..pad.pads.len()).filter(|axis| !shape.hw_axes().contains(axis));
    if !is_zero(value) || others.into_iter().any(|axis| pad.pads[axis] != (0, 0)) {
        return None;
    }
    let own = conv.pool_spec.computed_padding(shape.hw_dims());
    let (mut front, mut back) = (tvec![], tvec![]);
    for ((before, after), own) in pad.pads[shape.hw_axes()].iter().zip(&own) {
        front.push(own.pad_before.to_usize().ok()? + before);
        back.push(own.pad_after.to_usize().ok()? + after);
    }
    let mut conv = conv.clone();
    conv.pool_spec.padding = PaddingSpec::Explicit(front, back);
    Some((before.inputs[0], conv))
}
