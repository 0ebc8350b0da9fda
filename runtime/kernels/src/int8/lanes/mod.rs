//! Vectors of 32-bit sums, one implementation per instruction set.
//!
//! Kernels are written once over [`Lanes`] and compiled once per instruction set: the outermost
//! function carries the target features and everything below is inlined into it.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(super) mod neon;

use super::requantize::OutputRange;

/// How sums become 8-bit values, besides each channel's multiplier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finish {
    pub zero: i16,
    pub low: i8,
    pub high: i8,
    /// Whether values may exceed `i32` and must be held below `ceiling` before conversion.
    pub wild: bool,
    /// `high - zero`.
    pub ceiling: f32,
    pub addend_zero: i32,
    pub addend_multiplier: f32,
}

impl Finish {
    /// `reach` bounds the size of sums times their multipliers.
    pub fn new(range: OutputRange, reach: f32, addend: Option<&super::Addend>) -> Finish {
        let addend_multiplier = addend.map_or(0.0, |a| a.multiplier);
        Finish {
            zero: range.zero.into(),
            low: range.low,
            high: range.high,
            wild: reach + 255.0 * addend_multiplier.abs() > TAME,
            ceiling: f32::from(range.high) - f32::from(range.zero),
            addend_zero: addend.map_or(0, |a| a.zero.into()),
            addend_multiplier,
        }
    }
}

/// Half of what converts to `i32`: no rounding on the way leads beyond.
const TAME: f32 = 1_073_741_824.0; // 2^30

/// Vectors of 32 bits per lane and what kernels do with them.
///
/// # Safety
/// Callers run on a CPU with the implementor's instructions, and pointers are valid for what is
/// read or written: a vector of `COUNT` values, whatever its alignment.
pub(super) trait Lanes {
    /// Lanes of a vector.
    const COUNT: usize;
    /// A vector of `i32`.
    type Int: Copy;
    /// A vector of `f32`.
    type Float: Copy;

    unsafe fn load_i32(from: *const i32) -> Self::Int;
    /// Loads bytes and extends their sign.
    unsafe fn load_i8(from: *const i8) -> Self::Int;
    unsafe fn load_f32(from: *const f32) -> Self::Float;
    unsafe fn splat_i32(value: i32) -> Self::Int;
    unsafe fn splat_f32(value: f32) -> Self::Float;
    unsafe fn sub(a: Self::Int, b: Self::Int) -> Self::Int;
    unsafe fn to_float(value: Self::Int) -> Self::Float;
    /// A product and a sum, never fused.
    unsafe fn mul(a: Self::Float, b: Self::Float) -> Self::Float;
    unsafe fn add(a: Self::Float, b: Self::Float) -> Self::Float;
    unsafe fn min(a: Self::Float, b: Self::Float) -> Self::Float;
    /// Rounds, clamps and adds the zero point for four vectors of values below 2^31; writes
    /// `4 * COUNT` bytes in their order.
    unsafe fn store(values: [Self::Float; 4], finish: &Finish, to: *mut i8);
}

/// The products that a matrix kernel adds up, over the lanes' `i32`.
///
/// # Safety
/// As [`Lanes`].
pub(super) trait Products: Lanes {
    /// Values of one output's sum that a step takes; the multiple that depths are padded to.
    const STEP: usize;
    /// Of these, how many lie side by side for one channel in packed weights.
    const DEPTH: usize;
    /// Bytes per value in staged input and packed weights.
    const ELEMENT: usize;
    /// What staging adds to input values.
    const SHIFT: i32;
    /// Pixels that one address register serves: by an index register, doubled or not, where
    /// addresses have one.
    const ROWS_PER_POINTER: usize;
    /// One input pixel's values of a step, in every lane.
    type Input: Copy;
    /// `COUNT` channels' weights of a step.
    type Weights: Copy;

    unsafe fn input(from: *const u8) -> Self::Input;
    unsafe fn weights(from: *const u8) -> Self::Weights;
    /// Adds a step's products to the sums.
    unsafe fn accumulate(sums: Self::Int, x: Self::Input, w: Self::Weights) -> Self::Int;
    /// Copies `len` input values to staged form.
    unsafe fn stage(from: *const i8, len: usize, to: *mut u8);
    /// Writes `len` staged values of `value`.
    unsafe fn fill(value: i8, len: usize, to: *mut u8);
}

/// The products that a depthwise kernel adds up: a block of channels, a few rows of taps at a time.
///
/// A block's sums stand in an order of their own, in which weights, biases and multipliers are
/// packed.
///
/// # Safety
/// As [`Lanes`].
pub(super) trait Taps {
    /// Channels of a block.
    const CHANNELS: usize;
    /// Rows of taps that a column holds.
    const GROUP: usize;
    /// Bytes of a packed weight.
    const ELEMENT: usize;
    /// What is added to input values before they are multiplied.
    const SHIFT: i32;
    /// A block's sums.
    type Sums: Copy;
    /// A block's values of one input column, `GROUP` rows of them.
    type Column: Copy;
    /// A block's values of one pixel.
    type Pixel: Copy;
    /// Bytes of packed weights for three pixels of a row that no group of rows takes up.
    const LONE: usize;

    /// The channel within a block whose sum stands at `position`.
    fn channel(position: usize) -> usize;
    /// The index of a packed weight among those of its column.
    fn place(position: usize, tap: usize) -> usize;
    unsafe fn load(from: *const i32) -> Self::Sums;
    unsafe fn store(sums: Self::Sums, to: *mut i32);
    /// Reads a block's channels at `offset` from the first `live` of `GROUP` rows; what stands for
    /// the others is multiplied by weights of 0.
    unsafe fn column(rows: *const *const i8, live: usize, offset: usize) -> Self::Column;
    /// Adds a column's products with its weights.
    unsafe fn multiply(sums: Self::Sums, column: Self::Column, weights: *const u8) -> Self::Sums;
    /// Packs `weight(channel, kw)` of a lone row of three taps.
    fn pack_lone(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]);
    unsafe fn pixel(from: *const i8) -> Self::Pixel;
    /// Adds the products of a lone row's three pixels with its weights.
    unsafe fn multiply_lone(
        sums: Self::Sums,
        pixels: [Self::Pixel; 3],
        weights: *const u8,
    ) -> Self::Sums;
    /// The rule; writes `CHANNELS` bytes in the order of channels.
    unsafe fn finish(sums: Self::Sums, multipliers: *const f32, finish: &Finish, to: *mut i8);
}

/// Lone rows where 16-bit pairs are multiplied: the first two taps' weights channel by channel, for
/// products that together fit 16 bits, then pairs of 1 and the third weight.
#[cfg(target_arch = "x86_64")]
fn pack_lone_pairs<K: Taps>(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
    let mut put = |index: usize, value: i8| {
        to[index * 2..index * 2 + 2].copy_from_slice(&i16::from(value).to_le_bytes());
    };
    for channel in 0..K::CHANNELS {
        put(channel, weight(channel, 0));
        put(K::CHANNELS + channel, weight(channel, 1));
    }
    for position in 0..K::CHANNELS {
        put(2 * K::CHANNELS + 2 * position, 1);
        put(
            2 * K::CHANNELS + 2 * position + 1,
            weight(K::channel(position), 2),
        );
    }
}

/// Lone rows where quadruples of bytes are multiplied: three weights and a zero.
fn pack_lone_quadruples<K: Taps>(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
    for position in 0..K::CHANNELS {
        for kw in 0..3 {
            to[K::place(position, kw)] = weight(K::channel(position), kw) as u8;
        }
    }
}
