//! The end of a tile whose sums stand in NEON's registers.

use super::tile::{self, Tiles};
use crate::int8::lanes::neon::{NeonDot, narrow};
use std::arch::aarch64::*;

/// Takes the sums of tile `index` to 8 bits and writes them out. Where the panel's channels are whole
/// vectors and nothing is added, as nearly always, sums do not leave their registers before. (Values
/// too high to convert are no matter: NEON's conversion saturates.)
///
/// # Safety
/// As [`TileKernel`](super::tile::TileKernel).
#[inline(always)]
pub(super) unsafe fn finish<const ROWS: usize, const VECTORS: usize>(
    tiles: &Tiles,
    index: usize,
    sums: &[[int32x4_t; VECTORS]; ROWS],
) {
    // SAFETY: the caller's promise.
    unsafe {
        if tiles.width != VECTORS * 4 || !tiles.addend.is_null() {
            return tile::finish::<NeonDot, ROWS, VECTORS>(tiles, index, sums);
        }
        let mut multipliers = [vdupq_n_f32(0.0); VECTORS];
        for (v, multipliers) in multipliers.iter_mut().enumerate() {
            *multipliers = vld1q_f32(tiles.multipliers.add(v * 4));
        }
        // A copy, which no output can overwrite: it is kept in registers.
        let finish = *tiles.finish;
        let mut to = tiles.output.add(index * ROWS * tiles.pixel);
        for row in sums {
            let mut values = [vdupq_n_f32(0.0); 4];
            for v in 0..VECTORS {
                values[v] = vmulq_f32(vcvtq_f32_s32(row[v]), multipliers[v]);
            }
            store::<VECTORS>(narrow(values, &finish), to);
            to = to.add(tiles.pixel);
        }
    }
}

/// Writes the first `4 * VECTORS` bytes.
///
/// # Safety
/// `to` is valid for writing them.
#[inline(always)]
unsafe fn store<const VECTORS: usize>(bytes: int8x16_t, to: *mut i8) {
    const { assert!(1 <= VECTORS && VECTORS <= 4) };
    // SAFETY: the caller's promise.
    unsafe {
        let words = vreinterpretq_s32_s8(bytes);
        match VECTORS {
            1 => to.cast::<i32>().write_unaligned(vgetq_lane_s32::<0>(words)),
            2 => vst1_s8(to, vget_low_s8(bytes)),
            3 => {
                vst1_s8(to, vget_low_s8(bytes));
                let last = to.add(8).cast::<i32>();
                last.write_unaligned(vgetq_lane_s32::<2>(words));
            }
            _ => vst1q_s8(to, bytes),
        }
    }
}
