//! Ways to quantize a program, tried on the recordings one after another.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use praxiscope_runtime::step::{Program, Quantization, StepOp};
use tract_core::internal::*;

use super::answers::{Answers, Part, answers};
use super::corrections::{Corrections, corrections};
use super::emit::{Decisions, constant, conv, emit};
use super::equalize::{Factors, equalize};
use super::measure::{Apart, Both};
use super::mixed::Gains;
use super::report::{Drift, Holdout, Report, finite, is_bit_exact, layers};
use super::seen::Seen;
use super::weights::Rounded;
use super::wires::{Wires, integer_nodes};
use super::{Progress, QuantizeError, RangeMethod, Recordings, Settings, refused};

/// Decibels of the logits that narrower ranges must give back. What they cut off was rare in the
/// calibration recordings, and need not be in others.
const LEAST_CUT_GAIN: f64 = 1.0;

/// One way to quantize the program.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub method: RangeMethod,
    /// Nodes that stay in float.
    pub floats: HashSet<String>,
    /// What is added to the biases.
    pub corrections: Corrections,
}

/// What became of a plan.
pub(super) struct Trial {
    pub plan: Plan,
    pub graph: TypedModel,
    /// What the graph is as a program.
    pub program: Arc<Program>,
    pub answers: Answers,
}

/// Plans are tried on the recordings, one after another.
pub(super) struct Search<'a> {
    /// The program with its channels equalized.
    source: TypedModel,
    /// The program as it came.
    float: Arc<Program>,
    /// What `source` is as a program.
    own: Arc<Program>,
    /// What it answers to the recordings.
    truths: Arc<Vec<Vec<Vec<f32>>>>,
    wires: Wires,
    seen: Seen,
    /// The weights of its convolutions, by node.
    rounded: HashMap<usize, Rounded>,
    /// Multiply-adds of its convolutions and linear layers for one frame, by node; others have none.
    costs: HashMap<usize, u64>,
    factors: Factors,
    settings: &'a Settings,
    passes: usize,
}

impl<'a> Search<'a> {
    /// Nothing is tried yet.
    pub fn new(
        source: TypedModel,
        float: Arc<Program>,
        mut seen: Seen,
        settings: &'a Settings,
    ) -> Result<Self, QuantizeError> {
        Ok(Search {
            wires: Wires::new(&source),
            rounded: rounded(&source).map_err(refused)?,
            costs: costs(&source).map_err(refused)?,
            truths: Arc::new(std::mem::take(&mut seen.answers)),
            source,
            own: Arc::clone(&float),
            float,
            seen,
            factors: Factors::new(),
            settings,
            passes: 0,
        })
    }

    /// The same with channels of one size; `None` if there is nothing to equalize.
    pub fn equalized(
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
        let seen = Seen::of(&equal, recordings, progress)?;
        Ok(Some(Search {
            factors,
            own: equal,
            passes: self.passes,
            truths: Arc::clone(&self.truths),
            ..Search::new(source, Arc::clone(&self.float), seen, self.settings)?
        }))
    }

    /// The best of the methods, which come from the widest ranges to narrower ones.
    pub fn first(
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
                corrections: self.corrections(method, recordings, progress)?,
            };
            let trial = self.attempt(plan, Part::ALL, recordings, progress)?;
            best = match best {
                Some(best) if trial.answers.gain_over(&best.answers) < LEAST_CUT_GAIN => Some(best),
                _ => Some(trial),
            };
        }
        best.ok_or(QuantizeError::Empty)
    }

    /// What the biases lack if ranges are chosen by a method.
    fn corrections(
        &mut self,
        method: RangeMethod,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Corrections, QuantizeError> {
        let quantizations = self.quantizations(method);
        let quantization = |node| quantizations.get(&self.wires.group(node)).copied();
        let mut done = passing(&mut self.passes, recordings.count(), progress);
        let (graph, program) = (&self.source, &self.own);
        corrections(
            graph,
            program,
            recordings,
            &quantization,
            &self.rounded,
            &mut done,
        )
    }

    /// Of every group of wires.
    fn quantizations(&self, method: RangeMethod) -> HashMap<usize, Quantization> {
        let ranges = self.seen.ranges(&self.source, method);
        let mut known = HashMap::new();
        if let (Some(frames), Ok([source])) =
            (self.seen.source_quantization(), self.source.input_outlets())
        {
            known.insert(source.node, frames);
        }
        self.wires.quantizations(&ranges, &known)
    }

    /// What becomes of a plan over a part of the recordings.
    pub fn attempt(
        &mut self,
        plan: Plan,
        part: Part,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Trial, QuantizeError> {
        let integers = self.integers(&plan);
        let decisions = Decisions {
            wires: &self.wires,
            quantizations: &self.quantizations(plan.method),
            integers: &integers,
            rounded: &self.rounded,
            corrections: &plan.corrections,
        };
        let graph = emit(&self.source, &decisions).map_err(refused)?;
        let program = Program::compile(&graph).map_err(refused)?;
        let mut done = passing(&mut self.passes, recordings.count(), progress);
        let answers = answers(&program, &self.truths, recordings, part, &mut done)?;
        Ok(Trial {
            plan,
            graph,
            program,
            answers,
        })
    }

    /// The nodes that reckon with 8-bit values.
    fn integers(&self, plan: &Plan) -> HashSet<usize> {
        integer_nodes(&self.source, &plan.floats)
    }

    /// The nodes that reckon with 8-bit values and could reckon in float, in order: the name of each, and
    /// the names of those that read what it gives.
    pub fn candidates(&self, plan: &Plan) -> Vec<(String, Vec<String>)> {
        let integers = self.integers(plan);
        let reckons = |node: &&TypedNode| {
            let op = node.op_as::<StepOp>();
            integers.contains(&node.id) && op.is_some_and(|op| !op.moves_or_compares())
        };
        let nodes = self.source.nodes().iter().filter(reckons);
        let candidates = nodes.map(|node| {
            let readers = readers(&self.source, node.id);
            let readers = readers.iter().map(|reader| self.source.node(*reader));
            let readers = readers.filter(reckons).map(|reader| reader.name.clone());
            (node.name.clone(), readers.collect())
        });
        candidates.collect()
    }

    /// Share of the multiply-adds that a plan leaves in float.
    pub fn float_share(&self, plan: &Plan) -> f64 {
        let integers = self.integers(plan);
        let whole: u64 = self.costs.values().sum();
        let in_float = self
            .costs
            .iter()
            .filter(|(node, _)| !integers.contains(node));
        let float: u64 = in_float.map(|(_, cost)| cost).sum();
        float as f64 / whole.max(1) as f64
    }

    /// Whether no node need go back to float.
    pub fn is_good(&self, answers: &Answers) -> bool {
        /// Logits that are less clear than this send nodes back to float as well.
        const LEAST_DECIBELS: f64 = 20.0;
        let decibels = answers.logits.decibels().unwrap_or(f64::INFINITY);
        answers.drop() <= self.settings.max_drop && decibels >= LEAST_DECIBELS
    }

    fn measure(
        &mut self,
        program: &Arc<Program>,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Apart, QuantizeError> {
        let mut done = passing(&mut self.passes, recordings.count(), progress);
        self.both(program).measure(recordings, &mut done)
    }

    fn both<'b>(&'b self, integer: &'b Arc<Program>) -> Both<'b> {
        Both {
            float: &self.float,
            integer,
            factors: &self.factors,
        }
    }

    /// What can be said of a trial.
    pub fn report(
        &mut self,
        trial: &Trial,
        gains: &Gains,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, QuantizeError> {
        let apart = self.measure(&trial.program, recordings, progress)?;
        let (plan, found) = (&trial.plan, &apart.answers);
        let ranges = self.seen.ranges(&self.source, plan.method);
        let (layers, float_nodes) = layers(&self.source, &trial.graph, &apart, &ranges, gains);
        let mut equalized: Vec<String> = self.factors.keys().cloned().collect();
        equalized.sort();
        let (frames, span) = (self.settings.drift, Drift::SPAN);
        let mut done = |done| progress(Progress::Drifting { done, of: frames });
        let both = self.both(&trial.program);
        let drift = both.drift(recordings, frames, span, &mut done)?;
        Ok(Report {
            method: plan.method,
            bias_corrected: !plan.corrections.is_empty(),
            equalized,
            recordings: recordings.count(),
            frames: self.seen.frames,
            answers: found.rows,
            top1_agreement: 1.0 - found.drop(),
            logits_decibels: found.decibels(),
            drift: Drift::new(frames, &drift),
            bit_exact: is_bit_exact(&trial.graph),
            float_share: self.float_share(plan),
            float_nodes,
            fallbacks: vec![],
            holdout: None,
            layers,
        })
    }

    pub fn hold_out(
        &mut self,
        trial: &Trial,
        holdout: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Holdout, QuantizeError> {
        let apart = self.measure(&trial.program, holdout, progress)?;
        Ok(Holdout {
            recordings: holdout.count(),
            answers: apart.answers.rows,
            top1_agreement: 1.0 - apart.answers.drop(),
            logits_decibels: finite(apart.answers.logits.decibels()),
        })
    }
}

pub(super) fn better(best: Option<Trial>, trial: Trial) -> Trial {
    match best {
        Some(best) if !trial.answers.is_better_than(&best.answers) => best,
        _ => trial,
    }
}

/// The next pass over so many recordings.
fn passing<'p>(
    passes: &mut usize,
    of: usize,
    progress: &'p mut dyn FnMut(Progress),
) -> impl FnMut(usize) + use<'p> {
    *passes += 1;
    let pass = *passes;
    move |done| progress(Progress::Measuring { pass, done, of })
}

/// All convolutions, and where their weights stand.
fn convolutions(source: &TypedModel) -> impl Iterator<Item = (&TypedNode, OutletId)> {
    let nodes = source.nodes().iter().filter(|node| conv(node).is_some());
    nodes.filter_map(|node| Some((node, *node.inputs.get(1)?)))
}

/// The weights of all convolutions as values.
fn rounded(source: &TypedModel) -> TractResult<HashMap<usize, Rounded>> {
    let mut all = HashMap::new();
    for (node, weights) in convolutions(source) {
        let (shape, weights) = constant(source, weights)?;
        let outputs = shape.first().copied().unwrap_or(0);
        all.insert(node.id, Rounded::new(&weights, outputs));
    }
    Ok(all)
}

/// Multiply-adds of all convolutions for one frame.
fn costs(source: &TypedModel) -> TractResult<HashMap<usize, u64>> {
    let mut all = HashMap::new();
    for (node, weights) in convolutions(source) {
        let (shape, _) = constant(source, weights)?;
        let map = node.outputs[0].fact.shape.as_concrete();
        let places: usize = map.map_or(0, |map| map.iter().take(2).product());
        let weights: usize = shape.iter().product();
        all.insert(node.id, (weights * places) as u64);
    }
    Ok(all)
}

/// The nodes that read what a node gives, whatever only moves it in between.
fn readers(source: &TypedModel, node: usize) -> Vec<usize> {
    let mut found = vec![];
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        for reader in &source.node(node).outputs[0].successors {
            let op = source.node(reader.node).op_as::<StepOp>();
            match op.is_some_and(StepOp::moves_or_compares) {
                true => left.push(reader.node),
                false => found.push(reader.node),
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
