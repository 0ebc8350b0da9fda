//! Some frames of a clip out of all.

use praxiscope_runtime::ops::Sample;
use tract_core::ops::Downsample;

use super::{Net, Wire};
use crate::error::BuildError;

const TIME_AXIS: usize = 2;

impl Net {
    /// Every `step`th frame of `[1, C, T, H, W]`, the first of them being number `first`.
    pub fn every_frame(
        &mut self,
        name: &str,
        x: Wire,
        step: usize,
        first: usize,
    ) -> Result<Wire, BuildError> {
        let step = isize::try_from(step).unwrap_or(isize::MAX);
        self.wire(name, Downsample::new(TIME_AXIS, step, first), &[x])
    }

    /// One frame in `step` of `[1, C, T, H, W]`, as evenly as can be; see [`Sample`].
    pub fn sampled_frames(&mut self, name: &str, x: Wire, step: usize) -> Result<Wire, BuildError> {
        let axis = TIME_AXIS;
        self.wire(name, Sample { axis, step }, &[x])
    }
}
