//! The raw network over a tensor of frames.

use std::time::Duration;

use ndarray::{Array2, ArrayD, Axis};
use praxiscope_runtime::stream::{Scores, StateError, Stream, StreamError};
use thiserror::Error;
use tract_core::prelude::IntoTensor;

/// Why a tensor was not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// Not frames.
    #[error("the tensor has the shape {0:?}; frames are [T, 3, H, W] or [1, 3, T, H, W]")]
    Layout(Vec<usize>),
    /// The network.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A state.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The frames of a tensor `[T, 3, H, W]` or `[1, 3, T, H, W]`, one after another as `[3, H, W]`.
///
/// # Errors
/// [`RunError::Layout`].
pub fn frames(tensor: &ArrayD<f32>) -> Result<Vec<ArrayD<f32>>, RunError> {
    let axis = match *tensor.shape() {
        [_, 3, _, _] => 0,
        [1, 3, _, _, _] => 2,
        _ => return Err(RunError::Layout(tensor.shape().to_vec())),
    };
    let frame = |frame: ndarray::ArrayViewD<f32>| match axis {
        0 => frame.to_owned(),
        _ => frame.index_axis(Axis(0), 0).to_owned(),
    };
    Ok(tensor.axis_iter(Axis(axis)).map(frame).collect())
}

/// Steps through `frames` (each `[3, H, W]`); numbers count from `first`.
///
/// # Errors
/// [`RunError::Stream`], if a frame has not the network's size for one.
pub fn step_all(
    stream: &mut Stream,
    frames: &[ArrayD<f32>],
    first: u64,
) -> Result<Vec<Scores>, RunError> {
    let shape = stream.model().frame_shape().to_vec();
    let rate = stream.model().manifest().input.frame_rate;
    let mut answers = vec![];
    for (number, frame) in (first..).zip(frames) {
        let fits = frame.len() == shape.iter().product::<usize>()
            && frame.shape()[1..] == shape[shape.len() - 2..];
        if !fits {
            let (found, wanted) = (frame.shape().to_vec(), shape);
            return Err(StreamError::Shape { found, wanted }.into());
        }
        let values = frame.iter().copied().collect();
        let frame = ArrayD::from_shape_vec(shape.clone(), values)
            .map_err(|error| StreamError::Network(error.to_string()))?;
        let time = Duration::from_secs_f64(number as f64 / rate);
        answers.extend(stream.step_tensor(frame.into_tensor(), number, time)?);
    }
    Ok(answers)
}

/// The logits of answers as rows.
pub fn rows(answers: &[Scores], classes: usize) -> Array2<f32> {
    let values = answers
        .iter()
        .flat_map(|answer| answer.logits.iter().copied())
        .collect();
    Array2::from_shape_vec((answers.len(), classes), values).unwrap_or_default()
}
