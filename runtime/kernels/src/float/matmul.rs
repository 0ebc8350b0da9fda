//! Products of two matrices that both come at run time: attention.

use super::gemm::{A_STRIDE, CHUNK, Scratch, TileJob, Tiles, even};
use crate::error::check_len;
use crate::vectorize::vectorize;
use crate::{Isa, KernelError};

/// `output = A · B` with `A` `[rows, depth]`, `B` `[depth, columns]`, output `[rows, columns]`.
///
/// # Errors
/// [`KernelError::Length`] where a slice is not as long as its matrix, [`KernelError::Parameter`]
/// where the depth is zero or a matrix is too large, [`KernelError::Unavailable`] where the CPU has
/// no `isa`.
pub fn matmul(
    a: &[f32],
    b: &[f32],
    output: &mut [f32],
    [rows, depth, columns]: [usize; 3],
    isa: Isa,
) -> Result<(), KernelError> {
    check(a, b, output, [rows, depth, columns])?;
    product(a, output, [rows, depth, columns], isa.checked()?, |k, n| {
        b[k * columns + n]
    });
    Ok(())
}

/// `output = A · Bᵀ` with `A` `[rows, depth]`, `B` `[columns, depth]`, output `[rows, columns]`.
///
/// # Errors
/// As [`matmul`].
pub fn matmul_transposed(
    a: &[f32],
    b: &[f32],
    output: &mut [f32],
    [rows, depth, columns]: [usize; 3],
    isa: Isa,
) -> Result<(), KernelError> {
    check(a, b, output, [rows, depth, columns])?;
    product(a, output, [rows, depth, columns], isa.checked()?, |k, n| {
        b[n * depth + k]
    });
    Ok(())
}

fn check(
    a: &[f32],
    b: &[f32],
    output: &[f32],
    [rows, depth, columns]: [usize; 3],
) -> Result<(), KernelError> {
    let len = |x: usize, y: usize| {
        x.checked_mul(y)
            .ok_or(KernelError::Parameter("a matrix larger than memory"))
    };
    if depth == 0 {
        return Err(KernelError::Parameter("a matrix product without depth"));
    }
    check_len("left matrix", a, len(rows, depth)?)?;
    check_len("right matrix", b, len(depth, columns)?)?;
    check_len("product", output, len(rows, columns)?)
}

/// Columns of the widest panel of any instruction set.
const MAX_PANEL: usize = 32;

/// A packed panel on the stack.
#[repr(C, align(64))]
struct Panel([f32; CHUNK * MAX_PANEL]);

/// The product with the right-hand matrix of value `of(k, n)`; lengths and `isa` have been checked.
#[inline(always)]
fn product(
    a: &[f32],
    output: &mut [f32],
    [rows, depth, columns]: [usize; 3],
    isa: Isa,
    of: impl Fn(usize, usize) -> f32,
) {
    let tiles = Tiles::of(isa);
    let zeros = [0.0; MAX_PANEL];
    vectorize(
        isa,
        #[inline(always)]
        || {
            let mut scratch = Scratch::new();
            let mut panel = Panel([0.0; CHUNK * MAX_PANEL]);
            let (chunk, block) = (even(depth, CHUNK, 4), even(rows, tiles.block(), 1));
            for start in (0..depth).step_by(chunk) {
                let k = chunk.min(depth - start);
                let mut column = 0;
                while column < columns {
                    let width = tiles.panel(columns - column);
                    let count = width.min(columns - column);
                    for (i, to) in panel.0.chunks_mut(width).take(k).enumerate() {
                        for (j, value) in to.iter_mut().take(count).enumerate() {
                            *value = of(start + i, column + j);
                        }
                    }
                    for row in (0..rows).step_by(block) {
                        let rows = block.min(rows - row);
                        for i in 0..rows {
                            let from = &a[(row + i) * depth + start..][..k];
                            // SAFETY: the scratch holds `block` rows of `A_STRIDE >= k` floats.
                            unsafe {
                                let to = scratch.as_mut_ptr().add(i * A_STRIDE);
                                std::ptr::copy_nonoverlapping(from.as_ptr(), to, k);
                            }
                        }
                        let job = TileJob {
                            a: scratch.as_mut_ptr(),
                            b: panel.0.as_ptr(),
                            k,
                            start: if start == 0 {
                                zeros.as_ptr()
                            } else {
                                std::ptr::null()
                            },
                            output: output[row * columns + column..].as_mut_ptr(),
                            output_stride: columns,
                            columns: count,
                            addend: std::ptr::null(),
                            limits: None,
                        };
                        // SAFETY: `isa` was checked. The scratch holds `rows` rows of `k` values
                        // and the panel `k` rows of whole vectors; the output was checked to be
                        // `[rows, columns]`, within which the block and the panel's columns lie.
                        unsafe { tiles.run(rows, &job) }
                    }
                    column += width;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_isa_multiplies(rows in 0usize..40, depth in 1usize..600, columns in 0usize..70) {
            let a: Vec<f32> = (0..rows * depth).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..depth * columns).map(|i| (i as f32 * 0.73).cos()).collect();
            let flipped: Vec<f32> =
                (0..depth * columns).map(|i| b[i % depth * columns + i / depth]).collect();
            let expected: Vec<f64> = (0..rows * columns)
                .map(|i| {
                    (0..depth)
                        .map(|k| {
                            let (row, column) = (i / columns, i % columns);
                            f64::from(a[row * depth + k]) * f64::from(b[k * columns + column])
                        })
                        .sum()
                })
                .collect();
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; rows * columns];
                let mut other = out.clone();
                matmul(&a, &b, &mut out, [rows, depth, columns], isa).unwrap();
                matmul_transposed(&a, &flipped, &mut other, [rows, depth, columns], isa).unwrap();
                prop_assert_eq!(&out, &other);
                for (x, y) in out.iter().zip(&expected) {
                    prop_assert!((f64::from(*x) - y).abs() < 1e-4, "{} {x} {y}", isa);
                }
            }
        }
    }

    #[test]
    fn impossible_products_are_refused() {
        let shapes = [[1, 0, 1], [2, 2, 2], [usize::MAX, 2, 2]];
        for shape in shapes {
            assert!(matmul(&[1.0; 2], &[1.0; 4], &mut [0.0; 2], shape, Isa::Portable).is_err());
        }
    }
}
