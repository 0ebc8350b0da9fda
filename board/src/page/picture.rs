//! The newest frame as a JPEG picture, made only when somebody asks, and not too often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hyper::body::Bytes;
use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor, rgb_to_ycbcr};
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::preprocess::{ColorOrder, Fit, InputGeometry, Preprocessor};

use crate::telemetry::Telemetry;

/// Larger frames are made smaller: the page has no room for more, and a board no time.
const LONGEST_SIDE: usize = 640;
const QUALITY: u8 = 75;
/// Pictures are this far apart at least.
const PAUSE: Duration = Duration::from_millis(80);
/// And take no more than one part in so many of the page's thread.
const SHARE: u32 = 5;

/// The newest picture.
#[derive(Debug, Default)]
pub struct Pictures {
    newest: Option<Bytes>,
    /// The frame that it shows.
    of: Option<(u64, Duration)>,
    due: Option<Instant>,
    preprocessor: Option<Preprocessor>,
    planes: Vec<u8>,
}

impl Pictures {
    /// The newest picture; nothing before the first frame.
    ///
    /// # Errors
    ///
    /// When the frame cannot be shown.
    pub fn newest(&mut self, telemetry: &Arc<Telemetry>) -> Result<Option<Bytes>> {
        if self.due.is_some_and(|due| Instant::now() < due) {
            return Ok(self.newest.clone());
        }
        let Some(frame) = telemetry.picture() else {
            return Ok(None);
        };
        let of = Some((frame.index(), frame.time()));
        if self.of != of {
            let started = Instant::now();
            self.newest = Some(self.encode(&frame)?);
            self.of = of;
            let took = started.elapsed();
            self.due = Some(started + PAUSE.max(took * SHARE));
        }
        Ok(self.newest.clone())
    }

    fn encode(&mut self, frame: &Frame) -> Result<Bytes> {
        let geometry = geometry(frame.width(), frame.height());
        let fits = |found: &Preprocessor| *found.geometry() == geometry;
        let preprocessor = match self.preprocessor.take().filter(fits) {
            Some(preprocessor) => preprocessor,
            None => Preprocessor::new(geometry)?,
        };
        let preprocessor = self.preprocessor.insert(preprocessor);
        self.planes.resize(geometry.tensor_len(), 0);
        preprocessor.run(frame, &mut self.planes)?;
        jpeg(geometry.width, geometry.height, &self.planes)
    }
}

/// The whole frame, at most [`LONGEST_SIDE`] wide and high.
fn geometry(width: usize, height: usize) -> InputGeometry {
    let longest = width.max(height).max(LONGEST_SIDE);
    let scaled = |side: usize| (side * LONGEST_SIDE / longest).max(1);
    InputGeometry {
        width: scaled(width),
        height: scaled(height),
        fit: Fit::Stretch,
        color: ColorOrder::Rgb,
    }
}

/// Planes of red, green and blue as a JPEG picture.
fn jpeg(width: usize, height: usize, planes: &[u8]) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(planes.len() / 8);
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let side = |side: usize| u16::try_from(side).context("the picture is too large");
    encoder.encode_image(Planes {
        size: (side(width)?, side(height)?),
        planes,
    })?;
    Ok(bytes.into())
}

struct Planes<'a> {
    size: (u16, u16),
    planes: &'a [u8],
}

impl ImageBuffer for Planes<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.size.0
    }

    fn height(&self) -> u16 {
        self.size.1
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let (width, height) = (usize::from(self.size.0), usize::from(self.size.1));
        let row = |plane: usize| {
            let start = (plane * height + usize::from(y)) * width;
            self.planes.get(start..start + width).unwrap_or_default()
        };
        for ((&r, &g), &b) in row(0).iter().zip(row(1)).zip(row(2)) {
            let (y, u, v) = rgb_to_ycbcr(r, g, b);
            buffers[0].push(y);
            buffers[1].push(u);
            buffers[2].push(v);
        }
    }
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::frame::{FrameLayout, PixelFormat};
    use praxiscope_runtime::source::{Losses, decode_jpeg};

    use super::*;

    fn frame(width: usize, height: usize, level: u8, index: u64) -> Frame {
        let layout = FrameLayout::packed(PixelFormat::Rgb24, width, height);
        let data = vec![level; layout.bytes().unwrap()];
        let frame = Frame::new(layout, data).unwrap();
        frame.with_time(index, Duration::ZERO)
    }

    #[test]
    fn a_picture_shows_the_frame() {
        let picture = Pictures::default().encode(&frame(40, 30, 200, 0)).unwrap();
        let shown = decode_jpeg(&picture).unwrap();
        assert_eq!((shown.width(), shown.height()), (40, 30));
        assert!(shown.row(0, 15).iter().all(|y| y.abs_diff(200) < 4));
    }

    #[test]
    fn large_frames_become_small_pictures_of_the_same_shape() {
        for (size, wanted) in [
            ((1280, 720), (640, 360)),
            ((480, 1920), (160, 640)),
            ((640, 480), (640, 480)),
            ((1, 4000), (1, 640)),
        ] {
            let found = geometry(size.0, size.1);
            assert_eq!((found.width, found.height), wanted);
            assert!(found.validate().is_ok());
        }
    }

    #[test]
    fn pictures_are_made_at_a_bounded_rate() {
        let telemetry = Telemetry::new(Duration::MAX);
        telemetry.watch();
        let mut pictures = Pictures::default();
        assert!(pictures.newest(&telemetry).unwrap().is_none());
        let mut probe = telemetry.capture(true);
        probe.captured(&frame(8, 8, 50, 1), None, Duration::ZERO, Losses::default());
        let first = pictures.newest(&telemetry).unwrap().unwrap();
        probe.captured(
            &frame(8, 8, 250, 2),
            None,
            Duration::ZERO,
            Losses::default(),
        );
        pictures.due = Some(Instant::now() + Duration::from_secs(3600));
        assert_eq!(pictures.newest(&telemetry).unwrap().unwrap(), first);
        pictures.due = None;
        assert_ne!(pictures.newest(&telemetry).unwrap().unwrap(), first);
    }
}
