//! What `praxc compare` is asked beyond two networks and their frames.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Who says what is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SideArg {
    /// ONNX Runtime on one thread of the CPU.
    Onnxruntime,
    /// ONNX Runtime on an NVIDIA GPU.
    #[value(alias = "cuda")]
    OnnxruntimeCuda,
    /// Rows that another program saved: --source is a tensor file, .npy, .safetensors or .pt, with a row
    /// of logits for each answer.
    Tensors,
}

/// What is asked of a comparison, and who is told.
#[derive(Args, Debug)]
pub struct Demands {
    /// Percent of the rows that must have the reference's first class.
    #[arg(long, value_name = "PERCENT")]
    pub min_agreement: Option<f64>,
    /// Compare layer by layer too, and name the first layer that departs. Over a recording the first 16
    /// frames are taken, over windows the first one.
    #[arg(long)]
    pub layers: bool,
    /// A page with plots of both sides.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The verdict as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}
