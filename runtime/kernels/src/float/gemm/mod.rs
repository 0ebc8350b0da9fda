//! The matrix product under dense convolutions and attention.
//!
//! Goto's scheme: the depth is cut into chunks that fit the first-level cache, the right-hand
//! matrix is packed into panels one or two vectors wide, a block of left-hand rows is copied beside
//! each other, and a tile of some rows by one panel stays in registers over the whole chunk.
//! (K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.)

mod panels;
mod tile;

pub(crate) use panels::Panels;
pub(crate) use tile::{A_STRIDE, CHUNK, TileJob, multiply_once};

use super::simd::{self, Simd, with_features};
use crate::Isa;
use std::mem::MaybeUninit;

/// A function that computes one tile.
///
/// # Safety
/// As [`tile::tile`], for the rows and vectors that it stands for in its table.
pub(crate) type TileFn = unsafe fn(&TileJob);

/// The tiles of one instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Tiles {
    /// Floats in a vector.
    pub(crate) lanes: usize,
    /// Tiles by vectors less one, then by rows less one; registers set the most rows.
    tables: [&'static [TileFn]; MAX_VECTORS],
}

/// Vectors of the widest panel.
const MAX_VECTORS: usize = 3;

impl Tiles {
    /// Rows of a block: whole tiles of the usual width, no more than the scratch holds.
    pub(crate) fn block(&self) -> usize {
        let rows = self.tables[1].len();
        SCRATCH_ROWS / rows * rows
    }

    /// Columns of the next panel, in whole vectors, where `columns` are left: two vectors, which
    /// registers serve best, and what is left over at the end.
    #[inline(always)]
    pub(crate) fn panel(&self, columns: usize) -> usize {
        match columns.div_ceil(self.lanes) {
            3 if !self.tables[2].is_empty() => 3 * self.lanes,
            vectors => vectors.min(2) * self.lanes,
        }
    }

    /// The tiles that `isa` runs with.
    pub(crate) fn of(isa: Isa) -> Tiles {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Vnni => avx512::TILES,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::AvxVnni => avx2::TILES,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon | Isa::NeonDot | Isa::NeonI8mm => neon::TILES,
            _ => portable::TILES,
        }
    }

    /// Runs the block of `rows` packed rows against every panel of one chunk.
    ///
    /// `job` describes the block's first tile; its `a` and `b` are the block's and the chunk's
    /// packed values, `columns` all columns of the product.
    ///
    /// # Safety
    /// The CPU must run the instruction set these tiles were compiled for; `job` must satisfy
    /// [`tile::tile`] for `rows` rows and `columns` columns in panels as [`Panels`] lays them out.
    #[inline(always)]
    pub(crate) unsafe fn run(&self, rows: usize, job: &TileJob) {
        let mut job = job.clone();
        let TileJob {
            a,
            output,
            addend,
            columns,
            ..
        } = job;
        let mut column = 0;
        while column < columns {
            let width = self.panel(columns - column);
            job.columns = (columns - column).min(width);
            let table = self.tables[width / self.lanes - 1];
            let step = even(rows, table.len(), 1);
            let mut row = 0;
            while row < rows {
                let count = step.min(rows - row);
                // SAFETY: row and column lie within the block that the caller vouches for, so all
                // sums of pointers stay within it.
                unsafe {
                    job.a = a.add(row * A_STRIDE);
                    let place = row * job.output_stride + column;
                    job.output = output.add(place);
                    if !addend.is_null() {
                        job.addend = addend.add(place);
                    }
                    table[count - 1](&job);
                }
                row += count;
            }
            // SAFETY: packed panels follow each other: `k` rows of `width` values, and `start`,
            // where it stands, is padded to whole vectors.
            unsafe {
                job.b = job.b.add(job.k * width);
                if !job.start.is_null() {
                    job.start = job.start.add(width);
                }
            }
            column += width;
        }
    }
}

/// Rows that the scratch holds.
pub(crate) const SCRATCH_ROWS: usize = 60;

/// Room for a block of left-hand rows, on the stack of whoever runs a product.
#[repr(C, align(64))]
pub(crate) struct Scratch(MaybeUninit<[f32; SCRATCH_ROWS * A_STRIDE]>);

impl Scratch {
    #[inline(always)]
    pub(crate) fn new() -> Scratch {
        Scratch(MaybeUninit::uninit())
    }

    #[inline(always)]
    pub(crate) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.0.as_mut_ptr().cast()
    }
}

/// The size of parts that cut `total` evenly into as few parts of at most `limit` as can be,
/// a multiple of `granule`, which divides `limit`.
#[inline(always)]
pub(crate) fn even(total: usize, limit: usize, granule: usize) -> usize {
    let parts = total.div_ceil(limit).max(1);
    total.div_ceil(parts).next_multiple_of(granule).max(granule)
}

macro_rules! tiles {
    ($name:ident, $simd:ty, [$($one:literal)*] [$($two:literal)*] [$($three:literal)*]) => {
        mod $name {
            use super::*;

            with_features! { $name:
                /// # Safety
                /// As [`tile::tile`]; the CPU must run the features this is compiled with.
                unsafe fn run<const M: usize, const NV: usize>(job: &TileJob) {
                    // SAFETY: the caller's promise.
                    unsafe { tile::tile::<$simd, M, NV>(job) }
                }
            }

            pub(super) const TILES: Tiles = Tiles {
                lanes: <$simd as Simd>::LANES,
                tables: [&[$(run::<$one, 1>),*], &[$(run::<$two, 2>),*], &[$(run::<$three, 3>),*]],
            };
        }
    };
}

tiles!(portable, simd::portable::Portable, [1 2 3 4] [1 2 3 4] []);
#[cfg(target_arch = "x86_64")]
tiles!(avx2, simd::avx2::Avx2, [1 2 3 4 5 6 7 8 9 10 11 12] [1 2 3 4 5 6] [1 2 3]);
#[cfg(target_arch = "x86_64")]
tiles!(
    avx512, simd::avx512::Avx512,
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14] [1 2 3 4 5 6 7 8 9 10 11 12 13 14] []
);
#[cfg(target_arch = "aarch64")]
tiles!(neon, simd::neon::Neon, [1 2 3 4 5 6 7 8] [1 2 3 4 5 6 7 8] [1 2 3 4]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_parts_are_few_and_alike() {
        assert_eq!(even(49, 14, 1), 13);
        assert_eq!(even(56, 14, 1), 14);
        assert_eq!(even(257, 256, 4), 132);
        assert_eq!(even(3, 256, 4), 4);
        assert_eq!(even(0, 6, 1), 1);
    }
}
