//! Which frames of a video, and which parts of its pictures, a network is shown.

use std::path::Path;
use std::sync::Arc;

use ndarray::ArrayD;
use praxiscope_runtime::bundle::Input;
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::preprocess::{Fit, InputGeometry, MAX_INPUT_SIDE, Preprocessor};
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::StreamError;
use serde::{Deserialize, Serialize};

use super::EvaluateError;
use crate::frames::{FramesError, each_tick};

/// What the pictures of one video may take in memory.
const BYTES_CAP: usize = 1 << 30;

/// How a video is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// Places in time.
    pub views: usize,
    /// Parts of the picture at each.
    pub crops: Crops,
    /// How a view's frames lie.
    pub spread: Spread,
    /// Frames of a view; the rest of the video is all that a stream sees before.
    pub frames: Option<usize>,
}

/// Parts of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crops {
    /// The centre.
    One,
    /// Both ends of the longer side, and its centre.
    Three,
}

/// How the frames of a view lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// One after another on the model's clock.
    Dense,
    /// One in each of equal parts of the whole video, as TSN and TSM are trained on
    /// Something-Something.
    Segments,
}

impl Sampling {
    /// The frames of each view, of a video of `ticks` frames, for a network of `length` frames. Where
    /// the video is too short its last frame is repeated.
    pub fn windows(&self, ticks: usize, length: usize) -> Vec<Vec<usize>> {
        let last = ticks.saturating_sub(1);
        let views = self.views.max(1);
        let window = |view: usize| -> Vec<usize> {
            match self.spread {
                Spread::Dense => {
                    let room = ticks.saturating_sub(length);
                    let start = match views {
                        1 => room / 2,
                        _ => room * view / (views - 1),
                    };
                    (start..start + length).map(|at| at.min(last)).collect()
                }
                Spread::Segments => (0..length)
                    .map(|part| ticks * (2 * views * part + 2 * view + 1) / (2 * views * length))
                    .map(|at| at.min(last))
                    .collect(),
            }
        };
        (0..views).map(window).collect()
    }
}

/// The pictures of a video that the model's clock picks: `[3, H, W]` bytes in the model's order of
/// colours, for each crop one after another. A picture that is taken twice is kept once.
#[derive(Clone, Debug)]
pub struct Decoded {
    crops: Vec<Vec<Arc<[u8]>>>,
    input: Input,
    levels: [[f32; 256]; 3],
}

impl Decoded {
    /// Reads a whole video.
    ///
    /// # Errors
    /// [`EvaluateError::Frames`], or [`EvaluateError::Settings`] where three crops make no sense.
    pub fn read(
        path: &Path,
        reading: Reading,
        input: &Input,
        crops: Crops,
    ) -> Result<Decoded, EvaluateError> {
        if crops == Crops::Three && input.geometry.fit == Fit::Stretch {
            return Err(EvaluateError::Settings(
                "the bundle takes the whole picture, stretched: it has no three crops".into(),
            ));
        }
        let mut cutter = Cutter::new(input.geometry, crops);
        let mut cut: Vec<Vec<Arc<[u8]>>> = vec![vec![]; cutter.count()];
        let cap = BYTES_CAP / (input.geometry.tensor_len() * cutter.count()).max(1);
        each_tick(path, reading, input, |frame, times| {
            for (pictures, picture) in cut.iter_mut().zip(cutter.cut(frame)?) {
                let picture: Arc<[u8]> = picture.into();
                for _ in 0..times {
                    if pictures.len() == cap {
                        return Err(FramesError::TooLong(cap));
                    }
                    pictures.push(Arc::clone(&picture));
                }
            }
            Ok(())
        })?;
        Ok(Decoded {
            crops: cut,
            levels: input.levels(),
            input: input.clone(),
        })
    }

    /// Whether a network with this input is given these pictures.
    pub fn is_for(&self, input: &Input) -> bool {
        self.input == *input
    }

    /// Frames that the model's clock picked.
    pub fn ticks(&self) -> usize {
        self.crops.first().map_or(0, Vec::len)
    }

    /// The number of crops.
    pub fn crops(&self) -> usize {
        self.crops.len()
    }

    /// One frame of a crop as the network takes it, `[3, H, W]`, normalised as the device does it.
    pub fn frame(&self, crop: usize, tick: usize) -> ArrayD<f32> {
        let geometry = &self.input.geometry;
        let shape = [3, geometry.height, geometry.width];
        let Some(picture) = self.crops.get(crop).and_then(|crop| crop.get(tick)) else {
            return ArrayD::zeros(shape.as_slice());
        };
        let plane = (picture.len() / 3).max(1);
        let channels = picture.chunks(plane).zip(&self.levels);
        let values = channels
            .flat_map(|(plane, levels)| plane.iter().map(|&value| levels[usize::from(value)]));
        ArrayD::from_shape_vec(shape.as_slice(), values.collect())
            .unwrap_or_else(|_| ArrayD::zeros(shape.as_slice()))
    }
}

/// Cuts a frame's crops.
struct Cutter {
    geometry: InputGeometry,
    crops: Crops,
    /// For the whole resized picture, whose size depends on the frame's.
    resizing: Option<((usize, usize), Preprocessor)>,
    centre: Option<Preprocessor>,
}

impl Cutter {
    fn new(geometry: InputGeometry, crops: Crops) -> Cutter {
        Cutter {
            geometry,
            crops,
            resizing: None,
            centre: None,
        }
    }

    fn count(&self) -> usize {
        match self.crops {
            Crops::One => 1,
            Crops::Three => 3,
        }
    }

    fn cut(&mut self, frame: &Frame) -> Result<Vec<Vec<u8>>, FramesError> {
        let (Fit::Crop { shorter }, Crops::Three) = (self.geometry.fit, self.crops) else {
            return Ok(vec![self.centre(frame)?]);
        };
        let (width, height) = (frame.width(), frame.height());
        let is_wide = width >= height;
        let longer = shorter * width.max(height) / width.min(height).max(1);
        let resized = match is_wide {
            true => (longer, shorter),
            false => (shorter, longer),
        };
        let (needed, most) = ((self.geometry.width, self.geometry.height), MAX_INPUT_SIDE);
        if longer > most || resized.0 < needed.0 || resized.1 < needed.1 {
            // The same refusal as for the centre alone.
            self.centre(frame)?;
        }
        let whole = self.whole(frame, resized)?;
        let rest = (resized.0 - needed.0, resized.1 - needed.1);
        let places = match is_wide {
            true => [0, half(rest.0), rest.0].map(|left| (left, half(rest.1))),
            false => [0, half(rest.1), rest.1].map(|top| (half(rest.0), top)),
        };
        let cut = |(left, top)| cut_out(&whole, resized, (left, top), needed);
        Ok(places.map(cut).to_vec())
    }

    fn centre(&mut self, frame: &Frame) -> Result<Vec<u8>, FramesError> {
        let preprocessor = match &mut self.centre {
            Some(preprocessor) => preprocessor,
            empty => empty.insert(Preprocessor::new(self.geometry).map_err(StreamError::from)?),
        };
        run(preprocessor, frame)
    }

    fn whole(&mut self, frame: &Frame, resized: (usize, usize)) -> Result<Vec<u8>, FramesError> {
        let is_same = |(size, _): &(_, Preprocessor)| *size == resized;
        if !self.resizing.as_ref().is_some_and(is_same) {
            let geometry = InputGeometry {
                width: resized.0,
                height: resized.1,
                fit: Fit::Stretch,
                ..self.geometry
            };
            let preprocessor = Preprocessor::new(geometry).map_err(StreamError::from)?;
            self.resizing = Some((resized, preprocessor));
        }
        match &mut self.resizing {
            Some((_, preprocessor)) => run(preprocessor, frame),
            None => Ok(vec![]),
        }
    }
}

fn run(preprocessor: &mut Preprocessor, frame: &Frame) -> Result<Vec<u8>, FramesError> {
    let mut picture = vec![0; preprocessor.geometry().tensor_len()];
    let done = preprocessor.run(frame, &mut picture);
    done.map_err(StreamError::from)?;
    Ok(picture)
}

/// Half of a rest, an odd one to the even neighbour: the centre of [`Fit::Crop`].
fn half(rest: usize) -> usize {
    rest / 2 + ((rest % 2) & (rest / 2))
}

/// A part of planes `[3, height, width]`.
fn cut_out(
    planes: &[u8],
    (width, height): (usize, usize),
    (left, top): (usize, usize),
    (wide, high): (usize, usize),
) -> Vec<u8> {
    let mut part = Vec::with_capacity(3 * wide * high);
    for plane in planes.chunks(width * height) {
        for row in plane.chunks(width).skip(top).take(high) {
            part.extend(row.iter().skip(left).take(wide));
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::frame::{FrameLayout, PixelFormat};
    use praxiscope_runtime::preprocess::ColorOrder;

    use super::*;

    fn sampling(views: usize, spread: Spread) -> Sampling {
        Sampling {
            views,
            crops: Crops::One,
            spread,
            frames: None,
        }
    }

    #[test]
    fn one_view_lies_in_the_middle_and_many_reach_from_end_to_end() {
        let one = sampling(1, Spread::Dense).windows(11, 4);
        assert_eq!(one, [vec![3, 4, 5, 6]]);
        let three = sampling(3, Spread::Dense).windows(10, 4);
        assert_eq!(
            three,
            [vec![0, 1, 2, 3], vec![3, 4, 5, 6], vec![6, 7, 8, 9]]
        );
        assert_eq!(sampling(1, Spread::Dense).windows(2, 4), [vec![0, 1, 1, 1]]);
    }

    #[test]
    fn segments_reach_over_the_whole_video() {
        let one = sampling(1, Spread::Segments).windows(80, 8);
        assert_eq!(one, [vec![5, 15, 25, 35, 45, 55, 65, 75]]);
        let two = sampling(2, Spread::Segments).windows(80, 4);
        assert_eq!(two, [vec![5, 25, 45, 65], vec![15, 35, 55, 75]]);
    }

    #[test]
    fn the_middle_of_three_crops_is_the_one_crop() {
        for (width, height) in [(50, 31), (31, 50), (40, 40), (33, 32)] {
            let layout = FrameLayout::packed(PixelFormat::Rgb24, width, height);
            let bytes = (0..3 * width * height).map(|i| (i * i % 251) as u8);
            let frame = Frame::new(layout, bytes.collect()).unwrap();
            let geometry = InputGeometry {
                width: 20,
                height: 20,
                fit: Fit::Crop { shorter: 25 },
                color: ColorOrder::Rgb,
            };
            let cut = |crops| Cutter::new(geometry, crops).cut(&frame).unwrap();
            let (one, three) = (cut(Crops::One), cut(Crops::Three));
            assert_eq!(one[0], three[1], "{width}x{height}");
            assert_ne!(three[0], three[2]);
        }
    }
}
