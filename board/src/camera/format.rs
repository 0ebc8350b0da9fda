//! Which format a camera is asked for, and what its buffers then hold.

use std::str::FromStr;

use anyhow::{Result, bail};
use praxiscope_runtime::frame::{ColorSpace, Frame, FrameLayout, Matrix, PixelFormat, Range};
use praxiscope_runtime::source::{check_size, decode_jpeg};
use serde::Deserialize;

use super::v4l2::Granted;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PictureSize {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl PictureSize {
    /// What is asked for when nothing else is: every camera has it, and no model looks closer.
    pub const USUAL: PictureSize = PictureSize {
        width: 640,
        height: 480,
    };
}

impl FromStr for PictureSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('x')
            .and_then(|(width, height)| {
                Some(Self {
                    width: width.parse().ok()?,
                    height: height.parse().ok()?,
                })
            })
            .filter(|size| check_size(size.width as usize, size.height as usize).is_ok())
            .ok_or_else(|| format!("{text:?} is no picture size such as 640x480"))
    }
}

impl TryFrom<String> for PictureSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The four-character code to ask for. Raw samples need no decoding, but beyond the usual size few
/// cameras send them fast enough.
pub fn choose(offered: &[[u8; 4]], size: PictureSize) -> Option<[u8; 4]> {
    let small = size.width <= PictureSize::USUAL.width && size.height <= PictureSize::USUAL.height;
    let order = if small {
        [*b"YUYV", *b"MJPG"]
    } else {
        [*b"MJPG", *b"YUYV"]
    };
    order.into_iter().find(|code| offered.contains(code))
}

/// What a buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Samples.
    Raw(FrameLayout),
    /// A JPEG picture.
    Jpeg,
}

impl Pixels {
    /// What was granted.
    ///
    /// # Errors
    ///
    /// When that is no format that is read here, or its numbers cannot be.
    pub fn of(granted: &Granted) -> Result<Self> {
        let (width, height) = (granted.width as usize, granted.height as usize);
        check_size(width, height)?;
        match &granted.code {
            b"MJPG" => Ok(Self::Jpeg),
            b"YUYV" => {
                let mut layout = FrameLayout::packed(PixelFormat::Yuyv, width, height);
                if granted.stride > 0 {
                    layout.strides[0] = granted.stride as usize;
                }
                layout.color = color_of(granted);
                layout.bytes()?;
                Ok(Self::Raw(layout))
            }
            other => bail!(
                "it grants the format {} instead",
                String::from_utf8_lossy(other)
            ),
        }
    }

    /// The frame in a buffer's bytes.
    ///
    /// # Errors
    ///
    /// When they are too few, or no picture.
    pub fn frame(&self, bytes: &[u8]) -> Result<Frame> {
        match self {
            Self::Raw(layout) => Ok(Frame::new(*layout, bytes.to_vec())?),
            Self::Jpeg => Ok(decode_jpeg(bytes)?),
        }
    }
}

/// What the driver says of the colours, and the kernel's rules for what it leaves open
/// (`V4L2_MAP_YCBCR_ENC_DEFAULT` and `V4L2_MAP_QUANTIZATION_DEFAULT`).
fn color_of(granted: &Granted) -> ColorSpace {
    const COLORSPACE_REC709: u32 = 3;
    const COLORSPACE_JPEG: u32 = 7;
    const ENCODING_709: u32 = 2;
    const ENCODING_XV709: u32 = 4;
    const FULL: u32 = 1;
    let matrix = match (granted.encoding, granted.colorspace) {
        (ENCODING_709 | ENCODING_XV709, _) | (0, COLORSPACE_REC709) => Matrix::Bt709,
        _ => Matrix::Bt601,
    };
    let range = match (granted.quantization, granted.colorspace) {
        (FULL, _) | (0, COLORSPACE_JPEG) => Range::Full,
        _ => Range::Limited,
    };
    ColorSpace { matrix, range }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANTED: Granted = Granted {
        code: *b"YUYV",
        width: 4,
        height: 2,
        stride: 0,
        colorspace: 8,
        encoding: 0,
        quantization: 0,
    };

    #[test]
    fn sizes_are_read_and_checked() {
        assert_eq!("640x480".parse(), Ok(PictureSize::USUAL));
        for text in [
            "640",
            "x480",
            "640x",
            "0x480",
            "99999x99999",
            "-1x2",
            "640x480x3",
        ] {
            assert!(text.parse::<PictureSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn raw_samples_are_preferred_while_they_are_small() {
        let offered = [*b"NV12", *b"MJPG", *b"YUYV"];
        let large = PictureSize {
            width: 1280,
            height: 720,
        };
        assert_eq!(choose(&offered, PictureSize::USUAL), Some(*b"YUYV"));
        assert_eq!(choose(&offered, large), Some(*b"MJPG"));
        assert_eq!(choose(&offered[..2], PictureSize::USUAL), Some(*b"MJPG"));
        assert_eq!(choose(&offered[..1], large), None);
    }

    #[test]
    fn the_stride_of_a_raw_picture_is_kept() {
        let Pixels::Raw(layout) = Pixels::of(&Granted {
            stride: 10,
            ..GRANTED
        })
        .unwrap() else {
            panic!("not raw");
        };
        assert_eq!((layout.strides[0], layout.bytes().unwrap()), (10, 18));
        assert!(Pixels::Raw(layout).frame(&[0; 18]).is_ok());
        assert!(Pixels::Raw(layout).frame(&[0; 17]).is_err());
        assert!(Pixels::Jpeg.frame(&[0; 18]).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for granted in [
            Granted {
                code: *b"NV12",
                ..GRANTED
            },
            Granted {
                width: 0,
                ..GRANTED
            },
            Granted {
                width: u32::MAX,
                height: u32::MAX,
                ..GRANTED
            },
            Granted {
                stride: 3,
                ..GRANTED
            },
        ] {
            assert!(Pixels::of(&granted).is_err(), "{granted:?}");
        }
    }

    #[test]
    fn colours_follow_the_kernels_rules() {
        use {Matrix::*, Range::*};
        for (colorspace, encoding, quantization, matrix, range) in [
            (8, 0, 0, Bt601, Limited),
            (8, 0, 1, Bt601, Full),
            (3, 0, 0, Bt709, Limited),
            (3, 1, 2, Bt601, Limited),
            (8, 2, 0, Bt709, Limited),
            (7, 0, 0, Bt601, Full),
            (7, 0, 2, Bt601, Limited),
        ] {
            let granted = Granted {
                colorspace,
                encoding,
                quantization,
                ..GRANTED
            };
            assert_eq!(
                color_of(&granted),
                ColorSpace { matrix, range },
                "{granted:?}"
            );
        }
    }
}
