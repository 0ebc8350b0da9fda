//! Why a network could not be built.

use thiserror::Error;
use tract_core::internal::TractError;

use crate::checkpoint::CheckpointError;

/// Why a checkpoint did not become a graph. Every message is one sentence.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A tensor is missing, surplus or misshapen: another family's checkpoint, most often.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A tensor holds values that no trained network has.
    #[error("{file}: the tensor `{tensor}` holds infinite values or none that are numbers")]
    NotFinite {
        /// The checkpoint's file.
        file: String,
        /// The tensor.
        tensor: String,
    },
    /// A batch-norm that divides by nothing, or makes values beyond all numbers.
    #[error("{file}: the batch-norm `{layer}` cannot be folded into finite weights")]
    Norm {
        /// The checkpoint's file.
        file: String,
        /// The batch-norm.
        layer: String,
    },
    /// A network without shifts was given to a family that has them.
    #[error(
        "{file}: no convolution is marked as shifted (by a `.net.` in its name), so this is a \
         network without temporal shifts"
    )]
    NotShifted {
        /// The checkpoint's file.
        file: String,
    },
    /// The blocks cannot be assigned to the stages of the published network.
    #[error(
        "{file}: its {blocks} blocks make {found} groups of one width and not the {wanted} stages \
         of the published network, so it cannot be told which of them halve the picture"
    )]
    Stages {
        /// The checkpoint's file.
        file: String,
        /// Blocks in the checkpoint.
        blocks: usize,
        /// Runs of blocks of one width.
        found: usize,
        /// Stages of the published network.
        wanted: usize,
    },
    /// A shift that looks ahead answers late, and the shortcuts around it would have to wait.
    #[error(
        "two-way shifts look one frame ahead, so this network cannot be built as a step; build its \
         clip form"
    )]
    TwoWaySteps,
    /// A stream has no end that a shift could bring in at its beginning.
    #[error(
        "circular shifts take the clip's last frame for the one before its first, so this network \
         cannot be built as a step; build its clip form"
    )]
    CircularSteps,
    /// A network of clips looks ahead.
    #[error(
        "this network looks at frames before and behind at once, so it cannot be built as a step; \
         build its clip form"
    )]
    ClipSteps,
    /// Nothing would be left of a clip so short or of frames so small.
    #[error(
        "the layer `{layer}` would be given less than it must see at once; more frames, or larger \
         ones, are needed"
    )]
    TooSmall {
        /// The layer.
        layer: String,
    },
    /// An option's value that no network can have.
    #[error("{0}")]
    Options(String),
    /// The graph refuses a layer.
    #[error("the network's layers do not fit together: {0}")]
    Graph(String),
}

impl From<TractError> for BuildError {
    fn from(error: TractError) -> Self {
        let text = format!("{error:#}");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        BuildError::Graph(lines.join(" "))
    }
}
