use praxiscope_runtime::step::{Conv, Isa, SpaceWindow, StepOp, TimeWindow};

use super::super::{QuantizeError, RangeMethod, Recordings, Report, Settings, quantize};
use super::*;

const SIDE: usize = 6;
const CHANNELS: usize = 16;

/// Smooth waves that differ from one another.
struct Waves;

impl Recordings for Waves {
    fn count(&self) -> usize {
        2
    }

    fn play(
        &mut self,
        number: usize,
        take: &mut dyn FnMut(&[f32]) -> Result<(), QuantizeError>,
    ) -> Result<(), QuantizeError> {
        for frame in 0..8 {
            let wave = |place: usize| ((place * (3 + number) + frame * 7) as f32 * 0.37).sin();
            take(&(0..SIDE * SIDE * 3).map(wave).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

/// A pointwise, a depthwise and a pointwise convolution. The channels between them span 1 to 1000,
/// and count alike for what comes out.
fn uneven(clamp: Activation) -> TypedModel {
    let size = |channel: usize| 1000f32.powf(channel as f32 / (CHANNELS - 1) as f32 - 1.0);
    let wave = |seed: usize| ((seed * seed + 3) as f32 * 1.7).sin();
    let mut graph = TypedModel::default();
    let x = graph.add_source("source", f32::fact([SIDE, SIDE, 3]));
    let mut x = x.unwrap();
    let mut wire = |name: &str,
                    shape: [usize; 5],
                    groups: usize,
                    activation: Activation,
                    weight: &dyn Fn(usize) -> f32| {
        let weights: Vec<f32> = (0..shape.iter().product()).map(weight).collect();
        let weights = Tensor::from_shape(&shape, &weights).unwrap();
        let weights = graph.add_const(format!("{name}.weights"), weights).unwrap();
        let bias = tensor1(&vec![0f32; shape[0]]);
        let bias = graph.add_const(format!("{name}.bias"), bias).unwrap();
        let pixels = shape[3];
        let op = StepOp::Conv(Conv {
            time: TimeWindow::FRAME,
            space: SpaceWindow {
                kernel: [pixels; 2],
                padding: [[pixels / 2; 2]; 2],
                ..SpaceWindow::PIXEL
            },
            groups,
            activation,
        });
        x = graph.wire_node(name, op, &[x, weights, bias]).unwrap()[0];
    };
    let c = CHANNELS;
    wire("expand", [c, 3, 1, 1, 1], 1, clamp, &|at| {
        size(at / 3) * wave(at)
    });
    wire("depthwise", [c, 1, 1, 3, 3], c, clamp, &|at| wave(at + 50));
    wire("project", [5, c, 1, 1, 1], 1, Activation::Identity, &|at| {
        wave(at + 9) / size(at % c)
    });
    graph.select_output_outlets(&[x]).unwrap();
    graph
}

fn report(equalize: bool, clamp: Activation) -> Report {
    let settings = Settings {
        method: Some(RangeMethod::MinMax),
        max_drop: 1.0,
        equalize,
        drift: 8,
        isa: Isa::best(),
        floats: Default::default(),
    };
    // Nothing goes back to float, so that what is measured is the integers' own.
    quantize(&uneven(clamp), &mut Waves, None, &settings, &mut |_| ())
        .unwrap()
        .report
}

#[test]
fn channels_that_span_three_decades_are_clear_again() {
    let relu6 = Activation::Clamp {
        low: 0.0,
        high: 6.0,
    };
    for clamp in [Activation::RELU, relu6] {
        let [plain, equal] = [false, true].map(|equalize| {
            let report = report(equalize, clamp);
            let all_integer = report.fallbacks.first();
            println!(
                "{clamp:?} {equalize}: {:?} {:?}",
                report.logits_decibels, all_integer
            );
            report
        });
        assert_eq!(equal.equalized, ["depthwise", "expand"]);
        assert_eq!(equal.float_nodes, Vec::<String>::new());
        assert!(
            equal.logits_decibels > Some(25.0),
            "{:?}",
            equal.logits_decibels
        );
        // Without it, integers alone are too noisy.
        let is_mixed = !plain.float_nodes.is_empty();
        assert!(
            is_mixed
                || plain
                    .logits_decibels
                    .is_some_and(|decibels| decibels < 20.0)
        );
    }
}
