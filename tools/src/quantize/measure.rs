//! The float program and the integer program side by side.

use std::collections::HashMap;
use std::sync::Arc;

use praxiscope_runtime::step::{Made, Program, Run};

use super::recordings::Recordings;
use super::signal::Signal;
use super::{QuantizeError, failed};

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

/// Runs both over all recordings and holds each wire that both have against its twin.
pub(super) fn measure(
    float: &Arc<Program>,
    integer: &Arc<Program>,
    recordings: &mut dyn Recordings,
    progress: &mut dyn FnMut(usize),
) -> Result<Apart, QuantizeError> {
    let twins: HashMap<&str, usize> = (float.wires().iter().enumerate())
        .map(|(at, wire)| (wire.name.as_str(), at))
        .collect();
    let twins: Vec<Option<usize>> = (integer.wires().iter())
        .map(|wire| twins.get(wire.name.as_str()).copied())
        .collect();
    let mut apart = Apart::default();
    let mut sums: HashMap<usize, (u64, Vec<f64>)> = HashMap::new();
    for number in 0..recordings.count() {
        let (mut truth, mut other) = (Run::new(float), Run::new(integer));
        let mut frames = 0;
        let mut rows: [Vec<Vec<f32>>; 2] = [vec![], vec![]];
        let mut both = |frame: Option<&[f32]>| -> Result<(), QuantizeError> {
            // A wire makes as many maps in a step in both programs.
            let mut made: HashMap<usize, Vec<Vec<f32>>> = HashMap::new();
            let mut keep = |wire: usize, map: Made<'_>| {
                let numbers: Vec<f32> = numbers(map);
                if wire == float.output_wire() {
                    rows[0].push(numbers.clone());
                }
                made.entry(wire).or_default().push(numbers);
            };
            step(&mut truth, frame, &mut keep)?;
            let span = frames / SPAN;
            frames += 1;
            if apart.spans.len() <= span {
                apart.spans.resize_with(span + 1, Signal::default);
            }
            let mut nth: HashMap<usize, usize> = HashMap::new();
            let mut hold = |wire: usize, map: Made<'_>| {
                if wire == integer.output_wire() {
                    rows[1].push(numbers(map));
                }
                let Some(twin) = twins.get(wire).copied().flatten() else {
                    return;
                };
                let nth = nth.entry(wire).or_default();
                let Some(truth) = made.get(&twin).and_then(|maps| maps.get(*nth)) else {
                    return;
                };
                *nth += 1;
                let name = &integer.wires()[wire].name;
                let signal = match apart.wires.get_mut(name) {
                    Some(signal) => signal,
                    None => apart.wires.entry(name.clone()).or_default(),
                };
                let channels = integer.wires()[wire].shape[2];
                let (count, bias) = sums.entry(wire).or_insert_with(|| (0, vec![0.0; channels]));
                *count += (map.len() / channels.max(1)) as u64;
                for (place, truth) in truth.iter().enumerate() {
                    let number = map.number(place);
                    signal.add(*truth, number);
                    apart.spans[span].add(*truth, number);
                    bias[place % channels] += f64::from(truth - number);
                }
            };
            step(&mut other, frame, &mut hold)
        };
        recordings.play(number, &mut |frame| both(Some(frame)))?;
        both(None)?;
        for (truth, other) in rows[0].iter().zip(&rows[1]) {
            apart.answers += 1;
            apart.same_top += usize::from(top(truth) == top(other));
            for (truth, other) in truth.iter().zip(other) {
                apart.logits.add(*truth, *other);
            }
        }
        progress(number + 1);
    }
    for (wire, (count, sums)) in sums {
        let name = integer.wires()[wire].name.clone();
        let mean = sums.iter().map(|sum| sum / count.max(1) as f64);
        apart.bias.insert(name, mean.collect());
    }
    Ok(apart)
}

fn step(
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

fn top(row: &[f32]) -> Option<usize> {
    let numbered = row.iter().enumerate();
    numbered
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(index, _)| index)
}
