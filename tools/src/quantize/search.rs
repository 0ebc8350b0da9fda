//! Ways to quantize a program, tried on the recordings one after another.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use praxiscope_runtime::step::Program;
use tract_core::internal::*;

use super::emit::{Decisions, emit};
use super::equalize::{Factors, equalize};
use super::measure::{Apart, SPAN, measure};
use super::report::{Fallback, Holdout, Report, finite, is_bit_exact, layers};
use super::seen::Seen;
use super::wires::{Wires, integer_nodes};
use super::{Progress, QuantizeError, RangeMethod, Recordings, Settings, refused};

/// Nodes that go back to float in all, at most.
const MOST_FLOATS: usize = 32;
/// Logits that are less clear than this send nodes back to float as well.
const LEAST_DECIBELS: f64 = 20.0;
/// One way to quantize the program.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub method: RangeMethod,
    /// Nodes that stay in float.
    floats: HashSet<String>,
    /// What is added to the biases, by node.
    corrections: HashMap<usize, Vec<f32>>,
}

/// What became of a plan.
pub(super) struct Trial {
    pub plan: Plan,
    pub graph: TypedModel,
    pub apart: Apart,
    integers: HashSet<usize>,
}

/// Plans are tried on the recordings, one after another.
pub(super) struct Search<'a> {
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

impl<'a> Search<'a> {
    /// Nothing is tried yet.
    pub fn new(
        source: TypedModel,
        float: Arc<Program>,
        seen: Seen,
        settings: &'a Settings,
    ) -> Self {
        Search {
            wires: Wires::new(&source),
            source,
            float,
            seen,
            factors: Factors::new(),
            settings,
            passes: 0,
        }
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
            passes: self.passes,
            ..Search::new(source, Arc::clone(&self.float), seen, self.settings)
        }))
    }

    /// The best of the methods, with nothing put right yet.
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
                corrections: HashMap::new(),
            };
            let trial = self.attempt(plan, recordings, progress)?;
            best = Some(better(best, trial));
        }
        best.ok_or(QuantizeError::Empty)
    }

    /// Puts right what a trial lacks, as far as that helps.
    pub fn best(
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

    /// What can be said of a trial.
    pub fn report(&self, trial: &Trial, recordings: usize, fallbacks: Vec<Fallback>) -> Report {
        let (plan, apart) = (&trial.plan, &trial.apart);
        let ranges = self.seen.ranges(&self.source, plan.method);
        let (layers, float_nodes) = layers(&self.source, &trial.graph, apart, &ranges);
        let mut equalized: Vec<String> = self.factors.keys().cloned().collect();
        equalized.sort();
        Report {
            method: plan.method,
            bias_corrected: !plan.corrections.is_empty(),
            equalized,
            recordings,
            frames: self.seen.frames,
            answers: apart.answers,
            top1_agreement: 1.0 - apart.drop(),
            logits_decibels: finite(apart.logits.decibels()),
            drift_decibels: apart.drift(),
            drift_span: SPAN,
            bit_exact: is_bit_exact(&trial.graph),
            float_nodes,
            fallbacks,
            holdout: None,
            layers,
        }
    }

    pub fn hold_out(
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
