//! From a float step program to an integer one.
//!
//! 1. Calibration: recordings run through the float program, from their cold start on, and a
//!    histogram for each wire counts its numbers.
//! 2. Each wire gets a [`Quantization`]; wires between which values are only moved share one, so that
//!    a shift or a concatenation stays a copy. Weights get a scale for each output channel.
//! 3. Both programs run side by side. What a convolution gives too much or too little on the average
//!    is put right in its bias (Nagel et al., "Data-free quantization through weight equalization and
//!    bias correction", ICCV 2019).
//! 4. Where the answers differ more often than is allowed, the nodes that add most noise go back to
//!    float, one after another.

mod emit;
mod measure;
mod ranges;
mod recordings;
mod report;
mod signal;
mod unfuse;
mod weights;
mod wires;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use praxiscope_runtime::step::{Made, Program, Run, RunError};
use thiserror::Error;
use tract_core::internal::*;

use emit::{Decisions, emit};
use measure::{Apart, measure};
use wires::{Wires, integer_nodes};

pub use ranges::{Histogram, RangeMethod};
pub use recordings::{Files, Recordings};
pub use report::{Layer, Report};

/// How a program is quantized.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How ranges are chosen.
    pub method: RangeMethod,
    /// Share of the answers whose first class may become another; `None`: no node is kept in float for
    /// it.
    pub max_drop: Option<f64>,
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
    /// Frames that are all alike.
    #[error(
        "every calibration frame is one colour, which says nothing about the ranges of a network; \
         give recordings of what the camera will see"
    )]
    Constant,
    /// A recording that cannot be used.
    #[error("the recording {path} cannot be calibrated on: {reason}")]
    Recording {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
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
}

/// Nodes that go back to float in all, at most.
const MOST_FLOATS: usize = 32;

/// Turns a float step program into an integer one.
///
/// # Errors
/// Any [`QuantizeError`].
pub fn quantize(
    graph: &TypedModel,
    recordings: &mut dyn Recordings,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Quantized, QuantizeError> {
    let source = unfuse::unfuse(graph).map_err(refused)?;
    let float = Program::compile(&source).map_err(refused)?;
    let (histograms, frames) = calibrate(&float, recordings, progress)?;
    let named: HashMap<&str, usize> = source
        .nodes()
        .iter()
        .map(|n| (n.name.as_str(), n.id))
        .collect();
    let mut ranges = HashMap::new();
    for (wire, histogram) in float.wires().iter().zip(&histograms) {
        if let Some(&node) = named.get(wire.name.as_str()) {
            ranges.insert(node, histogram.range(settings.method).unwrap_or((0.0, 0.0)));
        }
    }
    let wires = Wires::new(&source);
    let quantizations = wires.quantizations(&ranges);
    let mut floats = settings.floats.clone();
    let mut corrections: HashMap<usize, Vec<f32>> = HashMap::new();
    let mut best: Option<(TypedModel, Apart)> = None;
    let mut pass = 0;
    loop {
        let integers = integer_nodes(&source, &floats);
        let decisions = Decisions {
            wires: &wires,
            quantizations: &quantizations,
            integers: &integers,
            corrections: &corrections,
        };
        let graph = emit(&source, &decisions).map_err(refused)?;
        let program = Program::compile(&graph).map_err(refused)?;
        pass += 1;
        let of = recordings.count();
        let mut done = |done| progress(Progress::Measuring { pass, done, of });
        let apart = measure(&float, &program, recordings, &mut done)?;
        let drop = apart.drop();
        let is_better = best
            .as_ref()
            .is_none_or(|(_, before)| apart.is_better_than(before));
        if pass == 1 {
            corrections = corrections_of(&source, &apart);
            best = Some((graph, apart));
            continue;
        }
        if pass == 2 && !is_better {
            corrections.clear();
        }
        let worst = worst_nodes(&source, &integers, &apart);
        if is_better {
            best = Some((graph, apart));
        }
        let allowed = settings.max_drop.unwrap_or(f64::INFINITY);
        if drop <= allowed || floats.len() >= MOST_FLOATS || worst.is_empty() {
            break;
        }
        floats.extend(worst);
    }
    let Some((graph, apart)) = best else {
        return Err(QuantizeError::Empty);
    };
    let report = Report::new(
        &source,
        &graph,
        settings,
        &apart,
        &ranges,
        [recordings.count(), frames],
    );
    Ok(Quantized { graph, report })
}

/// A histogram for each wire, and how many frames were seen.
fn calibrate(
    program: &Arc<Program>,
    recordings: &mut dyn Recordings,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Vec<Histogram>, usize), QuantizeError> {
    let mut histograms = vec![Histogram::default(); program.wires().len()];
    let mut frames = 0;
    let of = recordings.count();
    for number in 0..of {
        let mut run = Run::new(program);
        let mut count = |wire: usize, made: Made<'_>| {
            if let (Some(histogram), Made::Numbers(numbers)) = (histograms.get_mut(wire), made) {
                histogram.add(numbers);
            }
        };
        recordings.play(number, &mut |frame| {
            frames += 1;
            run.observe(frame, &mut count).map_err(failed)
        })?;
        run.observe_end(&mut count).map_err(failed)?;
        progress(Progress::Calibrating(number + 1, of));
    }
    if frames == 0 {
        return Err(QuantizeError::Empty);
    }
    if histograms.first().is_some_and(Histogram::is_constant) {
        return Err(QuantizeError::Constant);
    }
    let broken = program.wires().iter().zip(&histograms);
    if let Some((wire, _)) = broken
        .into_iter()
        .find(|(_, histogram)| histogram.broken() > 0)
    {
        let node = wire.name.clone();
        return Err(QuantizeError::Broken { node });
    }
    Ok((histograms, frames))
}

/// What the biases of convolutions lack: the mean error of each output channel.
fn corrections_of(source: &TypedModel, apart: &Apart) -> HashMap<usize, Vec<f32>> {
    let nodes = source.nodes().iter();
    let corrected = nodes.filter_map(|node| {
        let bias = apart.bias.get(&node.name)?;
        Some((node.id, bias.iter().map(|error| *error as f32).collect()))
    });
    corrected.collect()
}

/// The integer nodes that lose most of what their inputs still have.
fn worst_nodes(source: &TypedModel, integers: &HashSet<usize>, apart: &Apart) -> Vec<String> {
    const AT_ONCE: usize = 2;
    let decibels = |node: usize| apart.wires.get(&source.node(node).name)?.decibels();
    let mut losses: Vec<(f64, &str)> = vec![];
    for node in source
        .nodes()
        .iter()
        .filter(|node| integers.contains(&node.id))
    {
        let inputs = node.inputs.iter().filter_map(|input| decibels(input.node));
        let before = inputs.fold(60.0, f64::min);
        if let Some(after) = decibels(node.id) {
            losses.push((before - after, &node.name));
        }
    }
    losses.sort_by(|a, b| b.0.total_cmp(&a.0));
    losses.truncate(AT_ONCE);
    losses
        .into_iter()
        .map(|(_, name)| name.to_owned())
        .collect()
}

fn refused(error: TractError) -> QuantizeError {
    QuantizeError::Program(crate::import::one_line(&error))
}

fn failed(error: RunError) -> QuantizeError {
    QuantizeError::Program(error.to_string())
}
