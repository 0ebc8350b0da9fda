//! Some frames of a clip out of all.

use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::Gather;

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

    /// The frames of `[1, C, T, H, W]` that have these numbers.
    pub fn frames_at(
        &mut self,
        name: &str,
        x: Wire,
        numbers: &[usize],
    ) -> Result<Wire, BuildError> {
        let numbers: Vec<i64> = numbers.iter().map(|&number| number as i64).collect();
        let numbers = self
            .graph
            .add_const(format!("{name}.numbers"), tensor1(&numbers))?;
        self.wire(name, Gather::new(TIME_AXIS), &[x, numbers])
    }
}
