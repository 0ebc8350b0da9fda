//! [`Frame`]: one picture as a camera or a file delivers it, with its number and its time.
//!
//! ```
//! use praxiscope_runtime::frame::{Frame, FrameLayout, PixelFormat};
//!
//! let layout = FrameLayout::packed(PixelFormat::Yuyv, 640, 480);
//! let frame = Frame::new(layout, vec![128; layout.bytes()?])?;
//! assert_eq!(frame.row(0, 479).len(), 1280);
//! # Ok::<(), praxiscope_runtime::frame::FrameError>(())
//! ```

mod format;
mod layout;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use format::{ColorSpace, MAX_PLANES, Matrix, PixelFormat, Range};
pub use layout::{FrameLayout, MAX_SIDE};

/// One picture, its number and its time. A clone shares the bytes, so a frame is cheap to hand to
/// another thread.
#[derive(Clone)]
pub struct Frame {
    layout: FrameLayout,
    offsets: [usize; MAX_PLANES],
    index: u64,
    time: Duration,
    // Not `Arc<[u8]>`: making one from a vector copies the whole picture.
    data: Arc<Vec<u8>>,
    jpeg: Option<Arc<Vec<u8>>>,
}

impl Frame {
    /// A frame with number 0 and time 0 over bytes that are laid out as `layout` says. Bytes past
    /// the layout's end are kept and ignored, for drivers hand over whole pages.
    ///
    /// # Errors
    ///
    /// When the layout is unsound (see [`FrameLayout::bytes`]) or `data` is shorter than it asks
    /// for.
    pub fn new(layout: FrameLayout, data: Vec<u8>) -> Result<Self, FrameError> {
        let (offsets, needed) = layout.plan()?;
        if data.len() < needed {
            let FrameLayout {
                format,
                width,
                height,
                ..
            } = layout;
            return Err(FrameError::Data {
                format,
                width,
                height,
                needed,
                got: data.len(),
            });
        }
        Ok(Self {
            layout,
            offsets,
            index: 0,
            time: Duration::ZERO,
            data: Arc::new(data),
            jpeg: None,
        })
    }

    /// The same frame as number `index` of its source, taken `time` after the source began.
    #[must_use]
    pub fn with_time(self, index: u64, time: Duration) -> Self {
        Self {
            index,
            time,
            ..self
        }
    }

    /// The same frame with the JPEG picture that its samples were decoded from.
    #[must_use]
    pub fn with_jpeg(self, picture: Vec<u8>) -> Self {
        Self {
            jpeg: Some(Arc::new(picture)),
            ..self
        }
    }

    /// The JPEG picture that the samples were decoded from, where they came as one.
    pub fn jpeg(&self) -> Option<&[u8]> {
        self.jpeg.as_deref().map(Vec::as_slice)
    }

    /// The bytes that the frame holds in memory.
    pub fn bytes_held(&self) -> usize {
        self.data.len() + self.jpeg.as_ref().map_or(0, |picture| picture.len())
    }

    /// Format, size, strides and colour space.
    pub fn layout(&self) -> &FrameLayout {
        &self.layout
    }

    /// How the samples are laid down.
    pub fn format(&self) -> PixelFormat {
        self.layout.format
    }

    /// Width in pixels, 1 to [`MAX_SIDE`].
    pub fn width(&self) -> usize {
        self.layout.width
    }

    /// Height in pixels, 1 to [`MAX_SIDE`].
    pub fn height(&self) -> usize {
        self.layout.height
    }

    /// What the numbers mean.
    pub fn color(&self) -> ColorSpace {
        self.layout.color
    }

    /// The frame's number in its source, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The time since the source began.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Whether both are one picture: the same bytes in memory, laid out the same.
    pub(crate) fn shares_picture(&self, other: &Frame) -> bool {
        Arc::ptr_eq(&self.data, &other.data) && self.layout == other.layout
    }

    /// All bytes, as they were handed over.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The bytes of one plane from its first row to its last, with the padding between the rows but
    /// not behind the last; empty for a plane that the format has not.
    pub fn plane(&self, plane: usize) -> &[u8] {
        let (row, rows) = self.plane_size(plane);
        match rows {
            0 => &[],
            _ => self.span(plane, 0, (rows - 1) * self.layout.strides[plane] + row),
        }
    }

    /// Row `y` of one plane without its padding; empty when there is no such plane or row.
    pub fn row(&self, plane: usize, y: usize) -> &[u8] {
        let (row, rows) = self.plane_size(plane);
        if y < rows {
            self.span(plane, y * self.layout.strides[plane], row)
        } else {
            &[]
        }
    }

    fn plane_size(&self, plane: usize) -> (usize, usize) {
        self.layout
            .format
            .plane_size(plane, self.layout.width, self.layout.height)
    }

    /// `new` has checked that the data holds every row of every plane, so the range is always
    /// there.
    fn span(&self, plane: usize, start: usize, len: usize) -> &[u8] {
        let start = self.offsets[plane] + start;
        self.data.get(start..start + len).unwrap_or(&[])
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("layout", &self.layout)
            .field("index", &self.index)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A side is 0 or too long.
    #[error("a frame of {width}x{height} pixels is refused: each side must be 1 to {MAX_SIDE}")]
    Side {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A stride does not hold its row, or is so long that the plane's size overflows.
    #[error(
        "a stride of {stride} bytes is refused for plane {plane} of a {format} frame, whose rows \
         take {row}"
    )]
    Stride {
        /// The frame's format.
        format: PixelFormat,
        /// The plane, from 0.
        plane: usize,
        /// The stride in bytes.
        stride: usize,
        /// The bytes that a row of the plane takes.
        row: usize,
    },
    /// There are fewer bytes than the layout asks for.
    #[error("a {width}x{height} {format} frame takes {needed} bytes, but only {got} are there")]
    Data {
        /// The frame's format.
        format: PixelFormat,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The fewest bytes that hold such a frame.
        needed: usize,
        /// The bytes that are there.
        got: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_rows_are_found_behind_padding() {
        let layout = FrameLayout {
            strides: [4, 3, 0],
            ..FrameLayout::packed(PixelFormat::Nv12, 2, 3)
        };
        let frame = Frame::new(layout, (0..20).collect()).unwrap();
        assert_eq!(frame.plane(0), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(frame.plane(1), [12, 13, 14, 15, 16]);
        assert_eq!(frame.row(0, 2), [8, 9]);
        assert_eq!(frame.row(1, 1), [15, 16]);
        assert_eq!(frame.data().len(), 20);
    }

    #[test]
    fn absent_planes_and_rows_are_empty() {
        let frame = Frame::new(FrameLayout::packed(PixelFormat::I420, 3, 3), vec![0; 17]).unwrap();
        assert_eq!(frame.row(2, 1).len(), 2);
        for (plane, y) in [(0, 3), (1, 2), (3, 0), (usize::MAX, usize::MAX)] {
            assert!(frame.row(plane, y).is_empty());
        }
        assert!(frame.plane(3).is_empty());
    }

    #[test]
    fn too_few_bytes_are_refused_with_the_number_that_is_needed() {
        let layout = FrameLayout::packed(PixelFormat::Yuyv, 3, 2);
        assert!(Frame::new(layout, vec![0; 16]).is_ok());
        let error = Frame::new(layout, vec![0; 15]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a 3x2 YUYV frame takes 16 bytes, but only 15 are there"
        );
    }

    #[test]
    fn a_clone_shares_the_bytes_and_keeps_number_and_time() {
        let frame = Frame::new(FrameLayout::packed(PixelFormat::Grey, 2, 2), vec![7; 4]).unwrap();
        let frame = frame.with_time(3, Duration::from_millis(100));
        let clone = frame.clone();
        assert_eq!(
            (clone.index(), clone.time()),
            (3, Duration::from_millis(100))
        );
        assert_eq!(clone.data().as_ptr(), frame.data().as_ptr());
    }

    #[test]
    fn the_picture_that_it_came_as_goes_with_a_frame() {
        let frame = Frame::new(FrameLayout::packed(PixelFormat::Grey, 2, 2), vec![7; 4]).unwrap();
        assert_eq!((frame.jpeg(), frame.bytes_held()), (None, 4));
        let frame = frame.with_jpeg(vec![1, 2, 3]).with_time(3, Duration::ZERO);
        assert_eq!(frame.jpeg(), Some(&[1, 2, 3][..]));
        assert_eq!((frame.clone().bytes_held(), frame.index()), (7, 3));
    }
}
