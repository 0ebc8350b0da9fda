//! Attention over time and the map, spelled as two products with weights between them.

use praxiscope_runtime::ops;
use praxiscope_runtime::step::{Attention, StepOp, Weighting};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math;
use tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::align::counted;
use super::stream::{Looking, Scores, Side, Stream, Value};
use super::{Attended, Lowered, Lowering, refuse};
use crate::streaming::axes::{Atom, Axes};

impl Scores {
    /// Behind a reordering of axes.
    pub(super) fn behind(&self, op: &AxisOp) -> Lowered<Box<Scores>> {
        let mut scores = self.clone();
        match op {
            AxisOp::Add(at) => scores.axes.insert(*at, Side::Unit),
            AxisOp::Rm(at) if scores.axes[*at] == Side::Unit => {
                scores.axes.remove(*at);
            }
            AxisOp::Move(from, to) => {
                let side = scores.axes.remove(*from);
                scores.axes.insert(*to, side);
            }
            _ => refuse!("{op:?} takes the products of an attention apart"),
        }
        Ok(Box::new(scores))
    }

    /// Multiplies the products by a number, or divides them.
    pub(super) fn scale(&mut self, op: &TypedBinOp, number: Option<f32>) -> Lowered<()> {
        let number = number.filter(|_| self.softmax.is_none());
        match number {
            Some(number) if op.0.is::<math::Mul>() => self.factor *= number,
            Some(number) if op.0.is::<math::Div>() => self.factor /= number,
            _ => refuse!("the weights of an attention are changed in an unknown way"),
        }
        Ok(())
    }
}

impl Lowering<'_> {
    /// The first product: of the places of two maps, over their channels.
    pub(super) fn products(
        &mut self,
        node: &TypedNode,
        op: &EinSum,
        [left, right]: [Stream; 2],
    ) -> Lowered<Value> {
        let mut axes = tvec![Side::Unit; op.axes.rank(InOut::Out(0))];
        let (mut lefts, mut rights) = (tvec![], tvec![]);
        let is_unit = |stream: &Stream, axis: usize| {
            stream.extents().product(&stream.axes.0[axis]) == 1
                && !stream.axes.0[axis].contains(&Atom::Time)
        };
        for axis in op.axes.iter_all_axes() {
            let place = |slot: usize| axis.inputs[slot].first().copied();
            let out = axis.outputs[0].first().copied();
            match (place(0), place(1), out) {
                (Some(x), Some(y), None)
                    if left.axes.0[x].contains(&Atom::Channels)
                        && right.axes.0[y].contains(&Atom::Channels) => {}
                (Some(x), Some(y), Some(out)) if left.axes.0[x].as_slice() == [Atom::Time] => {
                    if right.axes.0[y].as_slice() != [Atom::Time] {
                        refuse!("the product {} mixes time with something else", op.axes);
                    }
                    axes[out] = Side::Frames;
                }
                (x, y, _)
                    if x.is_none_or(|x| is_unit(&left, x))
                        && y.is_none_or(|y| is_unit(&right, y)) => {}
                (Some(x), None, Some(out)) => {
                    axes[out] = Side::Left;
                    lefts.extend(left.axes.0[x].iter().copied());
                }
                (None, Some(y), Some(out)) => {
                    axes[out] = Side::Right;
                    rights.extend(right.axes.0[y].iter().copied());
                }
                _ => refuse!("the product {} is no attention to places", op.axes),
            }
        }
        let sides = |side| axes.iter().filter(|other| **other == side).count();
        if sides(Side::Left) > 1 || sides(Side::Right) > 1 {
            refuse!("the product {} is no attention to places", op.axes);
        }
        let looking = |slot: usize, map, places| Looking {
            outlet: node.inputs[slot],
            map,
            places,
        };
        Ok(Value::Scores(Box::new(Scores {
            left: looking(0, left, lefts),
            right: looking(1, right, rights),
            axes,
            factor: 1.0,
            softmax: None,
        })))
    }

    pub(super) fn softmax(&mut self, node: &TypedNode, op: &Softmax) -> Lowered<Value> {
        let [axis] = op.axes[..] else {
            refuse!("a softmax over several axes is not known frame by frame");
        };
        if op.kind != SoftmaxKind::Softmax {
            refuse!("{:?} is not known frame by frame", op.kind);
        }
        match self.value(node.inputs[0])?.clone() {
            Value::Scores(mut scores) => {
                let side = scores.axes[axis];
                if !matches!(side, Side::Left | Side::Right) || scores.softmax.is_some() {
                    refuse!("its softmax goes over something else than places");
                }
                scores.softmax = Some(side);
                Ok(Value::Scores(scores))
            }
            Value::Stream(stream) => {
                let extents = stream.extents();
                if !stream.axes.is_alone(axis, Atom::Channels, &extents) {
                    refuse!("its softmax goes over {:?}", stream.axes.0[axis]);
                }
                Ok(Value::from(self.one_for_one(
                    node,
                    StepOp::Softmax,
                    *stream,
                )?))
            }
            Value::Constant(_) => refuse!("a constant stands where frames are needed"),
        }
    }

    /// The second product: the mean of the values with the weights. `slot` is the weights' place
    /// among the inputs.
    pub(super) fn weighted(
        &mut self,
        node: &TypedNode,
        op: &EinSum,
        scores: &Scores,
        values: Stream,
        slot: usize,
    ) -> Lowered<Stream> {
        let mut key = None;
        let mut axes: TVec<TVec<Atom>> = tvec![tvec![]; op.axes.rank(InOut::Out(0))];
        let mut query_out = None;
        for axis in op.axes.iter_all_axes() {
            let weight = axis.inputs[slot].first().map(|axis| scores.axes[*axis]);
            let value = axis.inputs[1 - slot]
                .first()
                .map(|axis| &values.axes.0[*axis]);
            let out = axis.outputs[0].first().copied();
            match (weight, value, out) {
                (Some(side @ (Side::Left | Side::Right)), Some(atoms), None) if key.is_none() => {
                    key = Some((side, atoms.clone()));
                }
                (Some(side @ (Side::Left | Side::Right)), None, Some(out)) => {
                    query_out = Some((side, out));
                }
                (Some(Side::Frames), Some(atoms), Some(out))
                    if atoms.as_slice() == [Atom::Time] =>
                {
                    axes[out] = tvec![Atom::Time];
                }
                (None, Some(atoms), Some(out)) => axes[out] = atoms.clone(),
                (Some(Side::Unit), Some(atoms), Some(out)) if atoms.is_empty() => {
                    axes[out] = tvec![];
                }
                (Some(Side::Unit) | None, None, _) => {}
                (Some(Side::Unit) | None, Some(atoms), None)
                    if values.extents().product(atoms) == 1 => {}
                _ => refuse!("the product {} is no mean of values", op.axes),
            }
        }
        let Some((side, atoms)) = key else {
            refuse!("the product {} is no mean of values", op.axes);
        };
        if scores.softmax.is_some_and(|softmax| softmax != side) {
            refuse!("its weights add up to one over other places than those of the values");
        }
        let (key, query) = match side.other() {
            Side::Left => (&scores.right, &scores.left),
            _ => (&scores.left, &scores.right),
        };
        let places = &key.places;
        if *places != atoms || query_out.is_none_or(|(query, _)| query != side.other()) {
            refuse!("its weights are for {places:?} and its values are of {atoms:?}");
        }
        if let Some((_, out)) = query_out {
            axes[out] = query.places.clone();
        }
        let is_over_time = places.contains(&Atom::Time);
        let is_one_by_one = scores.axes.contains(&Side::Frames);
        let covers = |places: &[Atom], stream: &Stream| {
            let extents = stream.extents();
            let sides = [Atom::Height, Atom::Width];
            let are_there = sides
                .iter()
                .all(|a| places.contains(a) || extents.of(*a) == 1);
            are_there && (places.contains(&Atom::Time) || is_one_by_one)
        };
        let is_covered = |side: &Looking| covers(&side.places, &side.map);
        if is_over_time == is_one_by_one || !is_covered(key) || !is_covered(query) {
            refuse!(
                "its attention goes over {places:?}, and a step program's over time and the map"
            );
        }
        let count = key.map.extents().product(places) as f32;
        let weighting = match scores.softmax {
            Some(_) => (Weighting::Softmax, scores.factor),
            None => (Weighting::Mean, scores.factor * count),
        };
        let outlets = [query.outlet, key.outlet, node.inputs[1 - slot]];
        let maps = [query.map.clone(), key.map.clone(), values];
        self.attend(node, (outlets, maps), weighting, is_over_time, Axes(axes))
    }

    pub(super) fn attention(&mut self, node: &TypedNode, op: &ops::Attention) -> Lowered<Value> {
        let [queries, keys, values] = node.inputs[..] else {
            refuse!("an attention has queries, keys and values");
        };
        let maps = [
            self.stream(queries)?,
            self.stream(keys)?,
            self.stream(values)?,
        ];
        if op.window.is_some() {
            refuse!("an attention over a window is a step program's already");
        }
        let wanted: [&[Atom]; 5] = [
            &[],
            &[Atom::Channels],
            &[Atom::Time],
            &[Atom::Height],
            &[Atom::Width],
        ];
        for map in &maps {
            let are_wanted = map.axes.0.iter().zip(wanted).all(|(axis, wanted)| {
                axis.as_slice() == wanted || map.extents().product(axis) == 1
            });
            if map.axes.rank() != wanted.len() || !are_wanted || !map.has_time() {
                refuse!("it attends to {:?}", map.axes.0);
            }
        }
        let weighting = match op.weighting {
            ops::Weighting::Softmax => Weighting::Softmax,
            ops::Weighting::Mean => Weighting::Mean,
        };
        let axes = maps[0].axes.clone();
        let maps = ([queries, keys, values], maps);
        let stream = self.attend(node, maps, (weighting, op.scale), true, axes)?;
        Ok(Value::from(stream))
    }

    fn attend(
        &mut self,
        node: &TypedNode,
        (outlets, maps): ([OutletId; 3], [Stream; 3]),
        (weighting, scale): (Weighting, f32),
        is_over_time: bool,
        axes: Axes,
    ) -> Lowered<Stream> {
        let rows = maps[1].rows;
        if maps.iter().any(|map| map.repeated) {
            refuse!("it attends to places that are repeated");
        }
        if maps.iter().any(|map| map.rows != rows || !map.has_time()) {
            refuse!("its queries, keys and values have other rows");
        }
        let (together, wires) = self.align(&node.name, &maps)?;
        let frames = if is_over_time { rows.native } else { 1 };
        let op = Attention {
            weighting,
            scale,
            frames,
            dilation: rows.dilation,
        };
        let attended = Attended {
            maps: outlets,
            op,
            is_over_time,
        };
        self.attentions.insert(node.id, attended);
        if frames > 1 {
            let what = format!(
                "the attention over the clip is one of each frame to the last {}",
                counted(rows)
            );
            self.change(node.name.clone(), what);
        }
        let (base, frame) = self.emit(&node.name, StepOp::Attention(op), &wires)?;
        Ok(Stream {
            base,
            frame,
            axes,
            ..together
        })
    }
}
