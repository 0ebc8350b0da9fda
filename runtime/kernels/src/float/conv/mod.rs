//! Convolutions over frames.

mod dense;
mod depthwise;
mod gather;
#[cfg(test)]
mod tests;

use super::Activation;
use crate::error::{check_len, check_rows};
use crate::{Geometry, Isa, KernelError};
use dense::Dense;
use depthwise::Depthwise;
use std::ops::Range;

/// A convolution with its packed weights, bias, residual addition and activation.
///
/// Spatial, temporal and full convolutions are one thing: the window takes one frame per temporal
/// tap. Channels may be grouped; where every channel is a group of its own, kernels of their own
/// run.
///
/// Results differ between instruction sets by the rounding of fused multiply-adds; on one, they do
/// not depend on how rows were split.
pub struct Conv {
    geometry: Geometry,
    activation: Activation,
    isa: Isa,
    path: Path,
}

enum Path {
    Dense(Dense),
    Depthwise(Depthwise),
}

/// A run whose lengths, rows and instruction set have been checked.
struct Job<'a> {
    geometry: &'a Geometry,
    activation: Activation,
    isa: Isa,
    frames: &'a [Option<&'a [f32]>],
    addend: Option<&'a [f32]>,
    rows: Range<usize>,
}

impl Conv {
    /// Packs a convolution for `isa`.
    ///
    /// `weights` are `[O][I / groups][t][h][w]`, PyTorch's order; `bias` is `[O]`.
    ///
    /// # Errors
    /// [`KernelError::Length`] where a slice does not fit the geometry, [`KernelError::Unavailable`]
    /// where the CPU has no `isa`.
    pub fn new(
        geometry: &Geometry,
        weights: &[f32],
        bias: &[f32],
        activation: Activation,
        isa: Isa,
    ) -> Result<Conv, KernelError> {
        let isa = isa.checked()?;
        check_len("weights", weights, geometry.weights_len())?;
        check_len("bias", bias, geometry.out_channels())?;
        let path = if Depthwise::serves(geometry) {
            Path::Depthwise(Depthwise::new(geometry, weights, bias))
        } else {
            Path::Dense(Dense::new(geometry, weights, bias, isa))
        };
        Ok(Conv {
            geometry: *geometry,
            activation,
            isa,
            path,
        })
    }

    /// Computes output `rows`, without allocating.
    ///
    /// `frames` holds one frame `[H, W, I]` per temporal tap, oldest first; `None` is a frame of
    /// zeros. `output` holds exactly those rows, `[rows, W', O]`, and so does `addend`, which is
    /// added before the activation. Threads share a frame by splitting the output by rows.
    ///
    /// # Errors
    /// [`KernelError::Length`] or [`KernelError::Rows`] where a slice or the rows do not fit the
    /// geometry.
    pub fn run(
        &self,
        frames: &[Option<&[f32]>],
        addend: Option<&[f32]>,
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
        let expected = rows.len() * width * geometry.out_channels();
        check_len("output rows", output, expected)?;
        if let Some(addend) = addend {
            check_len("addend rows", addend, expected)?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        let (activation, isa) = (self.activation, self.isa);
        let job = Job {
            geometry,
            activation,
            isa,
            frames,
            addend,
            rows,
        };
        match &self.path {
            Path::Dense(dense) => dense.run(&job, output),
            Path::Depthwise(depthwise) => depthwise.run(&job, output),
        }
        Ok(())
    }

    /// The geometry it was built with.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The instruction set it was built for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Bytes of packed weights and biases.
    pub fn bytes(&self) -> usize {
        match &self.path {
            Path::Dense(dense) => dense.bytes(),
            Path::Depthwise(depthwise) => depthwise.bytes(),
        }
    }
}
