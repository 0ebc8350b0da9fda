//! Frames as a network takes them: from a tensor, or from a video as the board would see it.

use std::path::Path;
use std::time::Duration;

use ndarray::{ArrayD, Axis};
use praxiscope_runtime::bundle::Input;
use praxiscope_runtime::clock::Clock;
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::source::{self, FrameSource, Reading, SourceError};
use praxiscope_runtime::stream::{Converter, Model, StreamError};
use thiserror::Error;

use crate::import::Layout;
use crate::pictures::Pictures;

/// What the frames of one video may take in memory.
const BYTES_CAP: usize = 4 << 30;

/// Why there are no frames.
#[derive(Debug, Error)]
pub enum FramesError {
    /// Not frames.
    #[error("the tensor has the shape {0:?}; the frames of one clip are {known}", known = Layout::known())]
    Layout(Vec<usize>),
    /// The video cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A frame of the video does not fit the network.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The video has a hole at which a board would start its stream afresh.
    #[error(
        "frame {frame} comes {gap:?} after the one before it, longer than the model's clock bridges: \
         cut the video there"
    )]
    Gap {
        /// The first frame after the hole.
        frame: u64,
        /// How long no frame comes.
        gap: Duration,
    },
    /// The frames do not fit into memory.
    #[error("the video is too long: more than {0} of its frames enter the network")]
    TooLong(usize),
}

/// Float frames `[3, H, W]`, normalised, each with its place in the source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frames {
    /// The frames, in order.
    pub values: Vec<ArrayD<f32>>,
    /// For each of them, the source frame that it was made of. A slow source's frame stands in
    /// several places in a row.
    pub places: Vec<Place>,
}

/// Where a frame stands in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 0.
    pub number: u64,
    /// The time since the source began.
    pub time: Duration,
}

impl Frames {
    /// The frames of a tensor, `rate` a second. It may have any layout that an exported network's
    /// input may have: `[T, 3, H, W]`, `[1, 3, T, H, W]`, and so on ([`Layout`]).
    ///
    /// # Errors
    /// [`FramesError::Layout`].
    pub fn of_tensor(tensor: &ArrayD<f32>, rate: f64) -> Result<Frames, FramesError> {
        let frames = Layout::frames_of(tensor)
            .ok_or_else(|| FramesError::Layout(tensor.shape().to_vec()))?;
        let values: Vec<_> = frames.axis_iter(Axis(0)).map(|f| f.to_owned()).collect();
        let place = |number: u64| Place {
            number,
            time: Duration::from_secs_f64(number as f64 / rate),
        };
        let places = (0..).take(values.len()).map(place).collect();
        Ok(Frames { values, places })
    }

    /// The frames of a video file that `model`'s clock picks, brought into its input.
    ///
    /// # Errors
    /// Any [`FramesError`] but [`FramesError::Layout`].
    pub fn of_video(path: &Path, reading: Reading, model: &Model) -> Result<Frames, FramesError> {
        let mut converter = Converter::new(model)?;
        let mut frames = Frames::default();
        each_tick(path, reading, &model.manifest().input, |frame, times| {
            frames.take(frame, times, &mut converter)
        })?;
        Ok(frames)
    }

    fn take(
        &mut self,
        frame: &Frame,
        times: u64,
        converter: &mut Converter,
    ) -> Result<(), FramesError> {
        let tensor = converter.convert(frame)?;
        let view = tensor
            .to_plain_array_view::<f32>()
            .map_err(|error| StreamError::Network(error.to_string()))?;
        // `[1, 3, H, W]` or, with an axis of time, `[1, 3, 1, H, W]`.
        let mut picture = view.index_axis(Axis(0), 0);
        if picture.ndim() == 4 {
            picture = picture.index_axis_move(Axis(1), 0);
        }
        let cap = BYTES_CAP / size_of_val(tensor.as_bytes()).max(1);
        for _ in 0..times {
            if self.values.len() == cap {
                return Err(FramesError::TooLong(cap));
            }
            self.values.push(picture.to_owned());
            self.places.push(Place {
                number: frame.index(),
                time: frame.time(),
            });
        }
        Ok(())
    }
}

/// Hands over each frame of a video (or of a folder of JPEG pictures) that the clock of `input` picks,
/// and for how many of its ticks in a row.
///
/// # Errors
/// [`FramesError::Source`], [`FramesError::Gap`], or what `take` says.
pub fn each_tick(
    path: &Path,
    reading: Reading,
    input: &Input,
    mut take: impl FnMut(&Frame, u64) -> Result<(), FramesError>,
) -> Result<(), FramesError> {
    let mut video: Box<dyn FrameSource> = match path.is_dir() {
        true => Box::new(Pictures::open(path, reading.rate)?),
        false => source::file(path, reading)?.frames,
    };
    let mut clock = Clock::new(input.frame_rate);
    while let Some(captured) = video.next_frame()? {
        let frame = captured.frame;
        let gap = clock
            .newest()
            .map_or(Duration::ZERO, |newest| frame.time().saturating_sub(newest));
        if gap > input.max_gap() {
            let frame = frame.index();
            return Err(FramesError::Gap { frame, gap });
        }
        for (frame, times) in clock.push(&frame).frames {
            take(&frame, times)?;
        }
    }
    for (frame, times) in clock.finish().frames {
        take(&frame, times)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::bundle::Bundle;

    use super::*;

    /// A grey clip in YUV4MPEG2, its frames brighter and brighter.
    fn clip(fps: u32, frames: u8) -> Vec<u8> {
        let mut bytes = format!("YUV4MPEG2 W8 H8 F{fps}:1 Cmono\n").into_bytes();
        for level in 0..frames {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend([20 * level; 64]);
        }
        bytes
    }

    fn frames(fps: u32, count: u8) -> Result<Frames, FramesError> {
        let demo = include_bytes!("../../models/demo/demo.prax");
        let model = Model::load(&Bundle::from_bytes(demo).unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.y4m");
        std::fs::write(&path, clip(fps, count)).unwrap();
        Frames::of_video(&path, Reading::default(), &model)
    }

    fn numbers(frames: &Frames) -> Vec<u64> {
        frames.places.iter().map(|place| place.number).collect()
    }

    /// The demo model takes 12 frames a second.
    #[test]
    fn the_models_clock_picks_frames_by_their_own_numbers() {
        let [fast, slow] = [frames(24, 5), frames(6, 3)].map(Result::unwrap);
        assert_eq!(numbers(&fast), [0, 2, 4]);
        assert_eq!(numbers(&slow), [0, 0, 1, 1, 2, 2]);
        assert_eq!(fast.places[2].time, slow.places[2].time);
        assert_eq!(slow.values[0], slow.values[1]);
        assert_ne!(slow.values[1], slow.values[2]);
        assert_eq!(fast.values[0].shape()[0], 3);
        assert_eq!(fast.values[0].ndim(), 3);
    }

    #[test]
    fn a_tensors_frames_stand_at_the_models_rate() {
        let frames = Frames::of_tensor(&ArrayD::zeros(vec![1, 3, 2, 4, 5]), 4.0).unwrap();
        assert_eq!(frames.values[1].shape(), [3, 4, 5]);
        let second = Place {
            number: 1,
            time: Duration::from_millis(250),
        };
        assert_eq!(frames.places[1], second);
        for shape in [&[3, 4, 5][..], &[2, 3, 8, 4, 5], &[4, 5, 6, 7]] {
            assert!(Frames::of_tensor(&ArrayD::zeros(shape), 4.0).is_err());
        }
    }

    /// Each number says its own frame, channel, row and column.
    #[test]
    fn every_layout_of_an_exported_input_gives_the_same_frames() {
        let number = |at: ndarray::IxDyn| {
            let places = [at[0], at[1], at[2], at[3]].map(|place| place as f32);
            places[0] * 1000.0 + places[1] * 100.0 + places[2] * 10.0 + places[3]
        };
        let frames = ArrayD::from_shape_fn(vec![8, 3, 4, 5], number);
        let wanted = Frames::of_tensor(&frames, 4.0).unwrap();
        let shapes: [&[usize]; 7] = [
            &[1, 24, 4, 5],
            &[8, 4, 5, 3],
            &[1, 3, 8, 4, 5],
            &[1, 8, 3, 4, 5],
            &[1, 8, 4, 5, 3],
            &[1, 1, 3, 8, 4, 5],
            &[1, 1, 8, 4, 5, 3],
        ];
        for shape in shapes {
            let dims: Vec<_> = shape.iter().map(|extent| Some(*extent)).collect();
            let input = Layout::of(&dims).unwrap().arrange(frames.clone()).unwrap();
            assert_eq!(input.shape(), shape);
            assert_eq!(Frames::of_tensor(&input, 4.0).unwrap(), wanted, "{shape:?}");
        }
    }
}
