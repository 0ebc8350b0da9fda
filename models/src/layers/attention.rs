//! Attention: every place of a clip looks at every other.

use praxiscope_runtime::ops::{Attention, Weighting};

use super::{Net, Wire};
use crate::error::BuildError;

/// What attention is made from, maps `[1, C, T, H, W]`. Queries and keys have the same channels,
/// keys and values the same extents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attended {
    /// For each place of the output, what it looks for.
    pub queries: Wire,
    /// For each place that is looked at, what is found there.
    pub keys: Wire,
    /// For each place that is looked at, what it gives.
    pub values: Wire,
}

impl Net {
    /// The mean of the values for each place of the queries, over space and all of time, weighted
    /// by so many times the products of queries and keys.
    pub fn attention(
        &mut self,
        name: &str,
        maps: Attended,
        weighting: Weighting,
        scale: f32,
    ) -> Result<Wire, BuildError> {
        let op = Attention {
            weighting,
            scale,
            window: None,
        };
        self.wire(name, op, &[maps.queries, maps.keys, maps.values])
    }
}
