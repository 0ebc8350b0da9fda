//! The raw network over frames.

use std::time::Duration;

use ndarray::{Array2, ArrayD};
use praxiscope_runtime::stream::{Scores, StateError, Stream, StreamError};
use thiserror::Error;
use tract_core::prelude::*;

use crate::frames::{Frames, FramesError, Place};
use crate::import::one_line;

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
    /// Clips that are not those of a network's pathways.
    #[error("the network takes {wanted}, and was given {found}")]
    Pathways {
        /// The network's inputs.
        wanted: String,
        /// The tensors.
        found: String,
    },
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

/// Runs a network of several clips, SlowFast's pathways, once; one row of logits.
///
/// # Errors
/// [`RunError::Pathways`], or [`RunError::Stream`] when tract refuses to run it.
pub fn pathways(graph: TypedModel, clips: Vec<ArrayD<f32>>) -> Result<Array2<f32>, RunError> {
    let failed = |error: TractError| StreamError::Network(one_line(&error));
    let mut wanted = vec![];
    for input in 0..graph.inputs.len() {
        let shape = &graph.input_fact(input).map_err(failed)?.shape;
        wanted.push(shape.as_concrete().unwrap_or_default().to_vec());
    }
    let found: Vec<Vec<usize>> = clips.iter().map(|clip| clip.shape().to_vec()).collect();
    if wanted != found {
        let list = |shapes: &[Vec<usize>]| {
            let shapes: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
            shapes.join(" and ")
        };
        return Err(RunError::Pathways {
            wanted: list(&wanted),
            found: list(&found),
        });
    }
    let run = || -> TractResult<Vec<f32>> {
        let inputs = clips
            .into_iter()
            .map(|clip| clip.into_tensor().into_tvalue());
        let plan = graph.into_optimized()?.into_runnable()?;
        let output = plan.run(inputs.collect())?.remove(0);
        Ok(output
            .to_plain_array_view::<f32>()?
            .iter()
            .copied()
            .collect())
    };
    let logits = run().map_err(failed)?;
    Ok(Array2::from_shape_vec((1, logits.len()), logits).unwrap_or_default())
}

/// The logits of answers as rows.
pub fn rows(answers: &[Scores], classes: usize) -> Array2<f32> {
    let values = answers
        .iter()
        .flat_map(|answer| answer.logits.iter().copied())
        .collect();
    Array2::from_shape_vec((answers.len(), classes), values).unwrap_or_default()
}
