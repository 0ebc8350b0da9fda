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

/// The codes that are read here, those that cost least to bring to the network first: raw samples
/// need no decoding, and chroma for fewer pixels is less to move.
const RAW: [([u8; 4], PixelFormat); 7] = [
    (*b"YUYV", PixelFormat::Yuyv),
    (*b"UYVY", PixelFormat::Uyvy),
    (*b"NV12", PixelFormat::Nv12),
    (*b"YU12", PixelFormat::I420),
    (*b"RGB3", PixelFormat::Rgb24),
    (*b"BGR3", PixelFormat::Bgr24),
    (*b"GREY", PixelFormat::Grey),
];
const JPEG: [u8; 4] = *b"MJPG";

/// The four-character code that a person means.
///
/// # Errors
///
/// When it is none that is read here.
pub fn code_of(name: &str) -> Result<[u8; 4]> {
    let upper = name.to_ascii_uppercase();
    let is_meant = |&(code, format): &([u8; 4], PixelFormat)| {
        upper.as_bytes() == code || upper == format.to_string()
    };
    if upper == "MJPEG" || upper.as_bytes() == JPEG {
        return Ok(JPEG);
    }
    match RAW.into_iter().find(is_meant) {
        Some((code, _)) => Ok(code),
        None => bail!(
            "{name:?} is no format of a camera: YUYV, UYVY, NV12, I420, RGB24, BGR24, GREY and \
             MJPEG are"
        ),
    }
}

/// The four-character code to ask for. Raw samples need no decoding, but beyond the usual size few
/// cameras send them fast enough. Grey is taken only where there is no colour.
pub fn choose(offered: &[[u8; 4]], size: PictureSize) -> Option<[u8; 4]> {
    let small = size.width <= PictureSize::USUAL.width && size.height <= PictureSize::USUAL.height;
    let mut order: Vec<_> = RAW.iter().map(|&(code, _)| code).collect();
    let place = if small { order.len() - 1 } else { 0 };
    order.insert(place, JPEG);
    order.into_iter().find(|code| offered.contains(code))
}

/// What a buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Samples.
    Raw(FrameLayout),
    /// A JPEG picture of this size.
    Jpeg {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
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
        if granted.code == JPEG {
            return Ok(Self::Jpeg { width, height });
        }
        let Some((_, format)) = RAW.into_iter().find(|(code, _)| *code == granted.code) else {
            bail!(
                "it grants the format {} instead",
                String::from_utf8_lossy(&granted.code)
            );
        };
        let mut layout = FrameLayout::packed(format, width, height);
        let stride = granted.stride as usize;
        if stride > 0 {
            // V4L2 gives the stride of the first plane; those of the others follow from it.
            layout.strides = match format {
                PixelFormat::Nv12 => [stride, stride, 0],
                PixelFormat::I420 => [stride, stride / 2, stride / 2],
                _ => [stride, 0, 0],
            };
        }
        layout.color = color_of(granted, format);
        layout.bytes()?;
        Ok(Self::Raw(layout))
    }

    /// The frame in a buffer's bytes.
    ///
    /// # Errors
    ///
    /// When they are too few, or no picture of this size.
    pub fn frame(&self, bytes: &[u8]) -> Result<Frame> {
        match self {
            Self::Raw(layout) => Ok(Frame::new(*layout, bytes.to_vec())?),
            Self::Jpeg { width, height } => {
                let frame = decode_jpeg(bytes)?;
                let found = (frame.width(), frame.height());
                if found != (*width, *height) {
                    bail!("a picture of {}x{} came", found.0, found.1);
                }
                Ok(frame.with_jpeg(bytes.to_vec()))
            }
        }
    }
}

/// What the driver says of the colours, and the kernel's rules for what it leaves open
/// (`V4L2_MAP_YCBCR_ENC_DEFAULT` and `V4L2_MAP_QUANTIZATION_DEFAULT`).
fn color_of(granted: &Granted, format: PixelFormat) -> ColorSpace {
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
        // What is no YUV is in the full range; grey sensors do not say, and use it too.
        (0, _) if format.usual_color().range == Range::Full => Range::Full,
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
        assert_eq!(choose(&offered[..2], PictureSize::USUAL), Some(*b"NV12"));
        assert_eq!(choose(&offered[..1], large), Some(*b"NV12"));
        assert_eq!(
            choose(&[*b"GREY", *b"MJPG"], PictureSize::USUAL),
            Some(*b"MJPG")
        );
        assert_eq!(choose(&[*b"H264"], large), None);
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
        assert_eq!(
            layout.color,
            ColorSpace {
                matrix: Matrix::Bt601,
                range: Range::Limited
            }
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for granted in [
            Granted {
                code: *b"H264",
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
    fn every_format_has_its_layout() {
        for (code, format, stride, bytes) in [
            (*b"UYVY", PixelFormat::Uyvy, 8, 16),
            (*b"NV12", PixelFormat::Nv12, 6, 16),
            (*b"YU12", PixelFormat::I420, 6, 17),
            (*b"RGB3", PixelFormat::Rgb24, 12, 24),
            (*b"BGR3", PixelFormat::Bgr24, 16, 28),
            (*b"GREY", PixelFormat::Grey, 4, 8),
        ] {
            let granted = Granted {
                code,
                stride,
                ..GRANTED
            };
            let Pixels::Raw(layout) = Pixels::of(&granted).unwrap() else {
                panic!("not raw");
            };
            assert_eq!((layout.format, layout.bytes().unwrap()), (format, bytes));
            assert_eq!(layout.color.range, format.usual_color().range);
            assert_eq!(code_of(&format.to_string()).unwrap(), code);
        }
        assert_eq!(code_of("mjpeg").unwrap(), *b"MJPG");
        assert!(code_of("h264").is_err());
    }

    #[test]
    fn a_jpeg_of_another_size_is_refused() {
        let layout = FrameLayout::packed(PixelFormat::Grey, 16, 8);
        let picture = Frame::new(layout, vec![90; 128]).unwrap();
        let jpeg = crate::picture::jpeg(&picture, 90).unwrap();
        let of = |width, height| Pixels::Jpeg { width, height }.frame(&jpeg);
        assert!(of(16, 8).is_ok());
        assert!(of(8, 16).is_err() && of(640, 480).is_err());
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
                color_of(&granted, PixelFormat::Yuyv),
                ColorSpace { matrix, range },
                "{granted:?}"
            );
        }
    }
}
