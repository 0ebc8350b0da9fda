//! Programs and clip graphs against the source that they were made of.

use ndarray::{Array2, Array3, ArrayD};
use praxiscope_runtime::step::Program;
use tract_core::internal::*;

use super::Comparison;
use super::measure::compare;
use crate::reference::Reference;
use crate::streaming::{
    Options, StepProgram, Window, clip_output, frames_of, noise, step_rows, to_step,
};

/// Frames over which a step network is compared.
const STEPS: usize = 16;

/// Holds a step program against the source, a step network, over some frames.
///
/// # Errors
/// When one of them does not run.
pub fn steps_with_source(
    step: &StepProgram,
    size: (usize, usize),
    reference: &mut dyn Reference,
) -> TractResult<Comparison> {
    let recording = noise(STEPS, size);
    let rows = step_rows(&Program::compile(&step.graph)?, &recording)?;
    let theirs = reference.step_all(&planes(&recording))?;
    let ours = Array2::from_shape_vec((rows.len(), theirs.ncols()), rows.concat())?;
    let what = "step program against the source, caches carried along";
    let (by, input) = (reference.name(), format!("{STEPS} frames of noise"));
    compare([what, &by, &input], &ours.into_dyn(), &theirs.into_dyn())
}

/// Frames `[H, W, 3]` as `[3, H, W]`.
fn planes(recording: &[Array3<f32>]) -> Vec<ArrayD<f32>> {
    recording
        .iter()
        .map(|frame| frame.view().permuted_axes([2, 0, 1]).to_owned().into_dyn())
        .collect()
}

/// Holds the clip graph over its own clip against the source in a reference.
///
/// # Errors
/// When one of them does not run.
pub fn with_source(
    clip: &TypedModel,
    size: (usize, usize),
    reference: &mut dyn Reference,
) -> TractResult<Comparison> {
    let frames = frames_of(clip);
    let recording = noise(frames, size);
    let ours = clip_output(clip, &recording)?;
    let theirs = reference.windows(&planes(&recording), frames, 1)?;
    let shape = [ours.len() / theirs.ncols().max(1), theirs.ncols()];
    // A network that gives rows is exported with their mean, or with the rows side by side.
    let shape = if theirs.len() == ours.len() {
        [1, ours.len()]
    } else {
        shape
    };
    let ours = ours.into_shape_with_order(shape)?;
    let what = "clip graph against the source";
    let (by, input) = (reference.name(), format!("{frames} frames of noise"));
    compare([what, &by, &input], &ours.into_dyn(), &theirs.into_dyn())
}

/// Holds a step program, its last mean over all rows, against a source that holds for longer clips,
/// over a recording longer than the network's own clip: the last answer, when all that was owed is
/// given.
///
/// # Errors
/// When one of them does not run.
pub fn with_longer_source(
    clip: &TypedModel,
    size: (usize, usize),
    reference: &mut dyn Reference,
) -> TractResult<Comparison> {
    let options = Options {
        window: Window::All,
        dense: false,
    };
    let program = to_step(clip, &options)?;
    let native = frames_of(clip);
    let frames = native + native.next_multiple_of(program.stride);
    let recording = noise(frames, size);
    let rows = step_rows(&Program::compile(&program.graph)?, &recording)?;
    let last = rows.last().context("no answer")?;
    let ours = Array2::from_shape_vec((1, last.len()), last.clone())?;
    let theirs = reference.windows(&planes(&recording), frames, 1)?;
    let what = "step program, its last mean over all rows, against the source over a longer clip";
    let (by, input) = (reference.name(), format!("{frames} frames of noise"));
    compare([what, &by, &input], &ours.into_dyn(), &theirs.into_dyn())
}
