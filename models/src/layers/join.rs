//! Layers of more than one map.

use tract_core::ops::array::TypedConcat;
use tract_core::ops::math;

use super::{CHANNEL_AXIS, Net, Wire};
use crate::error::BuildError;

impl Net {
    /// Elementwise sum, named `name`. An extent of 1 is repeated to that of the other map.
    pub fn add(&mut self, name: &str, x: Wire, y: Wire) -> Result<Wire, BuildError> {
        self.wire(name, math::add(), &[x, y])
    }

    /// Elementwise product, named `name`. An extent of 1 is repeated to that of the other map.
    pub fn mul(&mut self, name: &str, x: Wire, y: Wire) -> Result<Wire, BuildError> {
        self.wire(name, math::mul(), &[x, y])
    }

    /// The channels of all maps, one map after the other.
    pub fn concat(&mut self, name: &str, maps: &[Wire]) -> Result<Wire, BuildError> {
        self.wire(name, TypedConcat::new(CHANNEL_AXIS), maps)
    }
}
