//! Maps that are repeated before they are joined, as the pairs of a non-local block are.
//!
//! tract takes a product over joined maps apart, and loses on the way how often one was repeated. What is
//! picked several times it leaves where it stands.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{Gather, MultiBroadcastTo, TypedConcat};

/// Picks the only place several times where it is repeated and read by a concatenation.
///
/// # Errors
/// When tract refuses the graph.
pub fn picked(graph: &mut TypedModel) -> TractResult<()> {
    for id in 0..graph.nodes().len() {
        let node = graph.node(id);
        let Some(op) = node.op_as::<MultiBroadcastTo>() else {
            continue;
        };
        let mut readers = node.outputs[0].successors.iter();
        let is_joined = readers.any(|reader| graph.node(reader.node).op_is::<TypedConcat>());
        let from = graph.outlet_fact(node.inputs[0])?.shape.to_tvec();
        if !is_joined || from.len() != op.shape.rank() {
            continue;
        }
        let mut patch = TypedModelPatch::new("what is repeated is picked several times");
        let mut wire = patch.tap_model(graph, node.inputs[0])?;
        for (axis, (from, to)) in from.iter().zip(op.shape.iter()).enumerate() {
            if from == to {
                continue;
            }
            let name = format!("{}.repeated-{axis}", node.name);
            let numbers = tensor1(&vec![0i64; to.to_usize()?]);
            let numbers = patch.add_const(format!("{name}.numbers"), numbers)?;
            wire = patch.wire_node(name, Gather::new(axis), &[wire, numbers])?[0];
        }
        patch.shunt_outside(graph, id.into(), wire)?;
        patch.apply(graph)?;
    }
    graph.compact()
}
