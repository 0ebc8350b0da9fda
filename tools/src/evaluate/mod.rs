//! How good a bundle is on labelled videos, and how fast and calm its events are.
//!
//! A [`Dataset`](dataset::Dataset) lists items; each is run through all columns (bundles, and the
//! source network in a reference) and leaves one line in a [journal](journal). A report is made of the
//! lines alone, so that a run that was cut off goes on where it was, and the merged report of several
//! machines is the single run's.
//!
//! - **Clip level**: each view is a clip with an answer of its own. **Video level**: the mean of the
//!   views' probabilities.
//! - Of equal scores the class that stands first in the labels comes first.
//! - A view without an answer (a stream that is still warming up) is wrong, and counted.

pub mod column;
pub mod dataset;
pub mod journal;
pub mod labels;
pub mod ranking;
pub mod recordings;
pub mod run;
pub mod score;
pub mod spans;
pub mod tune;
pub mod views;

use std::path::PathBuf;

use praxiscope_runtime::events::EventSettingsError;
use praxiscope_runtime::stream::{ModelError, StreamError};
use thiserror::Error;

use crate::frames::FramesError;
use crate::import::ImportError;
use crate::npy::NpyError;
use crate::reference::ReferenceError;
use crate::run::RunError;

/// Why nothing was evaluated.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// The list of labelled videos.
    #[error("the data set {path} cannot be used: {reason}")]
    Dataset {
        /// The folder or list.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file of results.
    #[error("the results {path} cannot be used: {reason}")]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What cannot be meant.
    #[error("{0}")]
    Settings(String),
    /// A bundle.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The source network.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A tensor that was to be written.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// Frames.
    #[error(transparent)]
    Frames(#[from] FramesError),
    /// A stream.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A run of frames.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Event settings.
    #[error(transparent)]
    Events(#[from] EventSettingsError),
}
