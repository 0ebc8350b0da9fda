use proptest::prelude::*;
use tract_core::internal::tract_ndarray::Array5;

use super::*;

type Map = Array5<f32>;

fn map(shape: [usize; 5], seed: u32) -> Map {
    let mut state = seed;
    Map::from_shape_simple_fn(shape, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    })
}

fn run(op: &Attention, maps: &[Map; 3]) -> Map {
    let mut model = TypedModel::default();
    let inputs: Vec<OutletId> = maps
        .iter()
        .enumerate()
        .map(|(at, map)| {
            let fact = f32::fact(map.shape());
            model.add_source(format!("in{at}"), fact).unwrap()
        })
        .collect();
    let output = model.wire_node("attention", op.clone(), &inputs).unwrap();
    model.select_output_outlets(&output).unwrap();
    let plan = model.into_decluttered().unwrap().into_runnable().unwrap();
    let found = plan.run(maps.iter().map(|map| map.clone().into_tvalue()).collect());
    let found = found.unwrap();
    let found = found[0].to_plain_array_view::<f32>().unwrap();
    found.to_owned().into_dimensionality().unwrap()
}

/// The mean place by place, as the paper's equation 1 says.
fn by_definition(op: &Attention, [queries, keys, values]: &[Map; 3]) -> Map {
    let shape = queries.shape();
    let shape = [shape[0], values.shape()[1], shape[2], shape[3], shape[4]];
    Map::from_shape_fn(shape, |(n, v, t, h, w)| {
        let first = op.window.map_or(0, |window| (t + 1).saturating_sub(window));
        let end = op.window.map_or(keys.shape()[2], |_| t + 1);
        let (mut weights, mut found) = (vec![], vec![]);
        for frame in first..end {
            for y in 0..keys.shape()[3] {
                for x in 0..keys.shape()[4] {
                    let product: f32 = (0..keys.shape()[1])
                        .map(|c| queries[[n, c, t, h, w]] * keys[[n, c, frame, y, x]])
                        .sum();
                    weights.push(product * op.scale);
                    found.push(values[[n, v, frame, y, x]]);
                }
            }
        }
        let share = match op.weighting {
            Weighting::Softmax => {
                weights.iter_mut().for_each(|weight| *weight = weight.exp());
                weights.iter().sum::<f32>()
            }
            Weighting::Mean => weights.len() as f32,
        };
        let sum: f32 = weights.iter().zip(&found).map(|(a, b)| a * b).sum();
        sum / share
    })
}

fn weightings() -> impl Strategy<Value = Weighting> {
    prop_oneof![Just(Weighting::Softmax), Just(Weighting::Mean)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_place_gets_its_weighted_mean(
        weighting in weightings(),
        window in prop::option::of(1usize..4),
        scale in 0.1f32..2.0,
        (frames, side, key_side) in (1usize..4, 1usize..6, 1usize..4),
        (channels, value_channels) in (1usize..5, 1usize..5),
    ) {
        let op = Attention { weighting, scale, window };
        let maps = [
            map([1, channels, frames, side, side + 1], 1),
            map([1, channels, frames, key_side, key_side], 2),
            map([1, value_channels, frames, key_side, key_side], 3),
        ];
        let (found, wanted) = (run(&op, &maps), by_definition(&op, &maps));
        prop_assert_eq!(found.shape(), wanted.shape());
        let largest = (&found - &wanted).mapv(f32::abs).fold(0.0, |a: f32, b| a.max(*b));
        prop_assert!(largest < 1e-4, "{}", largest);
    }
}

#[test]
fn blocks_of_queries_make_no_difference() {
    let op = Attention {
        weighting: Weighting::Softmax,
        scale: 0.5,
        window: None,
    };
    let maps = [
        map([1, 2, 2, 13, 13], 1),
        map([1, 2, 2, 3, 3], 2),
        map([1, 3, 2, 3, 3], 3),
    ];
    let difference = run(&op, &maps) - by_definition(&op, &maps);
    assert!(difference.iter().all(|apart| apart.abs() < 1e-5));
}

#[test]
fn large_products_do_not_overflow() {
    let op = Attention {
        weighting: Weighting::Softmax,
        scale: 1e4,
        window: None,
    };
    let maps = [1, 2, 3].map(|seed| map([1, 2, 2, 2, 2], seed));
    assert!(run(&op, &maps).iter().all(|value| value.is_finite()));
}

#[test]
fn maps_that_do_not_fit_are_refused() {
    let op = Attention {
        weighting: Weighting::Mean,
        scale: 1.0,
        window: Some(2),
    };
    let refused = |shapes: [[usize; 5]; 3]| {
        let facts = shapes.map(f32::fact);
        op.output_facts(&facts.each_ref()).is_err()
    };
    assert!(!refused([
        [1, 2, 3, 4, 4],
        [1, 2, 3, 2, 2],
        [1, 5, 3, 2, 2]
    ]));
    assert!(refused([[1, 3, 3, 4, 4], [1, 2, 3, 2, 2], [1, 5, 3, 2, 2]]));
    assert!(refused([[1, 2, 3, 4, 4], [1, 2, 3, 2, 2], [1, 5, 3, 2, 1]]));
    assert!(refused([[1, 2, 4, 4, 4], [1, 2, 3, 2, 2], [1, 5, 3, 2, 2]]));
}
