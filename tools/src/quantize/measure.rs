//! The float program and the integer program side by side, wire by wire.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use praxiscope_runtime::step::{Made, Program, Run};

use super::answers::{Answers, numbers};
use super::equalize::Factors;
use super::recordings::Recordings;
use super::signal::Signal;
use super::{QuantizeError, failed};

/// What two programs have in common, and how far they are apart.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// By the name of the wire.
    pub wires: HashMap<String, Signal>,
    pub answers: Answers,
}

/// Two programs that are compared.
pub(super) struct Both<'a> {
    pub float: &'a Arc<Program>,
    pub integer: &'a Arc<Program>,
    /// What the channels of the integer program's wires are multiplied by.
    pub factors: &'a Factors,
}

impl Both<'_> {
    /// Runs both over all recordings and holds each wire that both have against its twin.
    pub fn measure(
        &self,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Apart, QuantizeError> {
        let mut held = self.held(|_| true);
        let mut answers = Answers::default();
        for number in 0..recordings.count() {
            let mut pair = Pair::new(self, &held);
            recordings.play(number, &mut |frame| pair.step(&mut held, Some(frame)))?;
            pair.step(&mut held, None)?;
            pair.answers_into(&mut answers);
            progress(number + 1);
        }
        let mut apart = Apart {
            answers,
            ..Apart::default()
        };
        for (wire, held) in self.integer.wires().iter().zip(held) {
            if held.is_met {
                apart.wires.insert(wire.name.clone(), held.signal);
            }
        }
        Ok(apart)
    }

    /// Runs both over one stream of `frames` frames: the recordings one after another, and again from
    /// the first as long as they are not enough. Gives the signal of what a stream keeps, and of the
    /// answers, for each `span` frames.
    pub fn drift(
        &self,
        recordings: &mut dyn Recordings,
        frames: usize,
        span: usize,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<(Signal, Signal)>, QuantizeError> {
        let mut held = self.held(|wire| self.integer.wires()[wire].is_kept());
        let mut pair = Pair::new(self, &held);
        let mut spans = vec![];
        let mut seen = 0;
        while seen < frames {
            let before = seen;
            for number in 0..recordings.count() {
                recordings.play(number, &mut |frame| {
                    if seen == frames {
                        return Ok(());
                    }
                    pair.step(&mut held, Some(frame))?;
                    seen += 1;
                    if seen % span == 0 || seen == frames {
                        let mut answers = Answers::default();
                        pair.answers_into(&mut answers);
                        let mut state = Signal::default();
                        for held in &mut held {
                            state.join(&std::mem::take(&mut held.signal));
                        }
                        spans.push((state, answers.logits));
                    }
                    Ok(())
                })?;
                progress(seen);
                if seen == frames {
                    break;
                }
            }
            if seen == before {
                return Err(QuantizeError::Empty);
            }
        }
        Ok(spans)
    }

    /// What is summed up of each wire of the integer program that is `wanted`.
    fn held(&self, wanted: impl Fn(usize) -> bool) -> Vec<Held<'_>> {
        let named: HashMap<&str, usize> = (self.float.wires().iter().enumerate())
            .map(|(at, wire)| (wire.name.as_str(), at))
            .collect();
        let wires = self.integer.wires().iter().enumerate();
        wires
            .map(|(at, wire)| Held {
                twin: named
                    .get(wire.name.as_str())
                    .copied()
                    .filter(|_| wanted(at)),
                factors: self.factors.get(&wire.name).map(Vec::as_slice),
                signal: Signal::default(),
                is_met: false,
                channels: wire.shape[2],
            })
            .collect()
    }
}

/// What is summed up of a wire of the integer program.
struct Held<'a> {
    /// Its twin in the float program.
    twin: Option<usize>,
    factors: Option<&'a [f32]>,
    signal: Signal,
    channels: usize,
    /// Whether one of its maps was held against its twin's.
    is_met: bool,
}

impl Held<'_> {
    /// Takes a map and what the float program has there.
    fn add(&mut self, truth: &[f32], map: &[f32]) {
        self.is_met = true;
        match self.factors {
            None => {
                let pairs = truth.iter().zip(map);
                pairs.for_each(|(truth, number)| self.signal.add(*truth, *number));
            }
            Some(factors) => {
                let channels = self.channels.max(1);
                let pixels = truth.chunks_exact(channels).zip(map.chunks_exact(channels));
                for (truths, numbers) in pixels {
                    for ((truth, number), factor) in truths.iter().zip(numbers).zip(factors) {
                        self.signal.add(truth * factor, *number);
                    }
                }
            }
        }
    }
}

/// A stream through each of two programs.
struct Pair<'a> {
    both: &'a Both<'a>,
    float: Run,
    integer: Run,
    /// By the float program's wires: whether a wire of the integer one is held against it.
    wanted: Vec<bool>,
    /// Rows of both that were not compared yet.
    answers: [VecDeque<Vec<f32>>; 2],
}

impl<'a> Pair<'a> {
    fn new(both: &'a Both<'a>, held: &[Held]) -> Pair<'a> {
        let mut wanted = vec![false; both.float.wires().len()];
        for twin in held.iter().filter_map(|held| held.twin) {
            wanted[twin] = true;
        }
        Pair {
            both,
            float: Run::new(both.float),
            integer: Run::new(both.integer),
            wanted,
            answers: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// Gives both a frame, or their end. A wire makes as many maps in a step in both.
    fn step(&mut self, held: &mut [Held], frame: Option<&[f32]>) -> Result<(), QuantizeError> {
        let mut truths: HashMap<usize, VecDeque<Vec<f32>>> = HashMap::new();
        let [answers, int_answers] = &mut self.answers;
        let output = self.both.float.output_wire();
        advance(&mut self.float, frame, &mut |wire, map| {
            if wire == output {
                answers.push_back(numbers(map));
            }
            if self.wanted[wire] {
                truths.entry(wire).or_default().push_back(numbers(map));
            }
        })?;
        let output = self.both.integer.output_wire();
        advance(&mut self.integer, frame, &mut |wire, map| {
            let held = &mut held[wire];
            let truths = held.twin.and_then(|twin| truths.get_mut(&twin));
            if let Some(truth) = truths.and_then(VecDeque::pop_front) {
                held.add(&truth, &numbers(map));
            }
            if wire == output {
                int_answers.push_back(numbers(map));
            }
        })
    }

    /// Compares the rows that came since the last time.
    fn answers_into(&mut self, found: &mut Answers) {
        let [truths, others] = &mut self.answers;
        let rows = truths.len().min(others.len());
        for (truth, other) in truths.drain(..rows).zip(others.drain(..rows)) {
            found.add(&truth, &other);
        }
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
