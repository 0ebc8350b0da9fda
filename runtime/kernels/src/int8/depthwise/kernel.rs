//! The depthwise kernel: one output row of one block of channels.

use super::{Block, narrow};
use crate::int8::conv::Call;
use crate::int8::lanes::{Finish, Taps};
use crate::int8::requantize::OutputRange;

/// The most rows of taps, over time and height.
pub(super) const MAX_ROWS: usize = 124;

/// One output row.
pub(super) struct Run<'a> {
    pub call: &'a Call<'a>,
    pub rows: &'a Rows,
    pub finish: &'a Finish,
    pub range: OutputRange,
    /// The residual's values for this row; its scale stands in `call`.
    pub addend: Option<&'a [i8]>,
}

/// Pointers to the input rows that an output row sees.
pub(super) struct Rows {
    /// One for each row of taps, to whole groups of them.
    pub at: [*const i8; MAX_ROWS + 4],
    /// As many that all point to zero points.
    pub zeros: [*const i8; MAX_ROWS + 4],
    pub count: usize,
}

impl Rows {
    /// Rows of the zero point; `zeros` is an input row of it.
    pub fn new(zeros: &[i8]) -> Rows {
        Rows {
            at: [zeros.as_ptr(); MAX_ROWS + 4],
            zeros: [zeros.as_ptr(); MAX_ROWS + 4],
            count: 0,
        }
    }

    /// Points to the rows that output row `y` sees.
    pub fn set(&mut self, call: &Call, y: usize) {
        let geometry = call.geometry;
        let [_, height, _] = geometry.window().kernel;
        let len = geometry.input()[1] * geometry.in_channels();
        self.count = 0;
        for frame in call.frames {
            for kh in 0..height {
                self.at[self.count] = match (frame, geometry.source_row(y, kh)) {
                    (Some(frame), Some(row)) => frame[row * len..(row + 1) * len].as_ptr(),
                    _ => self.zeros[0],
                };
                self.count += 1;
            }
        }
    }
}

/// Computes a block of one output row, compiled for one instruction set.
///
/// # Safety
/// The CPU runs its instructions; the block was packed for it; slices fit the geometry.
pub(super) type RowKernel = unsafe fn(&Run, &Block, &mut [i8]);

/// Computes a block of one output row.
///
/// # Safety
/// As [`RowKernel`].
#[inline(always)]
pub(super) unsafe fn row<K: Taps>(run: &Run, block: &Block, output: &mut [i8]) {
    let geometry = run.call.geometry;
    let [_, _, width] = geometry.window().kernel;
    let rows = run.rows;
    let dense = geometry.window().dilation[1] == 1 || width == 1;
    // SAFETY: the caller's promise. The usual windows get loops of fixed length.
    unsafe {
        if block.width < K::CHANNELS {
            return narrow::row::<K>(run, block, output);
        }
        match (rows.count, width, geometry.window().stride[1]) {
            (3, 1, 1) => stream::<K, 3, 1, 1>(run, block, output),
            (5, 1, 1) => stream::<K, 5, 1, 1>(run, block, output),
            (3, 3, 1) if dense => stream::<K, 3, 3, 1>(run, block, output),
            (3, 3, 2) if dense => stream::<K, 3, 3, 2>(run, block, output),
            (5, 5, 1) if dense => stream::<K, 5, 5, 1>(run, block, output),
            (5, 5, 2) if dense => stream::<K, 5, 5, 2>(run, block, output),
            (9, 3, 1) if dense => stream::<K, 9, 3, 1>(run, block, output),
            (_, 3, 1) if dense => stream::<K, 0, 3, 1>(run, block, output),
            (_, 3, 2) if dense => stream::<K, 0, 3, 2>(run, block, output),
            _ => apart::<K>(run, block, output),
        }
    }
}

/// A column's contribution is added to every output that sees it before the next is read.
///
/// `ROWS` is the number of rows of taps, or 0 where that is known only now. `WIDTH` is odd and
/// `STRIDE` 1 or 2: the last column of a window is then one that another begins with.
///
/// # Safety
/// As [`RowKernel`]; the window is `WIDTH` columns without gaps, and moves by `STRIDE`.
#[inline(always)]
unsafe fn stream<K: Taps, const ROWS: usize, const WIDTH: usize, const STRIDE: usize>(
    run: &Run,
    block: &Block,
    output: &mut [i8],
) {
    const { assert!(WIDTH % 2 == 1 && (STRIDE == 1 || STRIDE == 2)) };
    let geometry = run.call.geometry;
    let stream = Stream {
        rows: run.rows,
        block,
        count: if ROWS == 0 { run.rows.count } else { ROWS },
        before: geometry.window().padding[1][0],
        width: geometry.input()[1],
        channels: geometry.in_channels(),
    };
    let out = Output::new(block, stream.channels, output, K::CHANNELS);
    // SAFETY: the caller's promise; a row of zero points reaches beyond the block.
    unsafe {
        let bias = K::load(block.bias.as_ptr());
        let mut open = Open::<K, WIDTH> {
            sums: [bias; WIDTH],
            lone: [K::pixel(run.rows.zeros[0].add(block.channel)); 3],
        };
        // Outputs that are still open when another begins.
        let behind = (WIDTH - 1) / STRIDE;
        for begun in 0..geometry.output()[1] + behind {
            for i in (1..=behind).rev() {
                open.sums[i] = open.sums[i - 1];
            }
            open.sums[0] = bias;
            stream.column::<K, WIDTH, STRIDE, 0>(&mut open, begun * STRIDE);
            if begun >= behind {
                let mut sums = open.sums[behind];
                if stream.has_lone::<K, WIDTH>() {
                    sums = K::multiply_lone(sums, open.lone, block.lone.as_ptr());
                }
                out.write::<K>(run, block, sums, begun - behind);
            }
            if STRIDE == 2 {
                stream.column::<K, WIDTH, STRIDE, 1>(&mut open, begun * STRIDE + 1);
            }
        }
    }
}

/// Outputs that have seen some of their columns, the newest first.
struct Open<K: Taps, const WIDTH: usize> {
    sums: [K::Sums; WIDTH],
    /// The latest three pixels of a row of taps that stands alone.
    lone: [K::Pixel; 3],
}

struct Stream<'a> {
    rows: &'a Rows,
    block: &'a Block,
    /// Rows of taps.
    count: usize,
    /// Columns of padding before the input's.
    before: usize,
    /// Columns of the input.
    width: usize,
    channels: usize,
}

impl Stream<'_> {
    /// Whether the last row of taps would be a group by itself: three of its pixels are then
    /// multiplied together instead.
    #[inline(always)]
    fn has_lone<K: Taps, const WIDTH: usize>(&self) -> bool {
        WIDTH == 3 && self.count > 1 && self.count % K::GROUP == 1
    }

    /// Adds column `padded`, counted with the padding, to every output that sees it.
    ///
    /// # Safety
    /// As [`stream`]; `PHASE` is `padded % STRIDE`.
    #[inline(always)]
    unsafe fn column<K: Taps, const WIDTH: usize, const STRIDE: usize, const PHASE: usize>(
        &self,
        open: &mut Open<K, WIDTH>,
        padded: usize,
    ) {
        let column = padded.wrapping_sub(self.before);
        // A row of zero points stands in outside the input.
        let (from, offset) = match column < self.width {
            true => (
                self.rows.at.as_ptr(),
                column * self.channels + self.block.channel,
            ),
            false => (self.rows.zeros.as_ptr(), self.block.channel),
        };
        let lone = self.has_lone::<K, WIDTH>();
        let groups = self.count.div_ceil(K::GROUP);
        let group = K::CHANNELS * K::GROUP * K::ELEMENT;
        // SAFETY: the caller's promise.
        unsafe {
            for g in 0..groups - usize::from(lone) {
                let live = K::GROUP.min(self.count - g * K::GROUP);
                let values = K::column(from.add(g * K::GROUP), live, offset);
                for i in 0..(WIDTH - PHASE).div_ceil(STRIDE) {
                    let kw = i * STRIDE + PHASE;
                    let weights = self.block.weights.as_ptr().add((kw * groups + g) * group);
                    open.sums[i] = K::multiply(open.sums[i], values, weights);
                }
            }
            if lone {
                let pixel = K::pixel((*from.add(self.count - 1)).add(offset));
                open.lone = [open.lone[1], open.lone[2], pixel];
            }
        }
    }
}

/// Each output by itself, for any stride and dilation.
///
/// # Safety
/// As [`RowKernel`].
#[inline(always)]
unsafe fn apart<K: Taps>(run: &Run, block: &Block, output: &mut [i8]) {
    let rows = run.rows;
    let geometry = run.call.geometry;
    let channels = geometry.in_channels();
    let groups = rows.count.div_ceil(K::GROUP);
    let group = K::CHANNELS * K::GROUP * K::ELEMENT;
    let weights = block.weights.as_ptr();
    let out = Output::new(block, channels, output, K::CHANNELS);
    for x in 0..geometry.output()[1] {
        // SAFETY: the caller's promise; columns are read only within the input row.
        unsafe {
            let mut sums = K::load(block.bias.as_ptr());
            for kw in 0..geometry.window().kernel[2] {
                let (from, offset) = match geometry.source_column(x, kw) {
                    Some(column) => (rows.at.as_ptr(), column * channels),
                    None => (rows.zeros.as_ptr(), 0),
                };
                for g in 0..groups {
                    let from = from.add(g * K::GROUP);
                    let values = K::column(from, K::GROUP, offset + block.channel);
                    sums = K::multiply(sums, values, weights.add((kw * groups + g) * group));
                }
            }
            out.write::<K>(run, block, sums, x);
        }
    }
}

/// Where a block's outputs go.
struct Output {
    first: *mut i8,
    channels: usize,
}

impl Output {
    /// Checks that `output` is whole pixels in which the block lies.
    fn new(block: &Block, channels: usize, output: &mut [i8], size: usize) -> Output {
        assert!(block.channel + size <= channels && output.len().is_multiple_of(channels));
        Output {
            first: output.as_mut_ptr().wrapping_add(block.channel),
            channels,
        }
    }

    /// Takes sums to 8 bits and writes them to pixel `x`.
    ///
    /// # Safety
    /// As [`RowKernel`]; the output has a pixel `x`.
    #[inline(always)]
    unsafe fn write<K: Taps>(&self, run: &Run, block: &Block, sums: K::Sums, x: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let to = self.first.add(x * self.channels);
            if run.addend.is_none() {
                K::finish(sums, block.multipliers.as_ptr(), run.finish, to);
            } else {
                let output = std::slice::from_raw_parts_mut(to, K::CHANNELS);
                finish_with_addend::<K>(run, block, sums, x, output);
            }
        }
    }
}

/// The most channels of a block.
pub(super) const MOST_CHANNELS: usize = 64;

/// Ends a block channel by channel, for a residual stands in the order of channels.
///
/// # Safety
/// The CPU runs the instructions of `K`.
#[inline(never)]
pub(super) unsafe fn finish_with_addend<K: Taps>(
    run: &Run,
    block: &Block,
    sums: K::Sums,
    x: usize,
    output: &mut [i8],
) {
    const { assert!(K::CHANNELS <= MOST_CHANNELS) };
    let mut room = [0i32; MOST_CHANNELS];
    // SAFETY: the caller's promise; `room` holds a block.
    unsafe { K::store(sums, room.as_mut_ptr()) };
    let first = x * run.call.geometry.in_channels() + block.channel;
    for (position, (&sum, multiplier)) in room.iter().zip(&block.multipliers).enumerate() {
        let within = K::channel(position);
        let mut value = sum as f32 * multiplier;
        if let Some(q) = output.get_mut(within) {
            if let (Some(addend), Some(values)) = (&run.call.addend, run.addend) {
                value += addend.term(values[first + within]);
            }
            *q = run.range.quantize(value);
        }
    }
}
