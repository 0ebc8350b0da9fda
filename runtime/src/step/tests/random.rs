//! Random small step programs.

use proptest::prelude::*;
use tract_core::internal::*;

use super::oracle::{self, Map, Rows};
use crate::ops::ShiftDirection;
use crate::step::{
    Activation, Arithmetic, Attention, Binary, Conv, Pool, Reduction, Sliding, SpaceWindow, StepOp,
    TimeWindow, Weighting,
};

pub const INPUT: [usize; 3] = [4, 3, 2];
const LONGEST_STRIDE: usize = 8;

/// A node before it is known what it can read.
pub type Recipe = [u8; 16];

pub fn recipes() -> impl Strategy<Value = Vec<Recipe>> {
    proptest::collection::vec(any::<Recipe>(), 1..9)
}

/// A program, and what its output is over one recording.
pub struct Case {
    pub graph: TypedModel,
    pub rows: Rows,
}

struct Stream {
    outlet: OutletId,
    shape: [usize; 3],
    stride: usize,
    rows: Rows,
}

/// Numbers that look random and are the same each time.
pub fn noise(seed: usize) -> f32 {
    let mut x = (seed as u64)
        .wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 32;
    (x % 2001) as f32 / 1000.0 - 1.0
}

pub fn recording(seed: usize, frames: usize) -> Rows {
    let frame = |t: usize| {
        let mut at = (seed * 1009 + t) * 7919;
        Map::of(INPUT, |_| {
            at += 1;
            noise(at)
        })
    };
    (0..frames).map(frame).collect()
}

/// The program that the recipes make, and its output over a recording.
pub fn build(recipes: &[Recipe], recording: &Rows) -> Case {
    let mut builder = Builder {
        graph: TypedModel::default(),
        streams: vec![],
    };
    let source = builder.graph.add_source("frames", f32::fact(INPUT));
    builder.streams.push(Stream {
        outlet: source.unwrap(),
        shape: INPUT,
        stride: 1,
        rows: recording.clone(),
    });
    for (index, recipe) in recipes.iter().enumerate() {
        builder.add(index, recipe);
    }
    let output = builder.streams.pop().unwrap();
    let mut graph = builder.graph;
    graph.select_output_outlets(&[output.outlet]).unwrap();
    Case {
        graph,
        rows: output.rows,
    }
}

struct Builder {
    graph: TypedModel,
    streams: Vec<Stream>,
}

impl Builder {
    fn add(&mut self, index: usize, recipe: &Recipe) {
        let mut bytes = recipe.iter().copied();
        let mut pick = |below: usize| usize::from(bytes.next().unwrap_or(0)) % below.max(1);
        let kind = pick(13);
        // Mostly the newest stream, so that programs are deep.
        let back = [0, 0, 0, 1, 2, 3][pick(6)].min(self.streams.len() - 1);
        let x = self.streams.len() - 1 - back;
        let (shape, stride) = (self.streams[x].shape, self.streams[x].stride);
        let alike = |s: &Stream| s.stride == stride;
        let channels = shape[2];
        let (op, others) = match kind {
            0 | 1 => {
                let outputs = if pick(3) == 0 { channels } else { 1 + pick(4) };
                let groups = match outputs == channels && pick(2) == 0 {
                    true => channels,
                    false => 1,
                };
                let conv = Conv {
                    time: time(&mut pick, stride),
                    space: space(&mut pick, shape),
                    groups,
                    activation: activation(pick(8)),
                };
                return self.add_conv(index, x, conv, outputs);
            }
            2 => {
                let of = reduction(pick(2));
                let (time, space) = (time(&mut pick, stride), space(&mut pick, shape));
                let zero_padded = pick(2) == 0;
                let pool = Pool {
                    of,
                    time,
                    space,
                    zero_padded,
                };
                (StepOp::Pool(pool), vec![])
            }
            3 => {
                let direction = match pick(2) {
                    0 => ShiftDirection::OneWay,
                    _ => ShiftDirection::TwoWay,
                };
                let fold = pick(channels / 2 + 1);
                (StepOp::Shift { direction, fold }, vec![])
            }
            4 if stride * 2 <= LONGEST_STRIDE => {
                let every = 1 + pick(2);
                let first = pick(4);
                (StepOp::Sample { every, first }, vec![])
            }
            5 => {
                let sliding = Sliding {
                    of: reduction(pick(2)),
                    frames: [None, Some(1), Some(2), Some(4)][pick(4)],
                    dilation: 1 + pick(2),
                };
                (StepOp::Sliding(sliding), vec![])
            }
            6 => {
                let fits = |s: &Stream| alike(s) && s.shape[2] == channels;
                let key = self.choose(fits, pick(8)).unwrap_or(x);
                let map = self.streams[key].shape;
                let fits = |s: &Stream| alike(s) && s.shape[..2] == map[..2];
                let value = self.choose(fits, pick(8)).unwrap_or(key);
                let attention = Attention {
                    weighting: [Weighting::Softmax, Weighting::Mean][pick(2)],
                    scale: 0.5,
                    frames: 1 + pick(4),
                    dilation: 1 + pick(2),
                };
                (StepOp::Attention(attention), vec![key, value])
            }
            7 => {
                let fits = |s: &Stream| {
                    let mut sides = s.shape.iter().zip(&shape);
                    alike(s) && sides.all(|(a, b)| a == b || *a == 1 || *b == 1)
                };
                let other = self.choose(fits, pick(8)).unwrap_or(x);
                let arithmetics = [
                    Arithmetic::Add,
                    Arithmetic::Sub,
                    Arithmetic::Mul,
                    Arithmetic::Max,
                    Arithmetic::Min,
                ];
                let binary = Binary {
                    arithmetic: arithmetics[pick(5)],
                    activation: activation(pick(8)),
                };
                (StepOp::Binary(binary), vec![other])
            }
            8 => (StepOp::Activation(activation(pick(8))), vec![]),
            9 => {
                let fits = |s: &Stream| alike(s) && s.shape[..2] == shape[..2];
                let other = self.choose(fits, pick(8)).unwrap_or(x);
                (StepOp::Concat, vec![other])
            }
            10 => {
                let start = pick(channels);
                let end = start + 1 + pick(channels - start);
                (StepOp::Channels { start, end }, vec![])
            }
            11 => (StepOp::OverMap(reduction(pick(2))), vec![]),
            12 => return self.add_constant(index, x, pick(4)),
            _ => (StepOp::Softmax, vec![]),
        };
        let inputs: Vec<usize> = std::iter::once(x).chain(others).collect();
        self.push(index, op, &inputs, &[], &[]);
    }

    /// One of the streams that fit.
    fn choose(&self, fits: impl Fn(&Stream) -> bool, pick: usize) -> Option<usize> {
        let fitting = (0..self.streams.len()).filter(|at| fits(&self.streams[*at]));
        let fitting: Vec<usize> = fitting.collect();
        fitting.get(pick % fitting.len().max(1)).copied()
    }

    fn add_conv(&mut self, index: usize, x: usize, conv: Conv, outputs: usize) {
        let shape = self.streams[x].shape;
        let shared = shape[2] / conv.groups;
        let [rows, columns] = conv.space.kernel;
        let shape = [outputs, shared, conv.time.kernel, rows, columns];
        let len: usize = shape.iter().product();
        let scale = (len as f32 / outputs as f32).sqrt();
        let weights = (0..len).map(|at| noise(index * 7000 + at) / scale);
        let weights: Vec<f32> = weights.collect();
        let bias: Vec<f32> = (0..outputs).map(|at| noise(at + 5) * 0.2).collect();
        let add = |graph: &mut TypedModel, name: String, shape: &[usize], values: &[f32]| {
            let tensor = Tensor::from_shape(shape, values).unwrap();
            graph.add_const(name, tensor).unwrap()
        };
        let weights_outlet = add(
            &mut self.graph,
            format!("{index}.weights"),
            &shape,
            &weights,
        );
        let bias_outlet = add(&mut self.graph, format!("{index}.bias"), &[outputs], &bias);
        let [height, width, _] = self.streams[x].shape;
        let [height, width] = conv.space.output(height, width).unwrap();
        let stride = self.streams[x].stride * conv.time.stride;
        let fits = |s: &Stream| s.stride == stride && s.shape == [height, width, outputs];
        let added = self.choose(fits, index);
        let mut inputs = vec![x];
        inputs.extend(added);
        let mut outlets: TVec<OutletId> =
            tvec![self.streams[x].outlet, weights_outlet, bias_outlet];
        outlets.extend(added.map(|added| self.streams[added].outlet));
        let op = StepOp::Conv(conv);
        let outlet = self
            .graph
            .wire_node(format!("{index}.conv"), op.clone(), &outlets);
        self.keep(outlet.unwrap()[0], &op, &inputs, &weights, &bias);
    }

    /// The product with, or the quotient by, numbers that do not stream.
    fn add_constant(&mut self, index: usize, x: usize, variant: usize) {
        let mut shape = self.streams[x].shape;
        if variant.is_multiple_of(2) {
            shape = [1, 1, shape[2]];
        }
        let arithmetic = [Arithmetic::Mul, Arithmetic::Div][variant / 2];
        let op = StepOp::Binary(Binary {
            arithmetic,
            activation: Activation::Identity,
        });
        let constant = Map::of(shape, |[y, x, c]| 1.5 + noise(y * 31 + x * 7 + c));
        let tensor = Tensor::from_shape(&shape, &constant.values).unwrap();
        let outlet = self
            .graph
            .add_const(format!("{index}.numbers"), tensor)
            .unwrap();
        let x = &self.streams[x];
        let name = format!("{index}.constant");
        let inputs = [x.outlet, outlet];
        let outlet = self.graph.wire_node(name, op.clone(), &inputs).unwrap()[0];
        let rows = [x.rows.clone(), vec![constant; x.rows.len()]];
        let (stride, shape) = (x.stride, x.shape);
        self.streams.push(Stream {
            outlet,
            shape,
            stride,
            rows: oracle::evaluate(&op, shape, &rows, &[], &[]),
        });
    }

    fn push(&mut self, index: usize, op: StepOp, inputs: &[usize], weights: &[f32], bias: &[f32]) {
        let outlets = inputs.iter().map(|at| self.streams[*at].outlet);
        let outlets: Vec<OutletId> = outlets.collect();
        let name = format!("{index}.{}", op.word());
        let outlet = self.graph.wire_node(name, op.clone(), &outlets).unwrap()[0];
        self.keep(outlet, &op, inputs, weights, bias);
    }

    fn keep(&mut self, outlet: OutletId, op: &StepOp, inputs: &[usize], w: &[f32], b: &[f32]) {
        let rows: Vec<Rows> = inputs
            .iter()
            .map(|at| self.streams[*at].rows.clone())
            .collect();
        let factor = match op {
            StepOp::Conv(conv) => conv.time.stride,
            StepOp::Pool(pool) => pool.time.stride,
            StepOp::Sample { every, .. } => *every,
            _ => 1,
        };
        let shape = self.graph.outlet_fact(outlet).unwrap().shape.as_concrete();
        self.streams.push(Stream {
            outlet,
            shape: shape.unwrap().try_into().unwrap(),
            stride: self.streams[inputs[0]].stride * factor,
            rows: oracle::evaluate(op, self.streams[inputs[0]].shape, &rows, w, b),
        });
    }
}

fn time(pick: &mut impl FnMut(usize) -> usize, stride: usize) -> TimeWindow {
    TimeWindow {
        kernel: 1 + pick(3),
        stride: if stride * 2 <= LONGEST_STRIDE {
            1 + pick(2)
        } else {
            1
        },
        dilation: 1 + pick(2),
        before: pick(4),
        after: pick(4),
    }
}

/// A window that fits the map.
fn space(pick: &mut impl FnMut(usize) -> usize, shape: [usize; 3]) -> SpaceWindow {
    let mut space = SpaceWindow::PIXEL;
    for axis in 0..2 {
        space.kernel[axis] = 1 + pick(3);
        space.padding[axis] = [pick(2), pick(2)];
        space.stride[axis] = 1 + pick(2);
    }
    if space.output(shape[0], shape[1]).is_none() {
        return SpaceWindow::PIXEL;
    }
    space
}

fn reduction(pick: usize) -> Reduction {
    [Reduction::Max, Reduction::Mean][pick]
}

fn activation(pick: usize) -> Activation {
    [
        Activation::Identity,
        Activation::RELU,
        Activation::Clamp {
            low: -0.5,
            high: 0.25,
        },
        Activation::Sigmoid,
        Activation::HardSigmoid,
        Activation::Swish,
        Activation::Tanh,
        Activation::Gelu,
    ][pick]
}
