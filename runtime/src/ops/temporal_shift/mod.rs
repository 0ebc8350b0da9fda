//! The temporal shift of TSM (Lin, Gan, Han: "TSM: Temporal Shift Module for Efficient Video
//! Understanding", 2019).

mod feature_map;
#[cfg(test)]
mod tests;

use std::ops::Range;

use tract_core::internal::*;

use super::{Form, TimeSpan};
use feature_map::{FeatureMap, Lender};

/// Which neighbours in time lend their channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShiftDirection {
    /// Channels `0..fold` come from the frame before (online TSM): causal.
    OneWay,
    /// Channels `0..fold` come from the frame after, `fold..2*fold` from the frame before.
    TwoWay,
}

impl ShiftDirection {
    /// The word that stands in a bundle's graph.
    pub fn as_str(self) -> &'static str {
        match self {
            ShiftDirection::OneWay => "one_way",
            ShiftDirection::TwoWay => "two_way",
        }
    }

    /// Frames read before and after the current one.
    pub fn time_span(self) -> TimeSpan {
        match self {
            ShiftDirection::OneWay => TimeSpan { past: 1, future: 0 },
            ShiftDirection::TwoWay => TimeSpan { past: 1, future: 1 },
        }
    }

    fn shifted_channels(self, fold: usize) -> Option<usize> {
        match self {
            ShiftDirection::OneWay => Some(fold),
            ShiftDirection::TwoWay => fold.checked_mul(2),
        }
    }
}

/// What a frame is lent that has no neighbour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Border {
    /// Zeros.
    #[default]
    Zeros,
    /// The channels of the frame at the clip's other end. A stream has no ends, so that this has no
    /// step form.
    Circular,
}

impl Border {
    /// The word that stands in a bundle's graph.
    pub fn as_str(self) -> &'static str {
        match self {
            Border::Zeros => "zeros",
            Border::Circular => "circular",
        }
    }
}

/// Moves the first channels of a feature map by one frame along time.
///
/// Input and output have the same shape, usually `[T, C, H, W]` (time as the batch of a 2D network)
/// or `[1, C, T, H, W]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemporalShift {
    /// Which neighbours lend their channels.
    pub direction: ShiftDirection,
    /// How many channels move each way (`C / 8` in the paper's networks).
    pub fold: usize,
    /// The axis of time.
    pub time_axis: usize,
    /// The axis of channels.
    pub channel_axis: usize,
    /// What enters at the clip's ends.
    pub border: Border,
    /// Whole clips, or one frame a step. A two-way shift answers one step late.
    pub form: Form,
}

impl TemporalShift {
    /// The same shift in another form.
    pub fn with_form(&self, form: Form) -> Self {
        TemporalShift {
            form,
            ..self.clone()
        }
    }

    fn channels_from_past(&self) -> Range<usize> {
        match self.direction {
            ShiftDirection::OneWay => 0..self.fold,
            ShiftDirection::TwoWay => self.fold..2 * self.fold,
        }
    }

    fn channels_from_future(&self) -> Range<usize> {
        match self.direction {
            ShiftDirection::OneWay => 0..0,
            ShiftDirection::TwoWay => 0..self.fold,
        }
    }

    fn shift_clip(&self, clip: &Tensor) -> TractResult<Tensor> {
        let map = FeatureMap::of(clip, self)?;
        let frames = clip.shape()[self.time_axis];
        let mut shifted = clip.clone();
        let (from, to) = (clip.as_bytes(), shifted.as_bytes_mut());
        let wraps = |at: usize| (self.border == Border::Circular).then_some(at);
        for t in 0..frames {
            let lender = |frame| Lender {
                map: &map,
                bytes: from,
                frame,
                first_channel: 0,
            };
            let before = t.checked_sub(1).or(wraps(frames - 1));
            map.fill(to, t, before.map(lender), self.channels_from_past());
            let after = (t + 1 < frames).then_some(t + 1).or(wraps(0));
            map.fill(to, t, after.map(lender), self.channels_from_future());
        }
        Ok(shifted)
    }
}

impl Op for TemporalShift {
    fn name(&self) -> StaticName {
        "TemporalShift".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!(
            "{} fold {} of axis {} along axis {}, {} at the ends, {} form",
            self.direction.as_str(),
            self.fold,
            self.channel_axis,
            self.time_axis,
            self.border.as_str(),
            self.form.as_str()
        )])
    }

    op_as_typed_op!();
}

impl EvalOp for TemporalShift {
    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        ensure!(
            self.form == Form::Clip,
            "the step form of a temporal shift is for step programs to run"
        );
        Ok(tvec!(self.shift_clip(&*args_1!(inputs))?.into_tvalue()))
    }

    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        match self.form {
            Form::Clip => Ok(Some(self.eval(&EvalContext::out_of_plan(), inputs)?)),
            Form::Step => Ok(None),
        }
    }
}

impl TypedOp for TemporalShift {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else {
            bail!("a temporal shift has one input")
        };
        ensure!(
            self.time_axis != self.channel_axis
                && self.time_axis.max(self.channel_axis) < input.rank(),
            "{self:?} does not fit a tensor of {:?}",
            input.shape
        );
        if let Some(channels) = input.shape[self.channel_axis].as_i64() {
            let moved = self.direction.shifted_channels(self.fold);
            ensure!(
                moved.is_some_and(|moved| moved as i64 <= channels),
                "a {} shift of {} channels each way needs more than the {channels} at hand",
                self.direction.as_str(),
                self.fold
            );
        }
        if self.form == Form::Step {
            ensure!(
                self.border == Border::Zeros,
                "a circular shift takes the clip's last frame for the one before its first, so it \
                 has no step form"
            );
            ensure!(
                input.shape[self.time_axis] == 1.to_dim(),
                "a shift in step form takes one frame a step, not {}",
                input.shape[self.time_axis]
            );
        }
        Ok(tvec!(input.datum_type.fact(input.shape.clone())))
    }
}
