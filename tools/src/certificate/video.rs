//! The program beside the clip network on the windows of a video.

use ndarray::Array3;
use praxiscope_runtime::step::Program;
use serde::{Deserialize, Serialize};
use tract_core::internal::*;

use crate::streaming::{Options, Window, clips, frames_of, plan, step_rows, to_step};

/// Windows that are looked at, spread over the video.
const MOST_WINDOWS: usize = 24;

/// What the program says of the frames of a window, after it has seen all before, beside what the clip
/// network says that sees these frames alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnVideo {
    /// The video.
    pub video: String,
    /// Windows that were compared.
    pub windows: usize,
    /// Frames of a window.
    pub frames: usize,
    /// Largest difference of a logit.
    pub largest_difference: f64,
    /// Mean difference of all logits.
    pub mean_difference: f64,
    /// Largest logit of the clip network.
    pub largest_logit: f64,
    /// The part of the windows in which both have the same first class.
    pub agreement: f64,
}

/// Compares on frames `[H, W, 3]`; `None` where they are too few for a window.
///
/// # Errors
/// When one of them does not run.
pub fn on_video(
    graph: &TypedModel,
    options: &Options,
    video: &str,
    frames: &[Array3<f32>],
) -> TractResult<Option<OnVideo>> {
    let length = frames_of(graph);
    // Rows of single frames are averaged, as the network's consensus does.
    let native = to_step(graph, options)?;
    let window = match native.combines_rows {
        true => Window::Native,
        false => Window::Frames(length),
    };
    let program = to_step(graph, &Options { window, ..*options })?;
    let rows = step_rows(&Program::compile(&program.graph)?, frames)?;
    let plan = plan(graph)?;
    let stride = program.stride * program.rows_apart;
    let Some(last) = frames.len().checked_sub(length) else {
        return Ok(None);
    };
    let apart = last
        .div_ceil(MOST_WINDOWS)
        .next_multiple_of(stride)
        .max(stride);
    let mut found = OnVideo {
        video: video.to_owned(),
        windows: 0,
        frames: length,
        largest_difference: 0.0,
        mean_difference: 0.0,
        largest_logit: 0.0,
        agreement: 0.0,
    };
    for start in (0..=last).step_by(apart) {
        // The row whose mean is over the window's own rows.
        let row = start / program.stride + (program.native_rows - 1) * program.rows_apart;
        let Some(ours) = rows.get(row) else {
            break;
        };
        let output = plan.run(clips(graph, &frames[start..start + length])?)?;
        let output: Vec<f32> = output[0]
            .to_plain_array_view::<f32>()?
            .iter()
            .copied()
            .collect();
        let theirs = mean_of_rows(&output, ours.len());
        let apart = ours
            .iter()
            .zip(&theirs)
            .map(|(a, b)| f64::from((a - b).abs()));
        let apart: Vec<f64> = apart.collect();
        found.windows += 1;
        found.largest_difference = apart
            .iter()
            .copied()
            .fold(found.largest_difference, f64::max);
        found.mean_difference += apart.iter().sum::<f64>() / apart.len().max(1) as f64;
        let largest = theirs.iter().map(|x| f64::from(x.abs()));
        found.largest_logit = largest.fold(found.largest_logit, f64::max);
        found.agreement += f64::from(u8::from(first(ours) == first(&theirs)));
    }
    if found.windows == 0 {
        return Ok(None);
    }
    found.mean_difference /= found.windows as f64;
    found.agreement /= found.windows as f64;
    Ok(Some(found))
}

fn mean_of_rows(output: &[f32], classes: usize) -> Vec<f32> {
    let rows = output.len() / classes.max(1);
    let mean = |class: usize| {
        let values = output.iter().skip(class).step_by(classes.max(1));
        values.sum::<f32>() / rows.max(1) as f32
    };
    (0..classes).map(mean).collect()
}

fn first(row: &[f32]) -> Option<usize> {
    let largest = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    largest.map(|(class, _)| class)
}
