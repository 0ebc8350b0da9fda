//! A program as the quantizer wants it.
//!
//! Activations that are no clamp get a node of their own: a table makes them of the values before. An
//! arithmetic with a constant for each channel (a batch-norm that could not be folded) becomes a
//! depthwise convolution of one pixel: its weights have a scale for each channel, and it has an integer
//! form.

use std::collections::HashMap;

use praxiscope_runtime::step::{
    Activation, Arithmetic, Binary, Conv, SpaceWindow, StepOp, TimeWindow,
};
use tract_core::internal::*;
use tract_core::ops::konst::Const;
use tract_core::ops::source::TypedSource;

/// The same program with every activation that is no clamp behind the node that had it, and with
/// convolutions for the arithmetic with constants.
pub(super) fn unfuse(source: &TypedModel) -> TractResult<TypedModel> {
    let mut graph = TypedModel::default();
    let mut wires: HashMap<OutletId, OutletId> = HashMap::new();
    for id in source.eval_order()? {
        let node = source.node(id);
        let inputs: TVec<OutletId> = node.inputs.iter().map(|input| wires[input]).collect();
        let wire = if node.op_is::<TypedSource>() {
            graph.add_source(&node.name, node.outputs[0].fact.clone())?
        } else if let Some(affine) = Affine::of(source, node) {
            affine.wire(&mut graph, node, wires[&affine.stream])?
        } else {
            match node.op_as::<StepOp>().and_then(split) {
                None => graph.wire_node(&node.name, node.op.clone(), &inputs)?[0],
                Some((op, activation)) => {
                    let sums = graph.wire_node(format!("{}.sums", node.name), op, &inputs)?[0];
                    let activation = StepOp::Activation(activation);
                    graph.wire_node(&node.name, activation, &[sums])?[0]
                }
            }
        };
        wires.insert(id.into(), wire);
    }
    let outputs: Vec<OutletId> = source
        .output_outlets()?
        .iter()
        .map(|output| wires[output])
        .collect();
    graph.select_output_outlets(&outputs)?;
    Ok(graph)
}

fn split(op: &StepOp) -> Option<(StepOp, Activation)> {
    let mut bare = op.clone();
    let activation = match &mut bare {
        StepOp::Conv(conv) => &mut conv.activation,
        StepOp::Binary(binary) => &mut binary.activation,
        _ => return None,
    };
    match std::mem::replace(activation, Activation::Identity) {
        Activation::Identity | Activation::Clamp { .. } => None,
        other => Some((bare, other)),
    }
}

/// `weight * x + bias` for each channel.
struct Affine {
    stream: OutletId,
    weights: Vec<f32>,
    bias: Vec<f32>,
    activation: Activation,
}

impl Affine {
    /// `None` if the node is something else.
    fn of(source: &TypedModel, node: &TypedNode) -> Option<Affine> {
        let Some(StepOp::Binary(Binary {
            arithmetic,
            activation: activation @ (Activation::Identity | Activation::Clamp { .. }),
        })) = node.op_as::<StepOp>()
        else {
            return None;
        };
        let constant = |input: OutletId| source.node(input.node).op_as::<Const>();
        let &[left, right] = node.inputs.as_slice() else {
            return None;
        };
        let (stream, constant, is_left) = match (constant(left), constant(right)) {
            (None, Some(constant)) => (left, constant, false),
            (Some(constant), None) => (right, constant, true),
            _ => return None,
        };
        let shape = source.outlet_fact(stream).ok()?.shape.as_concrete()?;
        let &[_, _, channels] = shape else {
            return None;
        };
        let numbers = constant.val().try_as_plain_ram().ok()?;
        let numbers = numbers.as_slice::<f32>().ok()?;
        let is_vector = constant.val().shape().last() == Some(&numbers.len());
        let numbers = match numbers {
            [number] => vec![*number; channels],
            numbers if numbers.len() == channels && is_vector => numbers.to_vec(),
            _ => return None,
        };
        let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
        let negative = |numbers: Vec<f32>| numbers.into_iter().map(|number| -number).collect();
        let (weights, bias) = match arithmetic {
            Arithmetic::Mul => (numbers, zeros),
            Arithmetic::Add => (ones, numbers),
            Arithmetic::Sub if is_left => (negative(ones), numbers),
            Arithmetic::Sub => (ones, negative(numbers)),
            Arithmetic::Div if !is_left => (
                numbers.into_iter().map(|number| 1.0 / number).collect(),
                zeros,
            ),
            _ => return None,
        };
        let is_finite = weights.iter().chain(&bias).all(|number| number.is_finite());
        is_finite.then_some(Affine {
            stream,
            weights,
            bias,
            activation: *activation,
        })
    }

    fn wire(&self, graph: &mut TypedModel, node: &TypedNode, x: OutletId) -> TractResult<OutletId> {
        let channels = self.bias.len();
        let weights = Tensor::from_shape(&[channels, 1, 1, 1, 1], &self.weights)?;
        let weights = graph.add_const(format!("{}.weights", node.name), weights)?;
        let bias = graph.add_const(format!("{}.bias", node.name), tensor1(&self.bias))?;
        let conv = StepOp::Conv(Conv {
            time: TimeWindow::FRAME,
            space: SpaceWindow::PIXEL,
            groups: channels,
            activation: self.activation,
        });
        Ok(graph.wire_node(&node.name, conv, &[x, weights, bias])?[0])
    }
}
