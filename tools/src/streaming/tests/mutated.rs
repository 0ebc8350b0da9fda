//! Random networks of clips: lowered they are equal to themselves over a recording, or refused.

use praxiscope_runtime::ops::{Border, Mean, ShiftDirection, TemporalShift};
use proptest::prelude::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{Pad, PadMode, Slice, TypedConcat};
use tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::nn::{DataFormat, Reduce, Reducer};
use tract_core::ops::{math, nn};

use super::*;

const FRAMES: usize = 12;
const SIDE: usize = 8;

/// One layer of a random network, by numbers that its kind reads as it likes.
#[derive(Clone, Copy, Debug)]
struct Recipe {
    kind: usize,
    numbers: [usize; 6],
    seed: usize,
}

fn recipes() -> impl Strategy<Value = Vec<Recipe>> {
    let recipe = (0usize..18, prop::array::uniform6(0usize..24), 0usize..1000).prop_map(
        |(kind, numbers, seed)| Recipe {
            kind,
            numbers,
            seed,
        },
    );
    prop::collection::vec(recipe, 1..7)
}

/// A network under construction over `[1, C, T, H, W]`.
struct Clip {
    graph: TypedModel,
    x: OutletId,
    count: usize,
}

impl Clip {
    fn shape(&self, x: OutletId) -> Vec<usize> {
        let shape = &self.graph.outlet_fact(x).unwrap().shape;
        shape.as_concrete().unwrap().to_vec()
    }

    /// The operator behind `inputs`; `None` where it does not fit them.
    fn wire(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> Option<OutletId> {
        self.count += 1;
        let name = format!("node{}", self.count);
        let wire = self.graph.wire_node(name, op.into(), inputs).ok()?[0];
        self.shape(wire).iter().all(|dim| *dim > 0).then_some(wire)
    }

    fn constant(&mut self, shape: &[usize], seed: usize) -> OutletId {
        self.count += 1;
        let len: usize = shape.iter().product();
        let value = |at: usize| ((at * 7919 + seed * 104_729) % 1013) as f32 / 1013.0 - 0.5;
        let values: Vec<f32> = (0..len).map(value).collect();
        let tensor = Tensor::from_shape(shape, &values).unwrap();
        let name = format!("constant{}", self.count);
        self.graph.add_const(name, tensor).unwrap()
    }

    fn layer(&mut self, recipe: &Recipe) -> Option<OutletId> {
        let [a, b, c, d, e, f] = recipe.numbers;
        let x = self.x;
        let shape = self.shape(x);
        let channels = shape[1];
        let pick = |options: &[usize], number: usize| options[number % options.len()];
        let window = |outputs: usize, has_padding: bool| {
            let kernel: TVec<usize> = tvec![
                pick(&[1, 2, 3, 3, 5], a),
                pick(&[1, 3], b),
                pick(&[1, 2, 3], c)
            ];
            let pads = |number: usize| -> TVec<usize> {
                let most = |axis: usize| if has_padding { kernel[axis] } else { 1 };
                (0..3).map(|axis| (number + axis) % most(axis)).collect()
            };
            PoolSpec {
                data_format: DataFormat::NCHW,
                padding: match (e % 4, has_padding) {
                    (0, true) => PaddingSpec::SameUpper,
                    (1, true) => PaddingSpec::SameLower,
                    _ => PaddingSpec::Explicit(pads(d), pads(e)),
                },
                dilations: None,
                strides: Some(tvec![pick(&[1, 1, 1, 2, 3], f), pick(&[1, 2], a), 1]),
                input_channels: channels,
                output_channels: outputs,
                kernel_shape: kernel,
            }
        };
        match recipe.kind {
            0..=4 => {
                let group = if d % 3 == 0 { channels } else { 1 };
                let outputs = if group > 1 {
                    channels
                } else {
                    pick(&[2, 4, 6], f)
                };
                let mut spec = window(outputs, true);
                if recipe.kind == 0 {
                    spec.dilations = Some(tvec![2, 1, 1]);
                    spec.strides = Some(tvec![1, 1, 1]);
                }
                let kernel = [&[outputs, channels / group], &spec.kernel_shape[..]].concat();
                let kernel = self.constant(&kernel, recipe.seed);
                let bias = self.constant(&[outputs], recipe.seed + 1);
                let conv = Conv {
                    pool_spec: spec,
                    kernel_fmt: KernelFormat::OIHW,
                    group,
                    q_params: None,
                };
                self.wire(conv, &[x, kernel, bias])
            }
            5 => {
                let pool_spec = window(channels, true);
                let with_index_outputs = None;
                self.wire(
                    MaxPool {
                        pool_spec,
                        with_index_outputs,
                    },
                    &[x],
                )
            }
            6 => {
                let pool_spec = window(channels, true);
                let (count_include_pad, normalize) = (a % 2 == 0, b % 4 > 0);
                self.wire(
                    SumPool {
                        pool_spec,
                        count_include_pad,
                        normalize,
                    },
                    &[x],
                )
            }
            7 => {
                let pads = vec![(0, 0), (0, 0), (a % 2, b % 3), (1, c % 2), (0, 0)];
                let mode = PadMode::Constant(tensor0(0f32).into_arc_tensor());
                let padded = self.wire(Pad { pads, mode }, &[x])?;
                let pool_spec = window(channels, false);
                let with_index_outputs = None;
                self.wire(
                    MaxPool {
                        pool_spec,
                        with_index_outputs,
                    },
                    &[padded],
                )
            }
            8 => {
                let op: ElementWiseOp = match a % 5 {
                    0 => nn::sigmoid(),
                    1 => math::tanh(),
                    2 => nn::hard_swish(),
                    3 => nn::silu::silu(),
                    _ => math::square(),
                };
                self.wire(op, &[x])
            }
            9 => {
                let shape = if a % 2 == 0 {
                    [1, channels, 1, 1, 1]
                } else {
                    [1; 5]
                };
                let number = self.constant(&shape, recipe.seed);
                let op = match b % 4 {
                    0 => math::add(),
                    1 => math::mul(),
                    2 => math::max(),
                    _ => math::sub(),
                };
                self.wire(op, &[x, number])
            }
            10 => {
                let gate = self.wire(nn::sigmoid(), &[x])?;
                self.wire(math::mul(), &[x, gate])
            }
            11 => {
                // A gate of the whole clip.
                let axes = tvec![2, 3, 4];
                let mean = match a % 3 {
                    0 => self.wire(Mean { axes }, &[x])?,
                    1 => self.wire(Reduce::new(axes, Reducer::Max), &[x])?,
                    _ => self.wire(Reduce::new(axes, Reducer::Sum), &[x])?,
                };
                let gate = self.wire(nn::sigmoid(), &[mean])?;
                self.wire(math::mul(), &[x, gate])
            }
            12 => {
                // The largest of the whole clip around each place, added to all.
                let mut pool_spec = window(channels, true);
                pool_spec.kernel_shape[0] = shape[2];
                pool_spec.kernel_shape[1] = 3;
                pool_spec.kernel_shape[2] = 3;
                pool_spec.strides = None;
                pool_spec.padding = PaddingSpec::Explicit(tvec![0, 1, 1], tvec![0, 1, 1]);
                let with_index_outputs = None;
                let largest = self.wire(
                    MaxPool {
                        pool_spec,
                        with_index_outputs,
                    },
                    &[x],
                )?;
                self.wire(math::add(), &[x, largest])
            }
            13 => {
                let op = TemporalShift {
                    direction: [ShiftDirection::OneWay, ShiftDirection::TwoWay][a % 2],
                    fold: channels / 2,
                    time_axis: 2,
                    channel_axis: 1,
                    border: Border::Zeros,
                    form: praxiscope_runtime::ops::Form::Clip,
                };
                self.wire(op, &[x])
            }
            14 => self.wire(
                Downsample::new(2, pick(&[1, 2, 3], a) as isize, b % 2),
                &[x],
            ),
            15 => {
                let (start, cut) = (a % 2, b % 3);
                let end = shape[2].checked_sub(cut)?;
                (start < end).then_some(())?;
                self.wire(Slice::new(2, start, end), &[x])
            }
            16 => {
                let half = self.wire(Slice::new(1, 0, channels / 2), &[x])?;
                self.wire(TypedConcat::new(1), &[x, half])
            }
            _ => {
                // Frames as a batch and back: `[T, C, H, W]`.
                let frames = self.wire(AxisOp::Move(2, 0), &[x])?;
                let frames = self.wire(AxisOp::Rm(1), &[frames])?;
                let kernel = self.constant(&[channels, channels, 3, 3], recipe.seed);
                let bias = self.constant(&[channels], recipe.seed);
                let conv = Conv {
                    pool_spec: PoolSpec {
                        data_format: DataFormat::NCHW,
                        kernel_shape: tvec![3, 3],
                        padding: PaddingSpec::Explicit(tvec![1, 1], tvec![1, 1]),
                        dilations: None,
                        strides: None,
                        input_channels: channels,
                        output_channels: channels,
                    },
                    kernel_fmt: KernelFormat::OIHW,
                    group: 1,
                    q_params: None,
                };
                let frames = self.wire(conv, &[frames, kernel, bias])?;
                let frames = self.wire(AxisOp::Add(1), &[frames])?;
                let back = self.wire(AxisOp::Move(0, 2), &[frames])?;
                (a % 2 == 0 || self.shape(back) != shape)
                    .then_some(back)
                    .or_else(|| self.wire(math::add(), &[x, back]))
            }
        }
    }
}

/// A network of the layers that fit, and a mean over the clip behind them or not.
fn built(recipes: &[Recipe]) -> TypedModel {
    let mut graph = TypedModel::default();
    let x = graph
        .add_source("frames", f32::fact([1, 3, FRAMES, SIDE, SIDE]))
        .unwrap();
    let mut clip = Clip { graph, x, count: 0 };
    for recipe in recipes {
        let before = clip.graph.clone();
        match clip.layer(recipe) {
            Some(x) => clip.x = x,
            None => clip.graph = before,
        }
    }
    if recipes[0].seed.is_multiple_of(2) {
        let axes = tvec![2, 3, 4];
        clip.x = clip.wire(Mean { axes }, &[clip.x]).unwrap();
    }
    clip.graph.select_output_outlets(&[clip.x]).unwrap();
    clip.graph
}

#[test]
fn a_random_network_is_equal_to_itself_over_a_recording_or_refused() {
    mostly_accepted(256, &recipes(), |recipes, tally| {
        let graph = built(&recipes);
        let options = Options {
            window: [Window::Native, Window::All][recipes[0].seed / 2 % 2],
            ..Options::default()
        };
        tally.tried();
        let program = match to_step(&graph, &options) {
            Ok(program) => program,
            Err(error) => {
                println!("{error}");
                tally.refused();
                return Ok(());
            }
        };
        // Longer by a multiple of all strides, so that what is padded to fit the clip fits as well.
        let recording = noise(FRAMES + 36, (SIDE, SIDE));
        let found = step_rows(&program.graph, &recording);
        let long = over(&graph, recording.len(), &options);
        let long = long.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        let wanted: Vec<Vec<f32>> = rows::clip_output_as_is(&long, &recording)
            .unwrap()
            .outer_iter()
            .map(|row| row.iter().copied().collect())
            .collect();
        prop_assert_eq!(found.len(), wanted.len());
        let scale = wanted
            .concat()
            .iter()
            .fold(2e-2f32, |most, x| most.max(x.abs()));
        let apart = found
            .concat()
            .iter()
            .zip(wanted.concat())
            .fold(0f32, |most, (a, b)| most.max((a - b).abs()));
        prop_assert!(apart <= 1e-4 * scale, "{} of {}", apart, scale);
        Ok(())
    });
}
