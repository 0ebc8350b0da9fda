//! From a float step program to an integer one.
//!
//! 1. Calibration: recordings run through the float program, from their cold start on, and a
//!    histogram for each wire counts its numbers. Channels between convolutions are brought to one
//!    size first.
//! 2. Each wire gets a [`Quantization`]; wires between which values are only moved share one, so that
//!    a shift or a concatenation stays a copy. Weights get a scale for each output channel.
//! 3. What a convolution gives too much or too little on the average, because of the rounding of its
//!    weights and its input, is put right in its bias. Of the methods to choose ranges that which
//!    cuts off nothing is taken, unless another one measures clearly better.
//! 4. Each node is tried in float together with those that read it, over a sample. Where the answers
//!    differ more often than is allowed, or the logits have more than a hundredth of noise, as few as are
//!    needed of those that give back most for their multiply-adds go back to float.
//! 5. Both programs run over one long stream, to show whether the state drifts.

mod answers;
mod corrections;
mod emit;
mod equalize;
mod measure;
mod mixed;
mod ranges;
mod recordings;
mod report;
mod search;
mod seen;
mod signal;
mod unfuse;
mod weights;
mod wires;

use std::collections::HashSet;
use std::path::PathBuf;

use praxiscope_runtime::step::{Isa, Program, RunError};
use thiserror::Error;
use tract_core::internal::*;

use mixed::{gains, mixed};
use search::Search;
use seen::Seen;

pub use ranges::{Histogram, RangeMethod};
pub use recordings::{Files, Recordings};
pub use report::{Drift, Fallback, Holdout, Layer, Report, is_bit_exact};

/// How a program is quantized.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How ranges are chosen; `None`: min-max, or what measures clearly better.
    pub method: Option<RangeMethod>,
    /// Share of the answers whose first class may become another before nodes go back to float.
    pub max_drop: f64,
    /// Whether channels are equalized.
    pub equalize: bool,
    /// Frames of the stream over which drift is measured.
    pub drift: usize,
    /// What the float program runs with: its numbers decide ranges, and have their last bit from the
    /// instruction set.
    pub isa: Isa,
    /// Nodes that stay in float, by name.
    pub floats: HashSet<String>,
}

/// An integer program, and what was measured of it.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// A graph of step operators.
    pub graph: TypedModel,
    /// What it was made of and how far it is from the float program.
    pub report: Report,
}

/// Why a program was not quantized.
#[derive(Debug, Error)]
pub enum QuantizeError {
    /// No frames.
    #[error("there is not one frame to calibrate on; give videos or tensors of frames")]
    Empty,
    /// One frame.
    #[error(
        "there is only one frame to calibrate on, and a network that remembers needs a recording; give \
         videos or tensors of more frames"
    )]
    Single,
    /// Frames that are all alike.
    #[error(
        "every calibration frame is one colour, which says nothing about the ranges of a network; \
         give recordings of what the camera will see"
    )]
    Constant,
    /// Frames that are nearly alike.
    #[error(
        "the calibration frames use {0:.1} % of what lies between black and white, which says nothing \
         about the ranges of a network; give recordings of what the camera will see"
    )]
    Faint(f64),
    /// A recording that cannot be used.
    #[error("the recording {path} cannot be calibrated on: {reason}")]
    Recording {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A recording whose error says which.
    #[error("a recording cannot be calibrated on: {0}")]
    Unreadable(String),
    /// Frames that are no pictures.
    #[error("the calibration frames have numbers that are infinite or none at all")]
    BrokenFrames,
    /// A network that gives infinite numbers.
    #[error("the node {node:?} gives numbers that are infinite or none at all")]
    Broken {
        /// The first such node.
        node: String,
    },
    /// The program is no float step program, or cannot be run.
    #[error("the program cannot be quantized: {0}")]
    Program(String),
}

/// Steps of work, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Ranges are counted: so many recordings of so many are done.
    Calibrating(usize, usize),
    /// Float and integer program run side by side, for the so-manyth time.
    Measuring {
        /// From 1.
        pass: usize,
        /// Recordings done.
        done: usize,
        /// Recordings in all.
        of: usize,
    },
    /// Nodes are tried in float.
    Weighing {
        /// Nodes that were.
        done: usize,
        /// Nodes in all.
        of: usize,
    },
    /// Both run over one long stream.
    Drifting {
        /// Its frames until now.
        done: usize,
        /// And in all.
        of: usize,
    },
}

/// Decibels of the logits that equalized channels must give back. Ranges that hang on single channels
/// fit the calibration recordings better than others, so that a small gain there is none elsewhere.
const LEAST_GAIN: f64 = 3.0;
/// The methods that are tried where none is asked for, from the widest ranges to narrower ones.
const METHODS: [RangeMethod; 3] = [
    RangeMethod::MinMax,
    RangeMethod::Percentile,
    RangeMethod::Mse,
];

/// Turns a float step program into an integer one. What is measured on `holdout` decides nothing.
///
/// # Errors
/// Any [`QuantizeError`].
pub fn quantize(
    graph: &TypedModel,
    recordings: &mut dyn Recordings,
    holdout: Option<&mut dyn Recordings>,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Quantized, QuantizeError> {
    let source = unfuse::unfuse(graph).map_err(refused)?;
    let float = Program::compile_for(&source, settings.isa).map_err(refused)?;
    let seen = Seen::of(&float, recordings, progress)?;
    let mut search = Search::new(source, float, seen, settings)?;
    let methods = settings.method.map_or(METHODS.to_vec(), |one| vec![one]);
    let mut trial = search.first(&methods, recordings, progress)?;
    if settings.equalize
        && let Some(mut equal) = search.equalized(recordings, progress)?
    {
        let other = equal.first(&[trial.plan.method], recordings, progress)?;
        if other.answers.gain_over(&trial.answers) >= LEAST_GAIN {
            (search, trial) = (equal, other);
        }
    }
    let gains = gains(&mut search, &trial.plan, recordings, progress)?;
    let (trial, fallbacks) = match search.is_good(&trial.answers) {
        true => (trial, vec![]),
        false => mixed(&mut search, trial, &gains, recordings, progress)?,
    };
    let mut report = search.report(&trial, &gains, recordings, progress)?;
    report.fallbacks = fallbacks;
    if let Some(holdout) = holdout {
        report.holdout = Some(search.hold_out(&trial, holdout, progress)?);
    }
    let graph = trial.graph;
    Ok(Quantized { graph, report })
}

fn refused(error: TractError) -> QuantizeError {
    QuantizeError::Program(crate::import::one_line(&error))
}

fn failed(error: RunError) -> QuantizeError {
    QuantizeError::Program(error.to_string())
}
