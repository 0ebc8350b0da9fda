//! Convolutions.

use tract_core::internal::*;

use super::elementwise::activate;
use super::frame;
use crate::step::node::FrameShape;
use crate::step::{Activation, SpaceWindow};

/// A convolution with its weights.
#[derive(Debug)]
pub(in crate::step) struct Conv {
    input: FrameShape,
    output: FrameShape,
    frames: usize,
    space: SpaceWindow,
    groups: usize,
    activation: Activation,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Conv {
    pub fn new(
        conv: &crate::step::Conv,
        input: FrameShape,
        output: FrameShape,
        weights: &[f32],
        bias: &[f32],
    ) -> TractResult<Conv> {
        ensure!(
            bias.len() == output[2],
            "{} biases for {} channels",
            bias.len(),
            output[2]
        );
        Ok(Conv {
            input,
            output,
            frames: conv.time.kernel,
            space: conv.space,
            groups: conv.groups,
            activation: conv.activation,
            weights: weights.to_vec(),
            bias: bias.to_vec(),
        })
    }

    pub fn run(&self, taps: &[Option<&[f32]>], output: &mut [f32]) -> Result<(), String> {
        let added = frame(taps, self.frames);
        let [_, width, channels] = self.output;
        let per_group = channels / self.groups;
        for (pixel, output) in output.chunks_exact_mut(channels).enumerate() {
            for (channel, output) in output.iter_mut().enumerate() {
                let group = channel / per_group;
                let place = [pixel / width, pixel % width];
                let mut sum = self.bias[channel] + self.sum(taps, place, channel, group);
                if let Some(added) = added.get(pixel * channels + channel) {
                    sum += added;
                }
                *output = activate(self.activation, sum);
            }
        }
        Ok(())
    }

    fn sum(&self, taps: &[Option<&[f32]>], place: [usize; 2], channel: usize, group: usize) -> f32 {
        let [height, width, channels] = self.input;
        let shared = channels / self.groups;
        let [rows, columns] = self.space.kernel;
        let mut sum = 0.0;
        for (t, tap) in taps.iter().take(self.frames).enumerate() {
            let Some(tap) = tap else { continue };
            for row in 0..rows {
                let Some(y) = source(&self.space, 0, height, place[0], row) else {
                    continue;
                };
                for column in 0..columns {
                    let Some(x) = source(&self.space, 1, width, place[1], column) else {
                        continue;
                    };
                    let pixel = (y * width + x) * channels + group * shared;
                    for c in 0..shared {
                        let weight = ((channel * shared + c) * self.frames + t) * rows + row;
                        sum += tap[pixel + c] * self.weights[weight * columns + column];
                    }
                }
            }
        }
        sum
    }
}

/// The row or column that a window's tap falls on; `None` in the padding.
pub(super) fn source(
    space: &SpaceWindow,
    axis: usize,
    extent: usize,
    place: usize,
    tap: usize,
) -> Option<usize> {
    let padded = place * space.stride[axis] + tap * space.dilation[axis];
    let source = padded.checked_sub(space.padding[axis][0])?;
    (source < extent).then_some(source)
}
