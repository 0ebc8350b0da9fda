//! Means, sums and maxima over time, the map or both.

use praxiscope_runtime::ops::Mean;
use praxiscope_runtime::step::{Pool, Reduction, Sliding, SpaceWindow, StepOp, TimeWindow};
use tract_core::internal::*;
use tract_core::ops::array::CumSum;
use tract_core::ops::nn::{Reduce, Reducer};

use super::stream::{Pending, Stream};
use super::{Lowered, Lowering, Slide, refuse};
use crate::streaming::axes::Atom;
use crate::streaming::function::Function;

impl Lowering<'_> {
    pub(super) fn reduce(
        &mut self,
        node: &TypedNode,
        op: &Reduce,
        stream: Stream,
    ) -> Lowered<Stream> {
        let of = match op.reducer {
            Reducer::Max => Reduction::Max,
            Reducer::Sum => Reduction::Mean,
            other => refuse!("{other:?} over axes is not known frame by frame"),
        };
        let (mut reduced, places) = self.reduced(node, &op.axes, stream, of)?;
        if op.reducer == Reducer::Sum {
            // Exporters' means: the factor is mostly taken back by the next node.
            let function = Function::times(places as f32);
            let origin = None;
            reduced.pending = Some(Pending { function, origin });
        }
        Ok(reduced)
    }

    pub(super) fn mean(&mut self, node: &TypedNode, op: &Mean, stream: Stream) -> Lowered<Stream> {
        Ok(self.reduced(node, &op.axes, stream, Reduction::Mean)?.0)
    }

    /// The sum of all rows so far, which is kept as their mean until it is divided.
    pub(super) fn running_sum(
        &mut self,
        node: &TypedNode,
        op: &CumSum,
        stream: Stream,
    ) -> Lowered<Stream> {
        let is_over_time =
            stream.has_time() && stream.axes.is_alone(op.axis, Atom::Time, &stream.extents());
        if !is_over_time || op.exclusive || op.reverse || stream.rows.dilation > 1 {
            refuse!("it sums up {:?}", stream.axes.0[op.axis]);
        }
        let sliding = StepOp::Sliding(Sliding {
            of: Reduction::Mean,
            frames: None,
            dilation: 1,
        });
        let summed = self.one_for_one(node, sliding, stream)?;
        Ok(Stream {
            summed: true,
            ..summed
        })
    }

    /// Also gives how many places of the native clip became one.
    fn reduced(
        &mut self,
        node: &TypedNode,
        axes: &[usize],
        stream: Stream,
        of: Reduction,
    ) -> Lowered<(Stream, usize)> {
        if stream.repeated {
            refuse!("it combines places that are repeated");
        }
        let wire = self.compute(&stream)?;
        let atoms: TVec<Atom> = axes
            .iter()
            .flat_map(|axis| stream.axes.0[*axis].clone())
            .collect();
        let extents = stream.extents();
        if atoms.contains(&Atom::Channels) && extents.of(Atom::Channels) > 1 {
            refuse!("it combines channels");
        }
        let sides = [Atom::Height, Atom::Width].map(|atom| {
            let inside = extents.of(atom);
            if atoms.contains(&atom) { inside } else { 1 }
        });
        let mut reduced = Stream {
            pending: None,
            ..stream
        };
        for axis in axes {
            reduced.axes.0[*axis] = tvec![];
        }
        reduced.base = wire;
        let [height, width, _] = reduced.frame;
        if sides != [1, 1] {
            let name = format!("{}.over_map", node.name);
            let op = match sides == [height, width] {
                true => StepOp::OverMap(of),
                false => StepOp::Pool(Pool {
                    of,
                    time: TimeWindow::FRAME,
                    space: SpaceWindow {
                        kernel: sides,
                        ..SpaceWindow::PIXEL
                    },
                    zero_padded: false,
                }),
            };
            (reduced.base, reduced.frame) = self.emit(&name, op, &[wire])?;
        }
        if atoms.contains(&Atom::Time) {
            reduced = self.slide(node, reduced, of)?;
        }
        Ok((reduced, extents.product(&atoms)))
    }

    /// What combines all rows of the clip becomes what combines as many of the last rows.
    pub(super) fn slide(
        &mut self,
        node: &TypedNode,
        stream: Stream,
        of: Reduction,
    ) -> Lowered<Stream> {
        let rows = stream.rows;
        let sliding = StepOp::Sliding(Sliding {
            of,
            frames: Some(rows.native),
            dilation: rows.dilation,
        });
        let name = format!("{}.over_time", node.name);
        let (base, frame) = self.emit(&name, sliding, &[stream.base])?;
        let what = match of {
            Reduction::Max => "maximum",
            Reduction::Mean => "mean",
        };
        let node = node.id;
        self.slides.insert(base.node, Slide { node, what, rows });
        let mut axes = stream.axes.clone();
        for axis in &mut axes.0 {
            axis.retain(|atom| *atom != Atom::Time);
        }
        Ok(Stream {
            base,
            frame,
            axes,
            slides: tvec![base.node],
            ..stream
        })
    }
}
