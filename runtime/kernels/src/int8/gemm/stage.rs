//! Staging: the input values of each output pixel, side by side, in the form that products take.

use crate::Geometry;
use crate::int8::lanes::Products;
use std::ops::Range;

/// A strip of output pixels whose input is to be staged.
pub(super) struct Strip<'a> {
    pub geometry: &'a Geometry,
    pub frames: &'a [Option<&'a [i8]>],
    pub input_zero: i8,
    /// First input channel of the group.
    pub channel: usize,
    /// Output pixels, counted over the whole map.
    pub pixels: Range<usize>,
    /// Bytes of one pixel's staged input: whole steps.
    pub stride: usize,
    pub to: *mut u8,
}

/// A staging function compiled for one instruction set.
///
/// # Safety
/// The CPU runs its instructions; `to` has room for the strip's pixels of `stride` bytes, and
/// `stride` for a pixel's taps and channels; the frames have the geometry's length.
pub(super) type StageKernel = unsafe fn(&Strip);

/// Stages a strip.
///
/// # Safety
/// As [`StageKernel`].
#[inline(always)]
pub(super) unsafe fn stage<P: Products>(strip: &Strip) {
    let geometry = strip.geometry;
    let channels = geometry.in_channels() / geometry.groups();
    let values = geometry.taps() * channels;
    if let [Some(frame)] = strip.frames
        && geometry.is_in_place()
        && geometry.groups() == 1
        && values * P::ELEMENT == strip.stride
    {
        let input = &frame[strip.pixels.start * channels..strip.pixels.end * channels];
        // SAFETY: the caller's promise; staged pixels follow each other without a gap.
        unsafe { P::stage(input.as_ptr(), input.len(), strip.to) };
        return;
    }
    let [_, width] = geometry.output();
    let padding = strip.stride - values * P::ELEMENT;
    let mut to = strip.to;
    let mut pixel = strip.pixels.start;
    while pixel < strip.pixels.end {
        let (y, first) = (pixel / width, pixel % width);
        let columns = first..width.min(first + strip.pixels.end - pixel);
        pixel += columns.len();
        // SAFETY: the caller's promise: a pixel's values and the padding are one stride.
        unsafe {
            row::<P>(strip, y, columns.clone(), to);
            if padding > 0 {
                for index in 0..columns.len() {
                    to.add(index * strip.stride + strip.stride - padding)
                        .write_bytes(0, padding);
                }
            }
            to = to.add(columns.len() * strip.stride);
        }
    }
}

/// Stages some pixels of one output row, one row of taps after the other.
///
/// # Safety
/// As [`StageKernel`].
#[inline(always)]
unsafe fn row<P: Products>(strip: &Strip, y: usize, columns: Range<usize>, to: *mut u8) {
    let geometry = strip.geometry;
    let [_, height, width] = geometry.window().kernel;
    let channels = geometry.in_channels() / geometry.groups();
    let row_values = width * channels;
    let row_len = geometry.input()[1] * geometry.in_channels();
    // Taps of a row that lie side by side in memory are one run, where none is in the padding.
    let dense = geometry.groups() == 1 && (geometry.window().dilation[1] == 1 || width == 1);
    let inner = geometry.inner_columns();
    let runs = match dense {
        true => inner.start.clamp(columns.start, columns.end)..inner.end.min(columns.end),
        false => columns.start..columns.start,
    };
    let mut to = to;
    for frame in strip.frames {
        for kh in 0..height {
            let row = match (frame, geometry.source_row(y, kh)) {
                (Some(frame), Some(row)) => Some(&frame[row * row_len..(row + 1) * row_len]),
                _ => None,
            };
            // SAFETY: the caller's promise.
            unsafe {
                for x in columns.clone().filter(|x| !runs.contains(x)) {
                    let to = to.add((x - columns.start) * strip.stride);
                    taps::<P>(strip, row, x, to);
                }
                if let (Some(row), false) = (row, runs.is_empty()) {
                    let step = geometry.window().stride[1] * channels;
                    let start = runs.start * step - geometry.window().padding[1][0] * channels;
                    let input = &row[start..start + (runs.len() - 1) * step + row_values];
                    let mut to = to.add((runs.start - columns.start) * strip.stride);
                    for index in 0..runs.len() {
                        P::stage(input.as_ptr().add(index * step), row_values, to);
                        to = to.add(strip.stride);
                    }
                } else {
                    for x in runs.clone() {
                        let to = to.add((x - columns.start) * strip.stride);
                        P::fill(strip.input_zero, row_values, to);
                    }
                }
                to = to.add(row_values * P::ELEMENT);
            }
        }
    }
}

/// Stages one row of taps of the pixel in column `x`.
///
/// # Safety
/// As [`StageKernel`].
#[inline(always)]
unsafe fn taps<P: Products>(strip: &Strip, row: Option<&[i8]>, x: usize, to: *mut u8) {
    let geometry = strip.geometry;
    let channels = geometry.in_channels() / geometry.groups();
    for kw in 0..geometry.window().kernel[2] {
        // SAFETY: the caller's promise.
        unsafe {
            let to = to.add(kw * channels * P::ELEMENT);
            match (row, geometry.source_column(x, kw)) {
                (Some(row), Some(column)) => {
                    let at = column * geometry.in_channels() + strip.channel;
                    P::stage(row[at..at + channels].as_ptr(), channels, to);
                }
                _ => P::fill(strip.input_zero, channels, to),
            }
        }
    }
}
