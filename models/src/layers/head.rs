//! From features to logits, and from the frames' logits to the clip's.

use praxiscope_runtime::ops::Mean;
use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math;

use super::{Net, Wire};
use crate::error::BuildError;

impl Net {
    /// A fully connected layer: `[T, C]` to `[T, K]`, with as many outputs as its weight has rows.
    pub fn linear(&mut self, x: Wire, name: &str) -> Result<Wire, BuildError> {
        let (inputs, outputs) = (self.channels(x)?, self.outputs_of(name)?);
        let matrix = self.take(name, "weight", &[outputs, inputs])?.into_tensor();
        let matrix = self.graph.add_const(format!("{name}.weight"), matrix)?;
        let offset = self.take(name, "bias", &[outputs])?;
        let offset = offset.insert_axis(ndarray::Axis(0)).into_tensor();
        let offset = self.graph.add_const(format!("{name}.bias"), offset)?;
        let product = EinSum::new("tc,kc->tk".parse()?, f32::datum_type());
        let product = self.wire(format!("{name}.product"), product, &[x, matrix])?;
        self.wire(name, math::add(), &[product, offset])
    }
}

/// The graph with the mean over its frames, `[1, K]`, in the place of its rows `[T, K]`.
pub(crate) fn mean_over_time(rows: &TypedModel) -> TractResult<TypedModel> {
    let mut graph = rows.clone();
    let output = *graph
        .output_outlets()?
        .first()
        .context("a network has an output")?;
    let mean = graph.wire_node("consensus", Mean { axes: tvec![0] }, &[output])?;
    graph.select_output_outlets(&mean)?;
    Ok(graph)
}
