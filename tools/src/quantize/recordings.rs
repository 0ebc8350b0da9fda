//! What a program is calibrated on.

use std::path::PathBuf;

use ndarray::ArrayD;
use praxiscope_runtime::bundle::Input;
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::Model;

use super::QuantizeError;
use crate::frames::{Frames, FramesError};
use crate::listing::is_tensor;

/// Recordings that can be played more than once: each pass over them measures something else.
pub trait Recordings {
    /// How many there are.
    fn count(&self) -> usize;

    /// How far the numbers of a black and a white pixel are apart, where that is known.
    fn contrast(&self) -> Option<f32> {
        None
    }

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

/// Numbers this many times as large as any picture's are none of a picture: noise for a benchmark stays
/// far below it, and grey levels that nobody normalised are above.
const LARGEST: f32 = 6.0;

/// Video files, folders of pictures, and tensors of frames.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    model: Model,
    /// Frames of each that are taken.
    most: usize,
}

impl Files {
    /// Videos, folders whose JPEG pictures are frames, and `.npy` files `[T, 3, H, W]` or `[1, 3, T, H, W]`: of each at most `most` frames as
    /// `model` takes them.
    pub fn new(paths: Vec<PathBuf>, model: Model, most: usize) -> Files {
        Files { paths, model, most }
    }
}

impl Recordings for Files {
    fn count(&self) -> usize {
        self.paths.len()
    }

    fn contrast(&self) -> Option<f32> {
        let (black, white) = ends(&self.model.manifest().input);
        Some(white - black)
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
        let frames = match is_tensor(path) {
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
        if is_tensor(path) {
            check_range(&frames.values, &self.model.manifest().input).map_err(refused)?;
        }
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

/// The smallest and the largest number of a picture.
fn ends(input: &Input) -> (f32, f32) {
    let levels = input.levels();
    let levels = levels.iter().flatten();
    levels.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), level| {
        (low.min(*level), high.max(*level))
    })
}

/// Refuses frames that were not normalised: scales that are made of them would mean nothing.
fn check_range(frames: &[ArrayD<f32>], input: &Input) -> Result<(), String> {
    let numbers = || frames.iter().flatten().copied();
    let (low, high) = numbers().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), number| {
        (low.min(number), high.max(number))
    });
    let (black, white) = ends(input);
    let is_huge = low.abs().max(high.abs()) > LARGEST * white.max(-black);
    // Pictures between 0 and 1, as they are before the mean is taken off.
    let is_raw = black < -0.5 && low >= 0.0 && high <= 1.0 && high - low > 0.5;
    match is_huge || is_raw {
        true => Err(format!(
            "its numbers lie between {low} and {high}; frames of this network are normalised, from \
             {black:.2} to {white:.2}: take the mean off and divide by the deviation, or give videos"
        )),
        false => Ok(()),
    }
}
