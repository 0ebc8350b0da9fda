//! Products of two quantized matrices, for attention.

use super::requantize::{Input, OutputRange, check_multipliers, requantize};
use crate::error::check_len;
use crate::vectorize::vectorize;
use crate::{Isa, KernelError};

/// Columns whose sums are kept at a time.
const BLOCK: usize = 64;

/// The most products of one sum, which then fits 32 bits.
const MAX_DEPTH: usize = 1 << 15;

/// `output = A · B` with `A` `[rows, depth]`, `B` `[depth, columns]`, output `[rows, columns]`:
/// the rule of [`requantize`](super::requantize) for the sum of `(a - z_a) (b - z_b)`, with
/// `multiplier = s_a s_b / s_output`.
///
/// # Errors
/// [`KernelError::Length`] for slices that do not fit `[rows, depth, columns]`,
/// [`KernelError::Parameter`] for a depth above 32,768, a multiplier that is not finite or an empty
/// range, [`KernelError::Unavailable`] where the CPU has no `isa`.
pub fn matmul(
    a: Input,
    b: Input,
    [rows, depth, columns]: [usize; 3],
    multiplier: f32,
    range: OutputRange,
    output: &mut [i8],
    isa: Isa,
) -> Result<(), KernelError> {
    check(a, b, output, [rows, depth, columns])?;
    let isa = check_rule(multiplier, range, isa)?;
    if output.is_empty() {
        return Ok(());
    }
    vectorize(
        isa,
        #[inline(always)]
        || {
            for (row, output) in output.chunks_exact_mut(columns).enumerate() {
                let row = &a.values[row * depth..(row + 1) * depth];
                for (block, output) in output.chunks_mut(BLOCK).enumerate() {
                    let mut sums = [0i32; BLOCK];
                    for (k, &x) in row.iter().enumerate() {
                        let start = k * columns + block * BLOCK;
                        let values = &b.values[start..start + output.len()];
                        for (sum, &y) in sums.iter_mut().zip(values) {
                            *sum += a.steps(x) * b.steps(y);
                        }
                    }
                    for (&sum, q) in sums.iter().zip(output) {
                        *q = requantize(sum, multiplier, range);
                    }
                }
            }
        },
    );
    Ok(())
}

/// `output = A · Bᵀ` with `A` `[rows, depth]`, `B` `[columns, depth]`, output `[rows, columns]`;
/// otherwise as [`matmul`].
///
/// # Errors
/// As [`matmul`].
pub fn matmul_transposed(
    a: Input,
    b: Input,
    [rows, depth, columns]: [usize; 3],
    multiplier: f32,
    range: OutputRange,
    output: &mut [i8],
    isa: Isa,
) -> Result<(), KernelError> {
    check(a, b, output, [rows, depth, columns])?;
    let isa = check_rule(multiplier, range, isa)?;
    if output.is_empty() {
        return Ok(());
    }
    vectorize(
        isa,
        #[inline(always)]
        || {
            for (row, output) in output.chunks_exact_mut(columns).enumerate() {
                let x = &a.values[row * depth..(row + 1) * depth];
                for (column, q) in output.iter_mut().enumerate() {
                    let y = &b.values[column * depth..(column + 1) * depth];
                    *q = requantize(dot(a, x, b, y), multiplier, range);
                }
            }
        },
    );
    Ok(())
}

/// The sum of `(x - z_a) (y - z_b)`; factors fit 16 bits, which compilers make use of.
#[inline(always)]
fn dot(a: Input, x: &[i8], b: Input, y: &[i8]) -> i32 {
    let (a, b) = (i16::from(a.zero), i16::from(b.zero));
    let products = x.iter().zip(y).map(|(&x, &y)| {
        let (x, y) = (i16::from(x) - a, i16::from(y) - b);
        i32::from(x) * i32::from(y)
    });
    products.sum()
}

fn check_rule(multiplier: f32, range: OutputRange, isa: Isa) -> Result<Isa, KernelError> {
    check_multipliers(&[multiplier])?;
    range.check()?;
    isa.checked()
}

fn check(
    a: Input,
    b: Input,
    output: &[i8],
    [rows, depth, columns]: [usize; 3],
) -> Result<(), KernelError> {
    let len = |x: usize, y: usize| {
        x.checked_mul(y)
            .ok_or(KernelError::Geometry("sizes beyond what kernels address"))
    };
    if depth > MAX_DEPTH {
        return Err(KernelError::Parameter(
            "more than 32768 products in one sum",
        ));
    }
    check_len("the left matrix", a.values, len(rows, depth)?)?;
    check_len("the right matrix", b.values, len(depth, columns)?)?;
    check_len("the output", output, len(rows, columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_multiplies_alike() {
        let [rows, depth, columns] = [3, 77, 70];
        let values = |len: usize, by: usize| -> Vec<i8> {
            (0..len).map(|i| (i * by % 256) as u8 as i8).collect()
        };
        let left = values(rows * depth, 91);
        let right = values(depth * columns, 57);
        let turned: Vec<i8> = (0..columns * depth)
            .map(|i| right[i % depth * columns + i / depth])
            .collect();
        let a = Input {
            values: &left,
            zero: -128,
        };
        let range = OutputRange::full(9);
        let mut expected = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                let sum: i32 = (0..depth)
                    .map(|k| {
                        let x = i32::from(left[row * depth + k]) + 128;
                        x * (i32::from(right[k * columns + column]) - 127)
                    })
                    .sum();
                expected.push(requantize(sum, 1e-4, range));
            }
        }
        for isa in Isa::available() {
            let mut output = vec![0; rows * columns];
            let b = Input {
                values: &right,
                zero: 127,
            };
            matmul(a, b, [rows, depth, columns], 1e-4, range, &mut output, isa).unwrap();
            assert_eq!(output, expected, "{isa}");
            output.fill(0);
            let b = Input {
                values: &turned,
                zero: 127,
            };
            matmul_transposed(a, b, [rows, depth, columns], 1e-4, range, &mut output, isa).unwrap();
            assert_eq!(output, expected, "{isa}");
        }
    }

    #[test]
    fn matrices_that_do_not_fit_are_refused() {
        let a = Input {
            values: &[1; 6],
            zero: 0,
        };
        let range = OutputRange::full(0);
        let mut out = [0; 4];
        for dims in [[2, 2, 2], [2, 3, 3], [usize::MAX, 3, 2]] {
            assert!(matmul(a, a, dims, 1.0, range, &mut out, Isa::Portable).is_err());
        }
        assert!(matmul(a, a, [2, 3, 2], 1.0, range, &mut out, Isa::Portable).is_ok());
    }
}
