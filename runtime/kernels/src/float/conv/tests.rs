//! Every path against a convolution written as its definition.

use super::*;
use crate::Window;
use proptest::prelude::*;

/// The definition, in double precision: a sum over taps and channels that exist.
fn definition(
    geometry: &Geometry,
    weights: &[f32],
    bias: &[f32],
    frames: &[Option<&[f32]>],
) -> Vec<f64> {
    let [height, width] = geometry.output();
    let [kt, kh, kw] = geometry.window().kernel;
    let inputs = geometry.in_channels() / geometry.groups();
    let outputs = geometry.out_channels() / geometry.groups();
    let mut result = Vec::with_capacity(geometry.output_len());
    for (y, x, o) in (0..height)
        .flat_map(|y| (0..width).map(move |x| (y, x)))
        .flat_map(|(y, x)| (0..geometry.out_channels()).map(move |o| (y, x, o)))
    {
        let mut sum = f64::from(bias[o]);
        for (t, frame) in frames.iter().enumerate() {
            for (h, w) in (0..kh).flat_map(|h| (0..kw).map(move |w| (h, w))) {
                let (Some(frame), Some(row), Some(column)) = (
                    frame,
                    geometry.source_row(y, h),
                    geometry.source_column(x, w),
                ) else {
                    continue;
                };
                for i in 0..inputs {
                    let pixel = row * geometry.input()[1] + column;
                    let value = frame[pixel * geometry.in_channels() + o / outputs * inputs + i];
                    let weight = weights[((((o * inputs + i) * kt + t) * kh) + h) * kw + w];
                    sum += f64::from(value) * f64::from(weight);
                }
            }
        }
        result.push(sum);
    }
    result
}

/// Small floats without a pattern that a wrong index could keep.
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

#[derive(Debug, Clone)]
struct Case {
    geometry: Geometry,
    present: Vec<bool>,
    with_addend: bool,
    activation: Activation,
    split: usize,
    seed: u32,
}

/// Channels `[in, out]` and groups: dense, grouped, depthwise, depthwise with a multiplier.
fn channels() -> impl Strategy<Value = ([usize; 2], usize)> {
    prop_oneof![
        (1usize..70, 1usize..70).prop_map(|(i, o)| ([i, o], 1)),
        (1usize..20, 1usize..20, 2usize..5).prop_map(|(i, o, g)| ([i * g, o * g], g)),
        (1usize..150).prop_map(|c| ([c, c], c)),
        (1usize..20, 2usize..4).prop_map(|(c, m)| ([c, c * m], c)),
    ]
}

fn window() -> impl Strategy<Value = Window> {
    let pair = |range: Range<usize>| [range.clone(), range];
    (
        [1usize..4, 1..6, 1..6],
        pair(1..4),
        prop_oneof![3 => Just([1, 1]), 1 => pair(1..4)],
        [pair(0..4), pair(0..4)],
    )
        .prop_map(|(kernel, stride, dilation, padding)| Window {
            kernel,
            stride,
            dilation,
            padding,
        })
}

fn case() -> impl Strategy<Value = Case> {
    let activation = prop_oneof![
        Just(Activation::Identity),
        Just(Activation::RELU6),
        Just(Activation::HardSwish),
    ];
    (
        [1usize..13, 1..13],
        channels(),
        window(),
        any::<(u8, bool, u32)>(),
        activation,
        0usize..13,
    )
        .prop_filter_map(
            "impossible geometry",
            |(input, channels, window, random, activation, split)| {
                let geometry = Geometry::new(input, channels.0, channels.1, window).ok()?;
                let (present, with_addend, seed) = random;
                Some(Case {
                    geometry,
                    present: (0..window.kernel[0])
                        .map(|t| present >> t & 1 == 1 || t == 1)
                        .collect(),
                    with_addend,
                    activation,
                    split: split % (geometry.output()[0] + 1),
                    seed,
                })
            },
        )
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let geometry = &case.geometry;
    let weights = noise(geometry.weights_len(), case.seed);
    let bias = noise(geometry.out_channels(), case.seed ^ 1);
    let maps: Vec<Vec<f32>> = (0..geometry.frames())
        .map(|t| noise(geometry.input_len(), case.seed ^ (t as u32 + 2)))
        .collect();
    let frames: Vec<Option<&[f32]>> = maps
        .iter()
        .zip(&case.present)
        .map(|(map, there)| there.then_some(&map[..]))
        .collect();
    let addend = noise(geometry.output_len(), case.seed ^ 99);
    let addend = case.with_addend.then_some(&addend[..]);
    let mut expected = definition(geometry, &weights, &bias, &frames);
    for (i, sum) in expected.iter_mut().enumerate() {
        *sum += addend.map_or(0.0, |addend| f64::from(addend[i]));
        *sum = f64::from(case.activation.of(*sum as f32));
    }
    let terms = (geometry.weights_len() / geometry.out_channels()) as f64;
    for isa in Isa::available() {
        let conv = Conv::new(geometry, &weights, &bias, case.activation, isa).unwrap();
        let mut output = vec![f32::NAN; geometry.output_len()];
        conv.run(&frames, addend, &mut output, 0..geometry.output()[0])
            .unwrap();
        for (i, (got, expected)) in output.iter().zip(&expected).enumerate() {
            let error = (f64::from(*got) - expected).abs();
            prop_assert!(
                error <= 1e-6 * (terms + 2.0),
                "{isa} at {i}: {got} for {expected}"
            );
        }
        let at = case.split * geometry.output()[1] * geometry.out_channels();
        let mut parts = vec![f32::NAN; geometry.output_len()];
        let (upper, lower) = parts.split_at_mut(at);
        conv.run(&frames, addend.map(|a| &a[..at]), upper, 0..case.split)
            .unwrap();
        let rest = case.split..geometry.output()[0];
        conv.run(&frames, addend.map(|a| &a[at..]), lower, rest)
            .unwrap();
        prop_assert_eq!(&parts, &output, "rows on {}", isa);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_isa_computes_the_definition(case in case()) {
        check(&case)?;
    }
}

/// Depths beyond one chunk, blocks beyond one scratch, and panels of every width.
#[test]
fn large_products_are_cut_rightly() {
    let centred = |t, k| Window::centred([t, k, k], [1, 1]);
    for (input, channels, window) in [
        ([9, 13], [300, 50], Window::POINTWISE),
        ([8, 16], [33, 96], centred(3, 3)),
        ([1, 1], [1030, 7], Window::POINTWISE),
        ([15, 9], [3, 16], centred(1, 7)),
    ] {
        let case = Case {
            geometry: Geometry::new(input, channels, 1, window).unwrap(),
            present: vec![true; window.kernel[0]],
            with_addend: true,
            activation: Activation::RELU,
            split: input[0] / 2,
            seed: 7,
        };
        check(&case).unwrap();
    }
}

#[test]
fn slices_that_do_not_fit_are_refused() {
    let geometry = Geometry::new([4, 4], [2, 3], 1, Window::centred([2, 3, 3], [1, 1])).unwrap();
    let build = |weights, bias, isa| {
        Conv::new(
            &geometry,
            &vec![0.0; weights],
            &vec![0.0; bias],
            Activation::RELU,
            isa,
        )
    };
    assert!(build(107, 3, Isa::Portable).is_err());
    assert!(build(108, 2, Isa::Portable).is_err());
    let foreign = if cfg!(target_arch = "x86_64") {
        Isa::Neon
    } else {
        Isa::Avx2
    };
    assert!(build(108, 3, foreign).is_err());
    let conv = build(108, 3, Isa::best()).unwrap();
    let (frame, short) = ([0.0; 32], [0.0; 31]);
    let mut out = [0.0; 48];
    assert!(conv.run(&[Some(&frame)], None, &mut out, 0..4).is_err());
    assert!(
        conv.run(&[None, Some(&short)], None, &mut out, 0..4)
            .is_err()
    );
    assert!(
        conv.run(&[None, Some(&frame)], Some(&short), &mut out, 0..4)
            .is_err()
    );
    assert!(
        conv.run(&[None, Some(&frame)], None, &mut out, 1..5)
            .is_err()
    );
    assert!(
        conv.run(&[None, Some(&frame)], None, &mut out[..47], 0..4)
            .is_err()
    );
    assert!(
        conv.run(&[None, Some(&frame)], None, &mut out, 0..4)
            .is_ok()
    );
    assert!(conv.run(&[None, Some(&frame)], None, &mut [], 4..4).is_ok());
}

#[test]
fn threads_may_share_a_convolution() {
    fn shared<T: Send + Sync>() {}
    shared::<Conv>();
    shared::<super::super::Pool>();
}
