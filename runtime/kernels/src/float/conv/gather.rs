//! How a block of left-hand rows is gathered from frames.

use crate::Geometry;
use crate::float::gemm::{A_STRIDE, SCRATCH_ROWS};
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
    /// The block's pixels, by the output rows that they lie in.
    runs: [Run; SCRATCH_ROWS],
    /// How many of the runs there are.
    count: usize,
}

/// Neighbouring pixels of one output row.
#[derive(Clone, Copy)]
struct Run {
    y: usize,
    start: usize,
    end: usize,
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
        let runs = [Run {
            y: 0,
            start: 0,
            end: 0,
        }; SCRATCH_ROWS];
        let depth = geometry.taps() * inputs;
        Gather {
            geometry,
            frames,
            depth,
            strip,
            strips,
            runs,
            count: 0,
        }
    }

    /// Turns to the block of `pixels` output pixels from the `first` on, at most the scratch's
    /// rows.
    #[inline(always)]
    pub(super) fn turn_to(&mut self, first: usize, pixels: usize) {
        let width = self.geometry.output()[1];
        let (mut y, mut start) = (first / width, first % width);
        let mut left = pixels;
        self.count = 0;
        while left > 0 {
            let end = width.min(start + left);
            self.runs[self.count] = Run { y, start, end };
            self.count += 1;
            left -= end - start;
            (y, start) = (y + 1, 0);
        }
    }

    /// Writes the part `range` of the block's left-hand rows, [`A_STRIDE`] apart.
    ///
    /// # Safety
    /// `to` must have room for `range.len()` floats in as many rows as the block has pixels.
    #[inline(always)]
    pub(super) unsafe fn rows(&self, mut to: *mut f32, group: usize, range: Range<usize>) {
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
            let places = Places {
                first: (column * window.dilation[1] * channels + group_start + skipped) as isize
                    - (window.padding[1][0] * channels) as isize,
                step: window.stride[1] * channels,
                len,
            };
            let row_len = geometry.input()[1] * channels;
            let inner = places.inner(row_len);
            // SAFETY: each strip moves on by its length, and all lengths together are the range's;
            // runs are as many rows as the block has pixels.
            unsafe {
                let mut to_run = to;
                for run in self.runs.iter().take(self.count) {
                    let source = match (self.frames[t], geometry.source_row(run.y, kh)) {
                        (Some(frame), Some(row)) => &frame[row * row_len..][..row_len],
                        _ => &[],
                    };
                    let inner = if source.is_empty() {
                        0..0
                    } else {
                        inner.clone()
                    };
                    places.copy(to_run, source, run.start..run.end, inner);
                    to_run = to_run.add((run.end - run.start) * A_STRIDE);
                }
                to = to.add(len);
            }
            missing -= len;
            index += 1;
            skipped = 0;
        }
    }
}

/// Where a strip lies in an input row, for each output column.
struct Places {
    /// The first value for output column 0; before the row where that is padding.
    first: isize,
    /// Values from one output column's to the next one's.
    step: usize,
    /// Values in the strip.
    len: usize,
}

impl Places {
    /// The output columns whose strip lies within a row of `row_len` values.
    #[inline(always)]
    fn inner(&self, row_len: usize) -> Range<usize> {
        let start = (-self.first).max(0) as usize;
        match row_len.checked_add_signed(-self.first - self.len as isize) {
            Some(room) => start.div_ceil(self.step)..room / self.step + 1,
            None => 0..0,
        }
    }

    /// Writes the strips of output `columns`, [`A_STRIDE`] apart, with zeros beyond `source`'s
    /// ends.
    ///
    /// # Safety
    /// `to` must have room for `len` floats in each row, and `inner` be the output columns whose strip
    /// lies within `source`.
    #[inline(always)]
    unsafe fn copy(
        &self,
        to: *mut f32,
        source: &[f32],
        columns: Range<usize>,
        inner: Range<usize>,
    ) {
        let start = inner.start.clamp(columns.start, columns.end);
        let end = inner.end.clamp(start, columns.end);
        // SAFETY: the caller's promise; each column has its row.
        unsafe {
            let row = |x: usize| to.add((x - columns.start) * A_STRIDE);
            for x in (columns.start..start).chain(end..columns.end) {
                self.copy_cut(row(x), source, x);
            }
            if start < end {
                let from = self.first + (start * self.step) as isize;
                let from = source.as_ptr().offset(from);
                copy_rows(row(start), from, self.step, end - start, self.len);
            }
        }
    }

    /// Writes the strip of output column `x`, of which not all lies within `source`.
    ///
    /// # Safety
    /// `to` must have room for `len` floats.
    #[cold]
    unsafe fn copy_cut(&self, to: *mut f32, source: &[f32], x: usize) {
        let from = self.first + (x * self.step) as isize;
        for i in 0..self.len {
            let place = usize::try_from(from + i as isize).ok();
            let value = place
                .and_then(|place| source.get(place))
                .copied()
                .unwrap_or(0.0);
            // SAFETY: the caller vouches for `len` floats.
            unsafe { to.add(i).write(value) }
        }
    }
}

/// Copies `rows` runs of `len` floats, `step` apart, to rows [`A_STRIDE`] apart, without a call for
/// each: in whole chunks, of which the last overlaps the one before.
///
/// # Safety
/// `from` must be valid for `len` floats at each of `rows` steps, `to` for as many at each row.
#[inline(always)]
unsafe fn copy_rows(to: *mut f32, from: *const f32, step: usize, rows: usize, len: usize) {
    // SAFETY: the caller's promise, as each chunk lies within `len` floats.
    unsafe {
        match len {
            16.. => copy_chunks::<16>(to, from, step, rows, len),
            8.. => copy_chunks::<8>(to, from, step, rows, len),
            4.. => copy_chunks::<4>(to, from, step, rows, len),
            _ => copy_chunks::<1>(to, from, step, rows, len),
        }
    }
}

/// [`copy_rows`] by chunks of `N`.
///
/// # Safety
/// As [`copy_rows`], and `len` must be at least `N`.
#[inline(always)]
unsafe fn copy_chunks<const N: usize>(
    to: *mut f32,
    from: *const f32,
    step: usize,
    rows: usize,
    len: usize,
) {
    for row in 0..rows {
        // SAFETY: row and chunks lie within what the caller vouches for; arrays of floats may be
        // read and written unaligned.
        unsafe {
            let (to, from) = (to.add(row * A_STRIDE), from.add(row * step));
            let copy = |at: usize| {
                let chunk = from.add(at).cast::<[f32; N]>().read_unaligned();
                to.add(at).cast::<[f32; N]>().write_unaligned(chunk);
            };
            let mut at = 0;
            while at + N <= len {
                copy(at);
                at += N;
            }
            if at < len {
                copy(len - N);
            }
        }
    }
}
