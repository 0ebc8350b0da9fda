//! Every path gives the bits of the portable one.

use super::requantize::MAX_MULTIPLIER;
use super::{Addend, Conv, OutputRange};
use crate::{Geometry, Isa, Window};
use proptest::prelude::*;
use std::ops::Range;

/// A convolution and its operands.
#[derive(Debug, Clone)]
struct Case {
    geometry: Geometry,
    weights: Vec<i8>,
    bias: Vec<i32>,
    multipliers: Vec<f32>,
    input_zero: i8,
    range: OutputRange,
    frames: Vec<Option<Vec<i8>>>,
    addend: Option<(Vec<i8>, i8, f32)>,
    rows: Range<usize>,
}

impl Case {
    fn run(&self, isa: Isa) -> Vec<i8> {
        let conv = Conv::new(
            &self.geometry,
            &self.weights,
            &self.bias,
            &self.multipliers,
            self.input_zero,
            self.range,
            isa,
        )
        .unwrap();
        let frames: Vec<_> = self.frames.iter().map(Option::as_deref).collect();
        let row = self.geometry.output()[1] * self.geometry.out_channels();
        let rows = self.rows.start * row..self.rows.end * row;
        let addend = self
            .addend
            .as_ref()
            .map(|(values, zero, multiplier)| Addend {
                values: &values[rows.clone()],
                zero: *zero,
                multiplier: *multiplier,
            });
        let mut output = vec![77; rows.len()];
        conv.run(&frames, addend, &mut output, self.rows.clone())
            .unwrap();
        output
    }

    fn agrees_everywhere(&self) {
        let expected = self.run(Isa::Portable);
        for isa in Isa::available() {
            assert_eq!(self.run(isa), expected, "{isa} {:?}", self.geometry);
        }
    }
}

/// Values that are often at their extremes.
fn value(low: i8) -> impl Strategy<Value = i8> + Clone {
    prop_oneof![3 => low..=127, 1 => Just(low), 1 => Just(127i8)]
}

/// One to 2,000 times `unit`. (Float ranges of proptest 1.12 were seen to panic while sampling.)
fn float(unit: f32) -> impl Strategy<Value = f32> + Clone {
    (1u16..2000).prop_map(move |times| f32::from(times) * unit)
}

/// Multipliers of some channels: all of them usual ones, or some so large that values leave `i32`.
fn multipliers(channels: usize) -> impl Strategy<Value = Vec<f32>> {
    let usual = prop_oneof![
        6 => float(1e-5),
        1 => Just(0.0f32),
        1 => Just(0.5f32),
        1 => Just(-0.003f32),
        1 => Just(1e-38f32),
    ];
    let huge = prop_oneof![
        3 => usual.clone(),
        1 => float(1e5),
        1 => Just(-MAX_MULTIPLIER),
        1 => Just(MAX_MULTIPLIER),
    ];
    prop_oneof![
        2 => prop::collection::vec(usual, channels),
        1 => prop::collection::vec(huge, channels),
    ]
}

fn range() -> impl Strategy<Value = OutputRange> {
    (any::<i8>(), any::<i8>(), any::<i8>()).prop_map(|(zero, a, b)| OutputRange {
        zero,
        low: a.min(b),
        high: a.max(b),
    })
}

/// A window that fits `input`.
fn window(extents: Range<usize>) -> impl Strategy<Value = Window> {
    let extent = extents.start..extents.end;
    (
        prop_oneof![3 => Just(1usize), 1 => 2usize..4],
        [extent.clone(), extent],
        [1usize..3, 1usize..3],
        [1usize..3, 1usize..3],
        [[0usize..3, 0usize..3], [0usize..3, 0usize..3]],
    )
        .prop_map(|(t, [h, w], stride, dilation, padding)| Window {
            kernel: [t, h, w],
            stride,
            dilation,
            padding,
        })
}

/// Cases over a geometry: frames that may be missing, a residual, a part of the rows.
fn case(geometry: impl Strategy<Value = Geometry>) -> impl Strategy<Value = Case> {
    geometry.prop_flat_map(|geometry| {
        let outputs = geometry.out_channels();
        let frame = prop::collection::vec(value(-128), geometry.input_len());
        let frame = prop_oneof![4 => frame.prop_map(Some), 1 => Just(None)];
        let addend = (
            prop::collection::vec(value(-128), geometry.output_len()),
            any::<i8>(),
            prop_oneof![float(1e-3), Just(1.0f32), Just(0.5f32)],
        );
        let height = geometry.output()[0];
        (
            prop::collection::vec(value(-127), geometry.weights_len()),
            prop::collection::vec(-100_000i32..100_000, outputs),
            multipliers(outputs),
            prop_oneof![any::<i8>(), Just(-128i8), Just(127i8)],
            range(),
            prop::collection::vec(frame, geometry.frames()),
            prop::option::of(addend),
            (0..height).prop_flat_map(move |start| (Just(start), start..=height)),
        )
            .prop_map(
                move |(weights, bias, multipliers, input_zero, range, frames, addend, rows)| Case {
                    geometry,
                    weights,
                    bias,
                    multipliers,
                    input_zero,
                    range,
                    frames,
                    addend,
                    rows: rows.0..rows.1,
                },
            )
    })
}

fn dense() -> impl Strategy<Value = Geometry> {
    (
        [1usize..9, 1usize..9],
        [1usize..70, 1usize..150],
        window(1..4),
    )
        .prop_filter_map("the window fits", |(input, channels, window)| {
            Geometry::new(input, channels, 1, window).ok()
        })
}

fn pointwise() -> impl Strategy<Value = Geometry> {
    (1usize..40, 1usize..200, 1usize..140)
        .prop_map(|(rows, inputs, outputs)| Geometry::linear(rows, inputs, outputs).unwrap())
}

fn grouped() -> impl Strategy<Value = Geometry> {
    (
        [1usize..7, 1usize..7],
        [1usize..9, 1usize..20],
        1usize..6,
        window(1..4),
    )
        .prop_filter_map("the window fits", |(input, [i, o], groups, window)| {
            Geometry::new(input, [i * groups, o * groups], groups, window).ok()
        })
}

fn depthwise() -> impl Strategy<Value = Geometry> {
    (
        [1usize..10, 1usize..10],
        prop_oneof![1usize..80, Just(64usize), Just(96), Just(144)],
        window(1..6),
    )
        .prop_filter_map("the window fits", |(input, channels, window)| {
            Geometry::per_channel(input, channels, window).ok()
        })
}

/// The windows that have loops of their own.
fn usual_depthwise() -> impl Strategy<Value = Geometry> {
    let kernel = prop_oneof![
        3 => Just([1usize, 3, 3]),
        1 => Just([1, 5, 5]),
        1 => Just([3, 3, 3]),
        1 => Just([2, 3, 3]),
        1 => Just([3, 1, 1]),
        1 => Just([5, 1, 1]),
    ];
    (
        [1usize..10, 1usize..12],
        prop_oneof![1usize..50, Just(64usize), Just(96), Just(150)],
        kernel,
        1usize..3,
        any::<bool>(),
    )
        .prop_filter_map(
            "the window fits",
            |(input, channels, kernel, stride, padded)| {
                let mut window = Window::centred(kernel, [stride; 2]);
                if !padded {
                    window.padding = [[0, 0], [0, 1]];
                }
                Geometry::per_channel(input, channels, window).ok()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 96 }))]

    #[test]
    fn dense_convolutions_agree(case in case(dense())) {
        case.agrees_everywhere();
    }

    #[test]
    fn products_of_matrices_agree(case in case(pointwise())) {
        case.agrees_everywhere();
    }

    #[test]
    fn grouped_convolutions_agree(case in case(grouped())) {
        case.agrees_everywhere();
    }

    #[test]
    fn usual_depthwise_convolutions_agree(case in case(usual_depthwise())) {
        case.agrees_everywhere();
    }

    #[test]
    fn depthwise_convolutions_agree(case in case(depthwise())) {
        case.agrees_everywhere();
    }
}
