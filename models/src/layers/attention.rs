//! Attention: every place of a clip looks at every other.

use tract_core::internal::*;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math;
use tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::{CHANNEL_AXIS, Net, Wire};
use crate::error::BuildError;

/// How the products of queries and keys become the weights of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weighting {
    /// The softmax over all keys of so many times the products.
    Softmax(f32),
    /// The products by themselves, divided by the number of keys.
    Count,
}

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
    /// The weighted mean of the values for each place of the queries, over space and all of time.
    pub fn attention(
        &mut self,
        name: &str,
        maps: Attended,
        weighting: Weighting,
    ) -> Result<Wire, BuildError> {
        let extents = self.extents(maps.queries)?;
        let queries = self.as_places(&format!("{name}.queries"), maps.queries)?;
        let keys = self.as_places(&format!("{name}.keys"), maps.keys)?;
        let values = self.as_places(&format!("{name}.values"), maps.values)?;
        let product = EinSum::new("bcq,bck->bqk".parse()?, f32::datum_type());
        let mut weights = self.wire(format!("{name}.products"), product, &[queries, keys])?;
        let factor = match weighting {
            Weighting::Softmax(factor) => factor,
            Weighting::Count => 1.0 / self.extent(keys, CHANNEL_AXIS + 1)? as f32,
        };
        if factor != 1.0 {
            let factor = self.scalar(format!("{name}.factor"), factor, weights)?;
            weights = self.wire(format!("{name}.scaled"), math::mul(), &[weights, factor])?;
        }
        if let Weighting::Softmax(_) = weighting {
            let op = Softmax::new(tvec![2], None, SoftmaxKind::Softmax);
            weights = self.wire(format!("{name}.weights"), op, &[weights])?;
        }
        let mean = EinSum::new("bqk,bck->bcq".parse()?, f32::datum_type());
        let mean = self.wire(format!("{name}.mean"), mean, &[weights, values])?;
        let places = tvec![extents.iter().product::<usize>().to_dim()];
        let extents = extents.iter().map(TDim::from).collect();
        let op = AxisOp::Reshape(CHANNEL_AXIS + 1, places, extents);
        self.wire(name, op, &[mean])
    }

    /// `[1, C, T, H, W]` to `[1, C, T * H * W]`.
    fn as_places(&mut self, name: &str, x: Wire) -> Result<Wire, BuildError> {
        let extents = self.extents(x)?;
        let places = tvec![extents.iter().product::<usize>().to_dim()];
        let extents = extents.iter().map(TDim::from).collect();
        self.wire(
            name,
            AxisOp::Reshape(CHANNEL_AXIS + 1, extents, places),
            &[x],
        )
    }
}
