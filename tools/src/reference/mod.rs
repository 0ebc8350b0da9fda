//! Who else runs the source network: what our answers are held against.

mod fetch;
mod onnxruntime;
mod rows;
mod timeable;

use std::path::PathBuf;

use ndarray::{Array2, ArrayD};
use thiserror::Error;

pub use fetch::{VERSION, fetch, fetched_folder};
pub use onnxruntime::{Device, OnnxRuntime};
pub use rows::saved_rows;
pub use timeable::Timeable;

/// Runs a source network, never our program made of it.
pub trait Reference {
    /// Name and version, for reports.
    fn name(&self) -> String;

    /// Steps through frames `[3, H, W]`, caches carried along; one row of logits for each.
    ///
    /// # Errors
    /// [`ReferenceError::Failed`].
    fn step_all(&mut self, frames: &[ArrayD<f32>]) -> Result<Array2<f32>, ReferenceError>;

    /// Runs windows of `length` frames, `hop` apart; one row of logits for each whole window.
    ///
    /// # Errors
    /// [`ReferenceError::Failed`].
    fn windows(
        &mut self,
        frames: &[ArrayD<f32>],
        length: usize,
        hop: usize,
    ) -> Result<Array2<f32>, ReferenceError>;
}

/// Why a reference gave no rows.
#[derive(Debug, Error)]
pub enum ReferenceError {
    /// The reference is not installed.
    #[error(
        "ONNX Runtime's library was not found{}; install it with `praxc fetch-reference` or \
         `pip install onnxruntime`, or name its file in ORT_DYLIB_PATH",
        looked_at(.0)
    )]
    Absent(Option<PathBuf>),
    /// There is no such device, or the library has no part for it.
    #[error(
        "ONNX Runtime cannot use CUDA here ({0}); it takes an NVIDIA GPU, CUDA with cuDNN, and the \
         library of `pip install onnxruntime-gpu` named in ORT_DYLIB_PATH"
    )]
    NoCuda(String),
    /// It was not installed.
    #[error("ONNX Runtime {VERSION} was not installed: {0}")]
    NotFetched(String),
    /// It refused.
    #[error("ONNX Runtime refused: {0}")]
    Failed(String),
    /// Rows that were saved elsewhere.
    #[error("the rows {path} cannot be compared with: {reason}")]
    Rows {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl ReferenceError {
    /// Whether a reference or a device is not there, rather than that it said no.
    pub fn is_absent(&self) -> bool {
        use ReferenceError::{Absent, NoCuda, NotFetched};
        matches!(self, Absent(_) | NoCuda(_) | NotFetched(_))
    }
}

fn looked_at(path: &Option<PathBuf>) -> String {
    path.as_ref()
        .map(|path| format!(" at {}", path.display()))
        .unwrap_or_default()
}
