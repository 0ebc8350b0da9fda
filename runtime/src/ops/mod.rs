//! The temporal operators, as tract operators.
//!
//! # How a streaming operator speaks
//!
//! In the clip form an operator is a plain function of a whole clip. In the step form it is a
//! machine: each step brings the value of one new frame, and the answer for it may come at once, some
//! steps later, or only on every k-th step. The [executor](crate::stream) and the operators agree on:
//!
//! - a step with a value calls `OpState::eval` with that value; an *empty* list of outputs means
//!   "nothing yet";
//! - a node whose operator is not a streaming one has no value in a step in which an input has none;
//! - once everything upstream has ended, `OpState::eval` with an *empty* list of inputs asks a
//!   streaming operator for the next value that it still owes, and an empty answer means that it owes
//!   no more.
//!
//! The time axis of every wire has extent 1 in a step program.

mod attention;
mod delay;
mod fitted_pool;
mod mean;
mod registry;
mod sample;
mod temporal_shift;

pub use attention::{Attention, Weighting};
pub use delay::Delay;
pub use fitted_pool::{FittedPool, Pooling};
pub use mean::Mean;
pub use registry::{REGISTRY_ID, nnef};
pub use sample::Sample;
pub use temporal_shift::{Border, ShiftDirection, TemporalShift};

use serde::{Deserialize, Serialize};
use tract_core::internal::*;

/// Whether an operator sees a whole clip at once or one frame at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A function of a whole clip; the time axis has the clip's length.
    Clip,
    /// A machine that takes one frame and keeps its own past; the time axis has extent 1.
    Step,
}

impl Form {
    /// The word that stands in a bundle's graph.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Clip => "clip",
            Form::Step => "step",
        }
    }
}

/// What an operator does over time, kept as data so that a network's receptive field and lookahead
/// are computed and never typed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan {
    /// Frames before the current one that the operator reads.
    pub past: usize,
    /// Frames after the current one that the operator reads.
    pub future: usize,
}

/// What `op` reads over time, or `None` if it looks at the current frame alone, or at whole clips.
pub fn time_span(op: &dyn Op) -> Option<TimeSpan> {
    let shift = op.downcast_ref::<TemporalShift>();
    let window = op.downcast_ref::<Attention>().and_then(|op| op.window);
    match (shift, window) {
        (Some(shift), _) => Some(shift.direction.time_span()),
        (_, Some(frames)) => Some(TimeSpan {
            past: frames.saturating_sub(1),
            future: 0,
        }),
        _ => None,
    }
}

/// Whether `op` follows the streaming operators' agreement (see the [module](self)).
pub fn is_streaming(op: &dyn Op) -> bool {
    op.is::<Delay>()
        || op
            .downcast_ref::<TemporalShift>()
            .is_some_and(|s| s.form == Form::Step)
}

/// Steps between a frame's coming to `op` and the answer for it, in a step program.
pub fn latency(op: &dyn Op) -> usize {
    match (
        op.downcast_ref::<TemporalShift>(),
        op.downcast_ref::<Delay>(),
    ) {
        (Some(shift), _) if shift.form == Form::Step => shift.direction.time_span().future,
        (_, Some(delay)) => delay.frames,
        _ => 0,
    }
}

/// Bytes that the operators of a step program keep from one step to the next.
///
/// # Errors
/// When a shape is not known.
pub fn state_bytes(graph: &TypedModel) -> TractResult<usize> {
    graph
        .nodes()
        .iter()
        .map(|node| node_state_bytes(graph, node))
        .sum()
}

/// Bytes that the operator of `node` keeps from one step to the next.
///
/// # Errors
/// When the input's shape is not known.
fn node_state_bytes(model: &TypedModel, node: &TypedNode) -> TractResult<usize> {
    if !is_streaming(node.op.as_op()) {
        return Ok(0);
    }
    let fact = model.outlet_fact(node.inputs[0])?;
    let bytes = match (node.op_as::<TemporalShift>(), node.op_as::<Delay>()) {
        (Some(shift), _) => shift.state_bytes(fact),
        (_, Some(delay)) => delay.state_bytes(fact),
        _ => Some(0),
    };
    bytes.with_context(|| format!("the shape before {node} is not known"))
}

/// What is saved in the place of a frame that has not come yet: no feature map has rank 0.
fn no_frame() -> TValue {
    tensor0(0u8).into_tvalue()
}
