//! What can go wrong between a bundle and its scores.

use thiserror::Error;

use crate::bundle::BundleError;
use crate::preprocess::PreprocessError;

/// Why a model could not be loaded.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The bundle is not valid.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Labels and graph contradict each other.
    #[error("the bundle has {labels} labels, but its network gives {logits} scores")]
    LabelCount {
        /// Labels in the manifest.
        labels: usize,
        /// Numbers in the network's output.
        logits: usize,
    },
    /// The graph's input is not what the manifest says.
    #[error("the network wants an input of {found}, the manifest promises {promised}")]
    Input {
        /// The graph's input.
        found: String,
        /// What the manifest's geometry gives.
        promised: String,
    },
    /// The graph cannot be run.
    #[error("the network cannot be prepared to run: {0}")]
    Graph(String),
}

/// Why a stream did not answer.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The frame cannot be used.
    #[error(transparent)]
    Frame(#[from] PreprocessError),
    /// The tensor is not one frame of the model's input.
    #[error("a frame of {found:?} was given to a network that takes {wanted:?}")]
    Shape {
        /// Shape given.
        found: Vec<usize>,
        /// Shape of one frame.
        wanted: Vec<usize>,
    },
    /// An operator failed.
    #[error("the network failed: {0}")]
    Network(String),
}

/// Why a saved state was not taken over.
#[derive(Debug, Error)]
pub enum StateError {
    /// Not a state, or cut off, or damaged.
    #[error("this is not a whole saved state ({0})")]
    Damaged(String),
    /// A state of another model.
    #[error("the saved state belongs to another model (digest {found}, this one has {wanted})")]
    OtherModel {
        /// Digest in the state.
        found: String,
        /// Digest of the model at hand.
        wanted: String,
    },
    /// The operators refuse it.
    #[error("the saved state cannot be taken over: {0}")]
    Refused(String),
}
