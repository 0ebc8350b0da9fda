//! What an integer program answers, beside the float program's answers.

use std::sync::Arc;

use praxiscope_runtime::step::{Made, Program, Run};

use super::recordings::Recordings;
use super::report::finite;
use super::signal::Signal;
use super::{QuantizeError, failed};
use crate::compare::top;

/// How far the answers of two programs are apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    /// Rows that were compared.
    pub rows: usize,
    /// Those with the float program's first class.
    pub same_top: usize,
    pub logits: Signal,
}

impl Answers {
    pub fn add(&mut self, truth: &[f32], other: &[f32]) {
        self.rows += 1;
        self.same_top += usize::from(top(truth.iter()) == top(other.iter()));
        for (truth, other) in truth.iter().zip(other) {
            self.logits.add(*truth, *other);
        }
    }

    /// Share of the answers whose first class is another.
    pub fn drop(&self) -> f64 {
        1.0 - self.same_top as f64 / self.rows.max(1) as f64
    }

    /// Of the logits, to a hundredth; `None` if they are equal.
    pub fn decibels(&self) -> Option<f64> {
        finite(self.logits.decibels())
    }

    /// Decibels by which the logits are clearer.
    pub fn gain_over(&self, other: &Answers) -> f64 {
        let decibels = |answers: &Answers| answers.logits.decibels().unwrap_or(f64::NEG_INFINITY);
        decibels(self) - decibels(other)
    }

    /// By the logits: which of a few answers are the same is a matter of chance.
    pub fn is_better_than(&self, other: &Answers) -> bool {
        self.gain_over(other) > 0.0
    }
}

/// Which recordings are played, and how far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Of so many recordings one is played.
    pub every: usize,
    /// Its first frames.
    pub frames: usize,
}

impl Part {
    pub const ALL: Part = Part {
        every: 1,
        frames: usize::MAX,
    };

    /// Some recordings, and the beginnings of them: enough to tell nodes that matter from others.
    pub fn sample(recordings: usize) -> Part {
        const RECORDINGS: usize = 8;
        Part {
            every: recordings.div_ceil(RECORDINGS).max(1),
            frames: 48 / recordings.clamp(1, RECORDINGS),
        }
    }
}

/// Plays recordings to an integer program. `truths` are the float program's rows of each.
pub(super) fn answers(
    program: &Arc<Program>,
    truths: &[Vec<Vec<f32>>],
    recordings: &mut dyn Recordings,
    part: Part,
    progress: &mut dyn FnMut(usize),
) -> Result<Answers, QuantizeError> {
    let output = program.output_wire();
    let mut found = Answers::default();
    for number in (0..recordings.count()).step_by(part.every) {
        let mut run = Run::new(program);
        let mut truths = truths.get(number).into_iter().flatten();
        let mut compare = |wire: usize, made: Made<'_>| {
            if wire == output
                && let Some(truth) = truths.next()
            {
                found.add(truth, &numbers(made));
            }
        };
        let mut frames = 0;
        recordings.play(number, &mut |frame| {
            frames += 1;
            match frames <= part.frames {
                true => run.observe(frame, &mut compare).map_err(failed),
                false => Ok(()),
            }
        })?;
        if frames <= part.frames {
            run.observe_end(&mut compare).map_err(failed)?;
        }
        progress(number + 1);
    }
    Ok(found)
}

pub(super) fn numbers(map: Made<'_>) -> Vec<f32> {
    match map {
        Made::Numbers(numbers) => numbers.to_vec(),
        Made::Values(values, quantization) => {
            let steps = values
                .iter()
                .map(|value| i32::from(*value) - i32::from(quantization.zero_point));
            steps
                .map(|steps| steps as f32 * quantization.scale)
                .collect()
        }
    }
}
