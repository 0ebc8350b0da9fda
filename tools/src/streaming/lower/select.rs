//! What picks rows, channels or pixels: slices, samples.

use praxiscope_runtime::step::{
    Activation, Conv as StepConv, Pool, Reduction, SpaceWindow, StepOp, TimeWindow,
};
use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{Gather, Slice};

use super::stream::{Picked, Rows, Stream, Value};
use super::{Lowered, Lowering, refuse};
use crate::streaming::axes::Atom;

impl Lowering<'_> {
    pub(super) fn downsample(
        &mut self,
        node: &TypedNode,
        op: &Downsample,
        stream: Stream,
    ) -> Lowered<Stream> {
        let Ok(every) = usize::try_from(op.stride) else {
            refuse!("it goes backwards");
        };
        let extents = stream.extents();
        let along = |atom| stream.axes.0[op.axis].contains(&atom);
        let along = [Atom::Time, Atom::Height, Atom::Width]
            .into_iter()
            .find(|a| along(*a));
        match along.filter(|atom| stream.axes.is_alone(op.axis, *atom, &extents)) {
            Some(Atom::Time) => self.sample(node, stream, every, op.modulo),
            Some(side) if op.modulo == 0 => {
                let mut space = SpaceWindow::PIXEL;
                space.stride[usize::from(side == Atom::Width)] = every;
                let pool = StepOp::Pool(Pool {
                    of: Reduction::Max,
                    time: TimeWindow::FRAME,
                    space,
                    zero_padded: false,
                });
                self.one_for_one(node, pool, stream)
            }
            _ => refuse!("it samples {:?}", stream.axes.0[op.axis]),
        }
    }

    pub(super) fn gather(
        &mut self,
        node: &TypedNode,
        op: &Gather,
        stream: Stream,
    ) -> Lowered<Stream> {
        let Value::Constant(numbers) = self.value(node.inputs[1])? else {
            refuse!("what it picks is computed from the frames");
        };
        let numbers = numbers.cast_to::<i64>()?;
        let rank = numbers.rank();
        let extents = stream.extents();
        let axis = &stream.axes.0[op.axis];
        let inside = extents.product(axis);
        let numbers: Vec<usize> = numbers
            .to_plain_array_view::<i64>()?
            .iter()
            .map(|&number| if number < 0 { number + inside as i64 } else { number } as usize)
            .collect();
        let alone = |atom| axis.contains(&atom) && stream.axes.is_alone(op.axis, atom, &extents);
        if numbers.is_empty() || numbers.iter().any(|number| *number >= inside) {
            refuse!("it picks {numbers:?} out of {inside}");
        }
        let first = numbers[0];
        let step = match numbers.get(1) {
            Some(second) => second.saturating_sub(first),
            None => inside,
        };
        let is_even = numbers
            .iter()
            .enumerate()
            .all(|(n, number)| *number == first + n * step);
        if rank == 1 && is_even && step == 1 && alone(Atom::Channels) {
            let end = first + numbers.len();
            return self.one_for_one(node, StepOp::Channels { start: first, end }, stream);
        }
        if rank == 1 && alone(Atom::Channels) {
            return self.channels_at(node, stream, &numbers);
        }
        if !alone(Atom::Time) || rank > 1 {
            refuse!("it picks out of {axis:?}");
        }
        if rank == 0 {
            let mut picked = self.range(node, stream, first..first + 1)?;
            picked.axes.0.remove(op.axis);
            picked.picked = picked.picked.map(Picked::met);
            return Ok(picked);
        }
        let every = inside / numbers.len();
        let is_near =
            |(n, &number): (usize, &usize)| (n * every..(n + 1) * every).contains(&number);
        let is_spread =
            inside.is_multiple_of(numbers.len()) && numbers.iter().enumerate().all(is_near);
        let has_other_form = is_spread && step != every;
        if is_even
            && numbers.len() > 1
            && step > 0
            && !(has_other_form && self.otherwise.contains(&node.id))
        {
            let last = first + (numbers.len() - 1) * step;
            let kept = self.range(node, stream, 0..(last + step).min(inside))?;
            let mut sampled = self.sample(node, kept, step, first)?;
            sampled.spread = has_other_form.then_some(node.id);
            return Ok(sampled);
        }
        if let [only] = numbers[..] {
            return self.range(node, stream, only..only + 1);
        }
        if !is_spread {
            refuse!("the frames {numbers:?} are not evenly apart");
        }
        self.change(
            node.name.clone(),
            format!(
                "the frames {numbers:?} of a clip, not {every} apart, are the first of every {every}"
            ),
        );
        self.sample(node, stream, every, 0)
    }

    pub(super) fn slice(
        &mut self,
        node: &TypedNode,
        op: &Slice,
        stream: Stream,
    ) -> Lowered<Stream> {
        let (Ok(start), Ok(end)) = (op.start.to_usize(), op.end.to_usize()) else {
            refuse!("its bounds are not fixed");
        };
        let extents = stream.extents();
        let axis = &stream.axes.0[op.axis];
        if extents.product(axis) == end && start == 0 {
            return Ok(stream);
        }
        let alone = |atom| axis.contains(&atom) && stream.axes.is_alone(op.axis, atom, &extents);
        if alone(Atom::Channels) {
            return self.one_for_one(node, StepOp::Channels { start, end }, stream);
        }
        if alone(Atom::Time) {
            return self.range(node, stream, start..end);
        }
        let side = [Atom::Height, Atom::Width].into_iter().find(|a| alone(*a));
        let Some(side) = side else {
            refuse!("it cuts {axis:?}");
        };
        // A window as long as what is cut off and one pixel more has one place for each that is left.
        let mut kernel = [1, 1, 1];
        let mut place = [0, 0, 0];
        let at = if side == Atom::Height { 1 } else { 2 };
        kernel[at] = extents.of(side) - (end - start) + 1;
        place[at] = start;
        self.picked(&node.name, &stream, (kernel, 1), place)
    }

    /// Channels in another order.
    fn channels_at(
        &mut self,
        node: &TypedNode,
        stream: Stream,
        numbers: &[usize],
    ) -> Lowered<Stream> {
        let shape = (numbers.len(), stream.frame[2], 1, 1, 1);
        let one = |(to, from, ..): (usize, usize, usize, usize, usize)| {
            f32::from(u8::from(numbers[to] == from))
        };
        let weights = tract_ndarray::Array5::from_shape_fn(shape, one).into_tensor();
        let conv = StepConv {
            time: TimeWindow::FRAME,
            space: SpaceWindow::PIXEL,
            groups: 1,
            activation: Activation::Identity,
        };
        self.picking(&node.name, &stream, conv, weights)
    }

    /// A convolution that picks numbers.
    pub(super) fn picking(
        &mut self,
        name: &str,
        stream: &Stream,
        conv: StepConv,
        weights: Tensor,
    ) -> Lowered<Stream> {
        let wire = self.compute(stream)?;
        let bias = Tensor::zero::<f32>(&weights.shape()[..1])?;
        let weights = self.emit_constant(&format!("{name}.weights"), weights)?;
        let bias = self.emit_constant(&format!("{name}.bias"), bias)?;
        let (base, frame) = self.emit(name, StepOp::Conv(conv), &[wire, weights, bias])?;
        Ok(Stream {
            base,
            frame,
            pending: None,
            ..stream.clone()
        })
    }

    /// The number at one place of a window `[t, h, w]`, whose frames are `dilation` apart.
    fn picked(
        &mut self,
        name: &str,
        stream: &Stream,
        (kernel, dilation): ([usize; 3], usize),
        place: [usize; 3],
    ) -> Lowered<Stream> {
        let channels = stream.frame[2];
        let [time, height, width] = kernel;
        let one = |(_, _, t, h, w)| if [t, h, w] == place { 1f32 } else { 0.0 };
        let shape = (channels, 1, time, height, width);
        let weights = tract_ndarray::Array5::from_shape_fn(shape, one).into_tensor();
        let conv = StepConv {
            time: TimeWindow {
                kernel: time,
                dilation,
                ..TimeWindow::FRAME
            },
            space: SpaceWindow {
                kernel: [height, width],
                ..SpaceWindow::PIXEL
            },
            groups: channels,
            activation: Activation::Identity,
        };
        self.picking(name, stream, conv, weights)
    }

    /// The rows of a range of the native clip: those behind it are not there, nor those before it.
    fn range(
        &mut self,
        node: &TypedNode,
        stream: Stream,
        range: std::ops::Range<usize>,
    ) -> Lowered<Stream> {
        let rows = stream.rows;
        let Some(cut) = rows
            .native
            .checked_sub(range.end)
            .filter(|_| !range.is_empty())
        else {
            refuse!("the rows {range:?} of {} are cut out", rows.native);
        };
        let mut stream = self.sample(node, stream, 1, range.start)?;
        let sample = stream.base.node;
        if cut > 0 {
            // Each row as soon as the last that is cut off has come.
            let name = format!("{}.until", node.name);
            let window = ([cut + 1, 1, 1], rows.dilation);
            stream = self.picked(&name, &stream, window, [0, 0, 0])?;
        }
        if range.len() == 1 && rows.native > 1 {
            stream.picked = Some(Picked {
                node: node.id,
                sample,
                before: range.start,
                is_last: cut == 0 && stream.picked.is_none(),
            });
        }
        stream.rows.native = range.len();
        Ok(stream)
    }

    pub(super) fn sample(
        &mut self,
        node: &TypedNode,
        stream: Stream,
        every: usize,
        first: usize,
    ) -> Lowered<Stream> {
        let rows = stream.rows;
        if first >= rows.native || every == 0 {
            refuse!(
                "every {every}th of {} rows is kept from number {first} on",
                rows.native
            );
        }
        let wire = self.compute(&stream)?;
        let is_dense = self.options.dense;
        let op = StepOp::Sample {
            every: if is_dense { 1 } else { every },
            first: first * rows.dilation,
        };
        let (base, frame) = self.emit(&node.name, op, &[wire])?;
        Ok(Stream {
            base,
            frame,
            pending: None,
            rows: Rows {
                native: (rows.native - first).div_ceil(every),
                stride: rows.stride * every,
                dilation: if is_dense {
                    rows.dilation * every
                } else {
                    rows.dilation
                },
            },
            ..stream
        })
    }

    pub(super) fn one_for_one(
        &mut self,
        node: &TypedNode,
        op: StepOp,
        stream: Stream,
    ) -> Lowered<Stream> {
        let wire = self.compute(&stream)?;
        let (base, frame) = self.emit(&node.name, op, &[wire])?;
        Ok(Stream {
            base,
            frame,
            pending: None,
            ..stream
        })
    }
}
