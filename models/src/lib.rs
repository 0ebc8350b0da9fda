//! Video networks as readable graph builders that load the published checkpoints.
//!
//! ```text
//! file -> Checkpoint -> build(family, ..) -> ClipGraph
//! ```
//!
//! A [`Family`] fixes the wiring of a network; its widths, depths and number of classes are read
//! off the names and shapes of the [`Checkpoint`](checkpoint::Checkpoint)'s tensors, so that a
//! slimmed or shortened variant loads as well as the published size. [`build`] gives a graph in
//! which time is visible: what works over time are whole operators of [`praxiscope_runtime::ops`].

#![forbid(unsafe_code)]

mod build;
pub mod checkpoint;
mod error;
mod family;
mod layers;
mod names;
mod tsm;

pub use build::{BuildOptions, ClipGraph, build};
pub use error::BuildError;
pub use family::{Family, Published, UnknownFamily};
