//! The two passes of a resize, each rounded to bytes: first along the rows, then down the columns.
//!
//! Every Pillow before 13 has this order. Later ones turn it for some shapes of picture, which
//! changes a byte by one level at most.

use super::color::Pixel;
use super::filter::{FilterTable, HALF, PRECISION_BITS};

/// Resizes a row of pixels to three planar rows, red, green and blue, that follow one another in
/// `out`.
///
/// `pixels` starts at source sample `start`, and `out` holds three bytes for each of the table's
/// windows.
pub(super) fn resize_row(table: &FilterTable, start: usize, pixels: &[Pixel], out: &mut [u8]) {
    let width = out.len() / 3;
    let (red, rest) = out.split_at_mut(width);
    let (green, blue) = rest.split_at_mut(width);
    let planes = red.iter_mut().zip(green).zip(blue);
    for (((red, green), blue), (first, weights)) in planes.zip(table.windows()) {
        let pixels = &pixels[first - start..][..weights.len()];
        // The unused byte is summed as well: four lanes are one register.
        let mut sums = [HALF; 4];
        for (pixel, &weight) in pixels.iter().zip(weights) {
            for (sum, &byte) in sums.iter_mut().zip(pixel) {
                *sum += weight * i32::from(byte);
            }
        }
        [*red, *green, *blue, _] = sums.map(level);
    }
}

/// The latest rows that [`resize_row`] made, as many as the longest vertical window asks for.
#[derive(Debug)]
pub(super) struct RowRing {
    rows: Vec<u8>,
    row_len: usize,
    /// The weighted sum of one row, kept here to spare an allocation.
    sums: Vec<i32>,
}

impl RowRing {
    pub fn new(row_len: usize, capacity: usize) -> Self {
        Self {
            rows: vec![0; row_len * capacity],
            row_len,
            sums: vec![0; row_len],
        }
    }

    /// The place of row `y`, which takes that of the row `capacity` before it.
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        let start = self.offset(y);
        &mut self.rows[start..start + self.row_len]
    }

    /// The weighted sum of the rows from `first` on, as one row of each plane.
    pub fn blend(&mut self, first: usize, weights: &[i32], planes: [&mut [u8]; 3]) {
        self.sums.fill(HALF);
        for (y, &weight) in (first..).zip(weights) {
            let start = self.offset(y);
            let row = &self.rows[start..start + self.row_len];
            for (sum, &byte) in self.sums.iter_mut().zip(row) {
                *sum += weight * i32::from(byte);
            }
        }
        for (plane, sums) in planes
            .into_iter()
            .zip(self.sums.chunks_exact(self.row_len / 3))
        {
            for (byte, &sum) in plane.iter_mut().zip(sums) {
                *byte = level(sum);
            }
        }
    }

    fn offset(&self, y: usize) -> usize {
        y * self.row_len % self.rows.len()
    }
}

/// A sum that started from [`HALF`], as a byte. No sum is negative, for no weight of a triangle is.
#[inline]
fn level(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}
