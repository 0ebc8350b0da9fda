//! A step allocates nothing once the rings are full, whatever the team.

use std::alloc::System;
use std::sync::Arc;

use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::ops::ShiftDirection;
use praxiscope_runtime::step::{
    Activation, Arithmetic, Attention, Binary, Conv, Pool, Program, Reduction, Run, Sliding,
    SpaceWindow, StepOp, Team, TimeWindow, Weighting,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tract_core::internal::*;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SIDE: usize = 8;
const CHANNELS: usize = 8;

/// Without the harness, whose own thread's allocations would be counted too.
fn main() {
    steps_allocate_nothing(&Program::compile(&graph()).unwrap());
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/demo/demo.prax");
    let demo = Bundle::read(demo).unwrap().graph().unwrap();
    let demo = Program::compile(&demo).unwrap();
    assert!(
        demo.input_quantization().is_some(),
        "the demo is in integers"
    );
    steps_allocate_nothing(&demo);
}

fn steps_allocate_nothing(program: &Arc<Program>) {
    let frames: Vec<Vec<f32>> = (0..7)
        .map(|frame| {
            let places = 0..program.input_shape().iter().product();
            places
                .map(|place| ((place * 7 + frame * 5) % 11) as f32 - 5.0)
                .collect()
        })
        .collect();
    let answer: usize = program.output_shape().iter().product();
    let mut of_each_team = vec![];
    for threads in [1, 2, 3] {
        let mut run = Run::new(program);
        run.share_work(&Arc::new(Team::new(threads).unwrap()));
        let mut answers = Vec::with_capacity(264 * answer);
        let mut steps = |frames: &mut dyn Iterator<Item = &Vec<f32>>| {
            for frame in frames {
                let bits = run.step(frame).unwrap().flat_map(|answer| answer.values);
                answers.extend(bits.map(|value| value.to_bits()));
            }
        };
        steps(&mut frames.iter().cycle().take(64));
        let region = Region::new(ALLOCATOR);
        steps(&mut frames.iter().cycle().take(200));
        let change = region.change();
        assert_eq!(
            (
                change.allocations,
                change.reallocations,
                change.deallocations
            ),
            (0, 0, 0),
            "{threads} threads"
        );
        assert!(answers.len() > 200);
        of_each_team.push(answers);
    }
    assert!(
        of_each_team
            .iter()
            .all(|answers| *answers == of_each_team[0])
    );
}

/// Every operator that keeps something, and a temporal stride of 2.
fn graph() -> TypedModel {
    let mut graph = TypedModel::default();
    let frames = f32::fact([SIDE, SIDE, 3]);
    let x = graph.add_source("frames", frames).unwrap();
    let x = conv(&mut graph, "stem", x, 3, 1);
    let add = |graph: &mut TypedModel, name: &str, op: StepOp, inputs: &[OutletId]| {
        graph.wire_node(name, op, inputs).unwrap()[0]
    };
    let shift = StepOp::Shift {
        direction: ShiftDirection::TwoWay,
        fold: 2,
    };
    let shifted = add(&mut graph, "shift", shift, &[x]);
    let depthwise = conv(&mut graph, "depthwise", shifted, CHANNELS, CHANNELS);
    let sum = StepOp::Binary(Binary {
        arithmetic: Arithmetic::Add,
        activation: Activation::RELU,
    });
    let x = add(&mut graph, "sum", sum, &[x, depthwise]);
    let pool = StepOp::Pool(Pool {
        of: Reduction::Max,
        time: TimeWindow {
            kernel: 3,
            stride: 2,
            dilation: 1,
            before: 1,
            after: 1,
        },
        space: SpaceWindow {
            kernel: [2, 2],
            stride: [2, 2],
            ..SpaceWindow::PIXEL
        },
        zero_padded: false,
    });
    let x = add(&mut graph, "pool", pool, &[x]);
    let attention = StepOp::Attention(Attention {
        weighting: Weighting::Softmax,
        scale: 0.5,
        frames: 4,
        dilation: 1,
    });
    let attended = add(&mut graph, "attention", attention, &[x, x, x]);
    let x = add(&mut graph, "both", StepOp::Concat, &[x, attended]);
    let x = add(&mut graph, "mean", StepOp::OverMap(Reduction::Mean), &[x]);
    let sliding = |frames| {
        StepOp::Sliding(Sliding {
            of: Reduction::Mean,
            frames,
            dilation: 1,
        })
    };
    let x = add(&mut graph, "window", sliding(Some(8)), &[x]);
    let x = add(&mut graph, "all", sliding(None), &[x]);
    let x = add(&mut graph, "softmax", StepOp::Softmax, &[x]);
    graph.select_output_outlets(&[x]).unwrap();
    graph
}

fn conv(
    graph: &mut TypedModel,
    name: &str,
    x: OutletId,
    channels: usize,
    groups: usize,
) -> OutletId {
    let shape = [CHANNELS, channels / groups, 3, 3, 3];
    let weights: Vec<f32> = (0..shape.iter().product())
        .map(|place: usize| (place * 13 % 17) as f32 / 17.0 - 0.5)
        .collect();
    let weights = Tensor::from_shape(&shape, &weights).unwrap();
    let bias = Tensor::zero::<f32>(&[CHANNELS]).unwrap();
    let weights = graph.add_const(format!("{name}.weights"), weights).unwrap();
    let bias = graph.add_const(format!("{name}.bias"), bias).unwrap();
    let conv = StepOp::Conv(Conv {
        time: TimeWindow {
            kernel: 3,
            before: 1,
            after: 1,
            ..TimeWindow::FRAME
        },
        space: SpaceWindow {
            kernel: [3, 3],
            padding: [[1, 1], [1, 1]],
            ..SpaceWindow::PIXEL
        },
        groups,
        activation: Activation::Swish,
    });
    graph.wire_node(name, conv, &[x, weights, bias]).unwrap()[0]
}
