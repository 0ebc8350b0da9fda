//! What the wires of a float program carry while recordings run through it.

use std::collections::HashMap;
use std::sync::Arc;

use praxiscope_runtime::step::{Made, Program, Quantization, Run};
use tract_core::internal::TypedModel;

use super::wires::quantization;
use super::{Histogram, Progress, QuantizeError, RangeMethod, Recordings, failed};

/// Recordings that use less of what lies between black and white show nothing: a cap on the lens.
const LEAST_CONTRAST: f32 = 1.0 / 16.0;

/// What was seen, by the program's wires.
#[derive(Debug)]
pub(super) struct Seen {
    names: Vec<String>,
    histograms: Vec<Histogram>,
    /// The largest absolute number of each channel.
    largest: Vec<Vec<f32>>,
    /// The smallest and the largest number of each channel of the recordings.
    source: Vec<(f32, f32)>,
    /// The rows of scores of each recording.
    pub answers: Vec<Vec<Vec<f32>>>,
    pub frames: usize,
}

impl Seen {
    /// Runs recordings through a program, from their cold start to their end.
    pub fn of(
        program: &Arc<Program>,
        recordings: &mut dyn Recordings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Seen, QuantizeError> {
        let wires = program.wires();
        let mut seen = Seen {
            names: wires.iter().map(|wire| wire.name.clone()).collect(),
            histograms: vec![Histogram::default(); wires.len()],
            largest: wires.iter().map(|wire| vec![0.0; wire.shape[2]]).collect(),
            source: vec![(f32::INFINITY, f32::NEG_INFINITY); wires[0].shape[2]],
            answers: vec![],
            frames: 0,
        };
        let output = program.output_wire();
        let of = recordings.count();
        for number in 0..of {
            let mut run = Run::new(program);
            let mut answers = vec![];
            recordings.play(number, &mut |frame| {
                seen.look_at(frame);
                run.observe(frame, &mut |wire, made| {
                    seen.add(wire, made, (wire == output).then_some(&mut answers));
                })
                .map_err(failed)
            })?;
            run.observe_end(&mut |wire, made| {
                seen.add(wire, made, (wire == output).then_some(&mut answers));
            })
            .map_err(failed)?;
            seen.answers.push(answers);
            progress(Progress::Calibrating(number + 1, of));
        }
        seen.check(recordings.contrast())?;
        Ok(seen)
    }

    fn look_at(&mut self, frame: &[f32]) {
        self.frames += 1;
        for pixel in frame.chunks_exact(self.source.len().max(1)) {
            for (number, (smallest, largest)) in pixel.iter().zip(&mut self.source) {
                (*smallest, *largest) = (smallest.min(*number), largest.max(*number));
            }
        }
    }

    fn add(&mut self, wire: usize, made: Made<'_>, answers: Option<&mut Vec<Vec<f32>>>) {
        let Made::Numbers(numbers) = made else { return };
        if let Some(answers) = answers {
            answers.push(numbers.to_vec());
        }
        self.histograms[wire].add(numbers);
        let largest = &mut self.largest[wire];
        for pixel in numbers.chunks_exact(largest.len().max(1)) {
            for (number, largest) in pixel.iter().zip(largest.iter_mut()) {
                *largest = largest.max(number.abs());
            }
        }
    }

    fn check(&self, full: Option<f32>) -> Result<(), QuantizeError> {
        match self.frames {
            0 => return Err(QuantizeError::Empty),
            1 => return Err(QuantizeError::Single),
            _ => {}
        }
        let widths = self.source.iter().map(|(low, high)| high - low);
        let contrast = widths.fold(0.0, f32::max);
        if contrast <= 0.0 {
            return Err(QuantizeError::Constant);
        }
        if let Some(full) = full.filter(|full| contrast < full * LEAST_CONTRAST) {
            return Err(QuantizeError::Faint(f64::from(100.0 * contrast / full)));
        }
        let broken = self.histograms.iter().position(|h| h.broken() > 0);
        match broken {
            Some(0) => Err(QuantizeError::BrokenFrames),
            Some(wire) => Err(QuantizeError::Broken {
                node: self.names[wire].clone(),
            }),
            None => Ok(()),
        }
    }

    /// What values stand for the frames' numbers best. A camera gives 256 levels, and zero, which is a
    /// value of its own, often lies between two of them: a step of exactly one level would then round
    /// all of them by half a step, one that is a little longer by less.
    pub fn source_quantization(&self) -> Option<Quantization> {
        const LONGER: u16 = 8;
        let frames = self.histograms.first()?;
        let (low, high) = frames.range(RangeMethod::MinMax)?;
        let candidates = (0..=LONGER).map(|longer| {
            let more = 1.0 + f32::from(longer) / 512.0;
            quantization((low * more, high * more))
        });
        let costs = candidates.map(|candidate| (frames.error_of(candidate), candidate));
        let least = costs.min_by(|(a, _), (b, _)| a.total_cmp(b));
        least.map(|(_, quantization)| quantization)
    }

    /// By the nodes of the graph that the program was made of: the range that a method chooses.
    pub fn ranges(&self, graph: &TypedModel, method: RangeMethod) -> HashMap<usize, (f32, f32)> {
        self.by_node(graph, |wire| {
            self.histograms[wire].range(method).unwrap_or((0.0, 0.0))
        })
    }

    /// By node: the largest absolute number of each channel.
    pub fn largest(&self, graph: &TypedModel) -> HashMap<usize, Vec<f32>> {
        self.by_node(graph, |wire| self.largest[wire].clone())
    }

    fn by_node<T>(&self, graph: &TypedModel, of: impl Fn(usize) -> T) -> HashMap<usize, T> {
        let nodes = graph.nodes().iter();
        let nodes: HashMap<&str, usize> = nodes.map(|node| (node.name.as_str(), node.id)).collect();
        let wires = self.names.iter().enumerate();
        wires
            .filter_map(|(wire, name)| Some((*nodes.get(name.as_str())?, of(wire))))
            .collect()
    }
}
