//! The step program: a network that takes one frame and keeps its own past.
//!
//! # Values
//!
//! Every value is a *frame*: a feature map `[H, W, C]` (a vector is `[1, 1, C]`). Time is no axis. A
//! wire carries a *stream* of frames, numbered 0, 1, 2, ... in its own count: behind a temporal stride
//! of 2 a wire's frame 3 stands where the frame 6 of the wire before it stood.
//!
//! # Running
//!
//! The program is a network of machines with a queue on every wire. A node fires as soon as every
//! input has a frame in its queue, takes one of each and gives none, one or some:
//!
//! - an operator that sees a frame alone gives one for one;
//! - an operator over time ([`TimeWindow`]) keeps the frames that its window still needs, gives frame
//!   j as soon as the last frame of its window has come, and so answers late if it looks ahead, and
//!   seldom if it has a stride;
//! - when the recording ends, an operator over time gives what its padding behind the last frame still
//!   makes, and then its wire has ended as well.
//!
//! Branches that meet need no delays: the frames of the earlier one wait in its queue. Whatever is
//! given equals what the same operators give over the whole recording as one long clip.
//!
//! # In a graph
//!
//! A step program is kept as a tract graph of [`StepOp`] nodes over constants (weights) and one source
//! `[H, W, 3]`, the normalised frame. tract carries, checks and writes it; the engine runs it.

mod check;
mod clockwork;
mod compute;
mod facts;
mod int_op;
mod node;
mod op;
mod program;
mod run;
mod shapes;
#[cfg(test)]
mod tests;
mod text;
mod time;

pub use facts::Facts;
pub use praxiscope_kernels::{Isa, Team};
pub(crate) use text::register;

pub use int_op::{IntConv, IntOp, IntOutput, Quantization};
pub use op::{
    Activation, Arithmetic, Attention, Binary, Conv, Pool, Reduction, Sliding, SpaceWindow, StepOp,
    TimeWindow, Weighting,
};
pub use program::{Program, Wire};
pub use run::{Answer, Input, Made, NodeTime, Run, RunError, Saved, SavedError};
pub use time::WireTime;
