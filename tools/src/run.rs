//! The raw network over frames.

use std::borrow::Borrow;
use std::time::Duration;

use ndarray::{Array2, ArrayD, Axis};
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::step::StepOp;
use praxiscope_runtime::stream::{ModelError, Scores, StateError, Stream, StreamError};
use thiserror::Error;
use tract_core::internal::*;

use crate::frames::{Frames, FramesError, Place};
use crate::import::{one_line, part_pathways};
use crate::rewire::rewire;

/// Why a tensor was not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// Not frames.
    #[error(transparent)]
    Frames(#[from] FramesError),
    /// The network.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Another length or size than the network's only one.
    #[error(
        "the tensor has {found}, and the network holds for {made_for} alone; convert it with \
         --frames and --size for this tensor, or answer windows of it with --hop N"
    )]
    OneSize {
        /// What the tensor has.
        found: String,
        /// What the bundle was made for.
        made_for: String,
    },
    /// A length or size that no such network has.
    #[error("the network has no form for {found}: {reason}")]
    Misfit {
        /// What the tensor has.
        found: String,
        /// Why not.
        reason: String,
    },
    /// A bundle that cannot be run.
    #[error(transparent)]
    Model(#[from] ModelError),
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

/// Whether `frames` (each `[3, H, W]`) are as many and as large as the window of a bundle's network.
pub fn fill_a_window(bundle: &Bundle, frames: &[ArrayD<f32>]) -> bool {
    let manifest = bundle.manifest();
    let geometry = &manifest.input.geometry;
    let is_long = manifest
        .clip
        .is_some_and(|clip| clip.frames == frames.len());
    let is_large = |frame: &ArrayD<f32>| frame.shape()[1..] == [geometry.height, geometry.width];
    is_long && frames.iter().all(is_large)
}

/// What a network of whole clips says of all `frames` (each `[3, H, W]`) as one clip, wired again for
/// their number and size.
///
/// # Errors
/// [`RunError::OneSize`] where that has not been shown to be the network of that size,
/// [`RunError::Misfit`] where there is none.
pub fn whole(bundle: &Bundle, frames: &[ArrayD<f32>]) -> Result<Array2<f32>, RunError> {
    let failed = |error: TractError| StreamError::Network(one_line(&error));
    let graph = bundle.graph().map_err(ModelError::from)?;
    let native = graph.input_fact(0).map_err(failed)?.shape.to_tvec();
    let native: TVec<usize> = native
        .iter()
        .filter_map(|dim| dim.to_usize().ok())
        .collect();
    let has_time = native.len() == 5;
    let views: Vec<_> = frames.iter().map(|frame| frame.view()).collect();
    let clip = ndarray::stack(Axis(usize::from(has_time)), &views)
        .map_err(|error| StreamError::Network(error.to_string()))?;
    let clip = match has_time {
        true => clip.insert_axis(Axis(0)),
        false => clip,
    };
    let shape: TVec<usize> = clip.shape().into();
    let found = size(&shape);
    if !bundle.manifest().clip.is_some_and(|clip| clip.rewires) {
        let made_for = size(&native);
        return Err(RunError::OneSize { found, made_for });
    }
    let rewired = rewire(&graph, &[shape]).map_err(|error| RunError::Misfit {
        found,
        reason: one_line(&error),
    })?;
    let plan = rewired
        .into_optimized()
        .and_then(|graph| graph.into_runnable());
    let clip = tvec!(clip.into_tensor().into_tvalue());
    let answer = plan.and_then(|plan| plan.run(clip)).map_err(failed)?;
    let answer = answer[0].to_plain_array_view::<f32>().map_err(failed)?;
    let (labels, logits) = (bundle.manifest().labels.len(), answer.len());
    if labels != logits {
        return Err(ModelError::LabelCount { labels, logits }.into());
    }
    let row = answer.iter().copied().collect();
    Ok(Array2::from_shape_vec((1, logits), row).unwrap_or_default())
}

/// The shape of an input in words.
fn size(shape: &[usize]) -> String {
    match *shape {
        [frames, _, height, width] | [_, _, frames, height, width] => {
            format!("{frames} frames of {height}x{width}")
        }
        _ => format!("{shape:?}"),
    }
}

/// The frames of a tensor, one after another as `[3, H, W]`.
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
    frames: impl IntoIterator<Item = impl Borrow<ArrayD<f32>>>,
    first: u64,
) -> Result<Vec<Scores>, RunError> {
    let rate = stream.model().manifest().input.frame_rate;
    let place = |number: u64| Place {
        number,
        time: Duration::from_secs_f64(number as f64 / rate),
    };
    step_each(stream, frames.into_iter().zip((first..).map(place)))
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

fn step_each(
    stream: &mut Stream,
    frames: impl Iterator<Item = (impl Borrow<ArrayD<f32>>, Place)>,
) -> Result<Vec<Scores>, RunError> {
    let shape = stream.model().frame_shape().to_vec();
    let mut answers = vec![];
    for (frame, Place { number, time }) in frames {
        let frame = frame.borrow();
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

/// Runs a network of two clips, SlowFast's pathways, once; one row of logits. The clips may stand in any
/// order.
///
/// # Errors
/// [`RunError::Pathways`], or [`RunError::Stream`] when tract refuses to run it.
pub fn pathways(mut graph: TypedModel, clips: Vec<ArrayD<f32>>) -> Result<Array2<f32>, RunError> {
    let failed = |error: TractError| StreamError::Network(one_line(&error));
    part_pathways(&mut graph).map_err(failed)?;
    let mut wanted = vec![];
    for input in 0..graph.inputs.len() {
        let shape = &graph.input_fact(input).map_err(failed)?.shape;
        wanted.push(shape.as_concrete().unwrap_or_default().to_vec());
    }
    let found: Vec<Vec<usize>> = clips.iter().map(|clip| clip.shape().to_vec()).collect();
    let mut rest = clips;
    let mut inputs = tvec![];
    for shape in &wanted {
        let at = rest.iter().position(|clip| clip.shape() == shape);
        inputs.extend(at.map(|at| rest.remove(at).into_tensor().into_tvalue()));
    }
    if inputs.len() != wanted.len() || !rest.is_empty() {
        return Err(RunError::Pathways {
            wanted: list(&wanted),
            found: list(&found),
        });
    }
    let run = || -> TractResult<Vec<f32>> {
        let plan = graph.into_optimized()?.into_runnable()?;
        let output = plan.run(inputs)?.remove(0);
        Ok(output
            .to_plain_array_view::<f32>()?
            .iter()
            .copied()
            .collect())
    };
    let logits = run().map_err(failed)?;
    Ok(Array2::from_shape_vec((1, logits.len()), logits).unwrap_or_default())
}

/// The frames that a step program of two pathways takes, if the other clip is what it takes of them for
/// its pathway of fewer frames.
///
/// # Errors
/// [`RunError::Pathways`] if it is anything else, [`RunError::Frames`].
pub fn fast_frames(
    program: &TypedModel,
    clips: &[ArrayD<f32>],
) -> Result<Vec<ArrayD<f32>>, RunError> {
    let every = slow_pathway(program);
    let mut sorted = vec![];
    for clip in clips {
        sorted.push(frames(clip)?);
    }
    sorted.sort_by_key(|frames| std::cmp::Reverse(frames.len()));
    if let ([fast, slow], Some(every)) = (&sorted[..], every)
        && fast.iter().step_by(every).eq(slow)
    {
        return Ok(sorted.swap_remove(0));
    }
    let shapes: Vec<Vec<usize>> = clips.iter().map(|clip| clip.shape().to_vec()).collect();
    Err(RunError::Pathways {
        wanted: match every {
            Some(every) => format!("frames, and the first of every {every} of them beside them"),
            None => "one clip".into(),
        },
        found: list(&shapes),
    })
}

/// Of how many frames a step program's pathway of fewer frames takes the first.
fn slow_pathway(program: &TypedModel) -> Option<usize> {
    let source = program.inputs.first()?;
    let reads = |node: &&TypedNode| node.inputs.first() == Some(source);
    let every = |node: &TypedNode| match node.op_as::<StepOp>()? {
        StepOp::Sample { every, first: 0 } => Some(*every),
        StepOp::Conv(conv) if conv.time.kernel == 1 => Some(conv.time.stride),
        _ => None,
    };
    let all = program.nodes().iter().filter(reads).filter_map(every);
    all.max().filter(|every| *every > 1)
}

fn list(shapes: &[Vec<usize>]) -> String {
    let shapes: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
    shapes.join(" and ")
}

/// The logits of answers as rows.
pub fn rows(answers: &[Scores], classes: usize) -> Array2<f32> {
    let values = answers
        .iter()
        .flat_map(|answer| answer.logits.iter().copied())
        .collect();
    Array2::from_shape_vec((answers.len(), classes), values).unwrap_or_default()
}
