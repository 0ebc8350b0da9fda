//! Between float and 8 bits.

use super::requantize::{Input, OutputRange};
use super::tables::check_scale;
use crate::error::check_len;
use crate::vectorize::vectorize;
use crate::{Isa, KernelError};

/// `output = zero + round(input / scale)`, ties to even, clamped to `range`; a NaN gives the
/// smallest value.
///
/// # Errors
/// [`KernelError::Length`] where `output` is not as long as `input`, [`KernelError::Parameter`] for
/// a scale that is not positive and finite or an empty range, [`KernelError::Unavailable`] where
/// the CPU has no `isa`.
pub fn quantize(
    input: &[f32],
    scale: f32,
    range: OutputRange,
    output: &mut [i8],
    isa: Isa,
) -> Result<(), KernelError> {
    check_len("the output", output, input.len())?;
    check_scale(scale)?;
    range.check()?;
    vectorize(
        isa.checked()?,
        #[inline(always)]
        || {
            for (&x, q) in input.iter().zip(output) {
                *q = range.quantize(x / scale);
            }
        },
    );
    Ok(())
}

/// `output = f32(input - zero) * scale`.
///
/// # Errors
/// As [`quantize`].
pub fn dequantize(
    input: Input,
    scale: f32,
    output: &mut [f32],
    isa: Isa,
) -> Result<(), KernelError> {
    check_len("the output", output, input.values.len())?;
    check_scale(scale)?;
    vectorize(
        isa.checked()?,
        #[inline(always)]
        || {
            for (&q, x) in input.values.iter().zip(output) {
                *x = input.steps(q) as f32 * scale;
            }
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_quantizes_alike_and_back() {
        let mut input: Vec<f32> = (0..300).map(|i| (i as f32 - 150.0) * 0.25).collect();
        input.extend([
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::MAX,
            -0.0,
            1e-40,
        ]);
        let range = OutputRange {
            zero: 5,
            low: -100,
            high: 30,
        };
        for isa in Isa::available() {
            let mut output = vec![0; input.len()];
            quantize(&input, 0.5, range, &mut output, isa).unwrap();
            for (&x, &q) in input.iter().zip(&output) {
                assert_eq!(q, range.quantize(x / 0.5), "{isa} {x}");
            }
            assert_eq!(output[300..], [30, -100, -100, 30, 5, 5], "{isa}");
            let mut back = vec![0.0; output.len()];
            let values = Input {
                values: &output,
                zero: 5,
            };
            dequantize(values, 0.5, &mut back, isa).unwrap();
            assert!(
                output
                    .iter()
                    .zip(&back)
                    .all(|(&q, &x)| x == f32::from(q) * 0.5 - 2.5)
            );
        }
    }
}
