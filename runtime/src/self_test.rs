//! A bundle's built-in vector: frames that are computed, and what the network answered to them when
//! the bundle was made. A device that gets other answers does not run this network.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::frame::{Frame, FrameError, FrameLayout, PixelFormat};
use crate::stream::{Model, Stream, StreamError};

/// Answers that are kept.
const ANSWERS: usize = 3;
/// Frames that are shown at most until there are so many.
const FRAMES_CAP: u64 = 512;
/// What is accepted of a difference, in parts of the largest number: CPUs add in other orders.
const TOLERANCE: f32 = 1e-3;

/// The built-in vector, as it stands in a certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// How many of the computed frames are shown.
    pub frames: u64,
    /// The logits of each answer.
    pub answers: Vec<Vec<f32>>,
}

/// Why a network did not pass.
#[derive(Debug, Error)]
pub enum SelfTestError {
    /// It does not run.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The frames cannot be made.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It gave another number of answers.
    #[error("it gave {found} answers to {frames} frames where {wanted} were promised")]
    Count {
        /// Frames shown.
        frames: u64,
        /// Answers given.
        found: usize,
        /// Answers in the certificate.
        wanted: usize,
    },
    /// An answer differs, or is no number.
    #[error(
        "answer {answer} is off by {difference:.2e} of its largest number, where {TOLERANCE:.0e} is accepted"
    )]
    Differs {
        /// Which answer, from 0.
        answer: usize,
        /// By how much.
        difference: f32,
    },
    /// There is no answer at all.
    #[error("it gives no answer within {FRAMES_CAP} frames")]
    Silent,
}

impl SelfTest {
    /// Shows frames to the network, and keeps what it answers.
    ///
    /// # Errors
    /// When the network fails, gives no answer, or answers with what is no number.
    pub fn record(model: &Model) -> Result<SelfTest, SelfTestError> {
        let mut stream = Stream::new(model)?;
        let mut answers = vec![];
        let mut frames = 0;
        while answers.len() < ANSWERS && frames < FRAMES_CAP {
            answers.extend(stream.step(&frame(model, frames)?)?.map(|s| s.logits));
            frames += 1;
        }
        if answers.is_empty() {
            return Err(SelfTestError::Silent);
        }
        if let Some(answer) = answers
            .iter()
            .position(|row| !row.iter().all(|x| x.is_finite()))
        {
            let difference = f32::NAN;
            return Err(SelfTestError::Differs { answer, difference });
        }
        Ok(SelfTest { frames, answers })
    }

    /// Shows the same frames to a network that may be on another machine.
    ///
    /// # Errors
    /// When it fails or answers something else.
    pub fn check(&self, model: &Model) -> Result<(), SelfTestError> {
        let mut stream = Stream::new(model)?;
        let mut found = vec![];
        for number in 0..self.frames.min(FRAMES_CAP) {
            found.extend(stream.step(&frame(model, number)?)?.map(|s| s.logits));
        }
        if found.len() != self.answers.len() || found.is_empty() {
            return Err(SelfTestError::Count {
                frames: self.frames,
                found: found.len(),
                wanted: self.answers.len(),
            });
        }
        for (answer, (found, wanted)) in found.iter().zip(&self.answers).enumerate() {
            let difference = difference(found, wanted);
            // What is no number is not within it either.
            if difference.is_nan() || difference > TOLERANCE {
                return Err(SelfTestError::Differs { answer, difference });
            }
        }
        Ok(())
    }
}

/// The largest difference, in parts of the largest number that was wanted.
fn difference(found: &[f32], wanted: &[f32]) -> f32 {
    if found.len() != wanted.len() {
        return f32::INFINITY;
    }
    let largest = wanted
        .iter()
        .fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
    let apart = found
        .iter()
        .zip(wanted)
        .map(|(a, b)| (a - b).abs() / largest);
    apart.fold(0.0, |most, apart| if apart <= most { most } else { apart })
}

/// A picture of the network's own size that moves, with edges and with areas: the same on every
/// machine, for it is made of whole numbers.
fn frame(model: &Model, number: u64) -> Result<Frame, FrameError> {
    let input = &model.manifest().input;
    let (width, height) = (input.geometry.width, input.geometry.height);
    let shift = number as usize;
    let mut samples = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let tile = ((x + 4 * shift) / 16) ^ (y / 16);
            let slope = x + 2 * y + 7 * shift;
            samples.extend(
                [tile * 37 + slope, tile * 91 + 3 * slope / 2, slope ^ tile].map(|v| v as u8),
            );
        }
    }
    let layout = FrameLayout::packed(PixelFormat::Rgb24, width, height);
    let time = Duration::from_secs_f64(number as f64 / input.frame_rate);
    Ok(Frame::new(layout, samples)?.with_time(number, time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_bundles::brightness;

    #[test]
    fn a_network_passes_its_own_vector_and_no_other() {
        let model = Model::load(&brightness(None)).unwrap();
        let vector = SelfTest::record(&model).unwrap();
        assert_eq!(vector.answers.len(), ANSWERS);
        vector.check(&model).unwrap();
        let changed = |change: fn(&mut SelfTest)| {
            let mut vector = vector.clone();
            change(&mut vector);
            vector.check(&model).is_err()
        };
        assert!(!changed(|v| v.answers[0][0] *= 1.0 + 1e-6));
        assert!(changed(|v| v.answers[2][0] *= 1.1));
        assert!(changed(|v| v.answers[1][1] = f32::NAN));
        assert!(changed(|v| v.frames = 0));
        assert!(changed(|v| v.answers.truncate(1)));
        assert!(changed(|v| v.answers[0].truncate(1)));
    }
}
