//! What a step program means, written down once more: every operator over a whole recording.

use crate::ops::ShiftDirection;
use crate::step::{
    Activation, Arithmetic, Attention, Binary, Conv, Pool, Reduction, Sliding, StepOp, TimeWindow,
    Weighting,
};

/// A feature map `[H, W, C]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    pub shape: [usize; 3],
    pub values: Vec<f32>,
}

/// A recording of feature maps.
pub type Rows = Vec<Map>;

impl Map {
    pub fn of(shape: [usize; 3], mut value: impl FnMut([usize; 3]) -> f32) -> Map {
        let mut values = vec![];
        for y in 0..shape[0] {
            for x in 0..shape[1] {
                values.extend((0..shape[2]).map(|c| value([y, x, c])));
            }
        }
        Map { shape, values }
    }

    /// Zero outside.
    fn at(&self, [y, x, c]: [isize; 3]) -> Option<f32> {
        let inside = |at: isize, extent: usize| usize::try_from(at).ok().filter(|at| *at < extent);
        let (y, x) = (inside(y, self.shape[0])?, inside(x, self.shape[1])?);
        let c = inside(c, self.shape[2])?;
        Some(self.values[(y * self.shape[1] + x) * self.shape[2] + c])
    }
}

/// The rows that an operator gives of an input of `shape` and perhaps others; a constant operand is the
/// same row each time.
pub fn evaluate(
    op: &StepOp,
    shape: [usize; 3],
    inputs: &[Rows],
    weights: &[f32],
    bias: &[f32],
) -> Rows {
    let rows = inputs.iter().map(Vec::len).min().unwrap();
    let each = |function: &dyn Fn(&[&Map]) -> Map| -> Rows {
        let row = |t: usize| inputs.iter().map(|rows| &rows[t]).collect::<Vec<_>>();
        (0..rows).map(|t| function(&row(t))).collect()
    };
    let x = &inputs[0];
    match op {
        StepOp::Conv(conv) => conv_rows(conv, shape, inputs, weights, bias),
        StepOp::Pool(pool) => pool_rows(pool, shape, x),
        StepOp::Shift { direction, fold } => (0..x.len())
            .map(|t| shifted(x, t as isize, *direction, *fold))
            .collect(),
        StepOp::Sample { every, first } => x.iter().skip(*first).step_by(*every).cloned().collect(),
        StepOp::Sliding(sliding) => (0..x.len()).map(|t| slid(sliding, x, t)).collect(),
        StepOp::Attention(attention) => (0..rows).map(|t| attended(attention, inputs, t)).collect(),
        StepOp::Binary(binary) => each(&|maps| arithmetic(binary, maps[0], maps[1])),
        StepOp::Activation(activation) => each(&|maps| {
            let values = maps[0].values.iter().map(|x| activate(*activation, *x));
            Map {
                shape: maps[0].shape,
                values: values.collect(),
            }
        }),
        StepOp::Concat => each(&|maps| {
            let channels = maps.iter().map(|map| map.shape[2]).sum();
            let [height, width, _] = maps[0].shape;
            Map::of([height, width, channels], |[y, x, mut c]| {
                let map = maps.iter().find(|map| {
                    let here = c < map.shape[2];
                    c -= if here { 0 } else { map.shape[2] };
                    here
                });
                let place = [y as isize, x as isize, c as isize];
                map.unwrap().at(place).unwrap()
            })
        }),
        StepOp::Channels { start, end } => each(&|maps| {
            let [height, width, _] = maps[0].shape;
            Map::of([height, width, end - start], |[y, x, c]| {
                let place = [y as isize, x as isize, (c + start) as isize];
                maps[0].at(place).unwrap()
            })
        }),
        StepOp::OverMap(of) => each(&|maps| {
            let channels = maps[0].shape[2];
            Map::of([1, 1, channels], |[_, _, c]| {
                let values = maps[0].values.chunks(channels).map(|pixel| pixel[c]);
                reduce(*of, values.collect())
            })
        }),
        StepOp::Int(_) => panic!("the definition is one of numbers"),
        StepOp::Softmax => each(&|maps| {
            let pixels = maps[0].values.chunks(maps[0].shape[2]);
            Map {
                shape: maps[0].shape,
                values: pixels.flat_map(softmax).collect(),
            }
        }),
    }
}

/// The frames of each row's window, outside ones included.
fn windows(time: &TimeWindow, frames: usize) -> Vec<Vec<isize>> {
    let mut windows = vec![];
    loop {
        let first = (windows.len() * time.stride) as isize - time.before as isize;
        let window = (0..time.kernel).map(|i| first + (i * time.dilation) as isize);
        let window: Vec<isize> = window.collect();
        if window[time.kernel - 1] >= (frames + time.after) as isize {
            return windows;
        }
        windows.push(window);
    }
}

fn row(rows: &Rows, t: isize) -> Option<&Map> {
    usize::try_from(t).ok().and_then(|t| rows.get(t))
}

fn conv_rows(
    conv: &Conv,
    shape: [usize; 3],
    inputs: &[Rows],
    weights: &[f32],
    bias: &[f32],
) -> Rows {
    let x = &inputs[0];
    let mut rows = vec![];
    for (j, window) in windows(&conv.time, x.len()).iter().enumerate() {
        let added = match inputs.get(1) {
            Some(added) if j >= added.len() => break,
            added => added.map(|added| &added[j]),
        };
        let [height, width] = conv.space.output(shape[0], shape[1]).unwrap();
        let shared = shape[2] / conv.groups;
        let outputs = bias.len();
        rows.push(Map::of([height, width, outputs], |[y, x_, o]| {
            let mut sum = f64::from(bias[o]);
            for (t, frame) in window.iter().enumerate() {
                for ky in 0..conv.space.kernel[0] {
                    for kx in 0..conv.space.kernel[1] {
                        for c in 0..shared {
                            let place = [
                                source(&conv.space, 0, y, ky),
                                source(&conv.space, 1, x_, kx),
                                (o / (outputs / conv.groups) * shared + c) as isize,
                            ];
                            let at = (o * shared + c) * conv.time.kernel + t;
                            let at = at * conv.space.kernel[0] + ky;
                            let weight = weights[at * conv.space.kernel[1] + kx];
                            let value = row(x, *frame).and_then(|map| map.at(place));
                            sum += f64::from(value.unwrap_or(0.0)) * f64::from(weight);
                        }
                    }
                }
            }
            let added = added.map(|map| map.at([y as isize, x_ as isize, o as isize]).unwrap());
            activate(conv.activation, sum as f32 + added.unwrap_or(0.0))
        }));
    }
    rows
}

fn source(space: &crate::step::SpaceWindow, axis: usize, at: usize, tap: usize) -> isize {
    (at * space.stride[axis] + tap * space.dilation[axis]) as isize
        - space.padding[axis][0] as isize
}

fn pool_rows(pool: &Pool, shape: [usize; 3], x: &Rows) -> Rows {
    let [height, width] = pool.space.output(shape[0], shape[1]).unwrap();
    let windows = windows(&pool.time, x.len());
    let rows = windows.iter().map(|window| {
        Map::of([height, width, shape[2]], |[y, x_, c]| {
            let mut values = vec![];
            for frame in window {
                for ky in 0..pool.space.kernel[0] {
                    for kx in 0..pool.space.kernel[1] {
                        let place = [
                            source(&pool.space, 0, y, ky),
                            source(&pool.space, 1, x_, kx),
                            c as isize,
                        ];
                        let value = row(x, *frame).and_then(|map| map.at(place));
                        values.extend(value.or(pool.zero_padded.then_some(0.0)));
                    }
                }
            }
            reduce(pool.of, values)
        })
    });
    rows.collect()
}

fn shifted(x: &Rows, t: isize, direction: ShiftDirection, fold: usize) -> Map {
    let newest = &x[t as usize];
    Map::of(newest.shape, |[y, x_, c]| {
        let from = match (direction, c / fold.max(1)) {
            _ if fold == 0 => t,
            (ShiftDirection::OneWay, 0) | (ShiftDirection::TwoWay, 1) => t - 1,
            (ShiftDirection::TwoWay, 0) => t + 1,
            _ => t,
        };
        let value = row(x, from).and_then(|map| map.at([y as isize, x_ as isize, c as isize]));
        value.unwrap_or(0.0)
    })
}

/// The frames of a sliding window that are there, oldest first.
fn last(t: usize, frames: usize, dilation: usize) -> Vec<usize> {
    let back = (0..frames).rev().map(|i| i * dilation);
    back.filter_map(|back| t.checked_sub(back)).collect()
}

fn slid(sliding: &Sliding, x: &Rows, t: usize) -> Map {
    let frames = match sliding.frames {
        Some(frames) => last(t, frames, sliding.dilation),
        None => (0..=t).collect(),
    };
    Map::of(x[t].shape, |[y, x_, c]| {
        let place = [y as isize, x_ as isize, c as isize];
        reduce(
            sliding.of,
            frames.iter().map(|t| x[*t].at(place).unwrap()).collect(),
        )
    })
}

fn attended(attention: &Attention, inputs: &[Rows], t: usize) -> Map {
    let frames = last(t, attention.frames, attention.dilation);
    let places = |rows: &Rows| -> Vec<Vec<f32>> {
        let pixels = frames.iter().flat_map(|t| {
            let channels = rows[*t].shape[2];
            rows[*t].values.chunks(channels).map(<[f32]>::to_vec)
        });
        pixels.collect()
    };
    let (keys, values) = (places(&inputs[1]), places(&inputs[2]));
    let query = &inputs[0][t];
    let channels = inputs[2][t].shape[2];
    let outputs = query.values.chunks(query.shape[2]).flat_map(|query| {
        let product = |key: &Vec<f32>| -> f32 { query.iter().zip(key).map(|(a, b)| a * b).sum() };
        let products: Vec<f32> = keys.iter().map(|k| product(k) * attention.scale).collect();
        let weights = match attention.weighting {
            Weighting::Softmax => softmax(&products),
            Weighting::Mean => products.iter().map(|p| p / keys.len() as f32).collect(),
        };
        let weighted = |c: usize| {
            let products = weights.iter().zip(&values).map(|(w, value)| w * value[c]);
            products.sum::<f32>()
        };
        (0..channels).map(weighted).collect::<Vec<_>>()
    });
    Map {
        values: outputs.collect(),
        shape: [query.shape[0], query.shape[1], channels],
    }
}

fn arithmetic(binary: &Binary, left: &Map, right: &Map) -> Map {
    let shape = [0, 1, 2].map(|axis| left.shape[axis].max(right.shape[axis]));
    Map::of(shape, |place| {
        let value = |map: &Map| {
            let at = [0, 1, 2].map(|axis| (place[axis] % map.shape[axis]) as isize);
            map.at(at).unwrap()
        };
        let (left, right) = (value(left), value(right));
        let value = match binary.arithmetic {
            Arithmetic::Add => left + right,
            Arithmetic::Sub => left - right,
            Arithmetic::Mul => left * right,
            Arithmetic::Div => left / right,
            Arithmetic::Max => left.max(right),
            Arithmetic::Min => left.min(right),
        };
        activate(binary.activation, value)
    })
}

fn activate(activation: Activation, x: f32) -> f32 {
    let x = f64::from(x);
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    let hard = (x / 6.0 + 0.5).clamp(0.0, 1.0);
    let value = match activation {
        Activation::Identity => x,
        Activation::Clamp { low, high } => x.clamp(f64::from(low), f64::from(high)),
        Activation::Sigmoid => sigmoid,
        Activation::HardSigmoid => hard,
        Activation::Swish => x * sigmoid,
        Activation::HardSwish => x * hard,
        Activation::Tanh => x.tanh(),
        Activation::Gelu => 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())),
    };
    value as f32
}

fn softmax(values: &[f32]) -> Vec<f32> {
    let largest = values.iter().copied().fold(f32::MIN, f32::max);
    let powers = values.iter().map(|x| f64::from(x - largest).exp());
    let powers: Vec<f64> = powers.collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

fn reduce(of: Reduction, values: Vec<f32>) -> f32 {
    let all = || values.iter().map(|x| f64::from(*x));
    match of {
        _ if values.is_empty() => 0.0,
        Reduction::Max => all().fold(f64::MIN, f64::max) as f32,
        Reduction::Mean => (all().sum::<f64>() / values.len() as f64) as f32,
    }
}
