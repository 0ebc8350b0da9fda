//! From a family and a checkpoint to a graph.

use praxiscope_runtime::ops::{Form, ShiftDirection};
use tract_core::internal::TypedModel;

use crate::checkpoint::Checkpoint;
use crate::error::BuildError;
use crate::family::Family;
use crate::layers::mean_over_time;
use crate::tsm::{self, Backbone};

const MAX_FRAMES: usize = 4096;
const MAX_SIDE: usize = 4096;

/// What neither the family nor the checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BuildOptions {
    /// Frames of a clip, T. The step form has 1 whatever stands here.
    pub frames: usize,
    /// Height and width of a frame, in pixels.
    pub size: (usize, usize),
    /// Which way the shifts go; `None` takes what the checkpoint's names tell: one-way for a
    /// MobileNetV2 with `online_demo` names, else two-way.
    pub direction: Option<ShiftDirection>,
    /// One channel in so many is shifted each way; 8 in all published networks.
    pub shift_divisor: usize,
    /// Whole clips, or one frame a step; the latter for one-way shifts alone.
    pub form: Form,
}

impl BuildOptions {
    /// The published clip of the family.
    pub fn published(family: Family) -> BuildOptions {
        let published = family.published();
        BuildOptions {
            frames: published.frames,
            size: published.size,
            direction: None,
            shift_divisor: 8,
            form: Form::Clip,
        }
    }

    /// The shape of the network's input, if it can be one.
    fn input(&self) -> Result<[usize; 4], BuildError> {
        let frames = if self.form == Form::Step {
            1
        } else {
            self.frames
        };
        let (height, width) = self.size;
        let refuse = |message: String| Err(BuildError::Options(message));
        if !(1..=MAX_FRAMES).contains(&frames) {
            return refuse(format!(
                "a clip of {frames} frames is not between 1 and {MAX_FRAMES}"
            ));
        }
        if [height, width]
            .iter()
            .any(|side| !(1..=MAX_SIDE).contains(side))
        {
            return refuse(format!(
                "frames of {height}x{width} pixels are not between 1 and {MAX_SIDE} on each side"
            ));
        }
        if self.shift_divisor < 2 {
            return refuse(format!(
                "a shift divisor of {} is less than 2",
                self.shift_divisor
            ));
        }
        Ok([frames, 3, height, width])
    }
}

/// A network as a graph in which time is visible.
#[derive(Clone, Debug)]
pub struct ClipGraph {
    /// Input `frames` `[T, 3, H, W]`, normalised, to output `logits` `[T, classes]`: one row for
    /// each frame, before the consensus. T is 1 in the step form. Not decluttered.
    pub graph: TypedModel,
    /// Length of a row.
    pub classes: usize,
    /// Which way the shifts go.
    pub direction: ShiftDirection,
}

impl ClipGraph {
    /// The graph with the mean over its rows, `[1, classes]`, for its output: what the network
    /// says of the clip.
    ///
    /// # Errors
    /// [`BuildError::Graph`].
    pub fn with_consensus(&self) -> Result<TypedModel, BuildError> {
        Ok(mean_over_time(&self.graph)?)
    }
}

/// Builds a network of `family` from the tensors of a checkpoint, all of which must have a place.
///
/// # Errors
/// [`BuildError::Checkpoint`] names the first tensor that is missing or misshapen, or those that
/// are too many; for the rest see [`BuildError`].
pub fn build(
    family: Family,
    checkpoint: Checkpoint,
    options: &BuildOptions,
) -> Result<ClipGraph, BuildError> {
    let input = options.input()?;
    let backbone = match family {
        Family::TsmMobileNetV2 => Backbone::MobileNetV2,
        Family::TsmResNet18 => Backbone::BasicResNet,
        Family::TsmResNet50 => Backbone::BottleneckResNet,
    };
    let (graph, direction) = tsm::build(backbone, checkpoint, &input, options)?;
    let row = graph.output_fact(0)?.shape.as_concrete();
    let classes = row
        .and_then(|shape| shape.last().copied())
        .unwrap_or_default();
    Ok(ClipGraph {
        graph,
        classes,
        direction,
    })
}
