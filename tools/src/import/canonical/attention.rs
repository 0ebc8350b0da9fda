//! Attention: two products of matrices with a softmax, or a division by the number of keys, between.
//!
//! What the matrices are made of is read off their origins: rows that are the places of a map, in its
//! order, and columns that are its channels, however they were brought there.

use praxiscope_runtime::ops::{Attention, Weighting};
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::identity::Identity;
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::movement::{self, Root, Tracer};
use super::places::reshape;
use super::scalars;

/// Replaces every attention over the places of clips.
///
/// # Errors
/// When tract refuses the graph.
pub fn replace(graph: &mut TypedModel) -> TractResult<()> {
    let roots = movement::roots(graph)?;
    let mut found = vec![];
    for id in graph.eval_order()? {
        found.extend(Found::at(graph, &roots, id));
    }
    for attention in found {
        attention.write(graph)?;
    }
    graph.compact()
}

/// A matrix made of a map's places and channels.
#[derive(Clone, Debug)]
struct Matrix {
    map: OutletId,
    /// What brings the map to `[1, C, T, H, W]`.
    moves: Vec<AxisOp>,
    /// `[1, C, T, H, W]`.
    shape: TVec<usize>,
    /// What every number is multiplied with on the way.
    factor: f32,
}

impl Matrix {
    /// Reads an operand whose axes of places and of channels are these.
    fn of(
        graph: &TypedModel,
        roots: &[Root],
        operand: OutletId,
        places: usize,
        channels: usize,
    ) -> Option<Matrix> {
        let (mut outlet, mut factor) = (operand, 1.0);
        // A factor may stand before the moves, behind them or between.
        let mut moved = vec![];
        let map = loop {
            let node = graph.node(outlet.node);
            if let Some((value, by)) = scalars::scaled(graph, node) {
                factor *= by;
                outlet = value;
                continue;
            }
            match roots[outlet.node] {
                Root::Constant => return None,
                Root::Map(map) if map.node == outlet.node => break outlet,
                Root::Map(map) => {
                    moved.push((map, outlet));
                    outlet = map;
                }
            }
        };
        // Only one stretch of movement is followed.
        let table = match moved[..] {
            [] => Tracer::new(graph, roots, map)?.origins(map).ok()?,
            [(from, to)] => Tracer::new(graph, roots, from)?.origins(to).ok()?,
            _ => return None,
        };
        let shape = graph.outlet_fact(map).ok()?.shape.as_concrete()?.to_vec();
        let (moves, clip) = match shape[..] {
            [1, c, t, h, w] => (vec![], tvec![1, c, t, h, w]),
            [t, c, h, w] => (
                vec![AxisOp::Move(0, 1), AxisOp::Add(0)],
                tvec![1, c, t, h, w],
            ),
            _ => return None,
        };
        let of_frames = shape.len() == 4;
        let (count, depth, frame) = (clip[2] * clip[3] * clip[4], clip[1], clip[3] * clip[4]);
        let extents = table.shape();
        let others: usize = extents.iter().product::<usize>() / (count * depth).max(1);
        if extents[places] != count || extents[channels] != depth || others != 1 {
            return None;
        }
        let stride = |axis: usize| extents[axis + 1..].iter().product::<usize>();
        let (along, across) = (stride(places), stride(channels));
        let values = table.values().ok()?;
        let fits = (0..count).all(|place| {
            (0..depth).all(|channel| {
                let origin = match of_frames {
                    true => (place / frame * depth + channel) * frame + place % frame,
                    false => channel * count + place,
                };
                values[place * along + channel * across] as usize == origin + 1
            })
        });
        fits.then_some(Matrix {
            map,
            moves,
            shape: clip,
            factor,
        })
    }
}

#[derive(Clone, Debug)]
struct Found {
    /// The second product.
    product: usize,
    queries: Matrix,
    keys: Matrix,
    values: Matrix,
    op: Attention,
    /// Whether the answer's places stand before its channels.
    places_first: bool,
}

/// An axis of a product of two matrices.
#[derive(Clone, Copy, Debug, Default)]
struct Contraction {
    /// The axes of both inputs that are summed over.
    summed: [usize; 2],
    /// The axis of each input that is kept, and where it is in the output.
    kept: [(usize, usize); 2],
}

impl Contraction {
    fn of(graph: &TypedModel, node: &TypedNode) -> Option<Contraction> {
        let op = node.op_as::<EinSum>().filter(|op| op.q_params.is_none())?;
        if node.inputs.len() != 2 || node.outputs.len() != 1 {
            return None;
        }
        let extent = |input: usize, axis: usize| -> Option<usize> {
            let fact = graph.outlet_fact(node.inputs[input]).ok()?;
            fact.shape.as_concrete().map(|shape| shape[axis])
        };
        let mut contraction = Contraction::default();
        let (mut summed, mut kept) = (0, [0; 2]);
        for axis in op.axes.iter_all_axes() {
            let one = |places: &TVec<usize>| match places[..] {
                [] => Some(None),
                [at] => Some(Some(at)),
                _ => None,
            };
            let left = one(&axis.inputs[0])?;
            let right = one(&axis.inputs[1])?;
            let output = one(&axis.outputs[0])?;
            match (left, right, output) {
                (Some(left), Some(right), None) => {
                    contraction.summed = [left, right];
                    summed += 1;
                }
                (Some(left), Some(right), Some(_)) => {
                    if extent(0, left)? != 1 || extent(1, right)? != 1 {
                        return None;
                    }
                }
                (Some(at), None, Some(output)) => {
                    contraction.kept[0] = (at, output);
                    kept[0] += 1;
                }
                (None, Some(at), Some(output)) => {
                    contraction.kept[1] = (at, output);
                    kept[1] += 1;
                }
                _ => return None,
            }
        }
        (summed == 1 && kept == [1, 1]).then_some(contraction)
    }
}

impl Found {
    fn at(graph: &TypedModel, roots: &[Root], id: usize) -> Option<Found> {
        let node = graph.node(id);
        let second = Contraction::of(graph, node)?;
        (0..2).find_map(|weights| Found::weighted(graph, roots, node, second, weights))
    }

    /// Reads the product `node`, whose input number `side` are the weights.
    fn weighted(
        graph: &TypedModel,
        roots: &[Root],
        node: &TypedNode,
        second: Contraction,
        side: usize,
    ) -> Option<Found> {
        let weights = Weights::behind(graph, node.inputs[side], second.summed[side])?;
        let product = graph.node(weights.product.node);
        let first = Contraction::of(graph, product)?;
        // The keys are what is summed over in the second product.
        let of_keys = (0..2).find(|input| first.kept[*input].1 == weights.axis)?;
        let matrix = |input: usize| {
            let (places, channels) = (first.kept[input].0, first.summed[input]);
            Matrix::of(graph, roots, product.inputs[input], places, channels)
        };
        let (keys, queries) = (matrix(of_keys)?, matrix(1 - of_keys)?);
        let other = 1 - side;
        let (places, channels) = (second.summed[other], second.kept[other].0);
        let values = Matrix::of(graph, roots, node.inputs[other], places, channels)?;
        if values.factor != 1.0 || keys.shape[2..] != values.shape[2..] {
            return None;
        }
        let count: usize = keys.shape[2..].iter().product();
        let scale = weights.factor * keys.factor * queries.factor;
        let op = Attention {
            weighting: weights.weighting,
            scale: match weights.weighting {
                Weighting::Softmax => scale,
                // The operator divides by the number of keys itself.
                Weighting::Mean => scale * count as f32,
            },
            window: None,
        };
        Some(Found {
            product: node.id,
            queries,
            keys,
            values,
            op,
            places_first: second.kept[side].1 < second.kept[other].1,
        })
    }

    fn write(&self, graph: &mut TypedModel) -> TractResult<()> {
        let name = graph.node(self.product).name.clone();
        let shape = graph.outlet_fact(self.product.into())?.shape.clone();
        let shape = shape.as_concrete().context("an extent is not known")?;
        let mut patch = TypedModelPatch::new("two products become an attention");
        let mut maps = tvec![];
        let operands = [&self.queries, &self.keys, &self.values];
        for (matrix, part) in operands.into_iter().zip(["queries", "keys", "values"]) {
            let mut wire = patch.tap_model(graph, matrix.map)?;
            for (index, op) in matrix.moves.iter().enumerate() {
                let name = format!("{name}.{part}.{index}");
                wire = patch.wire_node(name, op.clone(), &[wire])?[0];
            }
            maps.push(wire);
        }
        let mut wire = patch.wire_node(format!("{name}.attention"), self.op.clone(), &maps)?[0];
        let channels = self.values.shape[1];
        let places: usize = self.queries.shape[2..].iter().product();
        let mut clip = self.queries.shape.clone();
        clip[1] = channels;
        let order = if self.places_first { [1, 0] } else { [0, 1] };
        let moves = reshape(&clip, shape, &[channels, places], &order);
        for (index, op) in moves.into_iter().enumerate() {
            wire = patch.wire_node(format!("{name}.answer.{index}"), op, &[wire])?[0];
        }
        patch.shunt_outside(graph, self.product.into(), wire)?;
        patch.apply(graph)
    }
}

/// The weights of a mean, and the product that they were made of.
#[derive(Clone, Copy, Debug)]
struct Weights {
    weighting: Weighting,
    product: OutletId,
    /// The axis of the keys in the output of the product.
    axis: usize,
    factor: f32,
}

impl Weights {
    /// Goes back from the weights, whose keys are along `axis`.
    fn behind(graph: &TypedModel, mut outlet: OutletId, mut axis: usize) -> Option<Weights> {
        let mut weighting = Weighting::Mean;
        let mut factor = 1.0;
        loop {
            let node = graph.node(outlet.node);
            if let Some((value, by)) = scalars::scaled(graph, node) {
                factor *= by;
                outlet = value;
            } else if let Some(op) = node.op_as::<Softmax>() {
                // A factor behind a softmax would weigh the answer.
                let plain = op.kind == SoftmaxKind::Softmax && op.axes[..] == [axis];
                if !plain || factor != 1.0 || weighting == Weighting::Softmax {
                    return None;
                }
                weighting = Weighting::Softmax;
                outlet = node.inputs[0];
            } else if let Some(op) = node.op_as::<AxisOp>() {
                axis = (0..graph.outlet_fact(node.inputs[0]).ok()?.rank())
                    .find(|before| op.transform_axis(*before) == Some(axis))?;
                outlet = node.inputs[0];
            } else if node.op_is::<Identity>() {
                outlet = node.inputs[0];
            } else if node.op_is::<EinSum>() {
                return Some(Weights {
                    weighting,
                    product: outlet,
                    axis,
                    factor,
                });
            } else {
                return None;
            }
        }
    }
}
