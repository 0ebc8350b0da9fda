//! From a float step program to an integer one.
//!
//! 1. Calibration: recordings run through the float program, from their cold start on, and a
//!    histogram for each wire counts its numbers. Channels between convolutions are brought to one
//!    size first.
//! 2. Each wire gets a [`Quantization`]; wires between which values are only moved share one, so that
//!    a shift or a concatenation stays a copy. Weights get a scale for each output channel. Of the
//!    methods to choose ranges the one is taken that measures best.
//! 3. Both programs run side by side. What a convolution gives too much or too little on the average
//!    is put right in its bias (Nagel et al., "Data-free quantization through weight equalization and
//!    bias correction", ICCV 2019).
//! 4. Where the answers differ more often than is allowed, or the logits have more than a hundredth of
//!    noise, the nodes that add most go back to float, one after another.

mod emit;
mod equalize;
mod measure;
mod ranges;
mod recordings;
mod report;
mod seen;
mod signal;
mod unfuse;
mod weights;
mod wires;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use praxiscope_runtime::step::{Isa, Program, RunError};
use thiserror::Error;
use tract_core::internal::*;

use emit::{Decisions, emit};
use equalize::{Factors, equalize};
use measure::{Apart, measure};
use seen::Seen;
use wires::{Wires, integer_nodes};

pub use ranges::{Histogram, RangeMethod};
pub use recordings::{Files, Recordings};
pub use report::{Fallback, Holdout, Layer, Report, is_bit_exact};

/// How a program is quantized.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How ranges are chosen; `None`: by the method that measures best.
    pub method: Option<RangeMethod>,
    /// Share of the answers whose first class may become another before nodes go back to float.
    pub max_drop: f64,
    /// Whether channels are equalized.
    pub equalize: bool,
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
}

/// Nodes that go back to float in all, at most.
const MOST_FLOATS: usize = 32;
/// Logits that are less clear than this send nodes back to float as well.
const LEAST_DECIBELS: f64 = 20.0;
/// Decibels of the logits that equalized channels must give back. Ranges that hang on single channels
/// fit the calibration recordings better than others, so that a small gain there is none elsewhere.
const LEAST_GAIN: f64 = 3.0;
/// The methods that are tried where none is asked for.
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
    let mut search = Search {
        wires: Wires::new(&source),
        source,
        float,
        seen,
        factors: Factors::new(),
        settings,
        passes: 0,
    };
    let methods = settings.method.map_or(METHODS.to_vec(), |one| vec![one]);
    let mut trial = search.first(&methods, recordings, progress)?;
    if settings.equalize
        && let Some(mut equal) = search.equalized(recordings, progress)?
    {
        let other = equal.first(&[trial.plan.method], recordings, progress)?;
        if other.apart.gain_over(&trial.apart) >= LEAST_GAIN {
            (search, trial) = (equal, other);
        }
    }
    let (trial, fallbacks) = search.best(trial, recordings, progress)?;
    let mut report = search.report(&trial, recordings.count(), fallbacks);
    if let Some(holdout) = holdout {
        report.holdout = Some(search.hold_out(&trial, holdout, progress)?);
    }
    let graph = trial.graph;
    Ok(Quantized { graph, report })
}

/// One way to quantize the program.
#[derive(Clone, Debug)]
struct Plan {
    method: RangeMethod,
    /// Nodes that stay in float.
    floats: HashSet<String>,
    /// What is added to the biases, by node.
    corrections: HashMap<usize, Vec<f32>>,
}

/// What became of a plan.
struct Trial {
    plan: Plan,
    graph: TypedModel,
    apart: Apart,
    integers: HashSet<usize>,
}

/// Plans are tried on the recordings, one after another.
struct Search<'a> {
    /// The program with its channels equalized.
    source: TypedModel,
    /// The program as it came.
    float: Arc<Program>,
    wires: Wires,
    seen: Seen,
    factors: Factors,
    settings: &'a Settings,
    passes: usize,
}

impl Search<'_> {
    /// The same with channels of one size; `None` if there is nothing to equalize.
    fn equalized(
        &self,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<Self>, QuantizeError> {
        let mut source = self.source.clone();
        let largest = self.seen.largest(&source);
        let factors = equalize(&mut source, &largest).map_err(refused)?;
        if factors.is_empty() {
            return Ok(None);
        }
        let equal = Program::compile_for(&source, self.settings.isa).map_err(refused)?;
        Ok(Some(Search {
            wires: Wires::new(&source),
            source,
            float: Arc::clone(&self.float),
            seen: Seen::of(&equal, recordings, progress)?,
            factors,
            settings: self.settings,
            passes: self.passes,
        }))
    }

    /// The best of the methods, with nothing put right yet.
    fn first(
        &mut self,
        methods: &[RangeMethod],
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Trial, QuantizeError> {
        let mut best: Option<Trial> = None;
        for &method in methods {
            let plan = Plan {
                method,
                floats: self.settings.floats.clone(),
                corrections: HashMap::new(),
            };
            let trial = self.attempt(plan, recordings, progress)?;
            best = Some(better(best, trial));
        }
        best.ok_or(QuantizeError::Empty)
    }

    /// Puts right what a trial lacks, as far as that helps.
    fn best(
        &mut self,
        mut best: Trial,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Trial, Vec<Fallback>), QuantizeError> {
        let corrected = Plan {
            corrections: corrections_of(&self.source, &best.apart),
            ..best.plan.clone()
        };
        let trial = self.attempt(corrected, recordings, progress)?;
        best = better(Some(best), trial);
        let mut fallbacks = vec![];
        let mut plan = best.plan.clone();
        let mut worst = worst_nodes(&self.source, &best.integers, &best.apart);
        while !self.is_good(&best.apart) && plan.floats.len() < MOST_FLOATS && !worst.is_empty() {
            plan.floats.extend(worst.iter().cloned());
            let trial = self.attempt(plan.clone(), recordings, progress)?;
            fallbacks.push(Fallback::new(worst, &trial.apart));
            worst = worst_nodes(&self.source, &trial.integers, &trial.apart);
            best = better(Some(best), trial);
        }
        Ok((best, fallbacks))
    }

    fn attempt(
        &mut self,
        plan: Plan,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Trial, QuantizeError> {
        let ranges = self.seen.ranges(&self.source, plan.method);
        let integers = integer_nodes(&self.source, &plan.floats);
        let decisions = Decisions {
            wires: &self.wires,
            quantizations: &self.wires.quantizations(&ranges),
            integers: &integers,
            corrections: &plan.corrections,
        };
        let graph = emit(&self.source, &decisions).map_err(refused)?;
        self.passes += 1;
        let apart = self.measure(&graph, recordings, progress)?;
        Ok(Trial {
            plan,
            graph,
            apart,
            integers,
        })
    }

    fn measure(
        &self,
        graph: &TypedModel,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Apart, QuantizeError> {
        let program = Program::compile(graph).map_err(refused)?;
        let (pass, of) = (self.passes, recordings.count());
        let mut done = |done| progress(Progress::Measuring { pass, done, of });
        measure(&self.float, &program, &self.factors, recordings, &mut done)
    }

    fn is_good(&self, apart: &Apart) -> bool {
        let decibels = apart.logits.decibels().unwrap_or(f64::INFINITY);
        apart.drop() <= self.settings.max_drop && decibels >= LEAST_DECIBELS
    }

    fn report(&self, trial: &Trial, recordings: usize, fallbacks: Vec<Fallback>) -> Report {
        let ranges = self.seen.ranges(&self.source, trial.plan.method);
        let mut report = Report::new(&self.source, &trial.graph, &trial.apart, &ranges);
        report.method = trial.plan.method;
        report.bias_corrected = !trial.plan.corrections.is_empty();
        report.equalized = self.factors.keys().cloned().collect();
        report.equalized.sort();
        (report.recordings, report.frames) = (recordings, self.seen.frames);
        report.fallbacks = fallbacks;
        report
    }

    fn hold_out(
        &mut self,
        trial: &Trial,
        holdout: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Holdout, QuantizeError> {
        self.passes += 1;
        let apart = self.measure(&trial.graph, holdout, progress)?;
        Ok(Holdout::new(holdout.count(), &apart))
    }
}

fn better(best: Option<Trial>, trial: Trial) -> Trial {
    match best {
        Some(best) if !trial.apart.is_better_than(&best.apart) => best,
        _ => trial,
    }
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
