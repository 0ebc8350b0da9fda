//! The desktop side of Praxiscope: from a trained network to a bundle, and the proof of it.
//!
//! ```text
//! checkpoint --praxiscope_models::build--\
//!                                          > graph --> Bundle (.prax)
//! exported ONNX --import------------------/
//! ```

#![forbid(unsafe_code)]

pub mod bench;
pub mod certificate;
pub mod compare;
pub mod evaluate;
pub mod frames;
pub mod import;
pub mod listing;
pub mod network;
pub mod noise;
pub mod npy;
pub mod pictures;
pub mod quantize;
pub mod reference;
pub mod report;
pub mod rewire;
pub mod run;
pub mod streaming;
