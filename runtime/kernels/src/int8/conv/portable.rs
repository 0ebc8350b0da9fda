//! The specification: a convolution written down as it is defined.

use super::{Call, Parameters};
use crate::int8::requantize::OutputRange;

/// Weights in the order in which input is walked.
#[derive(Debug)]
pub(super) struct Direct {
    /// `[O][t][h][w][I / groups]`.
    weights: Vec<i8>,
    bias: Vec<i32>,
    multipliers: Vec<f32>,
    input_zero: i16,
    range: OutputRange,
}

impl Direct {
    pub fn new(parameters: &Parameters) -> Direct {
        let geometry = parameters.geometry;
        let channels = geometry.in_channels() / geometry.groups();
        let weights = (0..geometry.out_channels())
            .flat_map(|o| (0..geometry.taps()).map(move |tap| (o, tap)))
            .flat_map(|(o, tap)| (0..channels).map(move |c| (o, tap, c)))
            .map(|(o, tap, c)| parameters.weight(o, c, tap))
            .collect();
        Direct {
            weights,
            bias: parameters.bias.to_vec(),
            multipliers: parameters.multipliers.to_vec(),
            input_zero: i16::from(parameters.input_zero),
            range: parameters.range,
        }
    }

    pub fn run(&self, call: &Call, output: &mut [i8]) {
        let [_, width] = call.geometry.output();
        let channels = call.geometry.out_channels();
        for (index, q) in output.iter_mut().enumerate() {
            let (pixel, o) = (index / channels, index % channels);
            let (y, x) = (call.rows.start + pixel / width, pixel % width);
            let mut value = self.sum(call, y, x, o) as f32 * self.multipliers[o];
            if let Some(addend) = &call.addend {
                value += addend.term(addend.values[index]);
            }
            *q = self.range.quantize(value);
        }
    }

    fn sum(&self, call: &Call, y: usize, x: usize, o: usize) -> i32 {
        let geometry = call.geometry;
        let [_, height, width] = geometry.window().kernel;
        let channels = geometry.in_channels() / geometry.groups();
        let first = o / (geometry.out_channels() / geometry.groups()) * channels;
        let filter = &self.weights[o * geometry.taps() * channels..];
        let mut sum = self.bias[o];
        for (tap, weights) in filter
            .chunks_exact(channels)
            .take(geometry.taps())
            .enumerate()
        {
            let (t, kh, kw) = (tap / (height * width), tap / width % height, tap % width);
            let (Some(frame), Some(row), Some(column)) = (
                call.frames[t],
                geometry.source_row(y, kh),
                geometry.source_column(x, kw),
            ) else {
                continue; // the zero point: (input - zero) is 0
            };
            let start = (row * geometry.input()[1] + column) * geometry.in_channels() + first;
            let input = &frame[start..start + channels];
            for (&q, &w) in input.iter().zip(weights) {
                let steps = i16::from(q) - self.input_zero;
                sum += i32::from(steps) * i32::from(w);
            }
        }
        sum
    }
}
