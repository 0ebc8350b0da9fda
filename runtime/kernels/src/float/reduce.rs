//! Whole frames reduced to one value per channel, and softmax; the same bits on every CPU.

use super::math;
use crate::error::check_len;
use crate::vectorize::vectorize;
use crate::{Isa, KernelError};

/// The mean of each channel over all pixels: `[pixels, C]` to `[C]`, summed in the pixels' order.
///
/// # Errors
/// [`KernelError::Length`] where the channels (`output`'s length) do not divide `input`, or either
/// is empty; [`KernelError::Unavailable`] where the CPU has no `isa`.
pub fn mean_space(input: &[f32], output: &mut [f32], isa: Isa) -> Result<(), KernelError> {
    let pixels = check_pixels(input, output)?;
    vectorize(
        isa.checked()?,
        #[inline(always)]
        || {
            fold(input, output, |sum, x| sum + x);
            for sum in output {
                *sum /= pixels as f32;
            }
        },
    );
    Ok(())
}

/// The greatest value of each channel over all pixels: `[pixels, C]` to `[C]`.
///
/// # Errors
/// As [`mean_space`].
pub fn max_space(input: &[f32], output: &mut [f32], isa: Isa) -> Result<(), KernelError> {
    check_pixels(input, output)?;
    vectorize(
        isa.checked()?,
        #[inline(always)]
        || fold(input, output, |most, x| if x > most { x } else { most }),
    );
    Ok(())
}

fn check_pixels(input: &[f32], output: &[f32]) -> Result<usize, KernelError> {
    let (len, channels) = (input.len(), output.len());
    if channels == 0 || len == 0 || !len.is_multiple_of(channels) {
        return Err(KernelError::Length {
            what: "channels",
            expected: channels,
            got: len,
        });
    }
    Ok(len / channels)
}

#[inline(always)]
fn fold(input: &[f32], output: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    let channels = output.len();
    let (first, rest) = input.split_at(channels);
    output.copy_from_slice(first);
    for pixel in rest.chunks_exact(channels) {
        for (to, x) in output.iter_mut().zip(pixel) {
            *to = f(*to, *x);
        }
    }
}

/// Softmax over each run of `len` values.
///
/// The sum has sixteen partial sums in a fixed order, whatever the vectors' length.
///
/// # Errors
/// [`KernelError::Parameter`] where `len` is zero, [`KernelError::Length`] where it does not divide
/// `input` or `output` is not as long; [`KernelError::Unavailable`] where the CPU has no `isa`.
pub fn softmax(input: &[f32], len: usize, output: &mut [f32], isa: Isa) -> Result<(), KernelError> {
    check_len("output", output, input.len())?;
    if len == 0 {
        return Err(KernelError::Parameter("a softmax over no values"));
    }
    if !input.len().is_multiple_of(len) {
        return Err(KernelError::Length {
            what: "softmax",
            expected: len,
            got: input.len(),
        });
    }
    vectorize(
        isa.checked()?,
        #[inline(always)]
        || {
            for (to, from) in output.chunks_exact_mut(len).zip(input.chunks_exact(len)) {
                softmax_run(from, to);
            }
        },
    );
    Ok(())
}

#[inline(always)]
fn softmax_run(from: &[f32], to: &mut [f32]) {
    const LANES: usize = 16;
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in from.chunks(LANES) {
        for (most, x) in most.iter_mut().zip(chunk) {
            *most = larger(*most, *x);
        }
    }
    let most = most.into_iter().fold(f32::NEG_INFINITY, larger);
    let mut sums = [0.0; LANES];
    for (to, from) in to.chunks_mut(LANES).zip(from.chunks(LANES)) {
        for ((to, x), sum) in to.iter_mut().zip(from).zip(&mut sums) {
            *to = math::exp(*x - most);
            *sum += *to;
        }
    }
    let sum: f32 = sums.into_iter().fold(0.0, |sum, part| sum + part);
    for value in to {
        *value /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reductions_see_every_pixel() {
        let input = [1.0, -8.0, 3.0, -2.0, 8.0, -5.0];
        for isa in Isa::available() {
            let mut out = [0.0; 2];
            mean_space(&input, &mut out, isa).unwrap();
            assert_eq!(out, [4.0, -5.0]);
            max_space(&input, &mut out, isa).unwrap();
            assert_eq!(out, [8.0, -2.0]);
        }
        assert!(mean_space(&input, &mut [0.0; 4], Isa::Portable).is_err());
        assert!(max_space(&[], &mut [0.0; 4], Isa::Portable).is_err());
    }

    #[test]
    fn softmax_sums_to_one_and_has_the_same_bits_everywhere() {
        let input: Vec<f32> = (0..3 * 67).map(|i| (i as f32 * 1.7).sin() * 40.0).collect();
        let mut expected = vec![0.0; input.len()];
        softmax(&input, 67, &mut expected, Isa::Portable).unwrap();
        for run in expected.chunks(67) {
            assert!((run.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        for isa in Isa::available() {
            let mut out = vec![0.0; input.len()];
            softmax(&input, 67, &mut out, isa).unwrap();
            assert_eq!(out, expected, "{isa}");
        }
    }

    #[test]
    fn softmax_of_large_values_is_finite() {
        let mut out = [0.0; 3];
        softmax(&[1000.0, 1000.0, -1000.0], 3, &mut out, Isa::Portable).unwrap();
        assert_eq!(out, [0.5, 0.5, 0.0]);
        assert!(softmax(&[1.0; 4], 3, &mut [0.0; 4], Isa::Portable).is_err());
        assert!(softmax(&[], 0, &mut [], Isa::Portable).is_err());
    }
}
