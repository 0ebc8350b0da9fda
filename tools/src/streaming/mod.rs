//! From a clip graph to a step program.
//!
//! [`to_step`] walks over the clip graph and follows what each axis stands for. What operators do to
//! time becomes windows over rows ([`praxiscope_runtime::step`]); what has to see the whole clip before
//! it gives anything becomes the same over the last rows, and is listed as a change. What has no such
//! form is refused by its name, and never taken for something else.

mod axes;
mod clean;
mod function;
mod long;
mod lower;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use praxiscope_runtime::ops::{Form, TemporalShift};
use praxiscope_runtime::step::{Reduction, Sliding, StepOp};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tract_core::internal::*;

pub use long::over;
use lower::{Lowering, Program, Rows, Stop};
pub use rows::{clip_output, clip_output_as_is, clips, noise, plan, step_rows};

/// What a step program shall do that its clip graph does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether every frame is answered: temporal strides become dilations of what comes behind.
    pub dense: bool,
    /// What the last mean over time is taken over.
    pub window: Window,
}

/// What the answers' mean over time is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// As many rows as the network's own clip has; the row alone where the network gives rows.
    #[default]
    Native,
    /// The rows that a clip of so many frames has.
    Frames(usize),
    /// All rows since the recording began.
    All,
}

/// Something that a step program does otherwise than its clip graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The node of the clip graph.
    pub node: String,
    /// What is otherwise, in words.
    pub what: String,
}

/// A network has no form frame by frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{node}` cannot be run frame by frame: {reason}; --mode clip --hop N recomputes the network over \
     a window every N frames instead"
)]
pub struct Refused {
    /// The node of the clip graph.
    pub node: String,
    /// Why, in words.
    pub reason: String,
}

/// A network that takes one frame at a time.
#[derive(Clone, Debug)]
pub struct StepProgram {
    /// The graph of step operators, from a frame `[H, W, 3]` to the last frame `[h, w, C]`, which is
    /// `[1, 1, classes]` of a whole network.
    pub graph: TypedModel,
    /// What is done otherwise than in the clip graph.
    pub changes: Vec<Change>,
    /// Frames from one answer to the next.
    pub stride: usize,
    /// Rows of the program for one row of the clip graph: more than one where every frame is answered
    /// and the clip graph answers seldom.
    pub rows_apart: usize,
    /// Whether the clip graph itself combines rows at its end.
    pub combines_rows: bool,
    /// Rows of the native clip that the last mean over time combines, or of which the last one answers;
    /// 1 where there is none of these.
    pub native_rows: usize,
    /// Rows that it combines in the program; `None`: all since the recording began.
    pub window_rows: Option<usize>,
}

/// Turns a clip graph, whose input is `[T, 3, H, W]` or `[1, 3, T, H, W]`, into a step program.
///
/// # Errors
/// [`Refused`] names the first node that has no form frame by frame.
pub fn to_step(graph: &TypedModel, options: &Options) -> Result<StepProgram, Refused> {
    let program = lowered(graph, options)?;
    let frames = frames_of(graph);
    finish(program, frames, options).map_err(|error| Refused {
        node: "the network".into(),
        reason: crate::import::one_line(&error),
    })
}

fn lowered(graph: &TypedModel, options: &Options) -> Result<Program, Refused> {
    let mut otherwise = HashSet::new();
    loop {
        match Lowering::new(graph, options, &otherwise).run() {
            Ok(program) => return Ok(program),
            Err((_, Stop::Otherwise(other))) if otherwise.insert(other) => {}
            Err((node, Stop::Otherwise(_))) => {
                let reason = "it uses one row of the clip for all frames".into();
                return Err(Refused { node, reason });
            }
            Err((node, Stop::Refused(reason))) => return Err(Refused { node, reason }),
        }
    }
}

/// Rows of the last mean over time, where the native clip of `frames` frames has `rows`.
fn window_rows(rows: Rows, frames: usize, window: Window) -> Option<usize> {
    match window {
        Window::Native => Some(rows.native),
        Window::Frames(wanted) => {
            let added = (wanted as isize - frames as isize).div_euclid(rows.stride as isize);
            Some((rows.native as isize + added).max(1) as usize)
        }
        Window::All => None,
    }
}

/// The graph of a network of single frames as a clip graph of one frame.
pub fn in_clip_form(mut graph: TypedModel) -> TypedModel {
    for node in graph.nodes_mut() {
        if let Some(shift) = node.op_as_mut::<TemporalShift>() {
            *shift = shift.with_form(Form::Clip);
        }
    }
    graph
}

/// The last maps of a clip graph before its last mean over time: one, or one for each pathway; none
/// where it has no such mean.
///
/// # Errors
/// [`Refused`].
pub fn features(graph: &TypedModel, options: &Options) -> Result<Vec<OutletId>, Refused> {
    let program = lowered(graph, options)?;
    let is_head = |slide: &usize| program.heads.iter().any(|(head, _)| head == slide);
    let heads = program.slides.iter().filter(|(_, slide)| is_head(slide));
    let mut features: Vec<OutletId> = heads.map(|(node, _)| graph.node(*node).inputs[0]).collect();
    features.sort_unstable();
    Ok(features)
}

/// The frames of a clip graph's clip, of its longest where it has several inputs.
pub fn frames_of(graph: &TypedModel) -> usize {
    let inputs = graph.input_outlets().unwrap_or_default();
    let frames = inputs.iter().filter_map(|input| frames_at(graph, *input));
    frames.max().unwrap_or(1)
}

/// The frames that an input takes.
pub(crate) fn frames_at(graph: &TypedModel, input: OutletId) -> Option<usize> {
    let shape = graph.outlet_fact(input).ok()?.shape.to_tvec();
    let axis = if shape.len() == 5 { 2 } else { 0 };
    shape.get(axis)?.to_usize().ok()
}

/// Gives the last mean over time its window, and cleans the program up.
fn finish(mut program: Program, frames: usize, options: &Options) -> TractResult<StepProgram> {
    let heads = program.heads.iter().map(|(_, rows)| *rows);
    let is_seldom = |rows: Rows| rows.dilation > 1;
    ensure!(
        options.window != Window::All || !heads.chain([program.rows]).any(is_seldom),
        "with every frame answered (--dense), the mean over all rows (--window all) would be over more \
         rows than the network has"
    );
    let window = |rows: Rows| window_rows(rows, frames, options.window);
    for (slide, rows) in &program.heads {
        let node = program.step.node_mut(*slide);
        let Some(StepOp::Sliding(sliding)) = node.op_as_mut::<StepOp>() else {
            bail!("{node} is no operator over a window of rows");
        };
        sliding.frames = window(*rows);
    }
    let mut output = program.output;
    if program.has_bare_rows() && options.window != Window::Native {
        let sliding = StepOp::Sliding(Sliding {
            of: Reduction::Mean,
            frames: window(program.rows),
            dilation: program.rows.dilation,
        });
        output = program.step.wire_node("window", sliding, &[output])?[0];
    }
    let rows = match (program.heads.first(), options.window) {
        (Some((_, rows)), _) => Rows { ..*rows },
        (None, Window::Frames(_) | Window::All) if program.has_bare_rows() => program.rows,
        (None, _) => Rows {
            native: 1,
            ..program.rows
        },
    };
    let window_rows = match program.is_picked && program.heads.is_empty() {
        true => Some(1),
        false => window(rows),
    };
    program.step.select_output_outlets(&[output])?;
    Ok(StepProgram {
        graph: clean::clean(&program.step)?,
        changes: program.changes,
        stride: program.rows.stride / program.rows.dilation,
        rows_apart: program.rows.dilation,
        combines_rows: !program.has_time,
        native_rows: program.last.map_or(rows.native, |(_, before)| before + 1),
        window_rows,
    })
}
