//! Micro-kernels compiled for each instruction set.

use super::pack::Layout;
use super::stage::{StageKernel, Strip, stage};
use super::tile::{Sums, TileKernel, Tiles, WriteKernel, tiles, write};
use crate::Isa;
use crate::int8::lanes::Products;
#[cfg(target_arch = "aarch64")]
use crate::int8::lanes::neon;
#[cfg(target_arch = "x86_64")]
use crate::int8::lanes::{avx2, avx512};

/// The kernels of one instruction set and the form they want their operands in.
#[derive(Debug)]
pub(super) struct Family {
    pub layout: Layout,
    pub stage: StageKernel,
    /// Tile kernels by vectors, then by pixels, each less one.
    pub tiles: &'static [&'static [TileKernel]],
    /// What ends them for values that may be too high to convert: by vectors less one, then
    /// without and with an addend.
    pub writes_wild: &'static [[WriteKernel; 2]],
}

impl Family {
    /// The most vectors of a panel.
    pub fn widest(&self) -> usize {
        self.tiles.len()
    }
}

const fn layout<P: Products>() -> Layout {
    Layout {
        lanes: P::COUNT,
        step: P::STEP,
        depth: P::DEPTH,
        element: P::ELEMENT,
        shift: P::SHIFT,
    }
}

/// Compiles what ends a tile with an instruction set's features.
macro_rules! write_here {
    ($lanes:ty, $features:literal) => {
        #[target_feature(enable = $features)]
        unsafe fn write_here<const VECTORS: usize, const ADD: bool>(
            at: &Tiles,
            index: usize,
            rows: usize,
            sums: *const Sums,
        ) {
            // SAFETY: the caller's promise.
            unsafe { write::<$lanes, VECTORS, ADD, true>(at, index, rows, sums) }
        }
    };
}

macro_rules! writes {
    ($write:ident, $($vectors:literal)*) => {
        &[$([$write::<$vectors, false>, $write::<$vectors, true>]),*]
    };
}

macro_rules! tiles {
    ($tiles:ident, [$($vectors:literal: [$($rows:literal)*]),*]) => {
        &[$(&[$($tiles::<$rows, $vectors>),*]),*]
    };
}

/// Compiles the generic kernels with an instruction set's features, for the given extents.
macro_rules! family {
    (
        $name:ident, $products:ty, $features:literal,
        [$($vectors:literal: [$($rows:literal)*]),*]
    ) => {
        static $name: Family = {
            #[target_feature(enable = $features)]
            unsafe fn stage_here(strip: &Strip) {
                // SAFETY: the caller's promise.
                unsafe { stage::<$products>(strip) }
            }
            #[target_feature(enable = $features)]
            unsafe fn tiles_here<const ROWS: usize, const VECTORS: usize>(at: &Tiles) {
                // SAFETY: the caller's promise.
                unsafe { tiles::<$products, ROWS, VECTORS>(at) }
            }
            write_here!($products, $features);
            Family {
                layout: layout::<$products>(),
                stage: stage_here,
                tiles: tiles!(tiles_here, [$($vectors: [$($rows)*]),*]),
                writes_wild: writes!(write_here, $($vectors)*),
            }
        };
    };
}

/// SMMLA's kernels for one to eight pixels.
#[cfg(target_arch = "aarch64")]
macro_rules! eight_pixels {
    ($tile:ident, $vectors:literal) => {
        [
            $tile::<1, 1, $vectors> as TileKernel,
            $tile::<2, 1, $vectors>,
            $tile::<3, 2, $vectors>,
            $tile::<4, 2, $vectors>,
            $tile::<5, 3, $vectors>,
            $tile::<6, 3, $vectors>,
            $tile::<7, 4, $vectors>,
            $tile::<8, 4, $vectors>,
        ]
    };
}

// Sums, one pixel's input and the weights of a step fill the 16 registers, or most of the 32.
#[cfg(target_arch = "x86_64")]
family!(AVX2, avx2::Avx2, "avx2,fma", [
    1: [1 2 3 4 5 6 7 8],
    2: [1 2 3 4 5 6]
]);
#[cfg(target_arch = "x86_64")]
family!(AVX_VNNI, avx2::AvxVnni, "avx2,fma,avxvnni", [
    1: [1 2 3 4 5 6 7 8],
    2: [1 2 3 4 5 6]
]);
#[cfg(target_arch = "x86_64")]
family!(AVX512, avx512::Avx512, "avx512f,avx512bw,avx512dq,avx512vl", [
    1: [1 2 3 4 5 6 7 8 9 10 11 12],
    2: [1 2 3 4 5 6 7 8 9 10],
    3: [1 2 3 4 5 6 7 8],
    4: [1 2 3 4 5 6]
]);
#[cfg(target_arch = "x86_64")]
family!(AVX512_VNNI, avx512::Avx512Vnni, "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni", [
    1: [1 2 3 4 5 6 7 8 9 10 11 12],
    2: [1 2 3 4 5 6 7 8 9 10],
    3: [1 2 3 4 5 6 7 8],
    4: [1 2 3 4 5 6]
]);

#[cfg(target_arch = "aarch64")]
family!(NEON, neon::Neon, "neon", [
    1: [1 2 3 4 5 6 7 8],
    2: [1 2 3 4 5 6],
    3: [1 2 3 4],
    4: [1 2 3 4]
]);
#[cfg(target_arch = "aarch64")]
static NEON_DOT: Family = {
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn stage_here(strip: &Strip) {
        // SAFETY: the caller's promise.
        unsafe { stage::<neon::NeonDot>(strip) }
    }
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn tiles_here<const ROWS: usize, const VECTORS: usize>(at: &Tiles) {
        // SAFETY: the caller's promise.
        unsafe { super::tile_dot::tiles::<ROWS, VECTORS>(at) }
    }
    write_here!(neon::NeonDot, "neon,dotprod");
    Family {
        layout: layout::<neon::NeonDot>(),
        stage: stage_here,
        tiles: tiles!(tiles_here, [
            1: [1 2 3 4 5 6 7 8],
            2: [1 2 3 4 5 6 7 8],
            3: [1 2 3 4 5 6],
            4: [1 2 3 4 5]
        ]),
        writes_wild: writes!(write_here, 1 2 3 4),
    }
};

#[cfg(target_arch = "aarch64")]
static NEON_I8MM: Family = {
    #[target_feature(enable = "neon,dotprod,i8mm")]
    unsafe fn stage_here(strip: &Strip) {
        // SAFETY: the caller's promise. Signed bytes are staged alike for both products.
        unsafe { stage::<neon::NeonDot>(strip) }
    }
    #[target_feature(enable = "neon,dotprod,i8mm")]
    unsafe fn tiles_here<const ROWS: usize, const PAIRS: usize, const VECTORS: usize>(at: &Tiles) {
        // SAFETY: the caller's promise.
        unsafe { super::tile_i8mm::tiles::<ROWS, PAIRS, VECTORS>(at) }
    }
    write_here!(neon::NeonDot, "neon,dotprod,i8mm");
    Family {
        layout: Layout {
            step: super::tile_i8mm::STEP,
            depth: super::tile_i8mm::STEP,
            ..layout::<neon::NeonDot>()
        },
        stage: stage_here,
        tiles: &[
            &eight_pixels!(tiles_here, 1),
            &eight_pixels!(tiles_here, 2),
            &eight_pixels!(tiles_here, 3),
        ],
        writes_wild: writes!(write_here, 1 2 3),
    }
};

/// The family for an instruction set other than the portable one, or for the next lower.
pub(super) fn of(isa: Isa) -> &'static Family {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => &AVX_VNNI,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => &AVX512,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => &AVX512_VNNI,
        #[cfg(target_arch = "x86_64")]
        _ => &AVX2,
        #[cfg(target_arch = "aarch64")]
        Isa::NeonDot => &NEON_DOT,
        #[cfg(target_arch = "aarch64")]
        Isa::NeonI8mm => &NEON_I8MM,
        #[cfg(target_arch = "aarch64")]
        _ => &NEON,
    }
}
