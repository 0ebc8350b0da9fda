//! Integer programs: one network of every integer operator.

use praxiscope_kernels::Isa;
use proptest::prelude::*;
use tract_core::internal::*;

use crate::bundle::{Archive, read_graph, write_graph};
use crate::ops::ShiftDirection;
use crate::step::{
    Activation, Arithmetic, IntConv, IntOp, IntOutput, Pool, Program, Quantization, Reduction, Run,
    Saved, Sliding, SpaceWindow, StepOp, TimeWindow,
};

const SIDE: usize = 6;
const CHANNELS: usize = 8;
const CLASSES: usize = 3;

/// Numbers that look like chance, from -1 to 1.
fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

fn to(scale: f32, zero_point: i8) -> Quantization {
    Quantization { scale, zero_point }
}

/// Builds the network, layer behind layer.
struct Net {
    graph: TypedModel,
    noise: Box<dyn FnMut() -> f32>,
}

impl Net {
    fn wire(&mut self, name: &str, op: impl Into<StepOp>, inputs: &[OutletId]) -> OutletId {
        self.graph.wire_node(name, op.into(), inputs).unwrap()[0]
    }

    fn conv(&mut self, name: &str, conv: IntConv, shape: [usize; 5], x: &[OutletId]) -> OutletId {
        let outputs = shape[0];
        let weights: Vec<i8> = (0..shape.iter().product())
            .map(|_| ((self.noise)() * 127.0) as i8)
            .collect();
        let bias: Vec<i32> = (0..outputs)
            .map(|_| ((self.noise)() * 900.0) as i32)
            .collect();
        let fan = (weights.len() / outputs) as f32;
        let multipliers: Vec<f32> = (0..outputs)
            .map(|_| (1.5 + (self.noise)()) / (90.0 * fan.sqrt()))
            .collect();
        let weights = Tensor::from_shape(&shape, &weights).unwrap();
        let mut inputs = vec![x[0]];
        for (part, tensor) in [
            ("weights", weights),
            ("bias", tensor1(&bias)),
            ("multipliers", tensor1(&multipliers)),
        ] {
            inputs.push(
                self.graph
                    .add_const(format!("{name}.{part}"), tensor)
                    .unwrap(),
            );
        }
        inputs.extend(&x[1..]);
        self.wire(name, IntOp::Conv(conv), &inputs)
    }
}

impl From<IntOp> for StepOp {
    fn from(op: IntOp) -> StepOp {
        StepOp::Int(op)
    }
}

fn output(quantization: Quantization, low: i8) -> Option<IntOutput> {
    let high = 127;
    Some(IntOutput {
        quantization,
        low,
        high,
    })
}

/// Every integer operator once, and those that take values as well as numbers.
fn network(seed: u64, direction: ShiftDirection) -> TypedModel {
    let mut net = Net {
        graph: TypedModel::default(),
        noise: Box::new(noise(seed)),
    };
    let source = f32::fact([SIDE, SIDE, 3]);
    let x = net.graph.add_source("frames", source).unwrap();
    let x = net.wire("values", IntOp::Quantize(to(0.01, 3)), &[x]);
    let around = SpaceWindow {
        kernel: [3, 3],
        padding: [[1, 1], [1, 1]],
        ..SpaceWindow::PIXEL
    };
    let over_time = TimeWindow {
        kernel: 3,
        before: 1,
        after: 1,
        ..TimeWindow::FRAME
    };
    let conv = |time, space, groups, output| IntConv {
        time,
        space,
        groups,
        output,
    };
    let first = conv(over_time, around, 1, output(to(0.05, -128), -128));
    let x = net.conv("first", first, [CHANNELS, 3, 3, 3, 3], &[x]);
    let shifted = net.wire("shift", StepOp::Shift { direction, fold: 2 }, &[x]);
    let deep = conv(
        TimeWindow::FRAME,
        around,
        CHANNELS,
        output(to(0.04, 5), -128),
    );
    let deep = net.conv("depthwise", deep, [CHANNELS, 1, 1, 3, 3], &[shifted]);
    let point = conv(
        TimeWindow::FRAME,
        SpaceWindow::PIXEL,
        1,
        output(to(0.06, -10), -10),
    );
    let y = net.conv("residual", point, [CHANNELS, CHANNELS, 1, 1, 1], &[deep, x]);
    let table: Vec<i8> = (-128..=127i32).map(|q| (q / 2 + 7) as i8).collect();
    let table = net.graph.add_const("table", tensor1(&table)).unwrap();
    let gate = net.wire("mean", IntOp::MeanOverMap(to(0.05, -20)), &[y]);
    let gate = net.wire("gate", IntOp::Lookup(to(1.0 / 255.0, -128)), &[gate, table]);
    let binary = |arithmetic, scale| IntOp::Binary {
        arithmetic,
        output: output(to(scale, -7), -128).unwrap(),
    };
    let gated = net.wire("gated", binary(Arithmetic::Mul, 0.05), &[y, gate]);
    let sum = net.wire("sum", binary(Arithmetic::Add, 0.09), &[gated, y]);
    let same = net.wire("same", IntOp::Rescale(to(0.1, 0)), &[sum]);
    let other = net.wire("other", IntOp::Rescale(to(0.1, 0)), &[y]);
    let both = net.wire("concat", StepOp::Concat, &[same, other]);
    let some = net.wire("channels", StepOp::Channels { start: 3, end: 11 }, &[both]);
    let pool = |of, time| Pool {
        of,
        time,
        space: SpaceWindow {
            stride: [2, 2],
            ..around
        },
        zero_padded: false,
    };
    let largest = net.wire(
        "largest",
        StepOp::Pool(pool(Reduction::Max, over_time)),
        &[some],
    );
    let every_other = TimeWindow {
        stride: 2,
        ..over_time
    };
    let mean = IntOp::MeanPool {
        pool: pool(Reduction::Mean, every_other),
        output: to(0.08, 1),
    };
    let mean = net.wire("mean_pool", mean, &[largest]);
    let last = Sliding {
        of: Reduction::Max,
        frames: Some(2),
        dilation: 1,
    };
    let last = net.wire("last", StepOp::Sliding(last), &[mean]);
    let vector = net.wire("over_map", StepOp::OverMap(Reduction::Max), &[last]);
    let linear = conv(TimeWindow::FRAME, SpaceWindow::PIXEL, 1, None);
    let logits = net.conv("logits", linear, [CLASSES, CHANNELS, 1, 1, 1], &[vector]);
    net.graph.select_output_outlets(&[logits]).unwrap();
    net.graph
}

fn recording(seed: u64, frames: usize) -> Vec<Vec<f32>> {
    let mut noise = noise(seed);
    (0..frames)
        .map(|_| (0..SIDE * SIDE * 3).map(|_| noise() * 1.5).collect())
        .collect()
}

fn answers(run: &mut Run, recording: &[Vec<f32>], is_whole: bool) -> Vec<Vec<u32>> {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    let mut answers = vec![];
    for frame in recording {
        answers.extend(run.step(frame).unwrap().map(|answer| bits(answer.values)));
    }
    if is_whole {
        answers.extend(run.finish().unwrap().map(|answer| bits(answer.values)));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_instruction_set_gives_the_same_bits(
        seed in any::<u64>(), two_way in any::<bool>(), frames in 0usize..9
    ) {
        let direction = [ShiftDirection::OneWay, ShiftDirection::TwoWay][usize::from(two_way)];
        let graph = network(seed, direction);
        let recording = recording(!seed, frames);
        let on = |isa| {
            let program = Program::compile_for(&graph, isa).unwrap();
            answers(&mut Run::new(&program), &recording, true)
        };
        let expected = on(Isa::Portable);
        prop_assert_eq!(expected.len(), frames.div_ceil(2));
        for isa in Isa::available() {
            prop_assert_eq!(&on(isa), &expected, "{}", isa);
        }
    }

    #[test]
    fn a_restored_stream_goes_on_with_the_same_bits(seed in any::<u64>(), at in 0usize..8) {
        let graph = network(seed, ShiftDirection::TwoWay);
        let program = Program::compile(&graph).unwrap();
        let recording = recording(!seed, 8);
        let mut whole = Run::new(&program);
        answers(&mut whole, &recording[..at], false);
        let saved: Saved = whole.save();
        let mut restored = Run::new(&program);
        restored.restore(&saved).unwrap();
        let rest = &recording[at..];
        prop_assert_eq!(
            answers(&mut restored, rest, true),
            answers(&mut whole, rest, true)
        );
    }
}

#[test]
fn an_integer_program_is_read_as_it_was_written() {
    let graph = network(5, ShiftDirection::OneWay);
    let mut archive = Archive::default();
    write_graph(&graph, &mut archive).unwrap();
    let read = read_graph(&archive).unwrap();
    let on = |graph: &TypedModel| {
        let program = Program::compile(graph).unwrap();
        answers(&mut Run::new(&program), &recording(6, 7), true)
    };
    assert_eq!(on(&read), on(&graph));
}

#[test]
fn frames_that_only_become_values_are_taken_as_values() {
    let program = Program::compile(&network(1, ShiftDirection::OneWay)).unwrap();
    assert_eq!(program.input_quantization(), Some(to(0.01, 3)));
}

#[test]
fn numbers_and_values_do_not_mix() {
    let mut graph = TypedModel::default();
    let x = graph.add_source("frames", f32::fact([2, 2, 3])).unwrap();
    let values = StepOp::Int(IntOp::Quantize(to(0.1, 0)));
    let values = graph.wire_node("values", values, &[x]).unwrap()[0];
    let function = StepOp::Activation(Activation::Tanh);
    assert!(graph.wire_node("function", function, &[values]).is_err());
    let twice = StepOp::Int(IntOp::Quantize(to(0.1, 0)));
    assert!(graph.wire_node("twice", twice, &[values]).is_err());
}
