//! The temporal operators, as tract operators.
//!
//! In the clip form an operator is a plain function of a whole clip. What an operator does to a stream of
//! frames is a step program's to say: [`crate::step`].

mod attention;
mod fitted_pool;
mod mean;
mod registry;
mod sample;
mod temporal_shift;

pub use attention::{Attention, Weighting};
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
