//! Depthwise convolutions: every channel convolved with a window of its own.
//!
//! Channels fill the vectors. A window is a list of lines, one per temporal tap and window row that
//! falls on pixels; so spatial, temporal and full windows are one code, and padding above, below
//! and in time costs nothing. Columns away from the border are computed some at once, so that
//! weights and overlapping pixels are read once for all of them.

mod row;

use super::Job;
use crate::aligned::Aligned;
use crate::float::simd::{self, with_features};
use crate::vectorize::vectorize;
use crate::{Geometry, Isa};
use row::{Line, Row};

/// Channels are padded to a multiple of this: the longest vector.
const PADDING: usize = 16;

/// The packed weights of a depthwise convolution.
pub(super) struct Depthwise {
    /// `[t][h][w][C padded]`.
    weights: Aligned<f32>,
    /// `[C padded]`.
    bias: Aligned<f32>,
    padded: usize,
}

/// Channels to take through all rows before the next: as many as let the input rows that the next
/// output row sees again stay in the first-level cache; all, where that would be too few.
fn channel_block(geometry: &Geometry) -> usize {
    const BYTES: usize = 44 << 10;
    const LEAST: usize = 64;
    let [frames, height, _] = geometry.window().kernel;
    let pixels = geometry.input()[1] * frames * (height + 1);
    match BYTES / size_of::<f32>() / pixels / LEAST * LEAST {
        channels if height > 1 && channels > 0 => channels,
        _ => geometry.out_channels(),
    }
}

impl Depthwise {
    /// Most lines of a window that kernels are written for.
    const MAX_LINES: usize = 64;

    /// Whether kernels are written for the geometry.
    pub(super) fn serves(geometry: &Geometry) -> bool {
        let [t, h, _] = geometry.window().kernel;
        geometry.is_depthwise() && geometry.groups() > 1 && t * h <= Self::MAX_LINES
    }

    /// Packs `weights` `[C][1][t][h][w]`; lengths have been checked.
    pub(super) fn new(geometry: &Geometry, weights: &[f32], bias: &[f32]) -> Depthwise {
        let channels = geometry.out_channels();
        let taps = geometry.taps();
        let padded = channels.next_multiple_of(PADDING);
        let mut packed = Aligned::zeros(taps * padded);
        for (channel, window) in weights.chunks(taps).enumerate() {
            for (tap, weight) in window.iter().enumerate() {
                packed[tap * padded + channel] = *weight;
            }
        }
        let mut padded_bias = Aligned::zeros(padded);
        padded_bias[..channels].copy_from_slice(bias);
        Depthwise {
            weights: packed,
            bias: padded_bias,
            padded,
        }
    }

    /// Bytes of packed weights.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.weights) + size_of_val(&*self.bias)
    }

    /// Computes the rows of `job`.
    pub(super) fn run(&self, job: &Job<'_>, output: &mut [f32]) {
        let Job {
            geometry,
            activation,
            isa,
            frames,
            addend,
            ..
        } = *job;
        let path: RowFn = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Vnni => avx512::run,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::AvxVnni => avx2::run,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon | Isa::NeonDot | Isa::NeonI8mm => neon::run,
            _ => portable::run,
        };
        let [_, width] = geometry.output();
        let channels = geometry.out_channels();
        let row_len = width * channels;
        let step = channel_block(geometry);
        for first in (0..channels).step_by(step) {
            let end = (first + step).min(channels);
            for (index, y) in job.rows.clone().enumerate() {
                let mut lines = [Line::NONE; Self::MAX_LINES];
                let count = self.lines(geometry, frames, y, &mut lines);
                let output = &mut output[index * row_len..][..row_len];
                let row = Row {
                    geometry,
                    lines: &lines[..count],
                    channels: first..end,
                    bias: self.bias.as_ptr(),
                    padded: self.padded,
                    output: output.as_mut_ptr(),
                    addend: match addend {
                        Some(addend) => addend[index * row_len..][..row_len].as_ptr(),
                        None => std::ptr::null(),
                    },
                    limits: activation
                        .limits()
                        .unwrap_or([f32::NEG_INFINITY, f32::INFINITY]),
                };
                // SAFETY: the CPU runs `isa`. Lines point at whole input rows of frames whose
                // lengths were checked and at whole window rows of packed weights; output and
                // addend at a row; the channels exist.
                unsafe { path(&row) };
                if end == channels && activation.limits().is_none() {
                    vectorize(
                        isa,
                        #[inline(always)]
                        || activation.apply_inline(output),
                    );
                }
            }
        }
    }

    /// Lists the lines of the window for output row `y`, oldest frame first, and counts them.
    fn lines(
        &self,
        geometry: &Geometry,
        frames: &[Option<&[f32]>],
        y: usize,
        lines: &mut [Line; Self::MAX_LINES],
    ) -> usize {
        let [_, height, width] = geometry.window().kernel;
        let row_len = geometry.input()[1] * geometry.in_channels();
        let window_row = width * self.padded;
        let mut count = 0;
        for (t, frame) in frames.iter().enumerate() {
            let Some(frame) = frame else { continue };
            for kh in 0..height {
                if let Some(row) = geometry.source_row(y, kh) {
                    lines[count] = Line {
                        from: frame[row * row_len..][..row_len].as_ptr(),
                        weights: self.weights[(t * height + kh) * window_row..][..window_row]
                            .as_ptr(),
                    };
                    count += 1;
                }
            }
        }
        count
    }
}

/// Computes one output row.
///
/// # Safety
/// As [`Row::run`].
type RowFn = unsafe fn(&Row<'_>);

macro_rules! path {
    ($name:ident, $simd:ty) => {
        mod $name {
            use super::*;

            with_features! { $name:
                /// # Safety
                /// As [`Row::run`]; the CPU must run the features this is compiled with.
                pub(super) unsafe fn run(row: &Row<'_>) {
                    // SAFETY: the caller's promise.
                    unsafe { row.run::<$simd>() }
                }
            }
        }
    };
}

path!(portable, simd::portable::Portable);
#[cfg(target_arch = "x86_64")]
path!(avx2, simd::avx2::Avx2);
#[cfg(target_arch = "x86_64")]
path!(avx512, simd::avx512::Avx512);
#[cfg(target_arch = "aarch64")]
path!(neon, simd::neon::Neon);
