//! How a camera lays a picture's samples down in memory, and what the numbers mean.

use std::fmt;

/// The most planes any [`PixelFormat`] has.
pub const MAX_PLANES: usize = 3;

/// The memory layout of a frame's samples, 8 bits each.
///
/// The names are those of V4L2 and FFmpeg. Where the chroma is subsampled, its width (and, in
/// 4:2:0, its height) is the picture's halved and rounded UP, so that odd pictures have a chroma
/// sample everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One plane, `R G B` for each pixel.
    Rgb24,
    /// One plane, `B G R` for each pixel.
    Bgr24,
    /// One plane, 4:2:2, `Y0 U Y1 V` for each pair of pixels; a row of odd width ends with a whole
    /// pair.
    Yuyv,
    /// One plane, 4:2:2, `U Y0 V Y1` for each pair of pixels; a row of odd width ends with a whole
    /// pair.
    Uyvy,
    /// Two planes, 4:2:0: luma, then `U V` for each block of 2x2 pixels.
    Nv12,
    /// Three planes, 4:2:0: luma, U, V.
    I420,
    /// Three planes, 4:2:2: luma, U, V.
    I422,
    /// Three planes, 4:4:4: luma, U, V.
    I444,
    /// One plane of luma.
    Grey,
}

impl PixelFormat {
    /// All formats, in the order of their declaration.
    pub const ALL: [PixelFormat; 9] = [
        Self::Rgb24,
        Self::Bgr24,
        Self::Yuyv,
        Self::Uyvy,
        Self::Nv12,
        Self::I420,
        Self::I422,
        Self::I444,
        Self::Grey,
    ];

    /// The number of planes, 1 to [`MAX_PLANES`].
    pub const fn planes(self) -> usize {
        match self {
            Self::Rgb24 | Self::Bgr24 | Self::Yuyv | Self::Uyvy | Self::Grey => 1,
            Self::Nv12 => 2,
            Self::I420 | Self::I422 | Self::I444 => 3,
        }
    }

    /// Bytes in a row (without padding) and number of rows of `plane` in a picture of `width` x
    /// `height` pixels; nothing for a plane that the format has not.
    pub const fn plane_size(self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        let half_width = width.div_ceil(2);
        match (self, plane) {
            (Self::Rgb24 | Self::Bgr24, 0) => (width.saturating_mul(3), height),
            (Self::Yuyv | Self::Uyvy, 0) => (half_width.saturating_mul(4), height),
            (Self::Nv12 | Self::I420 | Self::I422 | Self::I444 | Self::Grey, 0) => (width, height),
            (Self::Nv12, 1) => (half_width.saturating_mul(2), height.div_ceil(2)),
            (Self::I420, 1 | 2) => (half_width, height.div_ceil(2)),
            (Self::I422, 1 | 2) => (half_width, height),
            (Self::I444, 1 | 2) => (width, height),
            _ => (0, 0),
        }
    }

    /// The colour space that cameras mean when they do not say: red, green, blue and grey use the
    /// full range, the formats with chroma are BT.601 in the limited range.
    pub const fn usual_color(self) -> ColorSpace {
        let range = match self {
            Self::Rgb24 | Self::Bgr24 | Self::Grey => Range::Full,
            _ => Range::Limited,
        };
        ColorSpace {
            matrix: Matrix::Bt601,
            range,
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rgb24 => "RGB24",
            Self::Bgr24 => "BGR24",
            Self::Yuyv => "YUYV",
            Self::Uyvy => "UYVY",
            Self::Nv12 => "NV12",
            Self::I420 => "I420",
            Self::I422 => "I422",
            Self::I444 => "I444",
            Self::Grey => "GREY",
        })
    }
}

/// What a frame's luma and chroma numbers mean.
///
/// [`PixelFormat::Rgb24`] and [`PixelFormat::Bgr24`] ignore it; [`PixelFormat::Grey`] heeds the
/// range alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColorSpace {
    /// How luma and chroma are mixed from red, green and blue.
    pub matrix: Matrix,
    /// Which of the numbers 0 to 255 are in use.
    pub range: Range,
}

/// The weights of red, green and blue in the luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// ITU-R BT.601: standard definition, most USB cameras and JPEG.
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
}

/// The numbers that stand for black, white and the strongest colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// Luma from 16 to 235, chroma from 16 to 240 ("video", "MPEG").
    Limited,
    /// Luma and chroma from 0 to 255 ("PC", "JPEG").
    Full,
}
