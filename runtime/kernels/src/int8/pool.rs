//! Pools: the greatest or the mean over a window of time and space, or over a whole map.

use super::requantize::{Input, OutputRange, check_multipliers};
use crate::error::{check_len, check_rows};
use crate::vectorize::vectorize;
use crate::{Geometry, Isa, KernelError};
use std::ops::Range;

/// What a pool takes from the values of its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The greatest; padding and absent frames are not seen.
    Max,
    /// The mean over every tap, padding and absent frames as zeros.
    MeanOfTaps,
    /// The mean over the pixels there are.
    MeanOfPixels,
}

/// A pool: one value per channel of a window over time, rows and columns.
///
/// With `z` the input's zero point, a mean over `n` values is the rule of
/// [`requantize`](super::requantize) for `f32(sum of (q - z)) * (multiplier / f32(n))`, the
/// greatest value `q` the rule for `f32(q - z) * multiplier`. A window that sees no pixel gives
/// the output's zero point.
#[derive(Debug, Clone)]
pub struct Pool {
    geometry: Geometry,
    kind: PoolKind,
    input_zero: i8,
    multiplier: f32,
    range: OutputRange,
    isa: Isa,
}

/// Channels whose sums are kept at a time.
const BLOCK: usize = 64;

/// The most values of one mean, whose sum then fits 32 bits.
const MAX_VALUES: usize = 1 << 23;

impl Pool {
    /// A pool of `geometry`, which must have as many groups as channels; `multiplier` is the
    /// input's scale divided by the output's.
    ///
    /// # Errors
    /// [`KernelError::Geometry`] where it has not or the window holds more than 2^23 values,
    /// [`KernelError::Parameter`] for a multiplier that is not finite or an empty range,
    /// [`KernelError::Unavailable`] where the CPU has no `isa`.
    pub fn new(
        geometry: &Geometry,
        kind: PoolKind,
        input_zero: i8,
        multiplier: f32,
        range: OutputRange,
        isa: Isa,
    ) -> Result<Pool, KernelError> {
        if !geometry.is_depthwise() {
            return Err(KernelError::Geometry("a pool that mixes channels"));
        }
        if geometry.taps() > MAX_VALUES {
            return Err(KernelError::Geometry("a pool over more than 2^23 values"));
        }
        check_multipliers(&[multiplier])?;
        range.check()?;
        Ok(Pool {
            geometry: *geometry,
            kind,
            input_zero,
            multiplier,
            range,
            isa: isa.checked()?,
        })
    }

    /// Computes output `rows` from one frame per temporal tap, as [`super::Conv::run`] does, except
    /// that `None` is a frame that is not there: padding in time.
    ///
    /// # Errors
    /// [`KernelError::Length`] or [`KernelError::Rows`] where a slice or the rows do not fit the
    /// geometry.
    pub fn run(
        &self,
        frames: &[Option<&[i8]>],
        output: &mut [i8],
        rows: Range<usize>,
    ) -> Result<(), KernelError> {
        let geometry = &self.geometry;
        let [height, width] = geometry.output();
        check_rows(&rows, height)?;
        check_len("frames", frames, geometry.frames())?;
        for frame in frames.iter().flatten() {
            check_len("a frame of the input", frame, geometry.input_len())?;
        }
        let channels = geometry.in_channels();
        check_len("the output rows", output, rows.len() * width * channels)?;
        vectorize(
            self.isa,
            #[inline(always)]
            || {
                let first = rows.start * width;
                for (i, pixel) in output.chunks_exact_mut(channels).enumerate() {
                    let at = [(first + i) / width, (first + i) % width];
                    for (block, values) in pixel.chunks_mut(BLOCK).enumerate() {
                        self.block(frames, at, block * BLOCK, values);
                    }
                }
            },
        );
        Ok(())
    }

    /// Computes some channels of one pixel.
    #[inline(always)]
    fn block(
        &self,
        frames: &[Option<&[i8]>],
        [y, x]: [usize; 2],
        channel: usize,
        output: &mut [i8],
    ) {
        let geometry = &self.geometry;
        let [_, height, width] = geometry.window().kernel;
        let mut sums = [0i32; BLOCK];
        let mut most = [i8::MIN; BLOCK];
        let mut seen = 0;
        for frame in frames.iter().flatten() {
            for row in (0..height).filter_map(|kh| geometry.source_row(y, kh)) {
                for column in (0..width).filter_map(|kw| geometry.source_column(x, kw)) {
                    let pixel = row * geometry.input()[1] + column;
                    let start = pixel * geometry.in_channels() + channel;
                    let input = &frame[start..start + output.len()];
                    seen += 1;
                    if self.kind == PoolKind::Max {
                        most.iter_mut()
                            .zip(input)
                            .for_each(|(m, &q)| *m = q.max(*m));
                    } else {
                        sums.iter_mut()
                            .zip(input)
                            .for_each(|(sum, &q)| *sum += i32::from(q));
                    }
                }
            }
        }
        if seen == 0 {
            output.fill(self.range.quantize(0.0));
            return;
        }
        let zero = i32::from(self.input_zero);
        let count = match self.kind {
            PoolKind::Max => {
                for (sum, &q) in sums.iter_mut().zip(&most) {
                    *sum = q.into();
                }
                for (&sum, q) in sums.iter().zip(output) {
                    *q = self.range.quantize((sum - zero) as f32 * self.multiplier);
                }
                return;
            }
            PoolKind::MeanOfTaps => geometry.taps(),
            PoolKind::MeanOfPixels => seen,
        };
        let multiplier = self.multiplier / count as f32;
        let zeros = zero * seen as i32;
        for (&sum, q) in sums.iter().zip(output) {
            *q = self.range.quantize((sum - zeros) as f32 * multiplier);
        }
    }
}

/// The mean over all pixels of a map `[.., C]`, one value per channel: the rule for
/// `f32(sum of (q - z)) * (multiplier / f32(pixels))`.
///
/// # Errors
/// [`KernelError::Length`] where the map is not whole pixels of `output`'s channels,
/// [`KernelError::Parameter`] for a multiplier that is not finite, an empty range or more than 2^23
/// pixels, [`KernelError::Unavailable`] where the CPU has no `isa`.
pub fn mean_space(
    input: Input,
    multiplier: f32,
    range: OutputRange,
    output: &mut [i8],
    isa: Isa,
) -> Result<(), KernelError> {
    let pixels = check_pixels(input.values, output)?;
    check_multipliers(&[multiplier])?;
    range.check()?;
    if pixels > MAX_VALUES {
        return Err(KernelError::Parameter("a mean over more than 2^23 values"));
    }
    let channels = output.len();
    let multiplier = multiplier / pixels as f32;
    vectorize(
        isa.checked()?,
        #[inline(always)]
        || {
            for (block, output) in output.chunks_mut(BLOCK).enumerate() {
                let mut sums = [0i32; BLOCK];
                for pixel in input.values.chunks_exact(channels) {
                    let values = &pixel[block * BLOCK..block * BLOCK + output.len()];
                    sums.iter_mut()
                        .zip(values)
                        .for_each(|(sum, &q)| *sum += i32::from(q));
                }
                let zeros = i32::from(input.zero) * pixels as i32;
                for (&sum, q) in sums.iter().zip(output) {
                    *q = range.quantize((sum - zeros) as f32 * multiplier);
                }
            }
        },
    );
    Ok(())
}

/// The greatest over all pixels of a map `[.., C]`, one value per channel, at the input's scale.
///
/// # Errors
/// [`KernelError::Length`] where the map is not whole pixels of `output`'s channels,
/// [`KernelError::Unavailable`] where the CPU has no `isa`.
pub fn max_space(input: &[i8], output: &mut [i8], isa: Isa) -> Result<(), KernelError> {
    check_pixels(input, output)?;
    let channels = output.len();
    vectorize(
        isa.checked()?,
        #[inline(always)]
        || {
            output.fill(i8::MIN);
            for pixel in input.chunks_exact(channels) {
                output
                    .iter_mut()
                    .zip(pixel)
                    .for_each(|(most, &q)| *most = q.max(*most));
            }
        },
    );
    Ok(())
}

fn check_pixels(input: &[i8], output: &[i8]) -> Result<usize, KernelError> {
    let (len, channels) = (input.len(), output.len());
    if channels == 0 || len == 0 || !len.is_multiple_of(channels) {
        return Err(KernelError::Length {
            what: "whole pixels",
            expected: channels,
            got: len,
        });
    }
    Ok(len / channels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;

    fn pool(kind: PoolKind, frames: &[Option<&[i8]>], isa: Isa) -> Vec<i8> {
        let window = Window::centred([2, 3, 3], [1, 1]);
        let geometry = Geometry::per_channel([2, 3], 1, window).unwrap();
        let pool = Pool::new(&geometry, kind, 1, 2.0, OutputRange::full(-3), isa).unwrap();
        let mut output = vec![0; 6];
        pool.run(frames, &mut output, 0..2).unwrap();
        output
    }

    #[test]
    fn windows_see_time_space_and_padding_as_their_kind_says() {
        let (past, now) = ([1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]);
        for isa in Isa::available() {
            let both = [Some(&past[..]), Some(&now[..])];
            let greatest = pool(PoolKind::Max, &both, isa);
            assert_eq!(greatest, [17, 19, 19, 17, 19, 19], "{isa}");
            // The corner sees 1 2 4 5 and 7 8 10 11, less 1 each: 40, doubled; over 18 taps 4.4,
            // over 8 pixels 10.
            assert_eq!(pool(PoolKind::MeanOfTaps, &both, isa)[0], 1, "{isa}");
            assert_eq!(pool(PoolKind::MeanOfPixels, &both, isa)[0], 7, "{isa}");
            let start = [None, Some(&now[..])];
            // 7 8 10 11 less 1: 32, doubled, over 4 pixels 16.
            assert_eq!(pool(PoolKind::MeanOfPixels, &start, isa)[0], 13, "{isa}");
            assert_eq!(pool(PoolKind::Max, &[None, None], isa), [-3; 6], "{isa}");
        }
    }

    #[test]
    fn whole_maps_give_one_value_per_channel() {
        let values: Vec<i8> = (0..5 * 70).map(|i| (i * 37 % 256 - 128) as i8).collect();
        let range = OutputRange::full(0);
        for isa in Isa::available() {
            let mut means = vec![0; 70];
            mean_space(
                Input {
                    values: &values,
                    zero: -2,
                },
                0.5,
                range,
                &mut means,
                isa,
            )
            .unwrap();
            let mut most = vec![0; 70];
            max_space(&values, &mut most, isa).unwrap();
            for c in 0..70 {
                let channel = values.iter().skip(c).step_by(70);
                let sum: i32 = channel.clone().map(|&q| i32::from(q) + 2).sum();
                assert_eq!(means[c], range.quantize(sum as f32 * (0.5 / 5.0)), "{isa}");
                assert_eq!(Some(&most[c]), channel.max(), "{isa}");
            }
        }
        assert!(max_space(&values, &mut [0; 3], Isa::Portable).is_err());
    }
}
