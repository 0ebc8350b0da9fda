//! Small bundles and frames for tests.

use std::time::Duration;

use tract_core::internal::*;
use tract_core::ops::math;
use tract_core::ops::nn::{Reduce, Reducer};

use crate::bundle::{Bundle, Clip, FORMAT, Input, Manifest, Mode, Origin};
use crate::events::EventSettings;
use crate::frame::{Frame, FrameLayout, PixelFormat};
use crate::ops::{Border, Form, ShiftDirection, TemporalShift};
use crate::preprocess::{ColorOrder, Fit, InputGeometry};

const SIDE: usize = 2;

/// A network whose logits are 10 x the mean of the first and of the second colour plane, after a shift
/// of one channel where one is asked for; ten frames a second.
///
/// Classes are `dark` (idle) and `bright`; on grey pictures and without a shift both planes are equal,
/// so the first is turned round: `dark` gets `10 - 10 x mean`.
pub fn brightness(shift: Option<ShiftDirection>) -> Bundle {
    let graph = graph(
        shift.map(|direction| TemporalShift {
            direction,
            fold: 1,
            time_axis: 0,
            channel_axis: 1,
            border: Border::Zeros,
            form: Form::Step,
        }),
        1,
    );
    Bundle::new(manifest(None), &graph, None).unwrap()
}

/// The same network in clip mode, its window summed over time.
pub fn windowed(clip: Clip) -> Bundle {
    Bundle::new(manifest(Some(clip)), &graph(None, clip.frames), None).unwrap()
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

fn graph(shift: Option<TemporalShift>, frames: usize) -> TypedModel {
    let mut graph = TypedModel::default();
    let mut wire = graph
        .add_source("frames", f32::fact([frames, 3, SIDE, SIDE]))
        .unwrap();
    if let Some(shift) = shift {
        wire = graph.wire_node("shift", shift, &[wire]).unwrap()[0];
    }
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
