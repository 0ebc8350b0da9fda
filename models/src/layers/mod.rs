//! The layers that video networks are made of, wired into a tract graph.
//!
//! A [`Net`] is a network under construction. Each layer is a method that takes wires, takes its
//! tensors out of the checkpoint by their names in the bare network, and gives a wire. Axis 1 of a
//! feature map is that of the channels.

mod activation;
mod conv;
mod head;
mod norm;
mod pool;
mod shift;

use ndarray::ArrayD;
use tract_core::internal::*;

use crate::checkpoint::Checkpoint;
use crate::error::BuildError;
use crate::names::Names;

pub(crate) use conv::Window;
pub(crate) use head::mean_over_time;
pub(crate) use shift::Shift;

/// What goes from layer to layer: a feature map of the graph.
pub(crate) type Wire = OutletId;

const CHANNEL_AXIS: usize = 1;

/// A network under construction, and what is left of its checkpoint.
#[derive(Debug)]
pub(crate) struct Net {
    graph: TypedModel,
    weights: Checkpoint,
    names: Names,
}

impl Net {
    /// A network of nothing but its input `frames`.
    pub fn new(
        weights: Checkpoint,
        names: Names,
        input: &[usize],
    ) -> Result<(Net, Wire), BuildError> {
        let mut graph = TypedModel::default();
        let frames = graph.add_source("frames", f32::fact(input))?;
        let net = Net {
            graph,
            weights,
            names,
        };
        Ok((net, frames))
    }

    /// What has not been taken of the checkpoint.
    pub fn weights(&self) -> &Checkpoint {
        &self.weights
    }

    /// How the checkpoint spells the layers.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether the checkpoint still has the layer's weight.
    pub fn has(&self, layer: &str) -> bool {
        let weight = self.names.tensor(layer, "weight");
        self.weights.shape(&weight).is_some()
    }

    /// How many layers of a sequence the checkpoint still knows.
    pub fn count(&self, sequence: &str) -> usize {
        self.names.count(&self.weights, sequence)
    }

    /// How many channels the layer's weight makes.
    pub fn outputs_of(&self, layer: &str) -> Result<usize, BuildError> {
        let shape = self.weights.require(&self.names.tensor(layer, "weight"))?;
        // No weight makes no channels: its shape is found wrong when it is taken.
        Ok(shape.first().copied().unwrap_or(1).max(1))
    }

    /// The channels of a feature map.
    pub fn channels(&self, x: Wire) -> Result<usize, BuildError> {
        self.extent(x, CHANNEL_AXIS)
    }

    /// Elementwise sum, named `name`.
    pub fn add(&mut self, name: &str, x: Wire, y: Wire) -> Result<Wire, BuildError> {
        self.wire(name, tract_core::ops::math::add(), &[x, y])
    }

    /// Ends the construction; every tensor of the checkpoint must have been taken.
    pub fn finish(mut self, output: Wire) -> Result<TypedModel, BuildError> {
        self.weights.finish()?;
        self.graph.node_mut(output.node).name = "logits".into();
        self.graph.select_output_outlets(&[output])?;
        Ok(self.graph)
    }

    fn extent(&self, x: Wire, axis: usize) -> Result<usize, BuildError> {
        let shape = &self.graph.outlet_fact(x)?.shape;
        let extent = shape.as_concrete().and_then(|shape| shape.get(axis));
        Ok(*extent.with_context(|| format!("{shape:?} has no known axis {axis}"))?)
    }

    fn name_of(&self, x: Wire) -> String {
        self.graph.node(x.node).name.clone()
    }

    /// A number that is broadcast over `x`.
    fn scalar(&mut self, name: String, value: f32, x: Wire) -> Result<Wire, BuildError> {
        let rank = self.graph.outlet_fact(x)?.rank();
        let value = tensor0(value).broadcast_into_rank(rank)?;
        Ok(self.graph.add_const(name, value)?)
    }

    fn wire(
        &mut self,
        name: impl Into<String>,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[Wire],
    ) -> Result<Wire, BuildError> {
        let outputs = self.graph.wire_node(name.into(), op, inputs)?;
        Ok(*outputs.first().context("a layer has an output")?)
    }

    /// Takes a tensor of a layer, whose values must be numbers.
    fn take(
        &mut self,
        layer: &str,
        part: &str,
        shape: &[usize],
    ) -> Result<ArrayD<f32>, BuildError> {
        let tensor = self.names.tensor(layer, part);
        let values = self.weights.take(&tensor, shape)?;
        if values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        let file = self.weights.file().to_owned();
        Err(BuildError::NotFinite { file, tensor })
    }
}
