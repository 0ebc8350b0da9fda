//! From a clip graph to a step program.

use praxiscope_runtime::ops::{Form, TemporalShift};
use tract_core::internal::*;

/// Turns a clip graph of one frame (its time axis has extent 1) into a program that keeps its own
/// past: operators over time go into their step form.
///
/// # Errors
/// When tract refuses the graph.
pub fn to_step(mut graph: TypedModel) -> TractResult<TypedModel> {
    for node in graph.nodes_mut() {
        if let Some(shift) = node.op_as_mut::<TemporalShift>() {
            *shift = shift.with_form(Form::Step);
        }
    }
    graph.into_decluttered()
}
