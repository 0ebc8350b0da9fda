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
    /// Biases of all channels, padded.
    pub(super) bias: *const f32,
    /// Floats between the weights of neighbouring taps.
    pub(super) padded: usize,
    /// The output row.
    pub(super) output: *mut f32,
    /// What is added at the end, laid out as the output row; null for nothing.
    pub(super) addend: *const f32,
    /// Limits to hold the result in.
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
        let width = self.geometry.output()[1];
        let mut x = 0;
        while x < width {
            // SAFETY: the caller's promise; the output column exists.
            unsafe {
                let next = match (window.kernel[2], window.stride[1], window.dilation[1]) {
                    (1, 1, _) => self.block::<S, 1, 1>(x),
                    (3, 1, 1) => self.block::<S, 3, 1>(x),
                    (3, 2, 1) => self.block::<S, 3, 2>(x),
                    (5, 1, 1) => self.block::<S, 5, 1>(x),
                    (5, 2, 1) => self.block::<S, 5, 2>(x),
                    _ => x,
                };
                if next == x {
                    self.pixel::<S>(x);
                }
                x = next.max(x + 1);
            }
        }
    }

    /// Computes some output columns by a window of `KW` neighbouring columns, so that those before
    /// the result are done; that is `x` again where this code does not serve.
    ///
    /// Seven at once, where there are registers, suit the widths of networks for 224 pixels.
    ///
    /// # Safety
    /// As [`Row::run`]; `x` must be an output column, and those before it done.
    #[inline(always)]
    unsafe fn block<S: Simd, const KW: usize, const STRIDE: usize>(&self, x: usize) -> usize {
        if self.geometry.in_channels() < S::LANES {
            return x;
        }
        // SAFETY: the caller's promise.
        unsafe {
            if S::WIDE {
                self.columns::<S, KW, STRIDE, 7>(x)
            } else {
                self.columns::<S, KW, STRIDE, 4>(x)
            }
        }
    }

    /// [`Row::block`] of `N` output columns. At the border they may miss half a window; none are
    /// computed where they miss another part of it. The last columns may overlap those before: they
    /// are computed twice alike.
    ///
    /// # Safety
    /// As [`Row::block`], and the channels must fill a vector.
    #[inline(always)]
    unsafe fn columns<S: Simd, const KW: usize, const STRIDE: usize, const N: usize>(
        &self,
        x: usize,
    ) -> usize {
        let Some(last) = self.geometry.output()[1].checked_sub(N) else {
            return x;
        };
        let start = x.min(last);
        let first = (start * STRIDE) as isize - self.geometry.window().padding[1][0] as isize;
        let end = first + ((N - 1) * STRIDE + KW) as isize;
        let before = (-first).max(0) as usize;
        let behind = (end - self.geometry.input()[1] as isize).max(0) as usize;
        let half = KW / 2;
        // SAFETY: just the columns that fall in the padding are left out, in each case.
        unsafe {
            match (before, behind) {
                (0, 0) => self.channels::<S, KW, STRIDE, N, false, false>(start),
                (b, 0) if KW > 1 && b == half => {
                    self.channels::<S, KW, STRIDE, N, true, false>(start);
                }
                (0, b) if KW > 1 && b == half => {
                    self.channels::<S, KW, STRIDE, N, false, true>(start);
                }
                (b, c) if KW > 1 && b == half && c == half => {
                    self.channels::<S, KW, STRIDE, N, true, true>(start);
                }
                _ => return x,
            }
        }
        start + N
    }

    /// Computes all channels, at least a vector, of `N` output columns from `x` on.
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
        const LEFT: bool,
        const RIGHT: bool,
    >(
        &self,
        x: usize,
    ) {
        let Range { start, end } = self.channels;
        for c in (start..end).step_by(S::LANES) {
            // The last vector may overlap the one before: its channels are computed twice alike.
            // SAFETY: the caller's promise; `end` is no less than a vector.
            unsafe { self.vector::<S, KW, STRIDE, N, LEFT, RIGHT>(x, c.min(end - S::LANES)) }
        }
    }

    /// Computes a vector of channels from `c` on of `N` output columns.
    ///
    /// # Safety
    /// As [`Row::channels`]; the channels must exist.
    #[inline(always)]
    unsafe fn vector<
        S: Simd,
        const KW: usize,
        const STRIDE: usize,
        const N: usize,
        const LEFT: bool,
        const RIGHT: bool,
    >(
        &self,
        x: usize,
        c: usize,
    ) {
        let channels = self.geometry.in_channels();
        let first = (x * STRIDE) as isize - self.geometry.window().padding[1][0] as isize;
        let seen =
            (if LEFT { KW / 2 } else { 0 })..(N - 1) * STRIDE + KW - if RIGHT { KW / 2 } else { 0 };
        // SAFETY: the columns `seen` from `first` on exist by the caller's promise, and only those
        // are read; packed weights and biases are padded to whole vectors.
        unsafe {
            let mut sums = [S::load(self.bias.add(c)); N];
            for line in self.lines {
                let from = line
                    .from
                    .wrapping_offset(first * channels as isize)
                    .wrapping_add(c);
                let weights = line.weights.add(c);
                for kw in 0..KW {
                    let weight = S::load(weights.add(kw * self.padded));
                    for n in 0..N {
                        let column = n * STRIDE + kw;
                        if seen.start <= column && column < seen.end {
                            let value = S::load(from.wrapping_add(column * channels));
                            sums[n] = S::mul_add(sums[n], value, weight);
                        }
                    }
                }
            }
            let mut place = x * channels + c;
            for n in 0..N {
                self.finish::<S>(sums[n], place, S::LANES);
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
