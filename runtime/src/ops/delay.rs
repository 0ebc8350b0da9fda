//! A delay, so that branches of a step program meet in the same step.

use std::collections::VecDeque;

use tract_core::internal::*;

use super::no_frame;

/// Hands every frame on `frames` steps later.
///
/// A residual branch that looks ahead answers late; its shortcut waits for it here. Exists only in
/// step programs: in a clip graph nothing is late.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delay {
    /// Steps between a frame's coming and its going.
    pub frames: usize,
}

impl Delay {
    /// Bytes kept from one step to the next, for an input like `fact`; `None` if its shape is not
    /// known.
    pub fn state_bytes(&self, fact: &TypedFact) -> Option<usize> {
        let frame = fact.shape.as_concrete()?.iter().product::<usize>();
        Some(self.frames * frame * fact.datum_type.size_of())
    }
}

impl Op for Delay {
    fn name(&self) -> StaticName {
        "Delay".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{} frames", self.frames)])
    }

    op_as_typed_op!();
}

impl EvalOp for Delay {
    not_out_of_plan!();

    fn state(&self, _ctx: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::<DelayState>::default()))
    }
}

impl TypedOp for Delay {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else {
            bail!("a delay has one input")
        };
        Ok(tvec!(input.datum_type.fact(input.shape.clone())))
    }
}

/// The frames that wait, oldest first.
#[derive(Clone, Debug, Default)]
struct DelayState {
    waiting: VecDeque<TValue>,
}

impl OpState for DelayState {
    fn eval(
        &mut self,
        _ctx: &EvalContext,
        op: &dyn Op,
        mut inputs: TVec<TValue>,
    ) -> TractResult<TVec<TValue>> {
        let op = op
            .downcast_ref::<Delay>()
            .context("a delay's state met another op")?;
        let Some(frame) = inputs.pop() else {
            return Ok(self.waiting.pop_front().into_iter().collect());
        };
        self.waiting.push_back(frame);
        match self.waiting.len() > op.frames {
            true => Ok(self.waiting.pop_front().into_iter().collect()),
            false => Ok(tvec!()),
        }
    }

    fn save_to(&self, states: &mut Vec<TValue>) -> TractResult<()> {
        states.extend(self.waiting.iter().cloned());
        states.push(no_frame());
        Ok(())
    }

    fn load_from(
        &mut self,
        _turn: &mut TurnState,
        states: &mut dyn Iterator<Item = TValue>,
    ) -> TractResult<()> {
        self.waiting.clear();
        loop {
            let saved = states.next().context("a saved state ends early")?;
            if saved.rank() == 0 {
                return Ok(());
            }
            self.waiting.push_back(saved);
        }
    }

    fn reset_lanes(&mut self, _lanes: &[LaneId]) -> TractResult<()> {
        self.waiting.clear();
        Ok(())
    }
}
