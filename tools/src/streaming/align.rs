//! Branches that meet must speak of the same frame.

use std::collections::HashMap;

use praxiscope_runtime::ops::{self, Delay};
use tract_core::internal::*;
use tract_core::ops::konst::Const;

/// Puts a [`Delay`] wherever a value would meet another one that is later: a residual shortcut waits
/// for its branch.
///
/// `graph` is a decluttered step program; so is the result.
///
/// # Errors
/// When tract refuses the graph.
pub fn align(graph: &TypedModel) -> TractResult<TypedModel> {
    let mut aligned = TypedModel {
        symbols: graph.symbols.clone(),
        ..TypedModel::default()
    };
    let mut wires: HashMap<OutletId, OutletId> = HashMap::new();
    let mut latencies = vec![0; graph.nodes().len()];
    let mut delayed: HashMap<(OutletId, usize), OutletId> = HashMap::new();
    for id in graph.eval_order()? {
        let node = graph.node(id);
        let waits = |input: &OutletId| !graph.node(input.node).op_is::<Const>();
        let latest = node
            .inputs
            .iter()
            .filter(|i| waits(i))
            .map(|i| latencies[i.node])
            .max();
        let latest = latest.unwrap_or(0);
        let mut inputs = tvec!();
        for input in &node.inputs {
            let early = if waits(input) {
                latest - latencies[input.node]
            } else {
                0
            };
            let wire = wires[input];
            inputs.push(match (early, delayed.get(&(*input, early))) {
                (0, _) => wire,
                (_, Some(wire)) => *wire,
                (frames, None) => {
                    let name = format!("{}.delay_{frames}", graph.node(input.node).name);
                    let wire = aligned.wire_node(name, Delay { frames }, &[wire])?[0];
                    delayed.insert((*input, frames), wire);
                    wire
                }
            });
        }
        let outputs = if graph.input_outlets()?.contains(&id.into()) {
            tvec!(aligned.add_source(&node.name, node.outputs[0].fact.clone())?)
        } else {
            aligned.wire_node(&node.name, node.op.clone(), &inputs)?
        };
        for (slot, wire) in outputs.into_iter().enumerate() {
            wires.insert(OutletId::new(id, slot), wire);
        }
        latencies[id] = latest + ops::latency(node.op.as_op());
    }
    let outputs: Vec<OutletId> = graph.outputs.iter().map(|output| wires[output]).collect();
    aligned.select_output_outlets(&outputs)?;
    Ok(aligned)
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::ops::{Border, Form, ShiftDirection, TemporalShift};
    use tract_core::ops::math;

    use super::*;

    fn delays(graph: &TypedModel) -> Vec<usize> {
        graph
            .nodes()
            .iter()
            .filter_map(|n| n.op_as::<Delay>())
            .map(|d| d.frames)
            .collect()
    }

    /// x + shift(shift(x)), twice over.
    fn residual(direction: ShiftDirection) -> TypedModel {
        let shift = TemporalShift {
            direction,
            fold: 1,
            time_axis: 0,
            channel_axis: 1,
            border: Border::Zeros,
            form: Form::Step,
        };
        let mut graph = TypedModel::default();
        let mut x = graph.add_source("frames", f32::fact([1, 4, 2, 2])).unwrap();
        for block in 0..2 {
            let wire = |graph: &mut TypedModel, name: &str, x| {
                graph
                    .wire_node(format!("{block}.{name}"), shift.clone(), &[x])
                    .unwrap()[0]
            };
            let y = wire(&mut graph, "first", x);
            let y = wire(&mut graph, "second", y);
            x = graph
                .wire_node(format!("{block}.add"), math::add(), &[x, y])
                .unwrap()[0];
        }
        graph.select_output_outlets(&[x]).unwrap();
        graph
    }

    #[test]
    fn a_shortcut_waits_for_a_branch_that_looks_ahead() {
        assert_eq!(
            delays(&align(&residual(ShiftDirection::TwoWay)).unwrap()),
            [2, 2]
        );
    }

    #[test]
    fn a_causal_network_waits_for_nothing() {
        assert_eq!(
            delays(&align(&residual(ShiftDirection::OneWay)).unwrap()),
            [0; 0]
        );
    }
}
