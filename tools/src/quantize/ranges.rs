//! Which range of real numbers the 256 values of a wire shall cover.
//!
//! While calibration frames run through the float program, a [`Histogram`] for each wire counts its
//! numbers; [`RangeMethod`] then says which part of them is worth the 8 bits.

use praxiscope_runtime::step::Quantization;
use serde::{Deserialize, Serialize};

/// Bins of a histogram on each side of zero.
const BINS: usize = 2048;

/// How the range of a wire is chosen from the numbers that were seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeMethod {
    /// From the smallest number to the largest.
    MinMax,
    /// All but a share of 0.0001 of the numbers, half of it at each end.
    Percentile,
    /// The range with the least mean square error.
    Mse,
    /// The range with the least divergence of the rounded numbers' distribution from the numbers'
    /// (Migacz, "8-bit inference with TensorRT", GTC 2017).
    Entropy,
}

/// Counts the numbers of one wire. The bins widen as larger numbers come.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Counts from `-width * BINS` to `width * BINS`.
    counts: Vec<u64>,
    /// Width of a bin; 0 until a number other than zero has come.
    width: f32,
    smallest: f32,
    largest: f32,
    total: u64,
    /// Numbers that are none, or are infinite.
    broken: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: vec![0; 2 * BINS],
            width: 0.0,
            smallest: f32::INFINITY,
            largest: f32::NEG_INFINITY,
            total: 0,
            broken: 0,
        }
    }
}

impl Histogram {
    /// Counts the numbers of one frame.
    pub fn add(&mut self, values: &[f32]) {
        let (mut smallest, mut largest) = (f32::INFINITY, f32::NEG_INFINITY);
        for &value in values {
            if value.is_finite() {
                smallest = smallest.min(value);
                largest = largest.max(value);
            } else {
                self.broken += 1;
            }
        }
        if smallest > largest {
            return;
        }
        self.smallest = self.smallest.min(smallest);
        self.largest = self.largest.max(largest);
        self.widen(largest.max(-smallest));
        let scale = if self.width > 0.0 {
            1.0 / self.width
        } else {
            0.0
        };
        for &value in values.iter().filter(|value| value.is_finite()) {
            let bin = (value * scale + BINS as f32) as usize;
            self.counts[bin.min(2 * BINS - 1)] += 1;
            self.total += 1;
        }
    }

    /// How many numbers were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether all that was counted is one number.
    pub fn is_constant(&self) -> bool {
        self.total > 0 && self.smallest == self.largest
    }

    /// Numbers that were none, or infinite: a network that gives such cannot be quantized.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// The smallest and the largest number, with zero between them; `None` if none was counted.
    pub fn extremes(&self) -> Option<(f32, f32)> {
        (self.total > 0).then(|| (self.smallest.min(0.0), self.largest.max(0.0)))
    }

    /// The range that the method chooses, with zero in it; `None` if nothing was counted or all that
    /// was counted is zero.
    pub fn range(&self, method: RangeMethod) -> Option<(f32, f32)> {
        let (low, high) = self.extremes().filter(|(low, high)| low < high)?;
        match method {
            RangeMethod::MinMax => Some((low, high)),
            RangeMethod::Percentile => Some(self.percentile(0.0001)),
            RangeMethod::Mse => Some(self.least(|range| self.square_error(range))),
            RangeMethod::Entropy => Some(self.least(|range| self.divergence(range))),
        }
    }

    /// Doubles the bins' width until the histogram covers `size`.
    fn widen(&mut self, size: f32) {
        if size <= self.width * BINS as f32 {
            return;
        }
        if self.width == 0.0 {
            // Until now there were zeros, in the bin that begins with zero.
            self.width = (size * (1.0 + f32::EPSILON) / BINS as f32).max(f32::MIN_POSITIVE);
        }
        while size > self.width * BINS as f32 {
            self.width *= 2.0;
            let mut wider = vec![0; 2 * BINS];
            for (bin, count) in self.counts.iter().enumerate() {
                wider[BINS / 2 + bin / 2] += count;
            }
            self.counts = wider;
        }
    }

    fn centre(&self, bin: usize) -> f32 {
        (bin as f32 - BINS as f32 + 0.5) * self.width
    }

    fn percentile(&self, share: f64) -> (f32, f32) {
        let cut = (self.total as f64 * share / 2.0) as u64;
        let low = self.beyond(cut, 0..2 * BINS);
        let high = self.beyond(cut, (0..2 * BINS).rev());
        let low = low.map_or(self.smallest, |bin| self.centre(bin));
        let high = high.map_or(self.largest, |bin| self.centre(bin));
        (
            low.max(self.smallest).min(0.0),
            high.min(self.largest).max(0.0),
        )
    }

    /// The first bin at which more than `cut` numbers were passed.
    fn beyond(&self, cut: u64, mut bins: impl Iterator<Item = usize>) -> Option<usize> {
        let mut sum = 0;
        bins.find(|&bin| {
            sum += self.counts[bin];
            sum > cut
        })
    }

    /// Narrows the extremes, both ends by the same share, to where `cost` is least.
    fn least(&self, cost: impl Fn((f32, f32)) -> f64) -> (f32, f32) {
        const STEPS: usize = 64;
        let (low, high) = (self.smallest.min(0.0), self.largest.max(0.0));
        let candidates = (STEPS / 8..=STEPS).rev().map(|step| {
            let share = step as f32 / STEPS as f32;
            (low * share, high * share)
        });
        let costs = candidates.map(|range| (cost(range), range));
        let least = costs.min_by(|(a, _), (b, _)| a.total_cmp(b));
        least.map_or((low, high), |(_, range)| range)
    }

    /// Sum of the squares of what rounding and clamping change.
    fn square_error(&self, (low, high): (f32, f32)) -> f64 {
        let step = (high - low) / 255.0;
        let bins = self.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        bins.map(|(bin, &count)| {
            let value = self.centre(bin);
            let clamped = value.clamp(low, high);
            let rounded = low + ((clamped - low) / step).round_ties_even() * step;
            // Within a bin that is wider than the step the error is that of a uniform number.
            let error = match clamped == value {
                true if self.width > step => step / 12f32.sqrt(),
                _ => value - rounded,
            };
            count as f64 * f64::from(error).powi(2)
        })
        .sum()
    }

    /// Sum of the squares of what rounding to the values of a quantization changes.
    pub(super) fn error_of(&self, quantization: Quantization) -> f64 {
        let Quantization { scale, zero_point } = quantization;
        let bins = self.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        let errors = bins.map(|(bin, &count)| {
            let value = self.centre(bin);
            let steps = i32::from(quantization.value(value)) - i32::from(zero_point);
            count as f64 * f64::from(value - steps as f32 * scale).powi(2)
        });
        errors.sum()
    }

    /// Kullback-Leibler divergence of the distribution after rounding to 256 values from that before.
    fn divergence(&self, (low, high): (f32, f32)) -> f64 {
        let step = (high - low) / 255.0;
        let level = |bin: usize| {
            let clamped = self.centre(bin).clamp(low, high);
            ((clamped - low) / step).round_ties_even() as usize
        };
        let mut sums = [(0u64, 0u64); 256];
        for (bin, &count) in self.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let inside = (low..=high).contains(&self.centre(bin));
            let (sum, bins) = &mut sums[level(bin).min(255)];
            // What is clamped adds to the end's share, but has no bin of its own there.
            *sum += if inside { count } else { 0 };
            *bins += u64::from(inside);
        }
        let total = self.total.max(1) as f64;
        let bins = self.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        bins.map(|(bin, &count)| {
            let before = count as f64 / total;
            let (sum, bins) = sums[level(bin).min(255)];
            let inside = (low..=high).contains(&self.centre(bin));
            let after = match inside && bins > 0 {
                true => sum as f64 / bins as f64 / total,
                false => 1e-9,
            };
            before * (before / after.max(1e-12)).ln()
        })
        .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl IntoIterator<Item = f32>) -> Histogram {
        let mut histogram = Histogram::default();
        let values: Vec<f32> = values.into_iter().collect();
        values.chunks(97).for_each(|chunk| histogram.add(chunk));
        histogram
    }

    /// Numbers between -1 and 1, dense around zero, with a few far away.
    fn with_outliers() -> Histogram {
        let bulk = (0..20_000).map(|i| ((i as f32 * 0.731).sin()).powi(3));
        histogram(bulk.chain([100.0]))
    }

    #[test]
    fn the_extremes_hold_zero() {
        assert_eq!(histogram([3.0, 5.0]).extremes(), Some((0.0, 5.0)));
        assert_eq!(histogram([-3.0, -5.0]).extremes(), Some((-5.0, 0.0)));
    }

    #[test]
    fn nothing_and_zeros_alone_have_no_range() {
        for histogram in [histogram([]), histogram([0.0; 10])] {
            assert_eq!(histogram.range(RangeMethod::MinMax), None);
        }
    }

    #[test]
    fn numbers_that_are_none_are_counted_apart() {
        let histogram = histogram([f32::NAN, 1.0, f32::INFINITY]);
        assert_eq!((histogram.total(), histogram.broken()), (1, 2));
    }

    #[test]
    fn widening_loses_no_count() {
        let histogram = histogram((0..1000).map(|i| 1.001f32.powi(i * 7)));
        assert_eq!(histogram.counts.iter().sum::<u64>(), 1000);
    }

    #[test]
    fn a_lonely_outlier_is_cut_off_by_a_percentile_but_not_by_the_extremes() {
        let histogram = with_outliers();
        assert_eq!(histogram.range(RangeMethod::MinMax).unwrap().1, 100.0);
        assert!(histogram.range(RangeMethod::Percentile).unwrap().1 < 2.0);
    }

    #[test]
    fn levels_on_both_sides_of_zero_are_rounded_by_less_than_half_a_step() {
        let levels = histogram((0..25_600).map(|n| (n % 256) as f32 / 127.5 - 1.0));
        let error = |more: f32| levels.error_of(super::super::wires::quantization((-more, more)));
        assert!(error(1.0 + 2.0 / 512.0) < 0.5 * error(1.0));
    }

    #[test]
    fn even_numbers_keep_their_whole_range() {
        let histogram = histogram((0..10_000).map(|i| i as f32 / 10_000.0 - 0.25));
        for method in [RangeMethod::Mse, RangeMethod::Entropy] {
            let (low, high) = histogram.range(method).unwrap();
            assert!(low < -0.24 && high > 0.73, "{method:?}: {low} {high}");
        }
    }

    #[test]
    fn the_least_square_error_is_not_beaten_by_the_extremes() {
        let histogram = with_outliers();
        let range = histogram.range(RangeMethod::Mse).unwrap();
        let extremes = histogram.range(RangeMethod::MinMax).unwrap();
        assert!(histogram.square_error(range) <= histogram.square_error(extremes));
    }
}
