//! The temporal shift of TSM (Lin, Gan, Han: "TSM: Temporal Shift Module for Efficient Video
//! Understanding", 2019).

use std::ops::Range;

use tract_core::internal::*;

use super::{Form, TimeSpan};

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

/// Moves the first channels of a feature map by one frame along time; zeros enter at the borders.
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
        for t in 0..frames {
            let lender = |frame| Lender {
                map: &map,
                bytes: from,
                frame,
                first_channel: 0,
            };
            map.fill(
                to,
                t,
                t.checked_sub(1).map(lender),
                self.channels_from_past(),
            );
            let after = (t + 1 < frames).then_some(t + 1);
            map.fill(to, t, after.map(lender), self.channels_from_future());
        }
        Ok(shifted)
    }

    /// Bytes that the step form keeps from one step to the next, for an input like `fact`; `None` if
    /// its shape is not known.
    pub fn state_bytes(&self, fact: &TypedFact) -> Option<usize> {
        let shape = fact.shape.as_concrete()?;
        let frame = shape.iter().product::<usize>() * fact.datum_type.size_of();
        let lent = frame / shape.get(self.channel_axis)?.max(&1) * self.fold;
        Some(match self.direction {
            ShiftDirection::OneWay => lent,
            ShiftDirection::TwoWay => lent + frame,
        })
    }
}

/// A tensor's bytes, addressed by time and channel whatever the order of the axes.
struct FeatureMap {
    outer: usize,
    between: usize,
    /// Bytes of all that lies behind both axes.
    inner: usize,
    frames: usize,
    channels: usize,
    time_first: bool,
}

impl FeatureMap {
    fn of(tensor: &Tensor, op: &TemporalShift) -> TractResult<FeatureMap> {
        ensure!(
            tensor.datum_type().is_copy(),
            "cannot shift {:?}",
            tensor.datum_type()
        );
        let shape = tensor.shape();
        let (low, high) = (
            op.time_axis.min(op.channel_axis),
            op.time_axis.max(op.channel_axis),
        );
        ensure!(
            low < high && high < shape.len(),
            "{op:?} does not fit a tensor of {shape:?}"
        );
        Ok(FeatureMap {
            outer: shape[..low].iter().product(),
            between: shape[low + 1..high].iter().product(),
            inner: shape[high + 1..].iter().product::<usize>() * tensor.datum_type().size_of(),
            frames: shape[op.time_axis],
            channels: shape[op.channel_axis],
            time_first: op.time_axis < op.channel_axis,
        })
    }

    fn offset(&self, outer: usize, between: usize, t: usize, c: usize) -> usize {
        let (low, high, high_len) = match self.time_first {
            true => (t, c, self.channels),
            false => (c, t, self.frames),
        };
        let low_len = if self.time_first {
            self.frames
        } else {
            self.channels
        };
        (((outer * low_len + low) * self.between + between) * high_len + high) * self.inner
    }

    /// Fills `channels` of frame `t` from the lender, or with zeros where there is none.
    fn fill(&self, to: &mut [u8], t: usize, from: Option<Lender>, channels: Range<usize>) {
        for outer in 0..self.outer {
            for between in 0..self.between {
                for c in channels.clone() {
                    let at = self.offset(outer, between, t, c);
                    let to = &mut to[at..at + self.inner];
                    match &from {
                        Some(lender) => {
                            let c = c - lender.first_channel;
                            let at = lender.map.offset(outer, between, lender.frame, c);
                            to.copy_from_slice(&lender.bytes[at..at + self.inner]);
                        }
                        None => to.fill(0),
                    }
                }
            }
        }
    }
}

/// The frame that lends channels to its neighbour.
struct Lender<'a> {
    map: &'a FeatureMap,
    bytes: &'a [u8],
    frame: usize,
    /// The channel of the borrower at which the lender's first one stands.
    first_channel: usize,
}

impl Op for TemporalShift {
    fn name(&self) -> StaticName {
        "TemporalShift".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!(
            "{} fold {} of axis {} along axis {}, {} form",
            self.direction.as_str(),
            self.fold,
            self.channel_axis,
            self.time_axis,
            self.form.as_str()
        )])
    }

    op_as_typed_op!();
}

impl EvalOp for TemporalShift {
    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        ensure!(
            self.form == Form::Clip,
            "the step form of a temporal shift needs its state"
        );
        Ok(tvec!(self.shift_clip(&*args_1!(inputs))?.into_tvalue()))
    }

    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        match self.form {
            Form::Clip => Ok(Some(self.eval(&EvalContext::out_of_plan(), inputs)?)),
            Form::Step => Ok(None),
        }
    }

    fn state(&self, _ctx: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok((self.form == Form::Step).then(|| Box::<ShiftState>::default() as _))
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
                input.shape[self.time_axis] == 1.to_dim(),
                "a shift in step form takes one frame a step, not {}",
                input.shape[self.time_axis]
            );
        }
        Ok(tvec!(input.datum_type.fact(input.shape.clone())))
    }
}

/// The past of a shift in step form.
#[derive(Clone, Debug, Default)]
struct ShiftState {
    /// The channels that the frame before the next answered one lends.
    before: Option<TValue>,
    /// Two-way only: the newest frame, which is answered when its successor has come.
    newest: Option<TValue>,
}

impl ShiftState {
    /// Answers for `frame`, whose successor is `after`; keeps what it lends to its successor.
    fn advance(
        &mut self,
        op: &TemporalShift,
        frame: &TValue,
        after: Option<&TValue>,
    ) -> TractResult<TValue> {
        let map = FeatureMap::of(frame, op)?;
        ensure!(
            after.is_none_or(|after| after.shape() == frame.shape()),
            "a stream's feature maps change their shape from one frame to the next"
        );
        let from_past = op.channels_from_past();
        let lent = frame.slice(op.channel_axis, from_past.start, from_past.end)?;
        let before = std::mem::replace(&mut self.before, Some(lent.into_tvalue()));
        let mut shifted = (**frame).clone();
        let to = shifted.as_bytes_mut();
        match before {
            Some(before) => {
                ensure!(
                    before.len() * map.channels == frame.len() * op.fold,
                    "a saved state does not fit this stream's feature maps"
                );
                let lender = Lender {
                    map: &FeatureMap::of(&before, op)?,
                    bytes: before.as_bytes(),
                    frame: 0,
                    first_channel: from_past.start,
                };
                map.fill(to, 0, Some(lender), from_past);
            }
            None => map.fill(to, 0, None, from_past),
        }
        let after = after.map(|after| Lender {
            map: &map,
            bytes: after.as_bytes(),
            frame: 0,
            first_channel: 0,
        });
        map.fill(to, 0, after, op.channels_from_future());
        Ok(shifted.into_tvalue())
    }
}

impl OpState for ShiftState {
    fn eval(
        &mut self,
        _ctx: &EvalContext,
        op: &dyn Op,
        mut inputs: TVec<TValue>,
    ) -> TractResult<TVec<TValue>> {
        let op = op
            .downcast_ref::<TemporalShift>()
            .context("a shift's state met another op")?;
        let frame = inputs.pop();
        let due = match op.direction {
            ShiftDirection::OneWay => frame,
            ShiftDirection::TwoWay => std::mem::replace(&mut self.newest, frame),
        };
        let Some(due) = due else { return Ok(tvec!()) };
        let after = self.newest.clone();
        Ok(tvec!(self.advance(op, &due, after.as_ref())?))
    }

    fn save_to(&self, states: &mut Vec<TValue>) -> TractResult<()> {
        for slot in [&self.before, &self.newest] {
            states.push(slot.clone().unwrap_or_else(no_frame));
        }
        Ok(())
    }

    fn load_from(
        &mut self,
        _turn: &mut TurnState,
        states: &mut dyn Iterator<Item = TValue>,
    ) -> TractResult<()> {
        for slot in [&mut self.before, &mut self.newest] {
            let saved = states.next().context("a saved state ends early")?;
            *slot = (saved.rank() > 0).then_some(saved);
        }
        Ok(())
    }

    fn reset_lanes(&mut self, _lanes: &[LaneId]) -> TractResult<()> {
        *self = ShiftState::default();
        Ok(())
    }
}

/// What is saved in the place of a frame that has not come yet: no feature map has rank 0.
fn no_frame() -> TValue {
    tensor0(0u8).into_tvalue()
}

#[cfg(test)]
#[path = "temporal_shift_tests.rs"]
mod tests;
