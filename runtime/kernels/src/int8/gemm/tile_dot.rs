//! The micro-kernel for SDOT, which takes one of four quadruples of input by its place in a vector:
//! one load of a pixel's input then serves four steps.

use super::finish_neon::finish;
use super::tile::Tiles;
use crate::int8::lanes::neon::{sdot, vectors};
use std::arch::aarch64::*;

/// Sums tiles of `ROWS` pixels by `VECTORS` vectors of four channels and writes them out.
///
/// # Safety
/// As [`TileKernel`](super::tile::TileKernel).
#[inline(always)]
pub(super) unsafe fn tiles<const ROWS: usize, const VECTORS: usize>(tiles: &Tiles) {
    for index in 0..tiles.count {
        // SAFETY: the caller's promise: staged rows and packed weights hold `steps` steps of four
        // values, biases the panel's whole vectors.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); VECTORS]; ROWS];
            for row in &mut sums {
                let bias = vectors::<VECTORS>(tiles.bias.cast());
                for (sums, bias) in row.iter_mut().zip(bias) {
                    *sums = vreinterpretq_s32_s8(bias);
                }
            }
            let mut input = tiles.input.add(index * ROWS * tiles.stride);
            let mut packed: *const i8 = tiles.weights.cast();
            for _ in 0..tiles.steps / 4 {
                let mut x = [vdupq_n_s8(0); ROWS];
                for (r, x) in x.iter_mut().enumerate() {
                    *x = vld1q_s8(input.add(r * tiles.stride).cast());
                }
                step::<0, ROWS, VECTORS>(&mut sums, &x, packed);
                step::<1, ROWS, VECTORS>(&mut sums, &x, packed.add(VECTORS * 16));
                step::<2, ROWS, VECTORS>(&mut sums, &x, packed.add(VECTORS * 32));
                step::<3, ROWS, VECTORS>(&mut sums, &x, packed.add(VECTORS * 48));
                input = input.add(16);
                packed = packed.add(VECTORS * 64);
            }
            for _ in 0..tiles.steps % 4 {
                let mut x = [vdupq_n_s8(0); ROWS];
                for (r, x) in x.iter_mut().enumerate() {
                    let quadruple = input.add(r * tiles.stride).cast::<i32>().read_unaligned();
                    *x = vreinterpretq_s8_s32(vdupq_n_s32(quadruple));
                }
                step::<0, ROWS, VECTORS>(&mut sums, &x, packed);
                input = input.add(4);
                packed = packed.add(VECTORS * 16);
            }
            finish::<ROWS, VECTORS>(tiles, index, &sums);
        }
    }
}

/// Adds the products of the quadruples at place `LANE`.
///
/// # Safety
/// As [`tiles`].
#[inline(always)]
unsafe fn step<const LANE: i32, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[int32x4_t; VECTORS]; ROWS],
    x: &[int8x16_t; ROWS],
    packed: *const i8,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let weights = vectors::<VECTORS>(packed);
        for v in 0..VECTORS {
            for (sums, x) in sums.iter_mut().zip(x) {
                sums[v] = sdot::<LANE>(sums[v], weights[v], *x);
            }
        }
    }
}
