//! The float program and the integer program side by side.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use praxiscope_runtime::step::{Made, Program, Run};

use super::equalize::Factors;
use super::recordings::Recordings;
use super::signal::Signal;
use super::{QuantizeError, failed};
use crate::compare::top;

/// What two programs have in common, and how far they are apart.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// By the name of the wire.
    pub wires: HashMap<String, Signal>,
    /// Mean error of each channel, float less integer, by the name of the wire.
    pub bias: HashMap<String, Vec<f64>>,
    /// Over all answers.
    pub logits: Signal,
    pub answers: usize,
    pub same_top: usize,
    /// For each span of frames of a recording, over all recordings: the wires' signal.
    pub spans: Vec<Signal>,
}

/// Frames of a span.
pub(super) const SPAN: usize = 100;

/// Runs both over all recordings and holds each wire that both have against its twin. `factors` are
/// what the channels of the integer program's wires are multiplied by.
pub(super) fn measure(
    float: &Arc<Program>,
    integer: &Arc<Program>,
    factors: &Factors,
    recordings: &mut dyn Recordings,
    progress: &mut dyn FnMut(usize),
) -> Result<Apart, QuantizeError> {
    let mut comparison = Comparison::new(float, integer, factors);
    for number in 0..recordings.count() {
        let mut pair = Pair::new(float, integer);
        recordings.play(number, &mut |frame| comparison.step(&mut pair, Some(frame)))?;
        comparison.step(&mut pair, None)?;
        comparison.compare_answers(&pair);
        progress(number + 1);
    }
    Ok(comparison.finish())
}

/// A stream through each of the programs.
struct Pair {
    float: Run,
    integer: Run,
    /// Frames that came.
    frames: usize,
    /// The rows of the float program and of the integer one.
    answers: [Vec<Vec<f32>>; 2],
}

impl Pair {
    fn new(float: &Arc<Program>, integer: &Arc<Program>) -> Pair {
        Pair {
            float: Run::new(float),
            integer: Run::new(integer),
            frames: 0,
            answers: [vec![], vec![]],
        }
    }
}

/// What is summed up of a wire of the integer program.
struct Held<'a> {
    /// Its twin in the float program.
    twin: Option<usize>,
    factors: Option<&'a [f32]>,
    signal: Signal,
    /// Maps' places that were added up, and the errors of each channel.
    places: u64,
    errors: Vec<f64>,
}

impl<'a> Held<'a> {
    fn new(twin: Option<usize>, factors: Option<&'a [f32]>, channels: usize) -> Held<'a> {
        Held {
            twin,
            factors,
            signal: Signal::default(),
            places: 0,
            errors: vec![0.0; channels],
        }
    }

    /// Takes a map and what the float program has there; `span` is the signal of all wires.
    fn add(&mut self, truth: &[f32], map: Made<'_>, span: &mut Signal) {
        let channels = self.errors.len().max(1);
        self.places += (map.len() / channels) as u64;
        for (place, truth) in truth.iter().enumerate() {
            let channel = place % channels;
            let factor = self.factors.map_or(1.0, |factors| factors[channel]);
            let (truth, number) = (truth * factor, map.number(place));
            self.signal.add(truth, number);
            span.add(truth, number);
            self.errors[channel] += f64::from(truth - number);
        }
    }
}

struct Comparison<'a> {
    float: &'a Program,
    integer: &'a Program,
    /// By the integer program's wires.
    held: Vec<Held<'a>>,
    apart: Apart,
}

impl<'a> Comparison<'a> {
    fn new(float: &'a Program, integer: &'a Program, factors: &'a Factors) -> Comparison<'a> {
        let named: HashMap<&str, usize> = (float.wires().iter().enumerate())
            .map(|(at, wire)| (wire.name.as_str(), at))
            .collect();
        let held = integer.wires().iter().map(|wire| {
            let twin = named.get(wire.name.as_str()).copied();
            let factors = factors.get(&wire.name).map(Vec::as_slice);
            Held::new(twin, factors, wire.shape[2])
        });
        Comparison {
            float,
            integer,
            held: held.collect(),
            apart: Apart::default(),
        }
    }

    /// Gives both programs a frame, or their end. A wire makes as many maps in a step in both.
    fn step(&mut self, pair: &mut Pair, frame: Option<&[f32]>) -> Result<(), QuantizeError> {
        let mut truths: HashMap<usize, VecDeque<Vec<f32>>> = HashMap::new();
        let [answers, int_answers] = &mut pair.answers;
        advance(&mut pair.float, frame, &mut |wire, map| {
            let map = numbers(map);
            if wire == self.float.output_wire() {
                answers.push(map.clone());
            }
            truths.entry(wire).or_default().push_back(map);
        })?;
        let span = pair.frames / SPAN;
        pair.frames += 1;
        let spans = &mut self.apart.spans;
        if spans.len() <= span {
            spans.resize_with(span + 1, Signal::default);
        }
        advance(&mut pair.integer, frame, &mut |wire, map| {
            if wire == self.integer.output_wire() {
                int_answers.push(numbers(map));
            }
            let held = &mut self.held[wire];
            let truths = held.twin.and_then(|twin| truths.get_mut(&twin));
            if let Some(truth) = truths.and_then(VecDeque::pop_front) {
                held.add(&truth, map, &mut spans[span]);
            }
        })
    }

    fn compare_answers(&mut self, pair: &Pair) {
        let [truths, others] = &pair.answers;
        for (truth, other) in truths.iter().zip(others) {
            self.apart.answers += 1;
            self.apart.same_top += usize::from(top(truth.iter()) == top(other.iter()));
            for (truth, other) in truth.iter().zip(other) {
                self.apart.logits.add(*truth, *other);
            }
        }
    }

    fn finish(mut self) -> Apart {
        for (wire, held) in self.integer.wires().iter().zip(self.held) {
            if held.places > 0 {
                let mean = held.errors.iter().map(|sum| sum / held.places as f64);
                self.apart.bias.insert(wire.name.clone(), mean.collect());
                self.apart.wires.insert(wire.name.clone(), held.signal);
            }
        }
        self.apart
    }
}

fn advance(
    run: &mut Run,
    frame: Option<&[f32]>,
    observer: &mut dyn FnMut(usize, Made<'_>),
) -> Result<(), QuantizeError> {
    match frame {
        Some(frame) => run.observe(frame, observer),
        None => run.observe_end(observer),
    }
    .map_err(failed)
}

fn numbers(map: Made<'_>) -> Vec<f32> {
    (0..map.len()).map(|place| map.number(place)).collect()
}
