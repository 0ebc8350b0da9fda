//! A step network's caches become state that its operators own.
//!
//! MIT's online TSM is exported with a graph input for each shift, the channels that the frame before
//! lends, and an output with the channels that this frame lends to the next:
//!
//! ```text
//! o_k = x[:, :fold]        y = concat(i_k, x[:, fold:])
//! ```
//!
//! which is a one-way [`TemporalShift`] of `x`, and is recognised by this structure, whatever the
//! nodes are called and in whatever order inputs and outputs stand.

use praxiscope_runtime::ops::{Border, Form, ShiftDirection, TemporalShift};
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::TypedConcat;

use super::slices::{self, Range};
use super::{ImportError, Ports, one_line};

/// Replaces every input but `frame`, and the outputs that belong to them, by temporal shifts in step
/// form.
pub fn own(mut graph: TypedModel, frame: usize) -> Result<(TypedModel, Ports), ImportError> {
    let failed = |error: TractError| ImportError::Graph(one_line(&error));
    slices::plain(&mut graph).map_err(failed)?;
    let mut carried = vec![];
    for input in (0..graph.inputs.len()).filter(|&input| input != frame) {
        let cache = graph.inputs[input];
        let name = graph.node(cache.node).name.clone();
        let refuse = |reason: &str| ImportError::Cache {
            input: name,
            reason: reason.into(),
        };
        let shift = Shift::find(&graph, cache).map_err(refuse)?;
        shift.replace(&mut graph).map_err(failed)?;
        carried.push((shift.output, input));
    }
    let is_carried = |output: &usize| carried.iter().any(|(carried, _)| carried == output);
    let scores: Vec<usize> = (0..graph.outputs.len())
        .filter(|o| !is_carried(o))
        .collect();
    let [scores] = scores[..] else {
        return Err(ImportError::Outputs(scores.len()));
    };
    graph.inputs = vec![graph.inputs[frame]];
    graph.outputs = vec![graph.outputs[scores]];
    graph.compact().map_err(failed)?;
    Ok((
        graph,
        Ports {
            slow: None,
            frame,
            layout: None,
            scores,
            carried,
        },
    ))
}

/// One cache with all that belongs to it.
struct Shift {
    concat: OutletId,
    source: OutletId,
    fold: usize,
    /// Index of the graph output that lends to the next frame.
    output: usize,
}

impl Shift {
    fn find(graph: &TypedModel, cache: OutletId) -> Result<Shift, &'static str> {
        let mut readers = vec![];
        let mut open = vec![cache];
        while let Some(outlet) = open.pop() {
            for reader in graph.outlet_successors(outlet) {
                let node = graph.node(reader.node);
                if slices::behind_identities(graph, node.id.into()) == cache {
                    open.push(node.id.into());
                } else {
                    readers.push(node);
                }
            }
        }
        let [concat] = readers[..] else {
            return Err("it is not read by exactly one concatenation");
        };
        let (Some(op), [first, rest]) = (concat.op_as::<TypedConcat>(), &concat.inputs[..]) else {
            return Err("it is not read by exactly one concatenation");
        };
        if slices::behind_identities(graph, *first) != cache {
            return Err("it is not the first part of its concatenation");
        }
        let shape = graph
            .outlet_fact(cache)
            .ok()
            .and_then(|fact| fact.shape.as_concrete());
        let fold = shape.and_then(|shape| shape.get(op.axis)).copied();
        let (1, Some(fold)) = (op.axis, fold) else {
            return Err("its concatenation does not join channels");
        };
        let kept = slices::range(graph, *rest)
            .filter(|kept| kept.axis == op.axis && kept.start == fold)
            .ok_or(
                "the other part of its concatenation is not the remaining channels of a value",
            )?;
        let lent = Range {
            start: 0,
            end: fold,
            ..kept
        };
        let output = (0..graph.outputs.len())
            .find(|&output| slices::range(graph, graph.outputs[output]) == Some(lent))
            .ok_or("no output hands its channels to the next frame")?;
        Ok(Shift {
            concat: concat.id.into(),
            source: kept.source,
            fold,
            output,
        })
    }

    fn replace(&self, graph: &mut TypedModel) -> TractResult<()> {
        let op = TemporalShift {
            direction: ShiftDirection::OneWay,
            fold: self.fold,
            time_axis: 0,
            channel_axis: 1,
            border: Border::Zeros,
            form: Form::Step,
        };
        let mut patch = TypedModelPatch::new("a cache becomes a temporal shift");
        let source = patch.tap_model(graph, self.source)?;
        let name = format!("{}.shift", graph.node(self.concat.node).name);
        let shifted = patch.wire_node(name, op, &[source])?;
        patch.shunt_outside(graph, self.concat, shifted[0])?;
        patch.apply(graph)
    }
}
