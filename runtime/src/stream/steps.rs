//! A step program over frames that have numbers and times.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{FrameId, StateError};
use crate::step::{Answer, Input, NodeTime, Program, Run, RunError, Saved, Team};

/// One stream through a step program, with the frames that answers may still speak of.
#[derive(Debug)]
pub(super) struct Steps {
    run: Run,
    /// Frames from the one that the next answer may speak of to the newest.
    pending: VecDeque<FrameId>,
}

/// An answer, and the frame that it speaks of.
pub(super) struct Row {
    pub of: FrameId,
    pub logits: Vec<f32>,
}

impl Steps {
    pub fn new(program: &Arc<Program>) -> Steps {
        Steps {
            run: Run::new(program),
            pending: VecDeque::new(),
        }
    }

    /// Takes the next frame, which `fill` writes as `[H, W, 3]`.
    pub fn step(
        &mut self,
        id: FrameId,
        fill: impl FnOnce(Input<'_>),
    ) -> Result<Option<Row>, RunError> {
        self.pending.push_back(id);
        let pending = &mut self.pending;
        let newest = self.run.frames();
        let answers = self.run.step_with(fill).inspect_err(|_| pending.clear())?;
        // A program that gives more than one at once was refused when it was loaded.
        let row = answers.map(|answer| named(pending, newest, &answer)).next();
        Ok(row.flatten())
    }

    /// Ends the recording; gives all that is still owed.
    pub fn finish(&mut self) -> Result<Vec<Row>, RunError> {
        let Some(newest) = self.run.frames().checked_sub(1) else {
            return Ok(vec![]);
        };
        let pending = &mut self.pending;
        let answers = self.run.finish()?;
        Ok(answers
            .filter_map(|answer| named(pending, newest, &answer))
            .collect())
    }

    pub fn share_work(&mut self, team: &Arc<Team>) {
        self.run.share_work(team);
    }

    pub fn start_profile(&mut self) {
        self.run.start_profile();
    }

    pub fn profile(&self) -> Vec<NodeTime> {
        self.run.profile()
    }

    pub fn reset(&mut self) {
        self.run.reset();
        self.pending.clear();
    }

    pub fn save(&self) -> (Vec<FrameId>, Saved) {
        (self.pending.iter().copied().collect(), self.run.save())
    }

    pub fn restore(&mut self, pending: Vec<FrameId>, saved: &Saved) -> Result<(), StateError> {
        self.reset();
        let refused = |why: String| StateError::Refused(why);
        self.run
            .restore(saved)
            .map_err(|error| refused(error.to_string()))?;
        let frames = self.run.frames();
        if pending.len() as u64 > frames {
            self.reset();
            return Err(refused(format!(
                "it has {} frames of {frames} pending",
                pending.len()
            )));
        }
        self.pending = pending.into();
        Ok(())
    }
}

/// Names the frame that an answer speaks of, and forgets those before it: the next answer speaks of no
/// earlier one. `newest` is the number of the last frame in `pending`, in the recording's own count.
fn named(pending: &mut VecDeque<FrameId>, newest: u64, answer: &Answer) -> Option<Row> {
    let ahead = usize::try_from(newest.checked_sub(answer.frame?)?).ok()?;
    let earlier = pending.len().checked_sub(ahead + 1)?;
    pending.drain(..earlier);
    Some(Row {
        of: *pending.front()?,
        logits: answer.values.to_vec(),
    })
}
