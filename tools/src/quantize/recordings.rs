//! What a program is calibrated on.

use std::path::PathBuf;

use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::Model;

use super::QuantizeError;
use crate::frames::{Frames, FramesError};

/// Recordings that can be played more than once: each pass over them measures something else.
pub trait Recordings {
    /// How many there are.
    fn count(&self) -> usize;

    /// Plays one of them: gives each of its frames `[H, W, 3]`, normalised, to `take`.
    ///
    /// # Errors
    /// [`QuantizeError::Recording`] if it cannot be read, and what `take` gives.
    fn play(
        &mut self,
        number: usize,
        take: &mut dyn FnMut(&[f32]) -> Result<(), QuantizeError>,
    ) -> Result<(), QuantizeError>;
}

/// Video files and tensors of frames.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    model: Model,
    /// Frames of each that are taken.
    most: usize,
}

impl Files {
    /// Videos, and `.npy` files `[T, 3, H, W]` or `[1, 3, T, H, W]`: of each at most `most` frames as
    /// `model` takes them.
    pub fn new(paths: Vec<PathBuf>, model: Model, most: usize) -> Files {
        Files { paths, model, most }
    }
}

impl Recordings for Files {
    fn count(&self) -> usize {
        self.paths.len()
    }

    fn play(
        &mut self,
        number: usize,
        take: &mut dyn FnMut(&[f32]) -> Result<(), QuantizeError>,
    ) -> Result<(), QuantizeError> {
        let Some(path) = self.paths.get(number) else {
            return Ok(());
        };
        let refused = |reason: String| QuantizeError::Recording {
            path: path.clone(),
            reason,
        };
        let is_tensor = path.extension().is_some_and(|extension| extension == "npy");
        let frames = match is_tensor {
            true => {
                let tensor = crate::npy::read(path);
                let tensor =
                    tensor.map_err(|error| QuantizeError::Unreadable(error.to_string()))?;
                let rate = self.model.manifest().input.frame_rate;
                Frames::of_tensor(&tensor, rate)
            }
            false => Frames::of_video(path, Reading::default(), &self.model),
        };
        let frames = frames.map_err(|error| match error {
            FramesError::Source(error) => QuantizeError::Unreadable(error.to_string()),
            error => refused(error.to_string()),
        })?;
        let shape = self.model.frame_shape();
        let size = &shape[shape.len() - 2..];
        for frame in frames.values.iter().take(self.most) {
            if frame.shape()[1..] != *size {
                let found = &frame.shape()[1..];
                return Err(refused(format!(
                    "its frames are {found:?} pixels, the network takes {size:?}"
                )));
            }
            // Channels last, as a step program has them.
            let pixels = frame.view().permuted_axes(vec![1, 2, 0]);
            let pixels: Vec<f32> = pixels.iter().copied().collect();
            take(&pixels)?;
        }
        Ok(())
    }
}
