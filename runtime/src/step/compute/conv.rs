//! Convolutions.

use std::fmt;
use std::ops::Range;

use praxiscope_kernels::{Geometry, Isa, KernelError, Team, Window, float};
use tract_core::internal::*;

use super::elementwise::kernel_activation;
use super::frame;
use crate::step::SpaceWindow;
use crate::step::shapes::FrameShape;

/// A convolution with its packed weights.
pub(in crate::step) struct Conv(float::Conv);

impl Conv {
    /// `weights` are `[O, C / groups, t, h, w]`.
    pub fn new(
        conv: &crate::step::Conv,
        [height, width, channels]: FrameShape,
        weights: &[f32],
        bias: &[f32],
        isa: Isa,
    ) -> TractResult<Conv> {
        let geometry = Geometry::new(
            [height, width],
            [channels, bias.len()],
            conv.groups,
            window(conv.time.kernel, &conv.space),
        )?;
        let activation = kernel_activation(conv.activation);
        let conv = float::Conv::new(&geometry, weights, bias, activation, isa)?;
        Ok(Conv(conv))
    }

    /// Taps: the frames of the window; perhaps what is added.
    pub fn run(
        &self,
        taps: &[Option<&[f32]>],
        output: &mut [f32],
        team: &Team,
    ) -> Result<(), KernelError> {
        let geometry = self.0.geometry();
        let (window, added) = taps.split_at_checked(geometry.frames()).unwrap_or_default();
        let added = (!added.is_empty()).then(|| frame(added, 0));
        let [height, width] = geometry.output();
        let row_len = width * geometry.out_channels();
        team.rows(height, output, |rows, output| {
            let added = added.map(|added| rows_of(added, &rows, row_len));
            self.0.run(window, added, output, rows)
        })
    }
}

impl fmt::Debug for Conv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Conv").field(self.0.geometry()).finish()
    }
}

/// Some rows of a map; none where they do not lie in it.
pub(super) fn rows_of<'a, T>(map: &'a [T], rows: &Range<usize>, row_len: usize) -> &'a [T] {
    map.get(rows.start * row_len..rows.end * row_len)
        .unwrap_or_default()
}

pub(super) fn window(frames: usize, space: &SpaceWindow) -> Window {
    let [height, width] = space.kernel;
    Window {
        kernel: [frames, height, width],
        stride: space.stride,
        dilation: space.dilation,
        padding: space.padding,
    }
}
