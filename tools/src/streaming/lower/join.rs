//! What moves and joins channels: shifts and concatenations.

use praxiscope_runtime::ops::{Border, TemporalShift};
use praxiscope_runtime::step::StepOp;
use tract_core::internal::*;
use tract_core::ops::array::TypedConcat;

use super::elementwise::met_along;
use super::stream::Stream;
use super::{Lowered, Lowering, refuse};
use crate::streaming::axes::{Atom, Axes};

impl Lowering<'_> {
    pub(super) fn shift(
        &mut self,
        node: &TypedNode,
        op: &TemporalShift,
        stream: Stream,
    ) -> Lowered<Stream> {
        if op.border == Border::Circular {
            refuse!(
                "its shift is circular and takes the clip's last frame for the one before its first, \
                 which a stream has not"
            );
        }
        let extents = stream.extents();
        let is_over_time =
            stream.has_time() && stream.axes.is_alone(op.time_axis, Atom::Time, &extents);
        if !is_over_time
            || !stream
                .axes
                .is_alone(op.channel_axis, Atom::Channels, &extents)
        {
            refuse!("it shifts {:?}", stream.axes.0[op.time_axis]);
        }
        if stream.rows.dilation > 1 {
            refuse!("a shift behind a temporal stride cannot answer every frame (--dense)");
        }
        let wire = self.compute(&stream)?;
        let shift = StepOp::Shift {
            direction: op.direction,
            fold: op.fold,
        };
        let (base, frame) = self.emit(&node.name, shift, &[wire])?;
        Ok(Stream {
            base,
            frame,
            pending: None,
            ..stream
        })
    }

    pub(super) fn concat(&mut self, node: &TypedNode, op: &TypedConcat) -> Lowered<Stream> {
        let mut streams = vec![];
        for input in &node.inputs {
            streams.push(self.stream(*input)?);
        }
        let [first, others @ ..] = &streams[..] else {
            refuse!("it joins nothing");
        };
        let joins = |stream: &Stream, atom| {
            let extents = stream.extents();
            stream.axes.0[op.axis].contains(&atom) && stream.axes.is_alone(op.axis, atom, &extents)
        };
        if streams.iter().any(|stream| !joins(stream, Atom::Channels)) {
            refuse!(
                "it joins {:?}, as a circular shift does, and a step program joins channels alone",
                first.axes.0[op.axis]
            );
        }
        let mut axes = first.clone();
        for other in others {
            axes.axes = joined(&axes, other, op.axis)?;
        }
        let (together, wires) = self.align(&node.name, &streams)?;
        let (base, frame) = self.emit(&node.name, StepOp::Concat, &wires)?;
        Ok(Stream {
            base,
            frame,
            axes: axes.axes,
            ..together
        })
    }
}

/// What the axes of two maps stand for that are joined along one of them.
fn joined(x: &Stream, y: &Stream, axis: usize) -> Lowered<Axes> {
    if x.axes.rank() != y.axes.rank() {
        refuse!("its maps have {} and {} axes", x.axes.rank(), y.axes.rank());
    }
    let mut axes = tvec![];
    for (index, pair) in x.axes.0.iter().zip(&y.axes.0).enumerate() {
        axes.push(match index == axis {
            true => pair.0.clone(),
            false => met_along((x, pair.0), (y, pair.1))?,
        });
    }
    Ok(Axes(axes))
}
