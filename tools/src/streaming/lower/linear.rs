//! Products with a constant matrix: fully connected layers and convolutions of single places.

use praxiscope_runtime::step::{Activation, Conv as StepConv, SpaceWindow, StepOp, TimeWindow};
use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;

use super::constants::arranged;
use super::stream::{Rows, Stream, Value};
use super::{Lowered, Lowering, refuse};
use crate::streaming::axes::{Atom, Axes};

/// The axes of a convolution's weights; the first is that of the outputs.
const WEIGHTS: [Option<Atom>; 5] = [
    None,
    Some(Atom::Channels),
    Some(Atom::Time),
    Some(Atom::Height),
    Some(Atom::Width),
];

impl Lowering<'_> {
    pub(super) fn einsum(&mut self, node: &TypedNode, op: &EinSum) -> Lowered<Value> {
        let [left, right] = node.inputs[..] else {
            refuse!("it multiplies {} things", node.inputs.len());
        };
        if op.q_params.is_some() {
            refuse!("a quantized product is not known frame by frame");
        }
        match (self.value(left)?.clone(), self.value(right)?.clone()) {
            (Value::Stream(x), Value::Constant(matrix)) => {
                Ok(Value::from(self.linear(node, op, *x, 0, &matrix)?))
            }
            (Value::Constant(matrix), Value::Stream(x)) => {
                Ok(Value::from(self.linear(node, op, *x, 1, &matrix)?))
            }
            (Value::Stream(x), Value::Stream(y)) => self.products(node, op, [*x, *y]),
            (Value::Scores(scores), Value::Stream(values)) => {
                Ok(Value::from(self.weighted(node, op, &scores, *values, 0)?))
            }
            (Value::Stream(values), Value::Scores(scores)) => {
                Ok(Value::from(self.weighted(node, op, &scores, *values, 1)?))
            }
            _ => refuse!("it multiplies what is no map"),
        }
    }

    /// `slot` is the stream's place among the inputs.
    fn linear(
        &mut self,
        node: &TypedNode,
        op: &EinSum,
        stream: Stream,
        slot: usize,
        matrix: &Tensor,
    ) -> Lowered<Stream> {
        if stream.repeated {
            refuse!("it multiplies what is repeated");
        }
        let wire = self.compute(&stream)?;
        let extents = stream.extents();
        let rank = self.shape(node.id.into())?.len();
        let mut axes: TVec<TVec<Atom>> = tvec![tvec![]; rank];
        let mut summed: TVec<Atom> = tvec![];
        // The matrix's axes: those of one place, that of the outputs, those that are summed.
        let (mut units, mut outputs, mut sums) = (tvec![], None, tvec![]);
        for axis in op.axes.iter_all_axes() {
            let mine = axis.inputs[slot].first().copied();
            let matrixs = axis.inputs[1 - slot].first().copied();
            let out = axis.outputs[0].first().copied();
            if axis
                .inputs
                .iter()
                .chain(&axis.outputs)
                .any(|places| places.len() > 1)
            {
                refuse!("it takes a diagonal");
            }
            let extent = matrixs.map_or(1, |axis| matrix.shape()[axis]);
            match (mine, matrixs, out) {
                (Some(mine), matrixs, Some(out)) if extent == 1 => {
                    units.extend(matrixs);
                    // An only channel goes into the new ones.
                    let is_kept = |a: &&Atom| **a != Atom::Channels || extents.of(**a) > 1;
                    axes[out] = stream.axes.0[mine]
                        .iter()
                        .filter(is_kept)
                        .copied()
                        .collect();
                }
                (Some(mine), Some(matrixs), None)
                    if extents.product(&stream.axes.0[mine]) == extent =>
                {
                    summed.extend(stream.axes.0[mine].iter().copied());
                    sums.push(matrixs);
                }
                (None, None, Some(_)) => {}
                (None, Some(matrixs), Some(_)) if extent == 1 => units.push(matrixs),
                (None, Some(matrixs), Some(out)) if outputs.is_none() => {
                    axes[out] = tvec![Atom::Channels];
                    outputs = Some(matrixs);
                }
                (Some(mine), None, None) if extents.product(&stream.axes.0[mine]) == 1 => {}
                (None, Some(matrixs), None) if extent == 1 => units.push(matrixs),
                _ => refuse!("the product {} is no layer over channels", op.axes),
            }
        }
        if !summed.contains(&Atom::Channels) && extents.of(Atom::Channels) == 1 {
            summed.push(Atom::Channels);
        }
        if !summed.contains(&Atom::Channels) {
            refuse!("the product {} mixes something else than channels", op.axes);
        }
        let order = [&units[..], &outputs.into_iter().collect::<Vec<_>>(), &sums].concat();
        let count = outputs.map_or(1, |axis| matrix.shape()[axis]);
        let mut shape: TVec<usize> = tvec![count];
        shape.extend(summed.iter().map(|atom| extents.of(*atom)));
        let weights = matrix.clone().permute_axes(&order)?.into_shape(&shape)?;
        // The outputs' axis stays the first.
        let mut atoms: TVec<Option<Atom>> = tvec![None];
        atoms.extend(summed.iter().copied().map(Some));
        let weights = arranged(weights, &atoms, &WEIGHTS)?;
        let [_, _, time, height, width] = weights.shape()[..] else {
            refuse!("its matrix has no axes");
        };
        let weights = self.emit_constant(&format!("{}.weights", node.name), weights)?;
        let bias = Tensor::zero::<f32>(&[count])?;
        let bias = self.emit_constant(&format!("{}.bias", node.name), bias)?;
        let conv = StepOp::Conv(StepConv {
            time: TimeWindow {
                kernel: time,
                dilation: stream.rows.dilation,
                ..TimeWindow::FRAME
            },
            space: SpaceWindow {
                kernel: [height, width],
                ..SpaceWindow::PIXEL
            },
            groups: 1,
            activation: Activation::Identity,
        });
        let (base, frame) = self.emit(&node.name, conv, &[wire, weights, bias])?;
        let mut rows = stream.rows;
        if summed.contains(&Atom::Time) {
            rows = Rows { native: 1, ..rows };
        }
        Ok(Stream {
            base,
            frame,
            axes: Axes(axes),
            rows,
            pending: None,
            ..stream
        })
    }
}
