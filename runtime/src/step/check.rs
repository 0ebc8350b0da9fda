//! Bounds that every operator keeps, wherever it came from.

use tract_core::internal::*;

use super::{Activation, SpaceWindow, StepOp, TimeWindow};
use crate::ops::ShiftDirection;

/// Frames that a window may span, padding and strides likewise.
const LONGEST: usize = 1 << 12;
/// Pixels that a window over the map may span, padding and strides likewise.
const WIDEST: usize = 1 << 12;
/// Channels or groups of channels.
const MOST_CHANNELS: usize = 1 << 20;

impl StepOp {
    /// Refuses parameters that describe nothing, or sizes that no network has.
    ///
    /// # Errors
    /// Zero kernels, strides, dilations and groups, sizes beyond the bounds, numbers that are none.
    pub fn check(&self) -> TractResult<()> {
        match self {
            StepOp::Conv(conv) => {
                check_time(&conv.time)?;
                check_space(&conv.space)?;
                within("groups", conv.groups, 1, MOST_CHANNELS)?;
                check_activation(&conv.activation)
            }
            StepOp::Pool(pool) => {
                check_time(&pool.time)?;
                check_space(&pool.space)
            }
            StepOp::Shift { fold, direction } => {
                let ways = match direction {
                    ShiftDirection::OneWay => 1,
                    ShiftDirection::TwoWay => 2,
                };
                within(
                    "channels that move",
                    fold.saturating_mul(ways),
                    0,
                    MOST_CHANNELS,
                )
            }
            StepOp::Sample { every, first } => {
                within("frames from one sample to the next", *every, 1, LONGEST)?;
                within("first sampled frame", *first, 0, LONGEST)
            }
            StepOp::Sliding(sliding) => check_last(sliding.frames.unwrap_or(1), sliding.dilation),
            StepOp::Attention(attention) => {
                check_last(attention.frames, attention.dilation)?;
                ensure!(
                    attention.scale.is_finite(),
                    "a scale of {}",
                    attention.scale
                );
                Ok(())
            }
            StepOp::Binary(binary) => check_activation(&binary.activation),
            StepOp::Activation(activation) => check_activation(activation),
            StepOp::Channels { end, .. } => within("last channel", *end, 1, MOST_CHANNELS),
            StepOp::Concat | StepOp::OverMap(_) | StepOp::Softmax => Ok(()),
        }
    }
}

fn check_time(time: &TimeWindow) -> TractResult<()> {
    within("frames of a window", time.kernel, 1, LONGEST)?;
    within("stride over time", time.stride, 1, LONGEST)?;
    within("dilation over time", time.dilation, 1, LONGEST)?;
    within("frames that a window spans", time.reach() + 1, 1, LONGEST)?;
    within("frames of padding", time.before.max(time.after), 0, LONGEST)
}

fn check_last(frames: usize, dilation: usize) -> TractResult<()> {
    within("frames of a window", frames, 1, LONGEST)?;
    within("dilation over time", dilation, 1, LONGEST)?;
    within(
        "frames that a window spans",
        (frames - 1) * dilation + 1,
        1,
        LONGEST,
    )
}

fn check_space(space: &SpaceWindow) -> TractResult<()> {
    for axis in 0..2 {
        within("pixels of a window", space.kernel[axis], 1, WIDEST)?;
        within("stride over the map", space.stride[axis], 1, WIDEST)?;
        within("dilation over the map", space.dilation[axis], 1, WIDEST)?;
        let [before, after] = space.padding[axis];
        within("pixels of padding", before.max(after), 0, WIDEST)?;
    }
    Ok(())
}

fn check_activation(activation: &Activation) -> TractResult<()> {
    if let Activation::Clamp { low, high } = activation {
        // False for what is not a number, too.
        ensure!(low <= high, "numbers are kept from {low} to {high}");
    }
    Ok(())
}

fn within(what: &str, value: usize, least: usize, most: usize) -> TractResult<()> {
    ensure!(
        (least..=most).contains(&value),
        "{what}: {value} is not within {least} to {most}"
    );
    Ok(())
}
