//! How a block of left-hand rows is gathered from frames.

use super::super::gemm::{A_STRIDE, SCRATCH_ROWS};
use crate::Geometry;
use std::ops::Range;

/// Gathers what output pixels see: for each tap over time, rows and columns, the channels of its
/// input pixel.
///
/// The depth is a sequence of strips of values that lie beside each other in a frame: the whole
/// window row where its columns are neighbours and all channels take part, one tap otherwise.
pub(super) struct Gather<'a> {
    geometry: &'a Geometry,
    frames: &'a [Option<&'a [f32]>],
    /// Values in a left-hand row.
    pub(super) depth: usize,
    /// Values in a strip.
    strip: usize,
    /// Strips in a window row.
    strips: usize,
    /// Input row and column of the first tap of each pixel of the block, in padding when negative.
    corners: [[isize; 2]; SCRATCH_ROWS],
}

impl<'a> Gather<'a> {
    #[inline(always)]
    pub(super) fn new(geometry: &'a Geometry, frames: &'a [Option<&'a [f32]>]) -> Gather<'a> {
        let window = geometry.window();
        let inputs = geometry.in_channels() / geometry.groups();
        let columns = window.kernel[2];
        let merged = geometry.groups() == 1 && window.dilation[1] == 1;
        let (strip, strips) = if merged {
            (columns * inputs, 1)
        } else {
            (inputs, columns)
        };
        let depth = geometry.taps() * inputs;
        Gather {
            geometry,
            frames,
            depth,
            strip,
            strips,
            corners: [[0; 2]; SCRATCH_ROWS],
        }
    }

    /// Turns to the block of `count` output pixels from row and column `(y, x)` on; gives the pixel
    /// after it.
    #[inline(always)]
    pub(super) fn place(&mut self, count: usize, (mut y, mut x): (usize, usize)) -> (usize, usize) {
        let window = self.geometry.window();
        let [_, width] = self.geometry.output();
        for corner in self.corners.iter_mut().take(count) {
            *corner = [
                (y * window.stride[0]) as isize - window.padding[0][0] as isize,
                (x * window.stride[1]) as isize - window.padding[1][0] as isize,
            ];
            x += 1;
            if x == width {
                (y, x) = (y + 1, 0);
            }
        }
        (y, x)
    }

    /// Writes the part `range` of the block's `count` rows, [`A_STRIDE`] apart.
    ///
    /// # Safety
    /// `to` must have room for `range.len()` floats in each row.
    #[inline(always)]
    pub(super) unsafe fn rows(
        &self,
        mut to: *mut f32,
        count: usize,
        group: usize,
        range: Range<usize>,
    ) {
        let geometry = self.geometry;
        let window = geometry.window();
        let channels = geometry.in_channels();
        let group_start = group * (channels / geometry.groups());
        let mut index = range.start / self.strip;
        let mut skipped = range.start % self.strip;
        let mut missing = range.len();
        while missing > 0 {
            let len = missing.min(self.strip - skipped);
            let (line, column) = (index / self.strips, index % self.strips);
            let (t, kh) = (line / window.kernel[1], line % window.kernel[1]);
            let strip = Strip {
                frame: self.frames[t],
                rows: geometry.input()[0],
                row_len: geometry.input()[1] * channels,
                row: (kh * window.dilation[0]) as isize,
                offset: (column * window.dilation[1] * channels + group_start + skipped) as isize,
                channels: channels as isize,
                len,
            };
            // SAFETY: each strip moves on by its length, and all lengths together are the range's.
            unsafe {
                for (row, corner) in self.corners.iter().take(count).enumerate() {
                    strip.copy(to.add(row * A_STRIDE), *corner);
                }
                to = to.add(len);
            }
            missing -= len;
            index += 1;
            skipped = 0;
        }
    }
}

/// A run of values that lies in one input row, the same for all pixels but for their corner.
struct Strip<'a> {
    frame: Option<&'a [f32]>,
    /// Rows of a frame.
    rows: usize,
    /// Values in a frame's row.
    row_len: usize,
    /// Rows below the corner.
    row: isize,
    /// Values behind the corner.
    offset: isize,
    /// Values in a pixel.
    channels: isize,
    len: usize,
}

impl Strip<'_> {
    /// Writes the run of the pixel with `corner`, zeros where it lies in the padding.
    ///
    /// # Safety
    /// `to` must have room for `len` floats.
    #[inline(always)]
    unsafe fn copy(&self, to: *mut f32, [y, x]: [isize; 2]) {
        let (row, len) = (y + self.row, self.len as isize);
        let source = match self.frame {
            Some(frame) if (0..self.rows as isize).contains(&row) => {
                &frame[row as usize * self.row_len..][..self.row_len]
            }
            _ => &[],
        };
        let from = x * self.channels + self.offset;
        // SAFETY: reads are of `source[start..end]`, a part of it by the comparisons; writes go to
        // the `len` floats that the caller vouches for.
        unsafe {
            if from >= 0 && from + len <= source.len() as isize {
                copy(to, source.as_ptr().offset(from), self.len);
            } else {
                std::ptr::write_bytes(to, 0, self.len);
                let start = from.clamp(0, source.len() as isize);
                let end = (from + len).clamp(0, source.len() as isize);
                if start < end {
                    let source = source.as_ptr().offset(start);
                    copy(to.offset(start - from), source, (end - start) as usize);
                }
            }
        }
    }
}

/// Copies a few floats without a call: whole lines, the last one overlapping.
///
/// # Safety
/// As [`std::ptr::copy_nonoverlapping`].
#[inline(always)]
unsafe fn copy(to: *mut f32, from: *const f32, len: usize) {
    #[inline(always)]
    unsafe fn chunk<const N: usize>(to: *mut f32, from: *const f32, at: usize) {
        // SAFETY: the caller of `copy` vouches for `at + N <= len` floats.
        unsafe {
            to.add(at)
                .cast::<[f32; N]>()
                .write_unaligned(from.add(at).cast::<[f32; N]>().read_unaligned());
        }
    }
    // SAFETY: each part lies within `len` floats.
    unsafe {
        if len >= 16 {
            let mut at = 0;
            while at + 16 <= len {
                chunk::<16>(to, from, at);
                at += 16;
            }
            if at < len {
                chunk::<16>(to, from, len - 16);
            }
        } else if len >= 8 {
            chunk::<8>(to, from, 0);
            chunk::<8>(to, from, len - 8);
        } else if len >= 4 {
            chunk::<4>(to, from, 0);
            chunk::<4>(to, from, len - 4);
        } else {
            for at in 0..len {
                *to.add(at) = *from.add(at);
            }
        }
    }
}
