//! Clip mode: the ring of the last frames, recomputed every `hop` frames.

use std::collections::VecDeque;

use tract_core::internal::*;

use crate::bundle::Clip;

/// The exported clip network over a sliding window.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    state: TypedSimpleState,
    clip: Clip,
    time_axis: usize,
    ring: VecDeque<TValue>,
    /// Frames until the next answer.
    due: usize,
}

impl Window {
    pub fn new(plan: &Arc<TypedSimplePlan>, clip: Clip, time_axis: usize) -> TractResult<Window> {
        Ok(Window {
            state: plan.spawn()?,
            clip,
            time_axis,
            ring: VecDeque::new(),
            due: clip.frames,
        })
    }

    /// Takes the next frame; gives the clip's output when one is due.
    pub fn step(&mut self, frame: TValue) -> TractResult<Option<Tensor>> {
        if self.ring.len() == self.clip.frames {
            self.ring.pop_front();
        }
        self.ring.push_back(frame);
        self.due -= 1;
        if self.due > 0 {
            return Ok(None);
        }
        self.due = self.clip.hop;
        let frames: Vec<&Tensor> = self.ring.iter().map(|frame| &**frame).collect();
        let clip = Tensor::stack_tensors(self.time_axis, &frames)?;
        let output = self.state.run(tvec!(clip.into_tvalue()))?;
        Ok(output.into_iter().next().map(|value| value.into_tensor()))
    }

    pub fn reset(&mut self) {
        self.ring.clear();
        self.due = self.clip.frames;
    }

    /// The frames in the ring, preceded by the number of frames until the next answer.
    pub fn save(&self) -> Vec<TValue> {
        let due = tensor0(self.due as u64).into_tvalue();
        std::iter::once(due)
            .chain(self.ring.iter().cloned())
            .collect()
    }

    pub fn restore(&mut self, saved: Vec<TValue>, frame_shape: &[usize]) -> TractResult<()> {
        let mut saved = saved.into_iter();
        let due = saved.next().context("a window's state is empty")?;
        let due = due.cast_to_scalar::<u64>()? as usize;
        let ring: VecDeque<TValue> = saved.collect();
        ensure!(
            (1..=self.clip.frames.max(self.clip.hop)).contains(&due)
                && ring.len() <= self.clip.frames
                && ring
                    .iter()
                    .all(|f| f.shape() == frame_shape && f.datum_type() == f32::datum_type()),
            "a window of {} frames, the next answer due in {due}",
            ring.len()
        );
        (self.due, self.ring) = (due, ring);
        Ok(())
    }
}
