//! The micro-kernel: a few pixels by a few vectors of channels, sums kept in registers.

use crate::int8::lanes::{Finish, Lanes, Products};
use std::arch::asm;
use std::mem::MaybeUninit;

/// Tiles of the same extent, one below the other: their pointers and extents.
pub(in crate::int8) struct Tiles<'a> {
    pub count: usize,
    /// Staged input of the first pixel.
    pub input: *const u8,
    /// Bytes from one pixel's staged input to the next.
    pub stride: usize,
    /// Steps of the sums' depth.
    pub steps: usize,
    /// The panel's packed weights.
    pub weights: *const u8,
    /// Biases and multipliers of the panel's channels, padded to whole vectors.
    pub bias: *const i32,
    pub multipliers: *const f32,
    /// Output of the first pixel and the panel's first channel.
    pub output: *mut i8,
    /// The addend's value for it, or null.
    pub addend: *const i8,
    /// Channels of the whole output, from one pixel to the next.
    pub pixel: usize,
    /// Channels of the panel that exist.
    pub width: usize,
    pub finish: &'a Finish,
    /// For values that may be too high to convert, which is rare.
    pub write_wild: WriteKernel,
}

/// A micro-kernel compiled for one extent.
///
/// # Safety
/// The CPU runs its instructions; the pointers are valid for `count` tiles of that extent.
pub(in crate::int8) type TileKernel = unsafe fn(&Tiles);

/// Takes a tile's sums to 8 bits and writes them out: of tile `index`, of `rows` pixels, with sums
/// that lie vector after vector in memory. Compiled for one number of vectors.
///
/// # Safety
/// As [`TileKernel`].
pub(super) type WriteKernel =
    unsafe fn(tiles: &Tiles, index: usize, rows: usize, sums: *const Sums);

/// A tile's sums in memory.
#[repr(C, align(64))]
pub(super) struct Sums([i32; MOST_VECTORS * 16]);

/// The most pixels of a tile.
const MOST_ROWS: usize = 12;

/// The most vectors of a tile's sums.
const MOST_VECTORS: usize = 24;

/// Sums tiles of `ROWS` pixels by `VECTORS` vectors and writes them out.
///
/// # Safety
/// As [`TileKernel`].
#[inline(always)]
pub(super) unsafe fn tiles<P: Products, const ROWS: usize, const VECTORS: usize>(tiles: &Tiles) {
    let vector = P::COUNT * P::STEP * P::ELEMENT;
    let step = P::STEP * P::ELEMENT;
    let stride = tiles.stride;
    // SAFETY: the caller's promise: staged rows and packed weights hold `steps` steps, biases the
    // panel's whole vectors.
    unsafe {
        let mut bias = [P::splat_i32(0); VECTORS];
        for (v, bias) in bias.iter_mut().enumerate() {
            *bias = P::load_i32(tiles.bias.add(v * P::COUNT));
        }
        for index in 0..tiles.count {
            let mut sums = [bias; ROWS];
            let mut inputs = [tiles.input.add(index * ROWS * stride); MOST_ROWS];
            let first = inputs[0];
            for (group, pointer) in inputs.iter_mut().enumerate() {
                let row = (group * P::ROWS_PER_POINTER).min(ROWS - 1);
                *pointer = apart(first.add(row * stride));
            }
            let mut packed = tiles.weights;
            for _ in 0..tiles.steps / 2 {
                add_step::<P, ROWS, VECTORS>(&mut sums, &inputs, stride, 0, packed);
                let next = packed.add(VECTORS * vector);
                add_step::<P, ROWS, VECTORS>(&mut sums, &inputs, stride, step, next);
                for pointer in inputs.iter_mut().take(ROWS.div_ceil(P::ROWS_PER_POINTER)) {
                    *pointer = pointer.add(2 * step);
                }
                packed = next.add(VECTORS * vector);
            }
            if tiles.steps % 2 == 1 {
                add_step::<P, ROWS, VECTORS>(&mut sums, &inputs, stride, 0, packed);
            }
            finish::<P, ROWS, VECTORS>(tiles, index, &sums);
        }
    }
}

/// Adds one step's products; the step lies `offset` bytes behind the pointers.
#[inline(always)]
unsafe fn add_step<P: Products, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[P::Int; VECTORS]; ROWS],
    inputs: &[*const u8; MOST_ROWS],
    stride: usize,
    offset: usize,
    packed: *const u8,
) {
    let vector = P::COUNT * P::STEP * P::ELEMENT;
    // SAFETY: the caller's promise.
    unsafe {
        let mut weights = [P::weights(packed); VECTORS];
        for (v, weights) in weights.iter_mut().enumerate().skip(1) {
            *weights = P::weights(packed.add(v * vector));
        }
        for r in 0..ROWS {
            let pointer = inputs[r / P::ROWS_PER_POINTER];
            let x = P::input(pointer.add(r % P::ROWS_PER_POINTER * stride + offset));
            for v in 0..VECTORS {
                sums[r][v] = P::accumulate(sums[r][v], x, weights[v]);
            }
        }
    }
}

/// Keeps the compiler from deriving this pointer from others within a loop: it would spend an
/// addition per use.
#[inline(always)]
fn apart(pointer: *const u8) -> *const u8 {
    let mut address = pointer.addr();
    // SAFETY: no instruction at all.
    unsafe {
        asm!("/* {0} */", inout(reg) address, options(pure, nomem, nostack, preserves_flags));
    }
    pointer.with_addr(address)
}

/// Takes the sums of tile `index` to 8 bits and writes them out.
///
/// # Safety
/// As [`TileKernel`].
#[inline(always)]
pub(super) unsafe fn finish<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    tiles: &Tiles,
    index: usize,
    sums: &[[L::Int; VECTORS]; ROWS],
) {
    const { assert!(ROWS <= MOST_ROWS && ROWS * VECTORS <= MOST_VECTORS && L::COUNT <= 16) };
    // From here on sums lie in memory: what follows need not be unrolled to keep the sums of the
    // loop before in registers.
    let mut stored = MaybeUninit::<Sums>::uninit();
    let to: *mut L::Int = stored.as_mut_ptr().cast();
    // SAFETY: `stored` holds ROWS * VECTORS vectors; the rest is the caller's promise.
    unsafe {
        for (r, row) in sums.iter().enumerate() {
            for (v, sums) in row.iter().enumerate() {
                to.add(r * VECTORS + v).write(*sums);
            }
        }
        match (tiles.finish.wild, tiles.addend.is_null()) {
            (false, true) => write::<L, VECTORS, false, false>(tiles, index, ROWS, stored.as_ptr()),
            (false, false) => write::<L, VECTORS, true, false>(tiles, index, ROWS, stored.as_ptr()),
            (true, _) => (tiles.write_wild)(tiles, index, ROWS, stored.as_ptr()),
        }
    }
}

/// The rule for a tile's sums, with or without an addend, for values that may be too high to
/// convert or not.
///
/// # Safety
/// As [`WriteKernel`].
#[inline(always)]
pub(super) unsafe fn write<L, const VECTORS: usize, const ADD: bool, const WILD: bool>(
    tiles: &Tiles,
    index: usize,
    rows: usize,
    sums: *const Sums,
) where
    L: Lanes,
{
    let sums: *const L::Int = sums.cast();
    let count = rows * VECTORS;
    let panel = VECTORS * L::COUNT;
    let finish = tiles.finish;
    let first = index * rows * tiles.pixel;
    // Four vectors are packed at a time: the last group may write up to three more.
    let mut buffer = MaybeUninit::<Bytes>::uninit();
    let bytes: *mut i8 = buffer.as_mut_ptr().cast();
    // SAFETY: the caller's promise; every byte that is read was written before: addends here,
    // results by `store`.
    unsafe {
        if ADD {
            for r in 0..rows {
                let to = bytes.add(r * panel);
                if tiles.width < panel {
                    to.write_bytes(0, panel);
                }
                copy::<L, VECTORS>(tiles.addend.add(first + r * tiles.pixel), to, tiles.width);
            }
        }
        for group in 0..count.div_ceil(4) {
            let mut values = [L::splat_f32(0.0); 4];
            for (i, result) in values.iter_mut().enumerate() {
                let place = (group * 4 + i).min(count - 1);
                let multiplier = L::load_f32(tiles.multipliers.add(place % VECTORS * L::COUNT));
                let mut value = L::mul(L::to_float(*sums.add(place)), multiplier);
                if ADD {
                    let addend = L::load_i8(bytes.add(place * L::COUNT));
                    let steps = L::sub(addend, L::splat_i32(finish.addend_zero));
                    let factor = L::splat_f32(finish.addend_multiplier);
                    value = L::add(value, L::mul(L::to_float(steps), factor));
                }
                if WILD {
                    value = L::min(value, L::splat_f32(finish.ceiling));
                }
                *result = value;
            }
            L::store(values, finish, bytes.add(group * 4 * L::COUNT));
        }
        for r in 0..rows {
            let to = tiles.output.add(first + r * tiles.pixel);
            copy::<L, VECTORS>(bytes.add(r * panel), to, tiles.width);
        }
    }
}

#[repr(align(64))]
struct Bytes(
    #[expect(dead_code, reason = "written through a pointer")] [i8; (MOST_VECTORS + 3) * 16],
);

/// Copies one pixel's channels of a panel: of a whole panel by moves of a fixed size.
#[inline(always)]
unsafe fn copy<L: Lanes, const VECTORS: usize>(from: *const i8, to: *mut i8, width: usize) {
    // SAFETY: the caller's promise: `width` values lie at both ends.
    unsafe {
        if width == VECTORS * L::COUNT {
            from.copy_to_nonoverlapping(to, VECTORS * L::COUNT);
        } else {
            from.copy_to_nonoverlapping(to, width);
        }
    }
}
