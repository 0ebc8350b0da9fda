//! Two nodes as one.

use praxiscope_runtime::step::{
    Activation, Arithmetic, Binary, Conv, SpaceWindow, StepOp, TimeWindow,
};
use tract_core::internal::*;

use super::{Kind, Node, Program};

impl Program {
    /// The node that does what this one and one before it did.
    pub(super) fn changed(&mut self, place: usize, readers: &[usize]) -> TractResult<Option<Node>> {
        let node = self.nodes[place].clone();
        let Kind::Operator(op) = &node.kind else {
            return Ok(None);
        };
        Ok(match (op, &node.inputs[..]) {
            (StepOp::Activation(activation), &[x]) if readers[x] == 1 => {
                self.activated(x, &node, *activation)
            }
            (StepOp::Binary(binary), &[x, y]) => {
                if let Some(fused) = self.swish(&node, binary, [x, y]) {
                    Some(fused)
                } else if let Some(folded) = self.folded(node.clone(), binary, [x, y], readers)? {
                    Some(folded)
                } else {
                    self.residual(&node, binary, [x, y], readers)
                        .or_else(|| self.residual(&node, binary, [y, x], readers))
                }
            }
            (StepOp::Conv(conv), &[x, ..]) if readers[x] == 1 => self.strided(&node, conv, x),
            _ => None,
        })
    }

    pub(super) fn activated(&self, x: usize, node: &Node, activation: Activation) -> Option<Node> {
        let op = match self.operator(x)? {
            StepOp::Conv(conv) if conv.activation == Activation::Identity => StepOp::Conv(Conv {
                activation,
                ..*conv
            }),
            StepOp::Binary(binary) if binary.activation == Activation::Identity => {
                StepOp::Binary(Binary {
                    activation,
                    ..*binary
                })
            }
            StepOp::Conv(Conv {
                activation: first, ..
            }) => {
                let activation = clamped_twice(*first, activation)?;
                let StepOp::Conv(conv) = self.operator(x)? else {
                    return None;
                };
                StepOp::Conv(Conv {
                    activation,
                    ..*conv
                })
            }
            _ => return None,
        };
        Some(Node {
            name: node.name.clone(),
            kind: Kind::Operator(op),
            ..self.nodes[x].clone()
        })
    }

    pub(super) fn swish(&self, node: &Node, binary: &Binary, [x, y]: [usize; 2]) -> Option<Node> {
        let is_plain =
            binary.arithmetic == Arithmetic::Mul && binary.activation == Activation::Identity;
        let pairs = [(x, y), (y, x)];
        let of = |(x, gate): (usize, usize)| {
            let StepOp::Activation(activation) = self.operator(gate)? else {
                return None;
            };
            let activation = match activation {
                Activation::Sigmoid => Activation::Swish,
                Activation::HardSigmoid => Activation::HardSwish,
                _ => return None,
            };
            let is_own = self.nodes[gate].inputs == [x];
            is_own.then_some((x, activation))
        };
        let (x, activation) = pairs.into_iter().find_map(of).filter(|_| is_plain)?;
        Some(Node {
            kind: Kind::Operator(StepOp::Activation(activation)),
            inputs: vec![x],
            ..node.clone()
        })
    }

    /// A factor or an offset of each channel, in the convolution before.
    pub(super) fn folded(
        &mut self,
        node: Node,
        binary: &Binary,
        [x, y]: [usize; 2],
        readers: &[usize],
    ) -> TractResult<Option<Node>> {
        let (conv, constant, is_first) = match (self.constant(x), self.constant(y)) {
            (Some(constant), None) => (y, constant, true),
            (None, Some(constant)) => (x, constant, false),
            _ => return Ok(None),
        };
        let Some(&StepOp::Conv(op)) = self.operator(conv) else {
            return Ok(None);
        };
        let &[stream, weights, bias] = &self.nodes[conv].inputs[..] else {
            return Ok(None);
        };
        let (Some(weights), Some(bias)) = (self.constant(weights), self.constant(bias)) else {
            return Ok(None);
        };
        let outputs = bias.len();
        let is_by_channel =
            constant.shape()[..2] == [1, 1] && (constant.len() == outputs || constant.len() == 1);
        if readers[conv] != 1 || op.activation != Activation::Identity || !is_by_channel {
            return Ok(None);
        }
        let constant = constant.to_plain_array_view::<f32>()?;
        let number = |channel: usize| {
            let channel = if constant.len() == 1 { 0 } else { channel };
            constant.iter().nth(channel).copied().unwrap_or(0.0)
        };
        let numbers: Vec<f32> = (0..outputs).map(number).collect();
        let one = || numbers.iter().map(|_| 1.0f32);
        let (factors, offsets): (Vec<f32>, Vec<f32>) = match (binary.arithmetic, is_first) {
            (Arithmetic::Add, _) => one().zip(numbers.iter().copied()).unzip(),
            (Arithmetic::Sub, false) => one().zip(numbers.iter().map(|n| -n)).unzip(),
            (Arithmetic::Sub, true) => one().map(|n| -n).zip(numbers.iter().copied()).unzip(),
            (Arithmetic::Mul, _) => numbers.iter().map(|n| (*n, 0.0)).unzip(),
            (Arithmetic::Div, false) => numbers.iter().map(|n| (1.0 / n, 0.0)).unzip(),
            _ => return Ok(None),
        };
        let mut weights = weights.to_plain_array_view::<f32>()?.to_owned();
        for (mut row, factor) in weights.outer_iter_mut().zip(&factors) {
            row.mapv_inplace(|value| value * factor);
        }
        let mut bias = bias.to_plain_array_view::<f32>()?.to_owned();
        for ((value, factor), offset) in bias.iter_mut().zip(&factors).zip(&offsets) {
            *value = *value * factor + offset;
        }
        let (weights, bias) = (weights.into_tensor(), bias.into_tensor());
        let parameters = [("weights", weights), ("bias", bias)].map(|(part, tensor)| {
            self.nodes.push(Node {
                name: format!("{}.{part}", node.name),
                fact: TypedFact::shape_and_dt_of(&tensor),
                kind: Kind::Constant(tensor.into_arc_tensor()),
                inputs: vec![],
            });
            self.nodes.len() - 1
        });
        Ok(Some(Node {
            kind: Kind::Operator(StepOp::Conv(Conv {
                activation: binary.activation,
                ..op
            })),
            inputs: [&[stream], &parameters[..]].concat(),
            ..node
        }))
    }

    /// A sum with a convolution's result becomes the convolution's residual.
    pub(super) fn residual(
        &self,
        node: &Node,
        binary: &Binary,
        [conv, added]: [usize; 2],
        readers: &[usize],
    ) -> Option<Node> {
        let StepOp::Conv(op) = self.operator(conv)? else {
            return None;
        };
        let inputs = &self.nodes[conv].inputs;
        let fits = binary.arithmetic == Arithmetic::Add
            && op.activation == Activation::Identity
            && inputs.len() == 3
            && readers[conv] == 1
            && self.constant(added).is_none()
            && self.nodes[added].fact.shape == node.fact.shape
            && self.nodes[conv].fact.shape == node.fact.shape;
        fits.then(|| Node {
            kind: Kind::Operator(StepOp::Conv(Conv {
                activation: binary.activation,
                ..*op
            })),
            inputs: [&inputs[..], &[added]].concat(),
            ..node.clone()
        })
    }

    /// Places that are left out before a convolution of single places are left out by it.
    pub(super) fn strided(&self, node: &Node, conv: &Conv, x: usize) -> Option<Node> {
        let before = self.nodes[x].inputs.first().copied()?;
        let is_pixel = conv.space.kernel == [1, 1] && conv.space.padding == [[0, 0]; 2];
        let op = match self.operator(x)? {
            StepOp::Pool(pool)
                if is_pixel
                    && pool.time == TimeWindow::FRAME
                    && pool.space.kernel == [1, 1]
                    && pool.space.padding == [[0, 0]; 2] =>
            {
                let [height, width] = pool.space.stride;
                let stride = [conv.space.stride[0] * height, conv.space.stride[1] * width];
                let space = SpaceWindow {
                    stride,
                    ..conv.space
                };
                Conv { space, ..*conv }
            }
            StepOp::Sample { every, first: 0 }
                if conv.time
                    == TimeWindow {
                        stride: conv.time.stride,
                        ..TimeWindow::FRAME
                    } =>
            {
                let stride = conv.time.stride * every;
                let time = TimeWindow {
                    stride,
                    ..conv.time
                };
                Conv { time, ..*conv }
            }
            _ => return None,
        };
        let mut inputs = node.inputs.clone();
        inputs[0] = before;
        Some(Node {
            kind: Kind::Operator(StepOp::Conv(op)),
            inputs,
            ..node.clone()
        })
    }
}

/// Two clamps, one after another, as one.
fn clamped_twice(first: Activation, second: Activation) -> Option<Activation> {
    let Activation::Clamp { low, high } = first else {
        return None;
    };
    let Activation::Clamp { low: l, high: h } = second else {
        return None;
    };
    Some(Activation::Clamp {
        low: low.max(l).min(h),
        high: high.min(h).max(l),
    })
}
