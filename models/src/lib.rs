//! Video networks as readable graph builders that load the published checkpoints.
//!
//! ```text
//! file -> Checkpoint -> build(family, ..) -> ClipGraph
//! ```
//!
//! A [`Family`] fixes the wiring of a network; its widths, depths and number of classes are read
//! off the names and shapes of the [`Checkpoint`](checkpoint::Checkpoint)'s tensors, so that a
//! slimmed or shortened variant loads as well as the published size. [`build`] gives a graph in
//! which time is visible: what works over time are whole operators of [`praxiscope_runtime::ops`]
//! and of tract, and [`TimeStructure`] computes from them what the network sees.
//!
//! [`build_random`] does without a file, and [`inflate`] makes the checkpoint of a network of clips
//! from that of a network of pictures.

#![forbid(unsafe_code)]

mod artnet;
mod build;
pub mod checkpoint;
mod colours;
mod csn;
mod error;
mod family;
mod i3d;
mod inception;
#[cfg(test)]
mod inception_tests;
mod inflate;
mod inflated_resnet;
mod layers;
mod names;
mod nonlocal;
mod r3d;
mod resnet3d;
mod s3d;
mod slowfast;
mod smallbig;
#[cfg(test)]
mod testing;
mod time;
mod tsm;
mod tsn;
mod weights;

pub use build::{BuildOptions, ClipGraph, Rows, build, build_random};
pub use colours::Colours;
pub use error::BuildError;
pub use family::{Family, Published, UnknownFamily};
pub use inflate::inflate;
pub use nonlocal::Attention;
pub use slowfast::{Lateral, Pathways, SlowFrames};
pub use time::{TimeOperator, TimeStructure};
