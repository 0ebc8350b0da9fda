//! From a family and a checkpoint to a graph.

use praxiscope_runtime::ops::{Border, ShiftDirection};
use tract_core::internal::TypedModel;

use crate::checkpoint::Checkpoint;
use crate::colours::{self, Colours};
use crate::error::BuildError;
use crate::family::Family;
use crate::layers::mean_over_time;
use crate::nonlocal::Attention;
use crate::slowfast::Pathways;
use crate::weights::Weights;

const MAX_FRAMES: usize = 4096;
const MAX_SIDE: usize = 4096;

/// What neither the family nor the checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BuildOptions {
    /// Frames of a clip, T.
    pub frames: usize,
    /// Height and width of a frame, in pixels.
    pub size: (usize, usize),
    /// Which way the shifts go; `None` takes what the checkpoint's names tell: one-way for a
    /// MobileNetV2 with `online_demo` names, else two-way. Networks without shifts ignore it.
    pub direction: Option<ShiftDirection>,
    /// One channel in so many is shifted each way; 8 in all published networks.
    pub shift_divisor: usize,
    /// What the shifts bring in at the clip's ends: zeros in nearly all published networks.
    pub shift_border: Border,
    /// What batch-norms add to the variance; `None` takes what the published code for the
    /// checkpoint's names has.
    pub epsilon: Option<f64>,
    /// Whether a ResNet pools behind its first convolution, where the checkpoint cannot tell;
    /// `None` takes what the published code for its names does.
    pub stem_pool: Option<bool>,
    /// The strides over time of I3D's first convolution over ResNet and of the pool behind it, which
    /// no weight tells; `None` takes those of the published code for the checkpoint's names.
    pub stem_time_strides: Option<[usize; 2]>,
    /// How the pathways of a SlowFast network meet.
    pub pathways: Pathways,
    /// What weighs the places of a non-local block; `None` takes the embedded Gaussian, or the
    /// Gaussian where the checkpoint embeds nothing.
    pub attention: Option<Attention>,
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
            shift_border: Border::Zeros,
            epsilon: None,
            stem_pool: None,
            stem_time_strides: None,
            pathways: Pathways::default(),
            attention: None,
        }
    }

    fn check(&self) -> Result<(), BuildError> {
        let BuildOptions { frames, size, .. } = *self;
        let (height, width) = size;
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
        Ok(())
    }

    /// The input of a network of single frames, `[T, 3, H, W]`.
    pub(crate) fn frames_input(&self) -> [usize; 4] {
        [self.frames, 3, self.size.0, self.size.1]
    }

    /// The input of a network of whole clips, `[1, 3, T, H, W]`.
    pub(crate) fn clip_input(&self) -> [usize; 5] {
        [1, 3, self.frames, self.size.0, self.size.1]
    }
}

/// What the rows of a network's logits stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// One row for each frame, before the consensus, which is their mean: `[T, classes]`.
    PerFrame,
    /// One row for the clip: `[1, classes]`.
    PerClip,
}

/// A network as a graph in which time is visible.
#[derive(Clone, Debug)]
pub struct ClipGraph {
    /// Input `frames`, normalised: `[T, 3, H, W]` for networks of single frames, and
    /// `[1, 3, T, H, W]` for networks of clips; inputs `slow` and `fast` instead for
    /// a SlowFast network that is given both. Output `logits`. Not decluttered.
    pub graph: TypedModel,
    /// What the rows of `logits` stand for.
    pub rows: Rows,
    /// Length of a row.
    pub classes: usize,
    /// How many numbers the training of the network changes; statistics are none of them.
    pub parameters: usize,
    /// Which way the shifts go, if there are any.
    pub direction: Option<ShiftDirection>,
    /// How the network's pictures are prepared.
    pub colours: Colours,
}

impl ClipGraph {
    /// A finished graph without shifts.
    pub(crate) fn new(graph: TypedModel, rows: Rows) -> Result<ClipGraph, BuildError> {
        let row = graph.output_fact(0)?.shape.as_concrete();
        let classes = row
            .and_then(|shape| shape.last().copied())
            .unwrap_or_default();
        Ok(ClipGraph {
            graph,
            rows,
            classes,
            parameters: 0,
            direction: None,
            colours: colours::PLAIN,
        })
    }

    /// The graph with one row `[1, classes]` for its output: what the network says of the clip.
    ///
    /// # Errors
    /// [`BuildError::Graph`].
    pub fn with_consensus(&self) -> Result<TypedModel, BuildError> {
        match self.rows {
            Rows::PerFrame => Ok(mean_over_time(&self.graph)?),
            Rows::PerClip => Ok(self.graph.clone()),
        }
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
    options.check()?;
    build_from(family, Weights::Trained(checkpoint), options)
}

/// Builds the published network of `family` with random weights, the same ones for one `seed`: good
/// for measuring its speed, and for nothing else.
///
/// # Errors
/// As [`build`], of the options alone.
pub fn build_random(
    family: Family,
    seed: u64,
    options: &BuildOptions,
) -> Result<ClipGraph, BuildError> {
    options.check()?;
    build_from(
        family,
        Weights::random((family.entry().layers)(), seed),
        options,
    )
}

fn build_from(
    family: Family,
    weights: Weights,
    options: &BuildOptions,
) -> Result<ClipGraph, BuildError> {
    let count = weights.parameters();
    let colours = family.colours_of(&weights);
    let network = (family.entry().build)(weights, options)?;
    Ok(ClipGraph {
        parameters: count.get(),
        colours,
        ..network
    })
}
