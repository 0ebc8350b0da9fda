//! One output row of a depthwise convolution.

// Sums stay in registers only if every loop over them is unrolled, as indexed loops are and
// iterators are not.
#![allow(clippy::needless_range_loop)]

use crate::Geometry;
use crate::float::simd::Simd;
use std::ops::Range;

/// One line of the window on the input.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// The input row.
    pub(super) from: *const f32,
    /// The weights of the window row.
    pub(super) weights: *const f32,
}

impl Line {
    pub(super) const NONE: Line = Line {
        from: std::ptr::null(),
        weights: std::ptr::null(),
    };
}

/// What is the same for all pixels of an output row.
pub(super) struct Row<'a> {
    pub(super) geometry: &'a Geometry,
    pub(super) lines: &'a [Line],
    /// The channels to compute.
    pub(super) channels: Range<usize>,
    pub(super) bias: *const f32,
    pub(super) padded: usize,
    pub(super) output: *mut f32,
    pub(super) addend: *const f32,
    pub(super) limits: [f32; 2],
}

impl Row<'_> {
    /// Computes the row.
    ///
    /// # Safety
    /// The CPU must run `S`, into code for which this must be inlined. Each line must be valid for
    /// reading an input row and a window row, `output` for writing an output row, `addend` for
    /// reading one unless null, `bias` for the padded channels.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(&self) {
        let window = self.geometry.window();
        // SAFETY: the caller's promise.
        unsafe {
            match (window.kernel[2], window.stride[1], window.dilation[1]) {
                (1, 1, _) => self.columns::<S, 1, 1>(),
                (3, 1, 1) => self.columns::<S, 3, 1>(),
                (3, 2, 1) => self.columns::<S, 3, 2>(),
                (5, 1, 1) => self.columns::<S, 5, 1>(),
                (5, 2, 1) => self.columns::<S, 5, 2>(),
                _ => {
                    for x in 0..self.geometry.output()[1] {
                        self.pixel::<S>(x);
                    }
                }
            }
        }
    }

    /// Computes the row with a window of `KW` neighbouring columns.
    ///
    /// Seven columns at once suit the widths of networks for 224 pixels.
    ///
    /// # Safety
    /// As [`Row::run`].
    #[inline(always)]
    unsafe fn columns<S: Simd, const KW: usize, const STRIDE: usize>(&self) {
        let width = self.geometry.output()[1];
        let mut x = 0;
        // SAFETY: the caller's promise; columns from `x` on exist in the numbers given.
        unsafe {
            while x < width {
                let left = width - x;
                x += if S::WIDE && left >= 7 && self.block::<S, KW, STRIDE, 7, 1>(x) {
                    7
                } else if left >= 4 && self.block::<S, KW, STRIDE, 4, 2>(x) {
                    4
                } else if left >= 2 && self.block::<S, KW, STRIDE, 2, 2>(x) {
                    2
                } else {
                    self.pixel::<S>(x);
                    1
                };
            }
        }
    }

    /// Computes `N` output columns from `x` on, unless they see other parts of the padding than
    /// half a window on either side; says whether it did. Takes `NV` vectors of channels at once
    /// where registers allow.
    ///
    /// # Safety
    /// As [`Row::run`]; the output columns must exist.
    #[inline(always)]
    unsafe fn block<
        S: Simd,
        const KW: usize,
        const STRIDE: usize,
        const N: usize,
        const NV: usize,
    >(
        &self,
        x: usize,
    ) -> bool {
        let first = (x * STRIDE) as isize - self.geometry.window().padding[1][0] as isize;
        let end = first + ((N - 1) * STRIDE + KW) as isize;
        let before = (-first).max(0) as usize;
        let behind = (end - self.geometry.input()[1] as isize).max(0) as usize;
        let half = KW / 2;
        // SAFETY: just the columns that fall in the padding are left out, in each case.
        unsafe {
            match (before, behind) {
                (0, 0) => self.channels::<S, KW, STRIDE, N, NV, false, false>(x),
                (b, 0) if b == half => self.channels::<S, KW, STRIDE, N, NV, true, false>(x),
                (0, b) if b == half => self.channels::<S, KW, STRIDE, N, NV, false, true>(x),
                (b, c) if b == half && c == half => {
                    self.channels::<S, KW, STRIDE, N, NV, true, true>(x);
                }
                _ => return false,
            }
        }
        true
    }

    /// Computes all channels of `N` output columns from `x` on.
    ///
    /// # Safety
    /// As [`Row::run`]. Every column they see must be a pixel, but for the first half window where
    /// `LEFT` and the last where `RIGHT`.
    #[inline(always)]
    unsafe fn channels<
        S: Simd,
        const KW: usize,
        const STRIDE: usize,
        const N: usize,
        const NV: usize,
        const LEFT: bool,
        const RIGHT: bool,
    >(
        &self,
        x: usize,
    ) {
        let end = self.channels.end;
        let mut c = self.channels.start;
        // SAFETY: the caller's promise; the channels exist in the numbers that are given.
        unsafe {
            if S::WIDE && NV > 1 {
                while c + NV * S::LANES <= end {
                    self.vectors::<S, KW, STRIDE, N, NV, LEFT, RIGHT>(x, c, S::LANES);
                    c += NV * S::LANES;
                }
            }
            while c + S::LANES <= end {
                self.vectors::<S, KW, STRIDE, N, 1, LEFT, RIGHT>(x, c, S::LANES);
                c += S::LANES;
            }
            if c < end {
                self.vectors::<S, KW, STRIDE, N, 1, LEFT, RIGHT>(x, c, end - c);
            }
        }
    }

    /// Computes `NV` vectors of channels from `c` on, each of `count`, of `N` output columns.
    ///
    /// # Safety
    /// As [`Row::channels`]; the channels must exist; `count` may be less than a vector only where
    /// `NV` is 1.
    #[inline(always)]
    unsafe fn vectors<
        S: Simd,
        const KW: usize,
        const STRIDE: usize,
        const N: usize,
        const NV: usize,
        const LEFT: bool,
        const RIGHT: bool,
    >(
        &self,
        x: usize,
        c: usize,
        count: usize,
    ) {
        let channels = self.geometry.in_channels();
        let first = (x * STRIDE) as isize - self.geometry.window().padding[1][0] as isize;
        let seen =
            (if LEFT { KW / 2 } else { 0 })..(N - 1) * STRIDE + KW - if RIGHT { KW / 2 } else { 0 };
        // SAFETY: the columns `seen` from `first` on exist by the caller's promise, and only those
        // are read; packed weights and biases are padded to whole vectors.
        unsafe {
            let mut sums = [[S::splat(0.0); NV]; N];
            for n in 0..N {
                for v in 0..NV {
                    sums[n][v] = S::load(self.bias.add(c + v * S::LANES));
                }
            }
            for line in self.lines {
                let from = line
                    .from
                    .wrapping_offset(first * channels as isize)
                    .wrapping_add(c);
                let weights = line.weights.add(c);
                for kw in 0..KW {
                    for v in 0..NV {
                        let weight = S::load(weights.add(kw * self.padded + v * S::LANES));
                        for n in 0..N {
                            let column = n * STRIDE + kw;
                            if seen.start <= column && column < seen.end {
                                let from = from.wrapping_add(column * channels + v * S::LANES);
                                let value = read::<S>(from, count);
                                sums[n][v] = S::mul_add(sums[n][v], value, weight);
                            }
                        }
                    }
                }
            }
            let mut place = x * channels + c;
            for n in 0..N {
                for v in 0..NV {
                    self.finish::<S>(sums[n][v], place + v * S::LANES, count);
                }
                place += channels;
            }
        }
    }

    /// Computes one output pixel, leaving out taps in the padding.
    ///
    /// # Safety
    /// As [`Row::run`]; `x` must be an output column.
    #[inline(always)]
    unsafe fn pixel<S: Simd>(&self, x: usize) {
        let channels = self.channels.end;
        let taps = self.geometry.seen_columns(x);
        let mut c = self.channels.start;
        // SAFETY: the channels exist in the numbers that are given.
        unsafe {
            while c + 4 * S::LANES <= channels {
                self.pixel_vectors::<S, 4>(x, taps.clone(), c, S::LANES);
                c += 4 * S::LANES;
            }
            while c < channels {
                let count = S::LANES.min(channels - c);
                self.pixel_vectors::<S, 1>(x, taps.clone(), c, count);
                c += count;
            }
        }
    }

    /// Computes `N` vectors of channels from `c` on, each of `count`, of one pixel by window
    /// columns `taps`.
    ///
    /// # Safety
    /// As [`Row::run`]; the channels must exist and the taps fall on pixels; `count` may be less
    /// than a vector only where `N` is 1.
    #[inline(always)]
    unsafe fn pixel_vectors<S: Simd, const N: usize>(
        &self,
        x: usize,
        taps: Range<usize>,
        c: usize,
        count: usize,
    ) {
        let channels = self.geometry.in_channels();
        let window = self.geometry.window();
        // SAFETY: `source` lies in the input row by the caller's promise, and packed weights and
        // biases are padded to whole vectors.
        unsafe {
            let mut sums = [S::splat(0.0); N];
            for n in 0..N {
                sums[n] = S::load(self.bias.add(c + n * S::LANES));
            }
            for line in self.lines {
                for kw in taps.clone() {
                    let source =
                        x * window.stride[1] + kw * window.dilation[1] - window.padding[1][0];
                    let from = line.from.add(source * channels + c);
                    let weights = line.weights.add(kw * self.padded + c);
                    for n in 0..N {
                        let value = read::<S>(from.add(n * S::LANES), count);
                        let weight = S::load(weights.add(n * S::LANES));
                        sums[n] = S::mul_add(sums[n], value, weight);
                    }
                }
            }
            for n in 0..N {
                self.finish::<S>(sums[n], x * channels + c + n * S::LANES, count);
            }
        }
    }

    /// Adds the addend, holds the sum within its limits and writes `count` values at `place`.
    ///
    /// # Safety
    /// The values must lie within the output row.
    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, sum: S::V, place: usize, count: usize) {
        // SAFETY: the caller's promise; the addend is laid out as the output.
        unsafe {
            let sum = if self.addend.is_null() {
                sum
            } else {
                S::add(sum, read::<S>(self.addend.add(place), count))
            };
            let [low, high] = self.limits;
            let sum = S::hold(sum, S::splat(low), S::splat(high));
            if count == S::LANES {
                S::store(self.output.add(place), sum);
            } else {
                S::store_first(self.output.add(place), sum, count);
            }
        }
    }
}

/// Reads `count` values, at most a vector.
///
/// # Safety
/// As [`Simd::load`] and [`Simd::load_first`].
#[inline(always)]
unsafe fn read<S: Simd>(from: *const f32, count: usize) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        if count == S::LANES {
            S::load(from)
        } else {
            S::load_first(from, count)
        }
    }
}
