//! What looks at one frame: functions of numbers, and channels moved about.

use std::ops::Range;

use super::frame;
use super::pool::reduce;
use crate::step::node::FrameShape;
use crate::step::{Activation, Reduction};

/// A function of one number.
pub(super) fn activate(activation: Activation, x: f32) -> f32 {
    let hard_sigmoid = |x: f32| (x / 6.0 + 0.5).clamp(0.0, 1.0);
    let sigmoid = |x: f32| 1.0 / (1.0 + libm::expf(-x));
    match activation {
        Activation::Identity => x,
        Activation::Clamp { low, high } => x.max(low).min(high),
        Activation::Sigmoid => sigmoid(x),
        Activation::HardSigmoid => hard_sigmoid(x),
        Activation::Swish => x * sigmoid(x),
        Activation::HardSwish => x * hard_sigmoid(x),
        Activation::Tanh => libm::tanhf(x),
        Activation::Gelu => 0.5 * x * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2)),
    }
}

pub(super) fn activation(
    activation: Activation,
    input: &[f32],
    output: &mut [f32],
) -> Result<(), String> {
    for (output, x) in output.iter_mut().zip(input) {
        *output = activate(activation, *x);
    }
    Ok(())
}

pub(super) fn softmax(channels: usize, input: &[f32], output: &mut [f32]) -> Result<(), String> {
    output.copy_from_slice(input);
    output.chunks_exact_mut(channels).for_each(softmax_of);
    Ok(())
}

pub(super) fn softmax_of(values: &mut [f32]) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in values.iter_mut() {
        *value = libm::expf(*value - largest);
        sum += *value;
    }
    values.iter_mut().for_each(|value| *value /= sum);
}

/// Some of the channels.
#[derive(Debug)]
pub(in crate::step) struct Channels {
    channels: usize,
    taken: Range<usize>,
}

impl Channels {
    pub fn new([_, _, channels]: FrameShape, taken: Range<usize>) -> Channels {
        Channels { channels, taken }
    }

    pub fn run(&self, input: &[f32], output: &mut [f32]) {
        let pixels = input.chunks_exact(self.channels);
        for (pixel, output) in pixels.zip(output.chunks_exact_mut(self.taken.len())) {
            output.copy_from_slice(&pixel[self.taken.clone()]);
        }
    }
}

/// The maps of all inputs, channels behind channels.
#[derive(Debug)]
pub(in crate::step) struct Concat {
    channels: Vec<usize>,
}

impl Concat {
    pub fn new(shapes: &[FrameShape]) -> Concat {
        Concat {
            channels: shapes.iter().map(|shape| shape[2]).collect(),
        }
    }

    pub fn run(&self, taps: &[Option<&[f32]>], output: &mut [f32]) {
        let all: usize = self.channels.iter().sum();
        let mut start = 0;
        for (tap, &channels) in self.channels.iter().enumerate() {
            let pixels = frame(taps, tap).chunks_exact(channels);
            for (pixel, output) in pixels.zip(output.chunks_exact_mut(all)) {
                output[start..start + channels].copy_from_slice(pixel);
            }
            start += channels;
        }
    }
}

/// The temporal shift: a frame with channels of its neighbours.
#[derive(Debug)]
pub(in crate::step) struct Shift {
    channels: usize,
    /// Channels that the frame before lends; two-way, as many before them come from the one behind.
    from_past: Range<usize>,
    two_way: bool,
}

impl Shift {
    pub fn new([_, _, channels]: FrameShape, from_past: Range<usize>, two_way: bool) -> Shift {
        Shift {
            channels,
            from_past,
            two_way,
        }
    }

    /// Taps: the frame; two-way, its successor; the channels that were lent by the one before.
    pub fn run(&self, taps: &[Option<&[f32]>], output: &mut [f32]) {
        output.copy_from_slice(frame(taps, 0));
        let fold = self.from_past.len();
        let pixels = output.chunks_exact_mut(self.channels);
        match taps.last().copied().flatten() {
            Some(lent) => {
                for (pixel, lent) in pixels.zip(lent.chunks_exact(fold)) {
                    pixel[self.from_past.clone()].copy_from_slice(lent);
                }
            }
            None => pixels.for_each(|pixel| pixel[self.from_past.clone()].fill(0.0)),
        }
        if !self.two_way {
            return;
        }
        let pixels = output.chunks_exact_mut(self.channels);
        match taps.get(1).copied().flatten() {
            Some(next) => {
                for (pixel, next) in pixels.zip(next.chunks_exact(self.channels)) {
                    pixel[..fold].copy_from_slice(&next[..fold]);
                }
            }
            None => pixels.for_each(|pixel| pixel[..fold].fill(0.0)),
        }
    }
}

/// The largest or the mean over the map.
#[derive(Debug)]
pub(in crate::step) struct OverMap {
    of: Reduction,
    channels: usize,
}

impl OverMap {
    pub fn new(of: Reduction, [_, _, channels]: FrameShape) -> OverMap {
        OverMap { of, channels }
    }

    pub fn run(&self, input: &[f32], output: &mut [f32]) -> Result<(), String> {
        for (channel, output) in output.iter_mut().enumerate() {
            let values = input.iter().skip(channel).step_by(self.channels);
            *output = reduce(self.of, values.copied());
        }
        Ok(())
    }
}
