//! What a shift in step form keeps from one frame to the next.

use tract_core::internal::*;

use super::feature_map::{FeatureMap, Lender};
use super::{ShiftDirection, TemporalShift};
use crate::ops::no_frame;

/// The past of a shift in step form.
#[derive(Clone, Debug, Default)]
pub(super) struct ShiftState {
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
        let before = self.before.replace(lent.into_tvalue());
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
