//! Who else runs the source network: what our answers are held against.

mod onnxruntime;
mod timeable;

use std::path::PathBuf;

use ndarray::{Array2, ArrayD};
use thiserror::Error;

pub use onnxruntime::OnnxRuntime;
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
        "ONNX Runtime's library was not found{}; install it with `pip install onnxruntime`, or \
         name its file in ORT_DYLIB_PATH",
        looked_at(.0)
    )]
    Absent(Option<PathBuf>),
    /// It refused.
    #[error("ONNX Runtime refused: {0}")]
    Failed(String),
}

fn looked_at(path: &Option<PathBuf>) -> String {
    path.as_ref()
        .map(|path| format!(" at {}", path.display()))
        .unwrap_or_default()
}
