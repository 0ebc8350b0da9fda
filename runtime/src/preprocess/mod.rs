//! A camera's frame to the network's tensor of bytes, in integer arithmetic: the same bytes on
//! every CPU.
//!
//! The reference is what models are trained with: decode to RGB, `PIL.Image.resize(BILINEAR)`, crop
//! from the centre. So a frame is converted to RGB first and resized then, with Pillow's weights,
//! order of passes and roundings; what is left out is only what the crop does not look at. Row
//! after row goes through both steps, and only as many rows as one output row takes are kept, so
//! the scratch memory fits a small CPU's cache.

mod color;
mod filter;
mod geometry;
mod resample;
#[cfg(test)]
mod tests;
mod unpack;

use crate::frame::{Frame, FrameLayout, MAX_SIDE};
use color::{Pixel, YuvToRgb};
use filter::FilterTable;
pub use geometry::{ColorOrder, Fit, InputGeometry, MAX_INPUT_SIDE};
use resample::RowRing;

/// Turns frames into a network's input. It keeps its filter tables and scratch rows as long as the
/// frames' layout stays the same, and allocates nothing for a frame then.
///
/// ```
/// use praxiscope_runtime::frame::{Frame, FrameLayout, PixelFormat};
/// use praxiscope_runtime::preprocess::{ColorOrder, Fit, InputGeometry, Preprocessor};
///
/// let fit = Fit::Crop { shorter: 96 };
/// let geometry = InputGeometry { width: 96, height: 96, fit, color: ColorOrder::Rgb };
/// let mut preprocessor = Preprocessor::new(geometry)?;
/// let layout = FrameLayout::packed(PixelFormat::Yuyv, 640, 480);
/// let frame = Frame::new(layout, vec![128; layout.bytes()?])?;
/// let mut tensor = vec![0; geometry.tensor_len()];
/// preprocessor.run(&frame, &mut tensor)?;
/// assert!(tensor.iter().all(|&byte| byte == 130));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Preprocessor {
    geometry: InputGeometry,
    plan: Option<Plan>,
}

impl Preprocessor {
    /// A preprocessor for one network.
    ///
    /// # Errors
    ///
    /// When the geometry is not [valid](InputGeometry::validate).
    pub fn new(geometry: InputGeometry) -> Result<Self, PreprocessError> {
        geometry.validate()?;
        Ok(Self {
            geometry,
            plan: None,
        })
    }

    /// The network's input picture.
    pub fn geometry(&self) -> &InputGeometry {
        &self.geometry
    }

    /// Writes the tensor `[3, height, width]` of a frame, with the colour planes in the network's
    /// order.
    ///
    /// # Errors
    ///
    /// When `tensor` is not [`InputGeometry::tensor_len`] bytes long, or a frame of this shape
    /// cannot be brought to the network's: it is so long that its resized side would exceed
    /// [`MAX_SIDE`], or too narrow for a crop that is not square. The tensor is then left as it
    /// was.
    pub fn run(&mut self, frame: &Frame, tensor: &mut [u8]) -> Result<(), PreprocessError> {
        let (needed, got) = (self.geometry.tensor_len(), tensor.len());
        if needed != got {
            return Err(PreprocessError::Tensor { needed, got });
        }
        let plan = match &mut self.plan {
            Some(plan) if plan.layout == *frame.layout() => plan,
            stale => stale.insert(Plan::new(&self.geometry, *frame.layout())?),
        };
        plan.run(frame, self.geometry.color, tensor);
        Ok(())
    }
}

/// All that depends on a frame's layout and not on its bytes.
#[derive(Debug)]
struct Plan {
    layout: FrameLayout,
    /// The width of the network's picture.
    width: usize,
    yuv: YuvToRgb,
    across: FilterTable,
    down: FilterTable,
    /// The column of the frame that `pixels` begins with.
    start: usize,
    /// One row of the frame, as wide as the crop needs.
    pixels: Vec<Pixel>,
    ring: RowRing,
}

impl Plan {
    fn new(geometry: &InputGeometry, layout: FrameLayout) -> Result<Self, PreprocessError> {
        let (across, down) = geometry.place((layout.width, layout.height))?;
        let (across, down) = (FilterTable::triangle(across), FilterTable::triangle(down));
        let columns = unpack::whole_columns(layout.format, across.span());
        Ok(Self {
            layout,
            width: geometry.width,
            yuv: YuvToRgb::new(layout.color),
            start: columns.start,
            pixels: vec![Pixel::default(); columns.len()],
            ring: RowRing::new(3 * geometry.width, down.longest()),
            across,
            down,
        })
    }

    fn run(&mut self, frame: &Frame, color: ColorOrder, tensor: &mut [u8]) {
        let (first, rest) = tensor.split_at_mut(tensor.len() / 3);
        let (green, last) = rest.split_at_mut(rest.len() / 2);
        let (red, blue) = match color {
            ColorOrder::Rgb => (first, last),
            ColorOrder::Bgr => (last, first),
        };
        let [red, green, blue] = [red, green, blue].map(|plane| plane.chunks_exact_mut(self.width));
        let rows = red.zip(green).zip(blue);
        let mut next = 0;
        for (((red, green), blue), (first, weights)) in rows.zip(self.down.windows()) {
            for y in first.max(next)..first + weights.len() {
                unpack::unpack_row(frame, y, self.start, &self.yuv, &mut self.pixels);
                let row = self.ring.row_mut(y);
                resample::resize_row(&self.across, self.start, &self.pixels, row);
            }
            next = first + weights.len();
            self.ring.blend(first, weights, [red, green, blue]);
        }
    }
}

/// Why a frame cannot become a network's input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreprocessError {
    /// A side of the network's input is 0 or too long.
    #[error(
        "an input of {width}x{height} pixels is refused: each side must be 1 to {MAX_INPUT_SIDE}"
    )]
    InputSide {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The shorter side cannot hold the crop, or is too long.
    #[error(
        "a shorter side of {shorter} cannot hold an input of {width}x{height}: it must be at least \
         the smaller of the two and at most {MAX_SIDE}"
    )]
    Shorter {
        /// Width of the input in pixels.
        width: usize,
        /// Height of the input in pixels.
        height: usize,
        /// The shorter side after resizing, in pixels.
        shorter: usize,
    },
    /// `fit = "crop"` stands without `shorter`.
    #[error("`fit = \"crop\"` needs `shorter`, the length the shorter side is resized to")]
    ShorterMissing,
    /// `fit = "stretch"` stands with `shorter`.
    #[error("`fit = \"stretch\"` has no `shorter`: leave it out, or say `fit = \"crop\"`")]
    ShorterSurplus,
    /// The frame is so long that its resized side would be too.
    #[error(
        "a {}x{} frame would be resized to {}x{}, and no side may exceed {MAX_SIDE}",
        frame.0, frame.1, resized.0, resized.1
    )]
    Aspect {
        /// Width and height of the frame.
        frame: (usize, usize),
        /// Width and height it would be resized to.
        resized: (usize, usize),
    },
    /// The crop is wider or higher than the resized frame.
    #[error(
        "a {}x{} frame is resized to {}x{}, which cannot hold the model's {}x{}",
        frame.0, frame.1, resized.0, resized.1, crop.0, crop.1
    )]
    Crop {
        /// Width and height of the frame.
        frame: (usize, usize),
        /// Width and height it is resized to.
        resized: (usize, usize),
        /// Width and height of the network's input.
        crop: (usize, usize),
    },
    /// The tensor has another length.
    #[error("the input tensor takes {needed} bytes, but {got} were given")]
    Tensor {
        /// Bytes of the network's input.
        needed: usize,
        /// Bytes that were given.
        got: usize,
    },
}
