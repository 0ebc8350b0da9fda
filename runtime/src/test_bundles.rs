//! Small bundles and frames for tests.

use std::time::Duration;

use tract_core::internal::*;
use tract_core::ops::math;
use tract_core::ops::nn::{Reduce, Reducer};

use crate::bundle::{Bundle, Clip, FORMAT, Input, Manifest, Mode, Origin};
use crate::events::EventSettings;
use crate::frame::{Frame, FrameLayout, PixelFormat};
use crate::ops::ShiftDirection;
use crate::preprocess::{ColorOrder, Fit, InputGeometry};
use crate::step::{Activation, Conv, SpaceWindow, StepOp, TimeWindow};

const SIDE: usize = 2;

/// A network whose logits are 10 x the mean of the first and of the second colour plane, after a shift
/// of one channel where one is asked for; ten frames a second.
///
/// Classes are `dark` (idle) and `bright`; on grey pictures and without a shift both planes are equal,
/// so the first is turned round: `dark` gets `10 - 10 x mean`.
pub fn brightness(shift: Option<ShiftDirection>) -> Bundle {
    Bundle::new(manifest(None), &program(shift, 1), None).unwrap()
}

/// The same network, answering every `stride`th frame from the mean of so many, its first one the frame
/// that the answer speaks of.
pub fn seldom(stride: usize) -> Bundle {
    Bundle::new(manifest(None), &program(None, stride), None).unwrap()
}

/// The same network in clip mode, its window summed over time.
pub fn windowed(clip: Clip) -> Bundle {
    Bundle::new(manifest(Some(clip)), &clip_graph(clip.frames), None).unwrap()
}

/// A grey picture.
pub fn grey(level: u8, index: u64, seconds: f64) -> Frame {
    Frame::new(
        FrameLayout::packed(PixelFormat::Grey, SIDE, SIDE),
        vec![level; SIDE * SIDE],
    )
    .unwrap()
    .with_time(index, Duration::from_secs_f64(seconds))
}

fn program(shift: Option<ShiftDirection>, frames: usize) -> TypedModel {
    let mut graph = TypedModel::default();
    let mut wire = graph
        .add_source("frames", f32::fact([SIDE, SIDE, 3]))
        .unwrap();
    if let Some(direction) = shift {
        let shift = StepOp::Shift { direction, fold: 1 };
        wire = graph.wire_node("shift", shift, &[wire]).unwrap()[0];
    }
    let weight = 10.0 / (frames * SIDE * SIDE) as f32;
    let weights = tract_ndarray::Array5::from_shape_fn(
        [2, 3, frames, SIDE, SIDE],
        |(output, channel, ..)| match (output, channel) {
            (0, 0) => -weight,
            (1, 1) => weight,
            _ => 0.0,
        },
    );
    let weights = graph.add_const("weights", weights.into_tensor()).unwrap();
    let bias = graph.add_const("bias", tensor1(&[10f32, 0.0])).unwrap();
    let conv = StepOp::Conv(Conv {
        time: TimeWindow {
            kernel: frames,
            stride: frames,
            ..TimeWindow::FRAME
        },
        space: SpaceWindow {
            kernel: [SIDE, SIDE],
            ..SpaceWindow::PIXEL
        },
        groups: 1,
        activation: Activation::Identity,
    });
    let logits = graph
        .wire_node("logits", conv, &[wire, weights, bias])
        .unwrap();
    graph.select_output_outlets(&logits).unwrap();
    graph
}

fn clip_graph(frames: usize) -> TypedModel {
    let mut graph = TypedModel::default();
    let wire = graph
        .add_source("frames", f32::fact([frames, 3, SIDE, SIDE]))
        .unwrap();
    let sum = Reduce::new(tvec![0, 2, 3], Reducer::Sum);
    let sum = graph.wire_node("sum", sum, &[wire]).unwrap()[0];
    let planes = graph
        .wire_node(
            "planes",
            tract_core::ops::array::Slice::new(1, 0, 2),
            &[sum],
        )
        .unwrap()[0];
    let weight = 10.0 / (frames * SIDE * SIDE) as f32;
    let mut konst = |name: &str, values: [f32; 2]| {
        graph
            .add_const(name, Tensor::from_shape(&[1, 2, 1, 1], &values).unwrap())
            .unwrap()
    };
    let (weights, bias) = (
        konst("weights", [-weight, weight]),
        konst("bias", [10.0, 0.0]),
    );
    let logits = graph
        .wire_node("scaled", math::mul(), &[planes, weights])
        .unwrap()[0];
    let logits = graph
        .wire_node("logits", math::add(), &[logits, bias])
        .unwrap();
    graph.select_output_outlets(&logits).unwrap();
    graph.into_decluttered().unwrap()
}

fn manifest(clip: Option<Clip>) -> Manifest {
    let geometry = InputGeometry {
        width: SIDE,
        height: SIDE,
        fit: Fit::Stretch,
        color: ColorOrder::Rgb,
    };
    Manifest {
        format: FORMAT,
        name: "brightness".into(),
        mode: if clip.is_some() {
            Mode::Clip
        } else {
            Mode::Stream
        },
        labels: vec!["dark".into(), "bright".into()],
        idle: Some("dark".into()),
        input: Input {
            geometry,
            mean: [0.0; 3],
            std: [1.0; 3],
            frame_rate: 10.0,
            max_gap: 1.0,
        },
        clip,
        events: EventSettings {
            smoothing: 0.0,
            ..EventSettings::default()
        },
        origin: Origin::default(),
    }
}
