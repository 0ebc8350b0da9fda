//! Activations. Those of a minimum or maximum with a number are fused by tract into the layer
//! before.

use tract_core::ops::math;
use tract_core::ops::nn::sigmoid;

use super::{Net, Wire};
use crate::error::BuildError;

impl Net {
    /// `max(x, 0)`.
    pub fn relu(&mut self, x: Wire) -> Result<Wire, BuildError> {
        let name = format!("{}.relu", self.name_of(x));
        let zero = self.scalar(format!("{name}.low"), 0.0, x)?;
        self.wire(name, math::max(), &[x, zero])
    }

    /// `min(max(x, 0), 6)`.
    pub fn relu6(&mut self, x: Wire) -> Result<Wire, BuildError> {
        let x = self.relu(x)?;
        let name = format!("{}6", self.name_of(x));
        let six = self.scalar(format!("{name}.high"), 6.0, x)?;
        self.wire(name, math::min(), &[x, six])
    }

    /// `1 / (1 + exp(-x))`.
    pub fn sigmoid(&mut self, x: Wire) -> Result<Wire, BuildError> {
        let name = format!("{}.sigmoid", self.name_of(x));
        self.wire(name, sigmoid(), &[x])
    }
}
