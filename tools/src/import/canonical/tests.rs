mod spelling;

use praxiscope_runtime::ops::{ShiftDirection, TemporalShift};
use proptest::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{
    MultiBroadcastTo, Pad, PadMode, ScatterNd, ScatterReduction, Slice, TypedConcat,
};
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

use super::*;
use crate::network::operators;
use spelling::{Seen, Spelling, Zeros};

const SHAPE: [usize; 4] = [5, 8, 2, 3];
const TIME: usize = 0;
const CHANNELS: usize = 1;

/// A graph in the making; names are numbers.
struct Draft {
    graph: TypedModel,
    nodes: usize,
}

impl Draft {
    fn new(shape: &[usize]) -> (Draft, OutletId) {
        let mut graph = TypedModel::default();
        let source = graph.add_source("clip", f32::fact(shape)).unwrap();
        let mut draft = Draft { graph, nodes: 0 };
        let map = draft.wire(math::square(), &[source]);
        (draft, map)
    }

    fn name(&mut self) -> String {
        self.nodes += 1;
        self.nodes.to_string()
    }

    fn wire(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> OutletId {
        let name = self.name();
        self.graph.wire_node(name, op, inputs).unwrap()[0]
    }

    fn constant(&mut self, tensor: Tensor) -> OutletId {
        let name = self.name();
        self.graph.add_const(name, tensor).unwrap()
    }

    fn shape(&self, wire: OutletId) -> Vec<usize> {
        let fact = self.graph.outlet_fact(wire).unwrap();
        fact.shape.as_concrete().unwrap().to_vec()
    }

    fn slice(&mut self, wire: OutletId, axis: usize, start: usize, end: usize) -> OutletId {
        self.wire(Slice::new(axis, start, end), &[wire])
    }

    /// The graph that ends in twice `wire`.
    fn finish(mut self, wire: OutletId) -> TypedModel {
        let twice = self.wire(math::add(), &[wire, wire]);
        self.graph.select_output_outlets(&[twice]).unwrap();
        self.graph
    }
}

fn run(graph: &TypedModel) -> Tensor {
    let shape = graph.input_fact(0).unwrap().shape.as_concrete().unwrap();
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|n| (n * 37 % 101) as f32 - 50.0).collect();
    let clip = Tensor::from_shape(shape, &values).unwrap();
    let plan = graph.clone().into_runnable().unwrap();
    plan.run(tvec!(clip.into_tvalue()))
        .unwrap()
        .remove(0)
        .into_tensor()
}

/// The canonical graph, after it was seen to answer as the one it was made of.
#[track_caller]
fn canonical_of(graph: &TypedModel) -> Canonical {
    let canonical = canonical(graph).unwrap();
    assert_eq!(
        run(&canonical.graph),
        run(graph),
        "{graph}{}",
        canonical.graph
    );
    canonical
}

fn shifts(graph: &TypedModel) -> Vec<TemporalShift> {
    let shifts = graph.nodes().iter().filter_map(|node| node.op_as());
    shifts.cloned().collect()
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let zeros = prop_oneof![
        Just(Zeros::Constant),
        Just(Zeros::Difference),
        Just(Zeros::Product),
        Just(Zeros::Padding)
    ];
    let seen = prop_oneof![
        Just(Seen::AsItLies),
        Just(Seen::WithBatch),
        Just(Seen::PixelsJoined),
        Just(Seen::TimeBehindChannels)
    ];
    let amounts = prop_oneof![
        (0..=1usize, 1..=3usize, Just(0usize), Just(1usize))
            .prop_map(|(two, fold, skipped, by)| (two * fold, fold, skipped, by)),
        (0..=3usize, 0..=3usize, 0..=2usize, 1..=2usize),
    ];
    (zeros, seen, any::<bool>(), amounts).prop_map(|(zeros, seen, scattered, amounts)| {
        let (future, past, skipped, by) = amounts;
        Spelling {
            zeros,
            seen,
            scattered,
            future,
            past,
            skipped,
            by,
        }
    })
}

proptest! {
    /// Every spelling of a shift is recognised, everything else is left alone, and the answer never
    /// changes.
    #[test]
    fn a_shift_is_known_by_what_it_does(spelling in spelling()) {
        let graph = spelling.graph();
        let canonical = canonical_of(&graph);
        let found = shifts(&canonical.graph);
        match spelling.operator() {
            Some((direction, fold)) => {
                prop_assert_eq!(found.len(), 1, "{}", canonical.graph);
                let axes = (found[0].time_axis, found[0].channel_axis);
                prop_assert_eq!((found[0].direction, found[0].fold), (direction, fold));
                prop_assert_eq!(axes, (TIME, CHANNELS));
                // The source, the square, the shift and the sum.
                prop_assert_eq!(canonical.graph.nodes().len(), 4, "{}", canonical.graph);
            }
            None => prop_assert!(found.is_empty()),
        }
    }

    /// Whatever is done to a map's axes and put back is nothing.
    #[test]
    fn moves_that_cancel_out_are_gone(moves in prop::collection::vec((0..4usize, 0..4usize), 0..6)) {
        let (mut draft, map) = Draft::new(&SHAPE);
        let there = moves.iter().map(|(from, to)| AxisOp::Move(*from, *to));
        let back = moves.iter().rev().map(|(from, to)| AxisOp::Move(*to, *from));
        let same = there.chain(back).fold(map, |map, op| draft.wire(op, &[map]));
        let canonical = canonical_of(&draft.finish(same));
        prop_assert_eq!(canonical.graph.nodes().len(), 3, "{}", canonical.graph);
    }

    /// Any order of axes is reached, and so are ranges of them with zeros around.
    #[test]
    fn movement_of_other_kinds_keeps_its_answer(
        moves in prop::collection::vec((0..4usize, 0..4usize), 0..4),
        axis in 0..4usize,
        start in 0..2usize,
        pad in (0..3usize, 0..3usize),
    ) {
        let (mut draft, map) = Draft::new(&SHAPE);
        let moves = moves.iter().map(|(from, to)| AxisOp::Move(*from, *to));
        let moved = moves.fold(map, |map, op| draft.wire(op, &[map]));
        let end = draft.shape(moved)[axis];
        let part = draft.slice(moved, axis, start, end);
        let mut pads = vec![(0, 0); 4];
        pads[axis] = pad;
        let mode = PadMode::Constant(tensor0(0f32).into_arc_tensor());
        let padded = draft.wire(Pad { pads, mode }, &[part]);
        canonical_of(&draft.finish(padded));
    }
}

#[test]
fn a_circular_shift_is_named_and_left_alone() {
    let (mut draft, map) = Draft::new(&SHAPE);
    let lent = draft.slice(map, CHANNELS, 0, 2);
    let (first, others) = (
        draft.slice(lent, TIME, 0, 1),
        draft.slice(lent, TIME, 1, SHAPE[TIME]),
    );
    let lent = draft.wire(TypedConcat { axis: TIME }, &[others, first]);
    let rest = draft.slice(map, CHANNELS, 2, SHAPE[CHANNELS]);
    let shifted = draft.wire(TypedConcat { axis: CHANNELS }, &[lent, rest]);
    let canonical = canonical_of(&draft.finish(shifted));
    assert!(shifts(&canonical.graph).is_empty());
    assert!(
        canonical.warnings[0].contains("circular"),
        "{:?}",
        canonical.warnings
    );
}

#[test]
fn a_shift_of_no_usual_kind_becomes_a_convolution_that_picks() {
    let usual = Spelling {
        zeros: Zeros::Constant,
        seen: Seen::AsItLies,
        scattered: false,
        future: 0,
        past: 2,
        skipped: 0,
        by: 1,
    };
    let by_two = Spelling { by: 2, ..usual };
    let future_alone = Spelling {
        past: 0,
        future: 2,
        ..usual
    };
    let unequal = Spelling {
        future: 1,
        past: 3,
        ..usual
    };
    for spelling in [by_two, future_alone, unequal] {
        for seen in [Seen::AsItLies, Seen::WithBatch, Seen::TimeBehindChannels] {
            let canonical = canonical_of(&Spelling { seen, ..spelling }.graph());
            let found = operators(&canonical.graph);
            assert_eq!(found.get("Conv"), Some(&1), "{spelling:?}: {found:?}");
            assert_eq!(found.get("Concat"), None, "{spelling:?}: {found:?}");
        }
    }
}

#[test]
fn neighbours_that_become_channels_are_one_node() {
    let (mut draft, map) = Draft::new(&[1, 2, 4, 6, 3]);
    let dims = |dims: &[usize]| dims.iter().map(|dim| dim.to_dim()).collect();
    // Every two frames and two rows of pixels, before the channels.
    let parted = AxisOp::Reshape(2, dims(&[4, 6]), dims(&[2, 2, 3, 2]));
    let mut wire = draft.wire(parted, &[map]);
    for (from, to) in [(3, 1), (5, 2)] {
        wire = draft.wire(AxisOp::Move(from, to), &[wire]);
    }
    let joined = AxisOp::Reshape(1, dims(&[2, 2, 2]), dims(&[8]));
    let wire = draft.wire(joined, &[wire]);
    assert_eq!(draft.shape(wire), [1, 8, 2, 3, 3]);
    let canonical = canonical_of(&draft.finish(wire));
    let found = operators(&canonical.graph);
    assert_eq!(found.get("Conv"), Some(&1), "{found:?}");
    assert_eq!(found.get("Reshape"), None, "{found:?}");
}

#[test]
fn every_so_many_frames_and_uneven_ones_are_one_node() {
    for (numbers, operator) in [
        (&[0i64, 2, 4, 6][..], "Downsample"),
        (&[0, 2, 5, 7], "Gather"),
    ] {
        let (mut draft, map) = Draft::new(&[1, 2, 8, 2, 2]);
        let parts: Vec<OutletId> = numbers
            .iter()
            .map(|number| draft.slice(map, 2, *number as usize, *number as usize + 1))
            .collect();
        let some = draft.wire(TypedConcat { axis: 2 }, &parts);
        let canonical = canonical_of(&draft.finish(some));
        let found = operators(&canonical.graph);
        assert_eq!(found.get(operator), Some(&1), "{}", canonical.graph);
        assert_eq!(found.get("Concat"), None);
    }
}

/// tract's declutter would refuse the graph as it was.
#[test]
fn repeated_maps_that_are_joined_and_multiplied_are_kept() {
    let (mut draft, map) = Draft::new(&[1, 2, 4, 1]);
    let other = draft.wire(AxisOp::Move(2, 3), &[map]);
    let shape = ShapeFact::from_dims([1, 2, 4, 4].map(|dim: usize| dim.to_dim()));
    let repeated = [map, other].map(|map| {
        let shape = shape.clone();
        draft.wire(MultiBroadcastTo { shape }, &[map])
    });
    let joined = draft.wire(TypedConcat { axis: 1 }, &repeated);
    let op = EinSum::new("bchw,oc->bohw".parse().unwrap(), f32::datum_type());
    let weights = draft.constant(tensor2(&[[1f32, -2.0, 3.0, 4.0]]));
    let pairs = draft.wire(op, &[joined, weights]);
    let canonical = canonical_of(&draft.finish(pairs)).graph;
    let decluttered = canonical.clone().into_decluttered().unwrap();
    assert_eq!(run(&decluttered), run(&canonical));
}

#[test]
fn a_sum_over_its_count_is_a_mean_and_another_share_is_not() {
    for (share, means) in [(1.0 / 12.0, 1), (0.1, 0)] {
        let (mut draft, map) = Draft::new(&[1, 2, 3, 2, 2]);
        let sum = draft.wire(Reduce::new(tvec![2, 3, 4], Reducer::Sum), &[map]);
        let share = tensor0(share as f32).broadcast_into_rank(5).unwrap();
        let share = draft.constant(share);
        let mean = draft.wire(math::mul(), &[sum, share]);
        let canonical = canonical(&draft.finish(mean)).unwrap();
        let found = operators(&canonical.graph)
            .get("Mean")
            .copied()
            .unwrap_or(0);
        assert_eq!(found, means);
    }
}
