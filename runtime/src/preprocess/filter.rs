//! The weights of an antialiased bilinear resize along one direction, in integers.
//!
//! Sample `i` of `resized` has its centre at `c = (i + 1/2) * source / resized` in the source. It
//! takes source sample `x`, whose centre is at `x + 1/2`, with the triangle's weight
//! `max(0, 1 - |x + 1/2 - c| / s)`, divided by the sum of all of them. The support `s` is the
//! reduction factor `source / resized`, or 1 when enlarging.
//!
//! Multiplied by `2 * max(source, resized)` each weight is an integer, and one rounding (half up)
//! gives the multiple of 2^-22 that Pillow computes in floating point and rounds in
//! `Image.resize(..., BILINEAR)`.

use super::geometry::Axis;
use std::ops::Range;

/// Fraction bits of the weights: 32, less 8 for the sample, less 2 for sign and headroom, as in
/// Pillow. The weights of a window sum to 2^22 but for half a unit of rounding each, so even 16384
/// of them cannot change a constant picture.
pub(super) const PRECISION_BITS: u32 = 22;

/// Half a level, which a sum starts from to be rounded half up.
pub(super) const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// For each sample that is kept, the source samples it takes and their weights.
#[derive(Debug)]
pub(super) struct FilterTable {
    windows: Vec<Window>,
    weights: Vec<i32>,
}

/// The first source sample, and where the weights lie in the table's.
#[derive(Debug)]
struct Window {
    first: usize,
    weights: Range<usize>,
}

impl FilterTable {
    pub fn triangle(axis: Axis) -> Self {
        let mut weights = Vec::new();
        let windows = (axis.start..axis.start + axis.len)
            .map(|i| {
                let begin = weights.len();
                let first = push_window(axis, i, &mut weights);
                Window {
                    first,
                    weights: begin..weights.len(),
                }
            })
            .collect();
        Self { windows, weights }
    }

    /// For each sample, the first source sample and the weights from there on.
    pub fn windows(&self) -> impl Iterator<Item = (usize, &[i32])> {
        self.windows
            .iter()
            .map(|window| (window.first, &self.weights[window.weights.clone()]))
    }

    /// The source samples that are taken at all.
    pub fn span(&self) -> Range<usize> {
        let start = self.windows().map(|(first, _)| first).min().unwrap_or(0);
        let end = self
            .windows()
            .map(|(first, weights)| first + weights.len())
            .max()
            .unwrap_or(0);
        start..end
    }

    /// The most source samples that one sample takes.
    pub fn longest(&self) -> usize {
        self.windows()
            .map(|(_, weights)| weights.len())
            .max()
            .unwrap_or(0)
    }
}

/// Appends the weights of sample `i`; gives the source sample of the first.
fn push_window(axis: Axis, i: usize, weights: &mut Vec<i32>) -> usize {
    // Lengths in units of 1 / (2 * resized) source samples. Sides are at most 2^14, so all fits
    // with room.
    let (source, resized, i) = (axis.source as i64, axis.resized as i64, i as i64);
    let support = 2 * source.max(resized);
    let center = (2 * i + 1) * source;
    let first = ((center - support - resized).div_euclid(2 * resized) + 1).max(0);
    let triangle = (first..source)
        .map(|x| support - ((2 * x + 1) * resized - center).abs())
        .take_while(|&weight| weight > 0);
    let sum: i64 = triangle.clone().sum();
    weights.extend(
        triangle.map(|weight| (((weight << (PRECISION_BITS + 1)) + sum) / (2 * sum)) as i32),
    );
    first as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MAX_SIDE;
    use proptest::prelude::*;

    const ONE: i32 = 1 << PRECISION_BITS;

    fn table(source: usize, resized: usize) -> FilterTable {
        FilterTable::triangle(Axis {
            source,
            resized,
            start: 0,
            len: resized,
        })
    }

    #[test]
    fn the_same_size_takes_each_sample_once() {
        for (i, window) in table(5, 5).windows().enumerate() {
            assert_eq!(window, (i, &[ONE][..]));
        }
    }

    #[test]
    fn halving_takes_one_three_three_one() {
        let table = table(8, 4);
        let eighths = [1, 3, 3, 1].map(|eighth| eighth * ONE / 8);
        assert_eq!(table.windows().nth(1), Some((1, &eighths[..])));
        // At the border the weight outside is shared among those inside.
        let sevenths = [3.0, 3.0, 1.0].map(|w: f64| (w * f64::from(ONE) / 7.0).round() as i32);
        assert_eq!(table.windows().next(), Some((0, &sevenths[..])));
    }

    #[test]
    fn doubling_takes_one_quarter_and_three() {
        let table = table(4, 8);
        assert_eq!(
            table.windows().nth(2),
            Some((0, &[ONE / 4, 3 * ONE / 4][..]))
        );
        assert_eq!(table.windows().next(), Some((0, &[ONE][..])));
        assert_eq!(table.span(), 0..4);
        assert_eq!(table.longest(), 2);
    }

    #[test]
    fn the_longest_windows_keep_a_constant() {
        for resized in [1, 2, 3] {
            for (_, weights) in table(MAX_SIDE, resized).windows() {
                let sum = weights.iter().map(|weight| 255 * weight).sum::<i32>() + HALF;
                assert_eq!(sum >> PRECISION_BITS, 255);
            }
        }
    }

    proptest! {
        #[test]
        fn windows_lie_in_the_source_and_move_forward(
            source in 1..400_usize, resized in 1..400_usize,
        ) {
            let table = table(source, resized);
            prop_assert_eq!(table.span(), 0..source.min(table.span().end));
            let (mut start, mut end) = (0, 0);
            for (first, weights) in table.windows() {
                let sum: i32 = weights.iter().sum();
                prop_assert!((sum - ONE).unsigned_abs() as usize <= weights.len());
                prop_assert!(!weights.is_empty() && weights.iter().all(|&weight| weight >= 0));
                prop_assert!(first >= start && first + weights.len() >= end);
                prop_assert!(first <= end && first + weights.len() <= source);
                (start, end) = (first, first + weights.len());
            }
            prop_assert_eq!(end, source);
        }
    }
}
