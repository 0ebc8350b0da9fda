//! Random networks of windows over time and the map: the step program equals the network over the whole
//! recording as one clip, and what tract's own streaming, tract-pulse, makes of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array3, Axis as Along};
use praxiscope_runtime::step::Program;
use praxiscope_tools::streaming::{Options, clip_output, noise, step_rows, to_step};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tract_core::internal::*;
use tract_core::ops::array::TypedConcat;
use tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_core::ops::nn::DataFormat;
use tract_core::ops::{math, nn};
use tract_pulse::model::{PulsedModel, PulsedModelExt};

const SIDE: usize = 6;
const TOLERANCE: f32 = 1e-5;

/// A window along time; along the map it is 3 pixels wide, or 1.
#[derive(Clone, Copy, Debug)]
struct Window {
    kernel: usize,
    stride: usize,
    dilation: usize,
    /// Padding before and behind, at most what the window reaches.
    padding: [usize; 2],
    is_wide: bool,
}

#[derive(Clone, Debug)]
enum Layer {
    Conv {
        window: Window,
        outputs: usize,
        seed: usize,
    },
    Depthwise {
        window: Window,
        seed: usize,
    },
    Largest {
        window: Window,
    },
    Relu,
    Sigmoid,
    /// A residual branch: `x` and what these make of it, which has as many rows.
    Added {
        kernel: usize,
        dilation: usize,
        seed: usize,
    },
    /// Two branches side by side, of which one looks farther than the other.
    Joined {
        kernels: [usize; 2],
        seed: usize,
    },
}

fn windows() -> impl Strategy<Value = Window> {
    let sizes = (
        1usize..5,
        prop_oneof![3 => Just(1usize), 1 => Just(2)],
        1usize..3,
    );
    let padding = prop::array::uniform2(0usize..8);
    (sizes, padding, any::<bool>()).prop_map(|((kernel, stride, dilation), padding, is_wide)| {
        let reach = (kernel - 1) * dilation;
        Window {
            kernel,
            stride,
            dilation,
            padding: padding.map(|most| most % (reach + 1)),
            is_wide,
        }
    })
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let seed = 0usize..1000;
    let odd = prop_oneof![Just(1usize), Just(3), Just(5)];
    let layer = prop_oneof![
        3 => (windows(), 2usize..6, seed.clone())
            .prop_map(|(window, outputs, seed)| Layer::Conv { window, outputs, seed }),
        2 => (windows(), seed.clone()).prop_map(|(window, seed)| Layer::Depthwise { window, seed }),
        1 => windows().prop_map(|window| Layer::Largest { window }),
        1 => Just(Layer::Relu),
        1 => Just(Layer::Sigmoid),
        2 => (odd.clone(), 1usize..3, seed.clone())
            .prop_map(|(kernel, dilation, seed)| Layer::Added { kernel, dilation, seed }),
        1 => (prop::array::uniform2(odd), seed)
            .prop_map(|(kernels, seed)| Layer::Joined { kernels, seed }),
    ];
    prop::collection::vec(layer, 1..6)
}

/// A network over `[1, C, T, H, W]` in the making.
struct Draft {
    graph: TypedModel,
    x: OutletId,
}

impl Draft {
    fn channels(&self) -> usize {
        let fact = self.graph.outlet_fact(self.x).unwrap();
        fact.shape[1].to_usize().unwrap()
    }

    fn wire(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> OutletId {
        let name = format!("node{}", self.graph.nodes().len());
        self.graph.wire_node(name, op, inputs).unwrap()[0]
    }

    fn constant(&mut self, shape: &[usize], seed: usize) -> OutletId {
        let len: usize = shape.iter().product();
        let value = |at: usize| ((at * 7919 + seed * 104_729) % 1013) as f32 / 1013.0 - 0.5;
        let values: Vec<f32> = (0..len).map(value).collect();
        let name = format!("constant{}", self.graph.nodes().len());
        let tensor = Tensor::from_shape(shape, &values).unwrap();
        self.graph.add_const(name, tensor).unwrap()
    }

    fn spec(&self, window: &Window, outputs: usize) -> PoolSpec {
        let (side, around) = if window.is_wide { (3, 1) } else { (1, 0) };
        let [before, behind] = window.padding;
        PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec![window.kernel, side, side],
            padding: PaddingSpec::Explicit(
                tvec![before, around, around],
                tvec![behind, around, around],
            ),
            dilations: Some(tvec![window.dilation, 1, 1]),
            strides: Some(tvec![window.stride, 1, 1]),
            input_channels: self.channels(),
            output_channels: outputs,
        }
    }

    fn conv(&mut self, window: &Window, outputs: usize, group: usize, seed: usize) -> OutletId {
        let pool_spec = self.spec(window, outputs);
        let inputs = self.channels() / group;
        let shape = [&[outputs, inputs], &pool_spec.kernel_shape[..]].concat();
        let (weights, bias) = (
            self.constant(&shape, seed),
            self.constant(&[outputs], seed + 1),
        );
        let op = Conv {
            pool_spec,
            kernel_fmt: KernelFormat::OIHW,
            group,
            q_params: None,
        };
        self.wire(op, &[self.x, weights, bias])
    }

    fn layer(&mut self, layer: &Layer) -> OutletId {
        let channels = self.channels();
        match layer {
            Layer::Conv {
                window,
                outputs,
                seed,
            } => self.conv(window, *outputs, 1, *seed),
            Layer::Depthwise { window, seed } => self.conv(window, channels, channels, *seed),
            Layer::Largest { window } => {
                let pool_spec = self.spec(window, channels);
                let with_index_outputs = None;
                let op = MaxPool {
                    pool_spec,
                    with_index_outputs,
                };
                self.wire(op, &[self.x])
            }
            Layer::Relu => {
                let zero = tensor0(0f32).broadcast_into_rank(5).unwrap();
                let name = format!("zero{}", self.graph.nodes().len());
                let zero = self.graph.add_const(name, zero).unwrap();
                self.wire(math::max(), &[self.x, zero])
            }
            Layer::Sigmoid => self.wire(nn::sigmoid(), &[self.x]),
            Layer::Added {
                kernel,
                dilation,
                seed,
            } => {
                let branch = self.conv(&same(*kernel, *dilation), channels, 1, *seed);
                self.wire(math::add(), &[self.x, branch])
            }
            Layer::Joined { kernels, seed } => {
                let [one, other] = kernels.map(|kernel| self.conv(&same(kernel, 1), 2, 1, *seed));
                self.wire(TypedConcat::new(1), &[one, other])
            }
        }
    }
}

/// A window that makes a row of each.
fn same(kernel: usize, dilation: usize) -> Window {
    Window {
        kernel,
        stride: 1,
        dilation,
        padding: [(kernel - 1) * dilation / 2; 2],
        is_wide: false,
    }
}

/// The network over so many frames.
fn network(layers: &[Layer], frames: impl Fn(&TypedModel) -> TDim) -> TypedModel {
    let mut graph = TypedModel::default();
    let frames = frames(&graph);
    let shape = [1.to_dim(), 3.to_dim(), frames, SIDE.to_dim(), SIDE.to_dim()];
    let x = graph.add_source("frames", f32::fact(shape)).unwrap();
    let mut draft = Draft { graph, x };
    for layer in layers {
        draft.x = draft.layer(layer);
    }
    draft.graph.select_output_outlets(&[draft.x]).unwrap();
    draft.graph
}

/// Frames from one row of the output to the next.
fn stride(layers: &[Layer]) -> usize {
    let stride = |layer: &Layer| match layer {
        Layer::Conv { window, .. }
        | Layer::Depthwise { window, .. }
        | Layer::Largest { window } => window.stride,
        _ => 1,
    };
    layers.iter().map(stride).product()
}

/// A clip's output `[1, C, T, H, W]` row by row as frames `[H, W, C]`.
fn rows(output: ndarray::ArrayViewD<f32>) -> Vec<Vec<f32>> {
    let rows = output
        .index_axis(Along(0), 0)
        .permuted_axes(vec![1, 2, 3, 0])
        .to_owned();
    let row = |row: ndarray::ArrayViewD<f32>| row.iter().copied().collect();
    rows.outer_iter().map(row).collect()
}

/// The rows that tract-pulse gives, pulses of `pulse` frames; `None` where it does not stream the network.
fn pulsed(layers: &[Layer], pulse: usize, recording: &[Array3<f32>]) -> Option<Vec<Vec<f32>>> {
    let graph = network(layers, |graph| graph.symbols.sym("T").to_dim());
    let symbol = graph.symbols.sym("T");
    let made = PulsedModel::new(&graph, symbol.clone(), &pulse.to_dim()).ok()?;
    let fact = made.output_fact(0).ok()?.clone();
    let delay = fact.stream.as_ref()?.delay;
    let wanted = network(layers, |_| recording.len().to_dim());
    let wanted = wanted.output_fact(0).unwrap().shape[2].to_usize().unwrap();
    let plan = made
        .into_typed()
        .ok()?
        .into_optimized()
        .ok()?
        .into_runnable()
        .ok()?;
    let mut state = plan.spawn().ok()?;
    let mut found = vec![];
    let blank = Array3::zeros((SIDE, SIDE, 3));
    let mut frames = recording.iter().chain(std::iter::repeat(&blank));
    while found.len() < delay + wanted {
        let frames: Vec<_> = frames
            .by_ref()
            .take(pulse)
            .map(|frame| frame.view())
            .collect();
        let clip = ndarray::stack(Along(0), &frames).unwrap();
        let clip = clip.permuted_axes([3, 0, 1, 2]).insert_axis(Along(0));
        let clip = clip.as_standard_layout().into_owned().into_tensor();
        // Where the padding behind the recording begins is known beforehand.
        state
            .turn_state
            .resolved_symbols
            .set(&symbol, recording.len() as i64);
        let output = state.run(tvec!(clip.into_tvalue())).ok()?;
        found.extend(rows(output[0].to_plain_array_view::<f32>().unwrap()));
    }
    found.drain(..delay);
    found.truncate(wanted);
    Some(found)
}

fn largest_difference(found: &[Vec<f32>], wanted: &[Vec<f32>]) -> f32 {
    let scale = wanted
        .concat()
        .iter()
        .fold(1f32, |most, x| most.max(x.abs()));
    let apart = found.concat().into_iter().zip(wanted.concat());
    apart.fold(0f32, |most, (a, b)| most.max((a - b).abs())) / scale
}

#[test]
fn random_networks_step_as_they_answer_a_clip_and_as_tract_pulse_streams_them() {
    let [tried, streamed] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let config = Config {
        cases: 192,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&layers(), |layers| {
        let stride = stride(&layers);
        let frames = 24 * stride;
        let native = network(&layers, |_| frames.to_dim());
        let recording = noise(2 * frames, (SIDE, SIDE));
        let long = network(&layers, |_| recording.len().to_dim());
        let program = to_step(&native, &Options::default());
        let program = program.map_err(|refused| TestCaseError::fail(refused.to_string()))?;
        prop_assert_eq!(&program.changes, &vec![]);
        let program = Program::compile(&program.graph).unwrap();
        let found = step_rows(&program, &recording).unwrap();
        let wanted = rows(clip_output(&long, &recording).unwrap().view());
        prop_assert_eq!(found.len(), wanted.len());
        let apart = largest_difference(&found, &wanted);
        prop_assert!(apart <= TOLERANCE, "clip: {}", apart);
        tried.fetch_add(1, Ordering::Relaxed);
        if let Some(pulsed) = pulsed(&layers, stride, &recording) {
            streamed.fetch_add(1, Ordering::Relaxed);
            prop_assert_eq!(found.len(), pulsed.len());
            let apart = largest_difference(&found, &pulsed);
            prop_assert!(apart <= TOLERANCE, "tract-pulse: {}", apart);
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let (tried, streamed) = (tried.into_inner(), streamed.into_inner());
    println!("{tried} networks, of which tract-pulse streams {streamed}");
    assert!(
        2 * streamed > tried,
        "{streamed} of {tried} were held against tract-pulse"
    );
}
