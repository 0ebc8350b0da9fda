//! Pooling over the picture.

use tract_core::internal::*;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::MaxPool;
use tract_core::ops::math;
use tract_core::ops::nn::{Reduce, Reducer};

use super::{Net, Window, Wire};
use crate::error::BuildError;

impl Net {
    /// The largest value in each window; padding never is.
    pub fn max_pool(&mut self, name: &str, x: Wire, window: Window) -> Result<Wire, BuildError> {
        let channels = self.channels(x)?;
        let op = MaxPool {
            pool_spec: window.spec(channels, channels),
            with_index_outputs: None,
        };
        self.wire(name, op, &[x])
    }

    /// The mean over the picture: `[T, C, H, W]` to `[T, C]`.
    pub fn mean_over_picture(&mut self, name: &str, x: Wire) -> Result<Wire, BuildError> {
        let pixels = self.extent(x, 2)? * self.extent(x, 3)?;
        let op = Reduce::new(tvec![2, 3], Reducer::Sum);
        let sum = self.wire(format!("{name}.sum"), op, &[x])?;
        let share = self.scalar(format!("{name}.share"), 1.0 / pixels as f32, sum)?;
        let mean = self.wire(format!("{name}.mean"), math::mul(), &[sum, share])?;
        let row = self.wire(format!("{name}.row"), AxisOp::Rm(3), &[mean])?;
        self.wire(name, AxisOp::Rm(2), &[row])
    }
}
