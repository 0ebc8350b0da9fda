//! Strides over single places, written so that tract can run them.
//!
//! tract takes the stride of a convolution of one place out as a `Downsample`, and pulls that up
//! through what stands before. Behind another convolution of one place, which it has made a product of
//! matrices by then, this can fail ("Invalid axis"), depending on the order of the nodes. Places that
//! are picked by their numbers stay where they are.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::Gather;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::Conv;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;

/// Picks places in front of each strided convolution of one place that follows another one.
///
/// # Errors
/// When tract refuses the graph.
pub fn picked(graph: &TypedModel) -> TractResult<TypedModel> {
    let mut graph = graph.clone();
    for id in graph.eval_order()? {
        let node = graph.node(id);
        let Some(conv) = node.op_as::<Conv>().filter(|conv| is_point(conv)) else {
            continue;
        };
        let strides = conv.pool_spec.strides().into_owned();
        if strides.iter().all(|stride| *stride == 1) || !follows_point(&graph, node) {
            continue;
        }
        let mut op = conv.clone();
        op.pool_spec.strides = None;
        let shape = graph.outlet_fact(node.inputs[0])?.shape.to_tvec();
        let shape = op.pool_spec.data_format.shape(shape)?;
        let mut patch = TypedModelPatch::new("a stride becomes numbers of places");
        let mut inputs = patch.taps(&graph, &node.inputs)?;
        for (axis, stride) in shape.hw_axes().zip(strides) {
            if stride == 1 {
                continue;
            }
            let extent = shape.shape[axis].to_i64()?;
            let numbers: Vec<i64> = (0..extent).step_by(stride).collect();
            let name = format!("{}.places-{axis}", node.name);
            let numbers = patch.add_const(format!("{name}.numbers"), tensor1(&numbers))?;
            inputs[0] = patch.wire_node(name, Gather::new(axis), &[inputs[0], numbers])?[0];
        }
        let wire = patch.wire_node(&node.name, op, &inputs)?;
        patch.shunt_outside(&graph, id.into(), wire[0])?;
        patch.apply(&mut graph)?;
    }
    graph.compact()?;
    Ok(graph)
}

fn is_point(conv: &Conv) -> bool {
    let spec = &conv.pool_spec;
    let one = spec.kernel_shape.iter().all(|extent| *extent == 1);
    let rank = spec.kernel_shape.len();
    one && (0..rank).all(|axis| spec.padding.valid_dim(axis, true))
}

/// Whether nothing but numbers by themselves are between `node` and a convolution of one place.
fn follows_point(graph: &TypedModel, node: &TypedNode) -> bool {
    let mut before = graph.node(node.inputs[0].node);
    while before.op_is::<ElementWiseOp>() || before.op_is::<TypedBinOp>() {
        let of_map = |input: &&OutletId| {
            let fact = graph.outlet_fact(**input);
            fact.is_ok_and(|fact| fact.konst.is_none())
        };
        match before.inputs.iter().find(of_map) {
            Some(input) => before = graph.node(input.node),
            None => return false,
        }
    }
    before.op_as::<Conv>().is_some_and(is_point)
}
