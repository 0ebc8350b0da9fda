//! The layers that video networks are made of, wired into a tract graph.
//!
//! A [`Net`] is a network under construction. Each layer is a method that takes wires, takes its
//! tensors out of the checkpoint by their names in the bare network, and gives a wire. Axis 1 of a
//! feature map is that of the channels; a network of frames stacks them along axis 0, a network of
//! clips has time for axis 2.

mod activation;
mod attention;
mod conv;
mod head;
mod join;
mod norm;
mod pool;
mod sampling;
mod shift;
mod window;

use ndarray::ArrayD;
use tract_core::internal::*;

use crate::error::BuildError;
use crate::names::Names;
use crate::weights::Weights;

pub(crate) use attention::Attended;
pub(crate) use head::mean_over_time;
pub(crate) use shift::Shift;
pub(crate) use window::Window;

/// What goes from layer to layer: a feature map of the graph.
pub(crate) type Wire = OutletId;

const CHANNEL_AXIS: usize = 1;

/// A network under construction, and what is left of its checkpoint.
#[derive(Debug)]
pub(crate) struct Net {
    graph: TypedModel,
    weights: Weights,
    names: Names,
    epsilon: f64,
}

impl Net {
    /// A network of nothing but its input `frames`.
    pub fn new(weights: Weights, names: Names, input: &[usize]) -> Result<(Net, Wire), BuildError> {
        Net::named(weights, names, "frames", input)
    }

    /// A network of nothing but an input of another name.
    pub fn named(
        weights: Weights,
        names: Names,
        name: &str,
        input: &[usize],
    ) -> Result<(Net, Wire), BuildError> {
        let mut graph = TypedModel::default();
        let input = graph.add_source(name, f32::fact(input))?;
        let net = Net {
            graph,
            weights,
            names,
            epsilon: norm::EPSILON,
        };
        Ok((net, input))
    }

    /// The same with another number that its batch-norms add to the variance.
    pub fn with_epsilon(self, epsilon: f64) -> Net {
        Net { epsilon, ..self }
    }

    /// Sets the number for the layers to come and gives that of those before.
    pub fn set_epsilon(&mut self, epsilon: f64) -> f64 {
        std::mem::replace(&mut self.epsilon, epsilon)
    }

    /// One more input.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Result<Wire, BuildError> {
        Ok(self.graph.add_source(name, f32::fact(shape))?)
    }

    /// What has not been taken of the checkpoint.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// How the checkpoint spells the layers.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether the checkpoint still has the layer's weight.
    pub fn has(&self, layer: &str) -> bool {
        self.has_part(layer, "weight")
    }

    /// Whether the checkpoint still has a tensor of the layer.
    pub fn has_part(&self, layer: &str, part: &str) -> bool {
        self.weights.has(&self.names.tensor(layer, part))
    }

    /// How many layers of a sequence the checkpoint still knows.
    pub fn count(&self, sequence: &str) -> usize {
        self.names.count(&self.weights, sequence)
    }

    /// How many channels the layer's weight makes.
    pub fn outputs_of(&self, layer: &str) -> Result<usize, BuildError> {
        Ok(self.weights.outputs(&self.names.tensor(layer, "weight"))?)
    }

    /// How many channels the layer's weight takes, of each of its groups; none where chance makes
    /// it.
    pub fn inputs_of(&self, layer: &str) -> Option<usize> {
        let shape = self.weights.shape(&self.names.tensor(layer, "weight"))?;
        shape.get(CHANNEL_AXIS).copied()
    }

    /// How many frames a 3D convolution sees at once: as its weight says, if that is an odd number,
    /// or else as many as are `published`.
    pub fn time_of(&self, conv: &str, published: usize) -> usize {
        let shape = self.weights.shape(&self.names.tensor(conv, "weight"));
        match shape {
            Some([_, _, time, _, _]) if time % 2 == 1 => *time,
            _ => published,
        }
    }

    /// The channels of a feature map.
    pub fn channels(&self, x: Wire) -> Result<usize, BuildError> {
        self.extent(x, CHANNEL_AXIS)
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

    fn rank(&self, x: Wire) -> Result<usize, BuildError> {
        Ok(self.graph.outlet_fact(x)?.rank())
    }

    fn name_of(&self, x: Wire) -> String {
        self.graph.node(x.node).name.clone()
    }

    /// A number that is broadcast over `x`.
    fn scalar(&mut self, name: String, value: f32, x: Wire) -> Result<Wire, BuildError> {
        let rank = self.rank(x)?;
        let value = tensor0(value).broadcast_into_rank(rank)?;
        Ok(self.graph.add_const(name, value)?)
    }

    /// Any operator of one output.
    pub fn wire(
        &mut self,
        name: impl Into<String>,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[Wire],
    ) -> Result<Wire, BuildError> {
        let name = name.into();
        let outputs = self.graph.wire_node(&name, op, inputs)?;
        let output = *outputs.first().context("a layer has an output")?;
        let shape = &self.graph.outlet_fact(output)?.shape;
        match shape.iter().any(|extent| *extent == 0.to_dim()) {
            true => Err(BuildError::TooSmall { layer: name }),
            false => Ok(output),
        }
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
