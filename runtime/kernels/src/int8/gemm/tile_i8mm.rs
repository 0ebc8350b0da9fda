//! The micro-kernel for SMMLA, whose sums stand in squares of two pixels by two channels.

use super::finish_neon::finish;
use super::tile::Tiles;
use crate::int8::lanes::neon::smmla;
use std::arch::aarch64::*;

/// Values of a sum that a step takes.
pub(super) const STEP: usize = 8;

/// Sums tiles of `ROWS` pixels by `VECTORS` vectors of four channels and writes them out.
///
/// `PAIRS` is half of `ROWS`, rounded up: the second pixel of a last pair that has none repeats the
/// first.
///
/// # Safety
/// As [`TileKernel`](super::tile::TileKernel).
#[inline(always)]
pub(super) unsafe fn tiles<const ROWS: usize, const PAIRS: usize, const VECTORS: usize>(
    tiles: &Tiles,
) {
    for index in 0..tiles.count {
        // SAFETY: the caller's promise.
        unsafe { tile::<ROWS, PAIRS, VECTORS>(tiles, index) }
    }
}

#[inline(always)]
unsafe fn tile<const ROWS: usize, const PAIRS: usize, const VECTORS: usize>(
    tiles: &Tiles,
    index: usize,
) {
    const { assert!(PAIRS == ROWS.div_ceil(2)) };
    // SAFETY: the caller's promise: staged rows and packed weights hold `steps` steps, biases the
    // panel's whole vectors.
    unsafe {
        let mut squares = [[[vdupq_n_s32(0); 2]; VECTORS]; PAIRS];
        for v in 0..VECTORS {
            let bias = vreinterpretq_s64_s32(vld1q_s32(tiles.bias.add(v * 4)));
            for pair in &mut squares {
                pair[v] = [
                    vreinterpretq_s32_s64(vzip1q_s64(bias, bias)),
                    vreinterpretq_s32_s64(vzip2q_s64(bias, bias)),
                ];
            }
        }
        let mut input = tiles.input.add(index * ROWS * tiles.stride);
        let mut packed = tiles.weights.cast::<i8>();
        for _ in 0..tiles.steps {
            let mut rows = [vdupq_n_s8(0); PAIRS];
            for p in 0..PAIRS {
                let first = vld1_s8(input.add(2 * p * tiles.stride).cast());
                let other = (2 * p + 1).min(ROWS - 1);
                rows[p] = vcombine_s8(first, vld1_s8(input.add(other * tiles.stride).cast()));
            }
            for v in 0..VECTORS {
                for half in 0..2 {
                    let columns = vld1q_s8(packed.add((v * 2 + half) * 16));
                    for p in 0..PAIRS {
                        squares[p][v][half] = smmla(squares[p][v][half], rows[p], columns);
                    }
                }
            }
            input = input.add(STEP);
            packed = packed.add(VECTORS * 32);
        }
        let mut sums = [[vdupq_n_s32(0); VECTORS]; ROWS];
        for r in 0..ROWS {
            for v in 0..VECTORS {
                let left = vreinterpretq_s64_s32(squares[r / 2][v][0]);
                let right = vreinterpretq_s64_s32(squares[r / 2][v][1]);
                sums[r][v] = vreinterpretq_s32_s64(match r % 2 {
                    0 => vzip1q_s64(left, right),
                    _ => vzip2q_s64(left, right),
                });
            }
        }
        finish::<ROWS, VECTORS>(tiles, index, &sums);
    }
}
