//! Where the rows of each plane lie in a frame's bytes.

use super::{ColorSpace, FrameError, MAX_PLANES, PixelFormat};

/// The widest and the highest picture that is accepted, in pixels.
pub const MAX_SIDE: usize = 16_384;

/// The shape of a frame: enough to find every sample in its bytes.
///
/// The planes follow one another without a gap, each `stride * rows` bytes long, as V4L2's
/// single-planar buffers have them. The fields are free to be set;
/// [`Frame::new`](super::Frame::new) checks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameLayout {
    /// How the samples are laid down.
    pub format: PixelFormat,
    /// Width of the picture in pixels, 1 to [`MAX_SIDE`].
    pub width: usize,
    /// Height of the picture in pixels, 1 to [`MAX_SIDE`].
    pub height: usize,
    /// For each plane, the bytes from the start of one row to the start of the next; ignored past
    /// the format's planes.
    pub strides: [usize; MAX_PLANES],
    /// What the numbers mean.
    pub color: ColorSpace,
}

impl FrameLayout {
    /// A layout without padding, in the format's [usual colour space](PixelFormat::usual_color).
    pub fn packed(format: PixelFormat, width: usize, height: usize) -> Self {
        let strides = std::array::from_fn(|plane| format.plane_size(plane, width, height).0);
        Self {
            format,
            width,
            height,
            strides,
            color: format.usual_color(),
        }
    }

    /// The fewest bytes that hold a frame of this layout. The padding behind the very last row may
    /// be missing.
    ///
    /// # Errors
    ///
    /// When a side is 0 or over [`MAX_SIDE`], or a stride is shorter than its row.
    pub fn bytes(&self) -> Result<usize, FrameError> {
        Ok(self.plan()?.1)
    }

    /// The offset of each plane and the fewest bytes that hold them all, once the layout is found
    /// sound.
    pub(super) fn plan(&self) -> Result<([usize; MAX_PLANES], usize), FrameError> {
        let Self {
            format,
            width,
            height,
            ..
        } = *self;
        let sides = 1..=MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(FrameError::Side { width, height });
        }
        let mut offsets = [0; MAX_PLANES];
        let (mut next, mut bytes) = (0_usize, 0);
        for (plane, (offset, &stride)) in offsets
            .iter_mut()
            .zip(&self.strides)
            .enumerate()
            .take(format.planes())
        {
            let (row, rows) = format.plane_size(plane, width, height);
            let huge = FrameError::Stride {
                format,
                plane,
                stride,
                row,
            };
            if stride < row {
                return Err(huge);
            }
            *offset = next;
            let full = stride
                .checked_mul(rows)
                .and_then(|size| size.checked_add(next));
            next = full.ok_or(huge)?;
            bytes = next - (stride - row);
        }
        Ok((offsets, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(format: PixelFormat, width: usize, height: usize) -> usize {
        FrameLayout::packed(format, width, height).bytes().unwrap()
    }

    #[test]
    fn packed_sizes_round_the_chroma_up() {
        assert_eq!(bytes(PixelFormat::Rgb24, 5, 3), 45);
        assert_eq!(bytes(PixelFormat::Bgr24, 5, 3), 45);
        assert_eq!(bytes(PixelFormat::Yuyv, 5, 3), 36);
        assert_eq!(bytes(PixelFormat::Uyvy, 6, 3), 36);
        assert_eq!(bytes(PixelFormat::Nv12, 5, 3), 15 + 12);
        assert_eq!(bytes(PixelFormat::I420, 5, 3), 15 + 6 + 6);
        assert_eq!(bytes(PixelFormat::I422, 5, 3), 15 + 9 + 9);
        assert_eq!(bytes(PixelFormat::I444, 5, 3), 45);
        assert_eq!(bytes(PixelFormat::Grey, 5, 3), 15);
    }

    #[test]
    fn the_padding_behind_the_last_row_is_not_asked_for() {
        let layout = FrameLayout {
            strides: [8, 4, 10],
            ..FrameLayout::packed(PixelFormat::I420, 5, 4)
        };
        assert_eq!(layout.plan().unwrap(), ([0, 32, 40], 40 + 10 + 3));
    }

    #[test]
    fn sides_and_strides_out_of_bounds_are_refused() {
        for (width, height) in [(0, 4), (4, 0), (MAX_SIDE + 1, 1), (1, usize::MAX)] {
            for format in PixelFormat::ALL {
                let layout = FrameLayout::packed(format, width, height);
                assert_eq!(layout.bytes(), Err(FrameError::Side { width, height }));
            }
        }
        let packed = FrameLayout::packed(PixelFormat::Nv12, 5, 4);
        for strides in [
            [4, 6, 0],
            [5, 5, 0],
            [5, usize::MAX, 0],
            [usize::MAX / 2, 6, 0],
        ] {
            let refused = FrameLayout { strides, ..packed }.bytes();
            assert!(
                matches!(refused, Err(FrameError::Stride { .. })),
                "{strides:?}"
            );
        }
    }
}
