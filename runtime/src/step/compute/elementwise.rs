//! What looks at one frame: functions of numbers, and channels moved about.

use std::ops::Range;

use praxiscope_kernels::{Isa, KernelError, float};

use super::frame;
use crate::step::shapes::FrameShape;
use crate::step::{Activation, Reduction};

pub(in crate::step) fn kernel_activation(activation: Activation) -> float::Activation {
    match activation {
        Activation::Identity => float::Activation::Identity,
        Activation::Clamp { low, high } => float::Activation::Clamp { low, high },
        Activation::Sigmoid => float::Activation::Sigmoid,
        Activation::HardSigmoid => float::Activation::HardSigmoid {
            slope: 1.0 / 6.0,
            offset: 0.5,
        },
        Activation::Swish => float::Activation::Swish,
        Activation::HardSwish => float::Activation::HardSwish,
        Activation::Tanh => float::Activation::Tanh,
        Activation::Gelu => float::Activation::Gelu,
    }
}

pub(super) fn activation(
    activation: Activation,
    input: &[f32],
    output: &mut [f32],
    isa: Isa,
) -> Result<(), KernelError> {
    output.copy_from_slice(input);
    kernel_activation(activation).apply(output, isa)
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

    pub fn run<T: Copy>(&self, input: &[T], output: &mut [T]) {
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

    pub fn run<T: Copy>(&self, taps: &[Option<&[T]>], output: &mut [T]) {
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

    /// Taps: the frame; two-way, its successor; the channels that were lent by the one before. `zero`
    /// enters at the recording's ends.
    pub fn run<T: Copy>(&self, taps: &[Option<&[T]>], zero: T, output: &mut [T]) {
        output.copy_from_slice(frame(taps, 0));
        let fold = self.from_past.len();
        let pixels = output.chunks_exact_mut(self.channels);
        match taps.last().copied().flatten() {
            Some(lent) => {
                for (pixel, lent) in pixels.zip(lent.chunks_exact(fold)) {
                    pixel[self.from_past.clone()].copy_from_slice(lent);
                }
            }
            None => pixels.for_each(|pixel| pixel[self.from_past.clone()].fill(zero)),
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
            None => pixels.for_each(|pixel| pixel[..fold].fill(zero)),
        }
    }
}

/// The largest or the mean over the map.
pub(super) fn over_map(
    of: Reduction,
    input: &[f32],
    output: &mut [f32],
    isa: Isa,
) -> Result<(), KernelError> {
    match of {
        Reduction::Max => float::max_space(input, output, isa),
        Reduction::Mean => float::mean_space(input, output, isa),
    }
}
