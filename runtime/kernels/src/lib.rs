//! Kernels for networks that see one frame at a time.
//!
//! Values are frames: feature maps `[H, W, C]`, contiguous, channels innermost. Time is no axis: a
//! kernel over time takes one slice per temporal tap, oldest first, and `None` for a frame of
//! zeros. So a ring of past frames is convolved where it lies.
//!
//! - [`float`]: `f32` operators; convolutions may use fused multiply-add and so differ from the
//!   portable path by rounding, every other operator gives the same bits on every CPU.
//! - [`Isa`]: the instruction set that a kernel runs with, found at run time or chosen by hand.
//! - [`Team`]: threads that share a node's work; [`Aligned`]: memory as kernels like it best.
//! - [`Geometry`]: the checked geometry of a convolution or pool.
//!
//! Kernels pack their weights when they are built. Running one allocates nothing, takes `&self` and
//! a range of output rows, so that threads can share one output frame by rows.

#![deny(unsafe_op_in_unsafe_fn)]

pub mod aligned;
pub mod error;
pub mod float;
pub mod geometry;
pub mod int8;
pub mod isa;
pub mod team;
mod vectorize;

pub use aligned::Aligned;
pub use error::KernelError;
pub use geometry::{Geometry, Window};
pub use isa::Isa;
pub use team::Team;
