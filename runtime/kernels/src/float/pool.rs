//! Pools over time and space; the same bits on every CPU.

use crate::error::{check_len, check_rows};
use crate::vectorize::vectorize;
use crate::{Geometry, Isa, KernelError};
use std::ops::Range;

/// What a pool makes of the pixels in its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The greatest; padding and absent frames are not seen.
    Max,
    /// The mean over every tap, padding and absent frames as zeros.
    MeanOfTaps,
    /// The mean over the pixels there are.
    MeanOfPixels,
}

/// A pool: one value per channel of a window over time, rows and columns.
///
/// Taps are taken in the order of time, rows and columns, so sums have the same bits everywhere.
pub struct Pool {
    geometry: Geometry,
    kind: PoolKind,
    isa: Isa,
}

impl Pool {
    /// A pool of `geometry`, which must have as many groups as channels.
    ///
    /// # Errors
    /// [`KernelError::Geometry`] where it has not, [`KernelError::Unavailable`] where the CPU has
    /// no `isa`.
    pub fn new(geometry: &Geometry, kind: PoolKind, isa: Isa) -> Result<Pool, KernelError> {
        if !geometry.is_depthwise() {
            return Err(KernelError::Geometry("a pool that mixes channels"));
        }
        Ok(Pool {
            geometry: *geometry,
            kind,
            isa: isa.checked()?,
        })
    }

    /// Computes output `rows` from one frame per temporal tap, as [`super::Conv::run`] does.
    ///
    /// `None` is a frame that is not there: padding in time. A window that sees no pixel at all
    /// gives negative infinity for [`PoolKind::Max`] and zero for means.
    ///
    /// # Errors
    /// [`KernelError::Length`] or [`KernelError::Rows`] where a slice or the rows do not fit the
    /// geometry.
    pub fn run(
        &self,
        frames: &[Option<&[f32]>],
        output: &mut [f32],
        rows: Range<usize>,
    ) -> Result<(), KernelError> {
        let geometry = &self.geometry;
        let [height, width] = geometry.output();
        check_rows(&rows, height)?;
        check_len("frames", frames, geometry.frames())?;
        for frame in frames.iter().flatten() {
            check_len("frame", frame, geometry.input_len())?;
        }
        let row_len = width * geometry.out_channels();
        check_len("output rows", output, rows.len() * row_len)?;
        vectorize(
            self.isa,
            #[inline(always)]
            || {
                for (y, output) in rows.zip(output.chunks_exact_mut(row_len)) {
                    self.row(frames, y, output);
                }
            },
        );
        Ok(())
    }

    #[inline(always)]
    fn row(&self, frames: &[Option<&[f32]>], y: usize, output: &mut [f32]) {
        let geometry = &self.geometry;
        match self.kind {
            PoolKind::Max => {
                output.fill(f32::NEG_INFINITY);
                self.fold(frames, y, output, |most, x| if most > x { most } else { x });
            }
            PoolKind::MeanOfTaps | PoolKind::MeanOfPixels => {
                output.fill(0.0);
                let lines = self.fold(frames, y, output, |sum, x| sum + x);
                for (x, to) in output.chunks_exact_mut(geometry.out_channels()).enumerate() {
                    let count = match self.kind {
                        PoolKind::MeanOfTaps => geometry.taps(),
                        _ => (lines * geometry.seen_columns(x).len()).max(1),
                    };
                    for sum in to {
                        *sum /= count as f32;
                    }
                }
            }
        }
    }

    /// Folds the pixels that windows of output row `y` see into `output`; counts the input rows.
    #[inline(always)]
    fn fold(
        &self,
        frames: &[Option<&[f32]>],
        y: usize,
        output: &mut [f32],
        f: impl Fn(f32, f32) -> f32,
    ) -> usize {
        let geometry = &self.geometry;
        let window = geometry.window();
        let channels = geometry.out_channels();
        let row_len = geometry.input()[1] * channels;
        let mut lines = 0;
        for frame in frames.iter().flatten() {
            for row in (0..window.kernel[1]).filter_map(|kh| geometry.source_row(y, kh)) {
                let line = &frame[row * row_len..][..row_len];
                lines += 1;
                for (x, to) in output.chunks_exact_mut(channels).enumerate() {
                    let seen = geometry.seen_columns(x);
                    let left = x * window.stride[1];
                    for kw in seen {
                        let column = left + kw * window.dilation[1] - window.padding[1][0];
                        let from = &line[column * channels..][..channels];
                        for (to, x) in to.iter_mut().zip(from) {
                            *to = f(*to, *x);
                        }
                    }
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;

    fn pool(kind: PoolKind, isa: Isa, frames: &[Option<&[f32]>]) -> Vec<f32> {
        let window = Window {
            kernel: [frames.len(), 2, 2],
            padding: [[1, 0], [1, 0]],
            ..Window::POINTWISE
        };
        let geometry = Geometry::per_channel([2, 2], 1, window).unwrap();
        let pool = Pool::new(&geometry, kind, isa).unwrap();
        let mut out = vec![0.0; 4];
        let (upper, lower) = out.split_at_mut(2);
        pool.run(frames, upper, 0..1).unwrap();
        pool.run(frames, lower, 1..2).unwrap();
        out
    }

    #[test]
    fn padding_counts_only_where_asked() {
        let frame: &[f32] = &[-4.0, -8.0, 12.0, 4.0];
        for isa in Isa::available() {
            let frames = [None, Some(frame)];
            assert_eq!(pool(PoolKind::Max, isa, &frames), [-4.0, -4.0, 12.0, 12.0]);
            assert_eq!(
                pool(PoolKind::MeanOfTaps, isa, &frames),
                [-0.5, -1.5, 1.0, 0.5]
            );
            assert_eq!(
                pool(PoolKind::MeanOfPixels, isa, &frames),
                [-4.0, -6.0, 4.0, 1.0]
            );
        }
    }

    #[test]
    fn frames_are_pooled_over_time() {
        let (old, new): (&[f32], &[f32]) = (&[1.0, 1.0, 5.0, 1.0], &[3.0, 2.0, 1.0, 0.0]);
        let frames = [Some(old), Some(new)];
        assert_eq!(
            pool(PoolKind::Max, Isa::best(), &frames),
            [3.0, 3.0, 5.0, 5.0]
        );
    }

    #[test]
    fn a_window_without_pixels_has_no_greatest() {
        assert_eq!(
            pool(PoolKind::Max, Isa::best(), &[None]),
            [f32::NEG_INFINITY; 4]
        );
        assert_eq!(pool(PoolKind::MeanOfPixels, Isa::best(), &[None]), [0.0; 4]);
    }

    #[test]
    fn a_pool_over_mixed_channels_is_refused() {
        let geometry = Geometry::new([2, 2], [4, 4], 2, Window::POINTWISE).unwrap();
        assert!(Pool::new(&geometry, PoolKind::Max, Isa::Portable).is_err());
    }
}
