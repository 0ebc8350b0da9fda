//! The raw network over frames.

use std::time::Duration;

use ndarray::{Array2, ArrayD};
use praxiscope_runtime::stream::{Scores, StateError, Stream, StreamError};
use thiserror::Error;
use tract_core::prelude::IntoTensor;

use crate::frames::{Frames, FramesError, Place};

/// Why a tensor was not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// Not frames.
    #[error(transparent)]
    Frames(#[from] FramesError),
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
/// [`RunError::Frames`].
pub fn frames(tensor: &ArrayD<f32>) -> Result<Vec<ArrayD<f32>>, RunError> {
    Ok(Frames::of_tensor(tensor, 1.0)?.values)
}

/// Steps through `frames` (each `[3, H, W]`) at the model's rate; numbers count from `first`.
///
/// # Errors
/// [`RunError::Stream`], if a frame has not the network's size for one.
pub fn step_all(
    stream: &mut Stream,
    frames: &[ArrayD<f32>],
    first: u64,
) -> Result<Vec<Scores>, RunError> {
    let rate = stream.model().manifest().input.frame_rate;
    let place = |number: u64| Place {
        number,
        time: Duration::from_secs_f64(number as f64 / rate),
    };
    step_each(stream, frames.iter().zip((first..).map(place)))
}

/// Steps through frames, each with its own number and time.
///
/// # Errors
/// [`RunError::Stream`], if a frame has not the network's size for one.
pub fn step_frames(stream: &mut Stream, frames: &Frames) -> Result<Vec<Scores>, RunError> {
    step_each(
        stream,
        frames.values.iter().zip(frames.places.iter().copied()),
    )
}

fn step_each<'a>(
    stream: &mut Stream,
    frames: impl Iterator<Item = (&'a ArrayD<f32>, Place)>,
) -> Result<Vec<Scores>, RunError> {
    let shape = stream.model().frame_shape().to_vec();
    let mut answers = vec![];
    for (frame, Place { number, time }) in frames {
        let fits = frame.len() == shape.iter().product::<usize>()
            && frame.shape()[1..] == shape[shape.len() - 2..];
        if !fits {
            let (found, wanted) = (frame.shape().to_vec(), shape);
            return Err(StreamError::Shape { found, wanted }.into());
        }
        let values = frame.iter().copied().collect();
        let frame = ArrayD::from_shape_vec(shape.clone(), values)
            .map_err(|error| StreamError::Network(error.to_string()))?;
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
