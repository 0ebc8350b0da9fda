//! Fewer channels than a block: values are copied to where there is room for a whole one.

use super::Block;
use super::kernel::{MOST_CHANNELS, Run, finish_with_addend};
use crate::int8::lanes::Taps;

/// Computes one output row of the only block.
///
/// # Safety
/// As [`RowKernel`](super::kernel::RowKernel).
#[inline(always)]
pub(super) unsafe fn row<K: Taps>(run: &Run, block: &Block, output: &mut [i8]) {
    let rows = run.rows;
    let geometry = run.call.geometry;
    let channels = geometry.in_channels();
    let groups = rows.count.div_ceil(K::GROUP);
    let group = K::CHANNELS * K::GROUP * K::ELEMENT;
    for (x, pixel) in output.chunks_exact_mut(channels).enumerate() {
        // SAFETY: the caller's promise: each row has `channels` values at the column copied from.
        unsafe {
            let mut sums = K::load(block.bias.as_ptr());
            for kw in 0..geometry.window().kernel[2] {
                let column = geometry.source_column(x, kw);
                for g in 0..groups {
                    let mut room = [[0i8; MOST_CHANNELS]; 4];
                    for (row, room) in room.iter_mut().enumerate().take(K::GROUP) {
                        let from = match column {
                            Some(column) => rows.at[g * K::GROUP + row].add(column * channels),
                            None => rows.zeros[0],
                        };
                        from.copy_to_nonoverlapping(room.as_mut_ptr(), channels);
                    }
                    let at = room.each_ref().map(|row| row.as_ptr());
                    let values = K::column(at.as_ptr(), K::GROUP, 0);
                    let weights = block.weights.as_ptr().add((kw * groups + g) * group);
                    sums = K::multiply(sums, values, weights);
                }
            }
            if run.addend.is_some() {
                finish_with_addend::<K>(run, block, sums, x, pixel);
            } else {
                let mut bytes = [0i8; MOST_CHANNELS];
                let multipliers = block.multipliers.as_ptr();
                K::finish(sums, multipliers, run.finish, bytes.as_mut_ptr());
                pixel.copy_from_slice(&bytes[..channels]);
            }
        }
    }
}
