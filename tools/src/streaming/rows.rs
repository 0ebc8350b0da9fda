//! Rows of a step program and of a clip graph for one recording.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ndarray::{Array3, ArrayD, Axis};
use praxiscope_runtime::step::{Program, Run};
use tract_core::internal::*;

/// What a step program gives for a recording of frames `[H, W, 3]`, row by row, the tail included.
///
/// # Errors
/// When a frame has another size, or a kernel refuses it.
pub fn step_rows(program: &Arc<Program>, recording: &[Array3<f32>]) -> TractResult<Vec<Vec<f32>>> {
    let mut run = Run::new(program);
    let mut rows = vec![];
    for frame in recording {
        let frame = frame.as_slice().context("a frame lies in one piece")?;
        rows.extend(run.step(frame)?.map(|answer| answer.values.to_vec()));
    }
    rows.extend(run.finish()?.map(|answer| answer.values.to_vec()));
    Ok(rows)
}

/// What a clip graph, made for as many frames as the recording has, gives for it, as it lies.
///
/// # Errors
/// When tract refuses the graph or the frames.
pub fn clip_output(graph: &TypedModel, recording: &[Array3<f32>]) -> TractResult<ArrayD<f32>> {
    output_of(&plan(graph)?, graph, recording)
}

/// As [`clip_output`], node by node as the graph has them: slower, and without what tract may get wrong
/// when it moves strides through a graph.
///
/// # Errors
/// When tract refuses the graph or the frames.
pub fn clip_output_as_is(
    graph: &TypedModel,
    recording: &[Array3<f32>],
) -> TractResult<ArrayD<f32>> {
    output_of(&graph.clone().into_runnable()?, graph, recording)
}

fn output_of(
    plan: &Arc<TypedRunnableModel>,
    graph: &TypedModel,
    recording: &[Array3<f32>],
) -> TractResult<ArrayD<f32>> {
    let output = plan.run(clips(graph, recording)?)?;
    let output = output.first().context("a network has an output")?;
    Ok(output.to_plain_array_view::<f32>()?.to_owned())
}

/// A graph ready to run. Where tract gives up on optimizing it, it is run as it is.
///
/// # Errors
/// When tract refuses the graph.
pub fn plan(graph: &TypedModel) -> TractResult<Arc<TypedRunnableModel>> {
    let optimize = AssertUnwindSafe(|| graph.clone().into_optimized());
    let optimized = std::panic::catch_unwind(optimize);
    match optimized {
        Ok(Ok(optimized)) => optimized.into_runnable(),
        _ => graph.clone().into_runnable(),
    }
}

/// A recording as a clip graph takes it, `[T, 3, H, W]` or `[1, 3, T, H, W]`; an input for fewer frames
/// is given the first of every so many.
///
/// # Errors
/// When the frames differ in size, or are too few for an input.
pub fn clips(graph: &TypedModel, recording: &[Array3<f32>]) -> TractResult<TVec<TValue>> {
    let mut clips = tvec![];
    for input in graph.input_outlets()? {
        let shape = &graph.outlet_fact(*input)?.shape;
        let axis = if shape.rank() == 5 { 2 } else { 0 };
        let frames = shape[axis].to_usize()?;
        let every = recording.len() / frames.max(1);
        ensure!(
            every > 0,
            "{} frames for an input of {frames}",
            recording.len()
        );
        let frames: Vec<_> = recording
            .iter()
            .step_by(every)
            .take(frames)
            .map(|frame| frame.view())
            .collect();
        let clip = ndarray::stack(Axis(0), &frames)?;
        let clip: ArrayD<f32> = match axis {
            0 => clip.permuted_axes([0, 3, 1, 2]).into_dyn(),
            _ => clip
                .permuted_axes([3, 0, 1, 2])
                .insert_axis(Axis(0))
                .into_dyn(),
        };
        clips.push(clip.as_standard_layout().into_owned().into_tvalue());
    }
    Ok(clips)
}

/// Frames of noise between -1 and 1, the same ones every time.
pub fn noise(frames: usize, (height, width): (usize, usize)) -> Vec<Array3<f32>> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut frame = || Array3::from_shape_simple_fn((height, width, 3), &mut next);
    (0..frames).map(|_| frame()).collect()
}
