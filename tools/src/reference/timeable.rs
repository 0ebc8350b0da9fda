//! A reference that is timed frame by frame.

use std::collections::VecDeque;

use ndarray::ArrayD;

use super::onnxruntime::{Inputs, Past};
use super::{OnnxRuntime, Reference, ReferenceError};

/// A source network in ONNX Runtime that is given frame after frame. What is its input is prepared
/// apart, so that only the network itself is timed.
pub struct Timeable {
    session: OnnxRuntime,
    past: Past,
    window: VecDeque<ArrayD<f32>>,
    frames: usize,
    inputs: Option<Inputs>,
}

impl Timeable {
    /// Of a network of steps (`frames` is 1), or of clips of so many frames.
    ///
    /// # Errors
    /// [`ReferenceError::Failed`] if the network lacks an input or output.
    pub fn new(session: OnnxRuntime, frames: usize) -> Result<Timeable, ReferenceError> {
        Ok(Timeable {
            past: session.start()?,
            session,
            window: VecDeque::new(),
            frames: frames.max(1),
            inputs: None,
        })
    }

    /// Name and version.
    pub fn name(&self) -> String {
        self.session.name()
    }

    /// Makes the next frame `[3, H, W]` ready; a window not yet full repeats it.
    ///
    /// # Errors
    /// [`ReferenceError::Failed`].
    pub fn prepare(&mut self, frame: &ArrayD<f32>) -> Result<(), ReferenceError> {
        self.window.truncate(self.frames);
        while self.window.len() >= self.frames {
            self.window.pop_front();
        }
        while self.window.len() < self.frames {
            self.window.push_back(frame.clone());
        }
        self.inputs = Some(self.session.inputs(self.window.make_contiguous())?);
        Ok(())
    }

    /// Runs the network on what was prepared; nothing without that.
    ///
    /// # Errors
    /// [`ReferenceError::Failed`].
    pub fn step(&mut self) -> Result<(), ReferenceError> {
        if let Some(inputs) = self.inputs.take() {
            self.session.step(&mut self.past, inputs)?;
        }
        Ok(())
    }
}
