//! Activations that are no clamp get a node of their own: a table makes them of the values before.

use std::collections::HashMap;

use praxiscope_runtime::step::{Activation, StepOp};
use tract_core::internal::*;
use tract_core::ops::source::TypedSource;

/// The same program with every activation that is no clamp behind the node that had it.
pub(super) fn unfuse(source: &TypedModel) -> TractResult<TypedModel> {
    let mut graph = TypedModel::default();
    let mut wires: HashMap<OutletId, OutletId> = HashMap::new();
    for id in source.eval_order()? {
        let node = source.node(id);
        let inputs: TVec<OutletId> = node.inputs.iter().map(|input| wires[input]).collect();
        let wire = if node.op_is::<TypedSource>() {
            graph.add_source(&node.name, node.outputs[0].fact.clone())?
        } else {
            match node.op_as::<StepOp>().and_then(split) {
                None => graph.wire_node(&node.name, node.op.clone(), &inputs)?[0],
                Some((op, activation)) => {
                    let sums = graph.wire_node(format!("{}.sums", node.name), op, &inputs)?[0];
                    let activation = StepOp::Activation(activation);
                    graph.wire_node(&node.name, activation, &[sums])?[0]
                }
            }
        };
        wires.insert(id.into(), wire);
    }
    let outputs: Vec<OutletId> = source
        .output_outlets()?
        .iter()
        .map(|output| wires[output])
        .collect();
    graph.select_output_outlets(&outputs)?;
    Ok(graph)
}

fn split(op: &StepOp) -> Option<(StepOp, Activation)> {
    let mut bare = op.clone();
    let activation = match &mut bare {
        StepOp::Conv(conv) => &mut conv.activation,
        StepOp::Binary(binary) => &mut binary.activation,
        _ => return None,
    };
    match std::mem::replace(activation, Activation::Identity) {
        Activation::Identity | Activation::Clamp { .. } => None,
        other => Some((bare, other)),
    }
}
