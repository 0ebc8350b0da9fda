//! The innermost loop: a tile of rows by one panel, held in registers.

use crate::float::simd::Simd;

/// Most depth that is multiplied before a tile is written back.
pub(crate) const CHUNK: usize = 384;

/// Floats between packed left-hand rows: a constant, so that one register addresses all rows; a
/// line more than a chunk, so that they do not fall on the same cache sets.
pub(crate) const A_STRIDE: usize = CHUNK + 16;

/// What a tile is computed from and where it goes.
#[derive(Clone)]
pub(crate) struct TileJob {
    /// Left-hand rows of `k` values, [`A_STRIDE`] apart.
    pub(crate) a: *const f32,
    /// The packed panel: `k` rows as wide as the tile.
    pub(crate) b: *const f32,
    /// Depth of this chunk.
    pub(crate) k: usize,
    /// What sums start from, as wide as the tile; null to go on from the output.
    pub(crate) start: *const f32,
    /// The first value of the tile.
    pub(crate) output: *mut f32,
    /// Floats between output rows.
    pub(crate) output_stride: usize,
    /// Columns that exist: more than all vectors but the last hold.
    pub(crate) columns: usize,
    /// What is added at the end, laid out as the output; null for nothing.
    pub(crate) addend: *const f32,
    /// Limits to hold the result in, where this chunk is the last.
    pub(crate) limits: Option<[f32; 2]>,
}

/// Computes a tile of `M` rows by `NV` vectors.
///
/// # Safety
/// The CPU must run `S`, into code for which this must be inlined. `a` must be valid for reading `M`
/// rows, `b` for `k * NV * LANES` values, `start` for `NV * LANES` unless null, `output` for reading
/// and writing `columns` values in each of `M` rows, `addend` for reading as many unless null; and
/// `(NV - 1) * LANES < columns <= NV * LANES`.
#[inline(always)]
// Sums stay in registers only if every loop over them is unrolled, as these are and iterators are
// not.
#[allow(clippy::needless_range_loop)]
pub(crate) unsafe fn tile<S: Simd, const M: usize, const NV: usize>(job: &TileJob) {
    // SAFETY: all pointers below stay within what the caller vouches for: rows below `M`, vectors
    // below `NV`, of which the last is cut to `columns`.
    unsafe {
        let last = job.columns - (NV - 1) * S::LANES;
        let mut sums = [[S::splat(0.0); NV]; M];
        for m in 0..M {
            for n in 0..NV {
                sums[m][n] = if job.start.is_null() {
                    let from = job.output.add(m * job.output_stride + n * S::LANES);
                    load_cut::<S>(from, n + 1 == NV, last)
                } else {
                    S::load(job.start.add(n * S::LANES))
                };
            }
        }
        let (mut a, mut b, mut k) = (job.a, job.b, job.k);
        let panel = job.k * NV * S::LANES;
        while k >= S::DEPTH {
            for line in (0..S::DEPTH * NV * S::LANES).step_by(16) {
                S::prefetch(b.wrapping_add(panel + line));
            }
            S::multiply(&mut sums, a, b);
            a = a.add(S::DEPTH);
            b = b.add(S::DEPTH * NV * S::LANES);
            k -= S::DEPTH;
        }
        for _ in 0..k {
            multiply_once::<S, M, NV>(&mut sums, a, b);
            a = a.add(1);
            b = b.add(NV * S::LANES);
        }
        if !job.addend.is_null() {
            for m in 0..M {
                for n in 0..NV {
                    let from = job.addend.add(m * job.output_stride + n * S::LANES);
                    sums[m][n] = S::add(sums[m][n], load_cut::<S>(from, n + 1 == NV, last));
                }
            }
        }
        if let Some([low, high]) = job.limits {
            let (low, high) = (S::splat(low), S::splat(high));
            for m in 0..M {
                for n in 0..NV {
                    sums[m][n] = S::hold(sums[m][n], low, high);
                }
            }
        }
        for m in 0..M {
            for n in 0..NV {
                let to = job.output.add(m * job.output_stride + n * S::LANES);
                if n + 1 == NV && last < S::LANES {
                    S::store_first(to, sums[m][n], last);
                } else {
                    S::store(to, sums[m][n]);
                }
            }
        }
    }
}

/// Adds to every sum the product of its row's next value and the panel's next row.
///
/// # Safety
/// As [`tile`]: `a` must be valid for one value in each of `M` rows, `b` for `NV` vectors.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
pub(crate) unsafe fn multiply_once<S: Simd, const M: usize, const NV: usize>(
    sums: &mut [[S::V; NV]; M],
    a: *const f32,
    b: *const f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut panel = [S::splat(0.0); NV];
        for n in 0..NV {
            panel[n] = S::load(b.add(n * S::LANES));
        }
        for m in 0..M {
            let value = S::splat(*a.add(m * A_STRIDE));
            for n in 0..NV {
                sums[m][n] = S::mul_add(sums[m][n], value, panel[n]);
            }
        }
    }
}

/// Reads a vector, or its first `last` values where it is the panel's last.
///
/// # Safety
/// As [`Simd::load`] and [`Simd::load_first`].
#[inline(always)]
unsafe fn load_cut<S: Simd>(from: *const f32, is_last: bool, last: usize) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        if is_last && last < S::LANES {
            S::load_first(from, last)
        } else {
            S::load(from)
        }
    }
}
