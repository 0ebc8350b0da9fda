//! Windows of 3x3 pixels by the dot product, as most depthwise layers have them: two outputs are open at
//! a time, and take turns instead of changing registers.

use super::Block;
use super::kernel::{Run, finish_with_addend};
use crate::int8::lanes::neon::{NeonDot, interleave, narrow};
use crate::int8::lanes::{Finish, Taps};
use std::arch::aarch64::*;

type Sums = <NeonDot as Taps>::Sums;

/// The horizontal stride, where the window is one of these.
#[inline(always)]
pub(super) fn stride(run: &Run, block: &Block) -> Option<usize> {
    let window = run.call.geometry.window();
    let is_three = run.rows.count == 3 && window.kernel[2] == 3 && window.dilation[1] == 1;
    (is_three && block.width == NeonDot::CHANNELS).then_some(window.stride[1])
}

/// Computes a block of one output row.
///
/// # Safety
/// As [`RowKernel`](super::kernel::RowKernel); the window is 3x3 and moves by `STRIDE`, 1 or 2.
#[inline(always)]
pub(super) unsafe fn row<const STRIDE: usize>(run: &Run, block: &Block, output: &mut [i8]) {
    const { assert!(STRIDE == 1 || STRIDE == 2) };
    let [_, outputs] = run.call.geometry.output();
    // SAFETY: the caller's promise.
    unsafe {
        let columns = Columns::new(run, block);
        let mut out = Output::new(run, block, output);
        let [first, second, third] = [0, 1, 2].map(|kw| block.weights.as_ptr().add(kw * 64));
        let bias: *const i32 = block.bias.as_ptr();
        let begun = |column| NeonDot::multiply(NeonDot::load(bias), column, first);
        let mut a = begun(columns.at(0));
        if STRIDE == 2 {
            for x in 0..outputs {
                a = NeonDot::multiply(a, columns.at(2 * x + 1), second);
                let column = columns.at(2 * x + 2);
                out.write(NeonDot::multiply(a, column, third), x);
                a = begun(column);
            }
            return;
        }
        let column = columns.at(1);
        a = NeonDot::multiply(a, column, second);
        let mut b = begun(column);
        for x in (0..outputs).step_by(2) {
            let column = columns.at(x + 2);
            out.write(NeonDot::multiply(a, column, third), x);
            b = NeonDot::multiply(b, column, second);
            a = begun(column);
            if x + 1 < outputs {
                let column = columns.at(x + 3);
                out.write(NeonDot::multiply(b, column, third), x + 1);
                a = NeonDot::multiply(a, column, second);
                b = begun(column);
            }
        }
    }
}

/// The input's columns, counted with the padding.
struct Columns {
    rows: [*const i8; 3],
    before: usize,
    width: usize,
    channels: usize,
    /// What stands in the padding.
    zero: int8x16_t,
}

impl Columns {
    /// # Safety
    /// As [`row`].
    #[inline(always)]
    unsafe fn new(run: &Run, block: &Block) -> Columns {
        let geometry = run.call.geometry;
        // SAFETY: the caller's promise: rows, that of zero points too, reach beyond the block.
        unsafe {
            Columns {
                rows: [0, 1, 2].map(|row| run.rows.at[row].add(block.channel)),
                before: geometry.window().padding[1][0],
                width: geometry.input()[1],
                channels: geometry.in_channels(),
                zero: vld1q_s8(run.rows.zeros[0].add(block.channel)),
            }
        }
    }

    /// # Safety
    /// As [`row`].
    #[inline(always)]
    unsafe fn at(&self, padded: usize) -> <NeonDot as Taps>::Column {
        let column = padded.wrapping_sub(self.before);
        if column >= self.width {
            return [self.zero; 4];
        }
        // SAFETY: the caller's promise; the fourth row's weights are 0.
        unsafe {
            let [top, middle, bottom] = self
                .rows
                .map(|row| vld1q_s8(row.add(column * self.channels)));
            interleave([top, middle, bottom, bottom])
        }
    }
}

/// Where a block's outputs go, and what makes bytes of them.
struct Output<'a> {
    run: &'a Run<'a>,
    block: &'a Block,
    finish: Finish,
    multipliers: [float32x4_t; 4],
    row: &'a mut [i8],
    channels: usize,
}

impl<'a> Output<'a> {
    /// # Safety
    /// As [`row`].
    #[inline(always)]
    unsafe fn new(run: &'a Run<'a>, block: &'a Block, row: &'a mut [i8]) -> Output<'a> {
        let channels = run.call.geometry.in_channels();
        let outputs = run.call.geometry.output()[1];
        assert!(
            block.channel + NeonDot::CHANNELS <= channels && row.len() == outputs * channels,
            "the block lies in the output"
        );
        // SAFETY: the caller's promise.
        unsafe {
            let multipliers = block.multipliers.as_ptr();
            Output {
                run,
                block,
                // A copy, which no output can overwrite: it is kept in registers.
                finish: *run.finish,
                multipliers: [0, 1, 2, 3].map(|v| vld1q_f32(multipliers.add(v * 4))),
                row,
                channels,
            }
        }
    }

    /// Takes sums to 8 bits and writes them to pixel `x`.
    ///
    /// # Safety
    /// As [`row`]; the output has a pixel `x`.
    #[inline(always)]
    unsafe fn write(&mut self, sums: Sums, x: usize) {
        // SAFETY: the caller's promise, and what was asserted at construction.
        unsafe {
            let to = self
                .row
                .as_mut_ptr()
                .add(x * self.channels + self.block.channel);
            if self.run.addend.is_some() {
                let to = std::slice::from_raw_parts_mut(to, NeonDot::CHANNELS);
                return finish_with_addend::<NeonDot>(self.run, self.block, sums, x, to);
            }
            let mut values = self.multipliers;
            for (value, sums) in values.iter_mut().zip(sums) {
                *value = vmulq_f32(vcvtq_f32_s32(sums), *value);
            }
            vst1q_s8(to, narrow(values, &self.finish));
        }
    }
}
