//! How what a position sees grows from operator to operator.

use praxiscope_runtime::ops::{Attention, Border, Mean, Sample, TemporalShift};
use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{Gather, Pad, Slice};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::nn::Reduce;
use tract_core::ops::source::TypedSource;

use super::TimeOperator;

/// What a wire's positions see: position p of them the frames from `p * stride + first` to
/// `p * stride + last`.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The axis of time, if the wire still has one.
    pub axis: Option<usize>,
    pub stride: isize,
    pub first: isize,
    pub last: isize,
    pub whole_clip: bool,
    /// The maps whose positions have been combined into one; the numbers are theirs then.
    pub combined: TVec<OutletId>,
}

impl Seen {
    /// Frames of an input.
    pub fn frames(graph: &TypedModel, input: OutletId) -> TractResult<usize> {
        extent(graph, input, time_axis(graph, input)?)
    }

    /// What the output of `node` sees; `None` if it depends on no input.
    pub fn behind(
        graph: &TypedModel,
        node: &TypedNode,
        seen: &[Option<Seen>],
        longest: usize,
    ) -> TractResult<Option<Seen>> {
        if node.op_is::<TypedSource>() {
            let outlet = OutletId::from(node.id);
            // The slower of two inputs has every so many frames of the other.
            let stride = longest / Seen::frames(graph, outlet)?.max(1);
            return Ok(Some(Seen {
                axis: Some(time_axis(graph, outlet)?),
                stride: isize::try_from(stride)?,
                first: 0,
                last: 0,
                whole_clip: false,
                combined: tvec![],
            }));
        }
        let mut merged: Option<Seen> = None;
        for (index, input) in node.inputs.iter().enumerate() {
            let Some(before) = seen[input.node].clone() else {
                continue;
            };
            let mut after = before.through(graph, node, index)?;
            if after.is_repeated(graph, node, *input)? {
                after.combine(*input);
            }
            merged = Some(match merged {
                Some(other) => other.beside(after, node)?,
                None => after,
            });
        }
        Ok(merged)
    }

    /// What the output of `node` sees by way of one of its inputs.
    fn through(mut self, graph: &TypedModel, node: &TypedNode, index: usize) -> TractResult<Seen> {
        let Some(axis) = self.axis else {
            return Ok(self);
        };
        let input = node.inputs[index];
        if let Some(window) = TimeOperator::window(graph, node, axis)? {
            let reach = (window.kernel - 1) * window.dilation;
            self.first -= self.stride * isize::try_from(window.padding.0)?;
            let last = isize::try_from(reach)? - isize::try_from(window.padding.0)?;
            self.last += self.stride * last;
            self.stride *= isize::try_from(window.stride)?;
        } else if let Some(shift) = node.op_as::<TemporalShift>() {
            let span = shift.direction.time_span();
            self.first -= self.stride * isize::try_from(span.past)?;
            self.last += self.stride * isize::try_from(span.future)?;
            self.whole_clip |= shift.border == Border::Circular;
        } else if let Some(pad) = node.op_as::<Pad>() {
            let before = pad.pads.get(axis).map_or(0, |pads| pads.0);
            self.slide(-isize::try_from(before)?);
        } else if let Some(slice) = node.op_as::<Slice>().filter(|slice| slice.axis == axis) {
            self.slide(slice.start.to_isize()?);
        } else if let Some(op) = node.op_as::<Downsample>().filter(|op| op.axis == axis) {
            self.slide(isize::try_from(op.modulo)?);
            self.stride *= op.stride;
        } else if let Some(op) = node.op_as::<Sample>().filter(|op| op.axis == axis) {
            let positions = extent(graph, input, axis)?;
            self.pick(&op.numbers(positions), positions)?;
        } else if node.op_as::<Gather>().is_some_and(|op| op.axis == axis) {
            let numbers = graph.outlet_fact(node.inputs[1])?.konst.clone();
            let numbers = numbers.context("the numbers of frames are not known")?;
            let numbers = numbers.cast_to::<i64>()?;
            let numbers = numbers.to_plain_array_view::<i64>()?;
            let numbers = numbers.iter().map(|number| usize::try_from(*number));
            let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
            self.pick(&numbers, extent(graph, input, axis)?)?;
        } else if let Some(op) = node.op_as::<Attention>() {
            // The queries look at their own place; what they look at stands further away.
            match op.window {
                Some(frames) if index > 0 => {
                    self.first -= self.stride * (isize::try_from(frames)? - 1);
                }
                Some(_) => (),
                None => self.whole_clip = true,
            }
        } else if averaged(node).is_some_and(|axes| axes.contains(&axis)) {
            self.combine(input);
        } else if let Some(op) = node.op_as::<AxisOp>() {
            self.axis = op.transform_axis(axis);
            if self.axis.is_none() && extent(graph, input, axis)? > 1 {
                self.combine(input);
            }
        } else {
            let (inputs, outputs) = graph.node_facts(node.id)?;
            let mapping = node.op.axes_mapping(&inputs, &outputs)?;
            let traced = mapping.axis((InOut::In(index), axis))?;
            self.axis = traced
                .outputs
                .first()
                .and_then(|axes| axes.first().copied());
            if self.axis.is_none() {
                self.combine(input);
            }
        }
        Ok(self)
    }

    /// Whether the input of `node` has one position, which all of the output's are given.
    fn is_repeated(
        &self,
        graph: &TypedModel,
        node: &TypedNode,
        input: OutletId,
    ) -> TractResult<bool> {
        let Some(axis) = self.axis.filter(|_| node.op_is::<TypedBinOp>()) else {
            return Ok(false);
        };
        let output = OutletId::from(node.id);
        Ok(extent(graph, input, axis)? == 1 && extent(graph, output, axis)? > 1)
    }

    /// Position 0 becomes what was position `by`.
    fn slide(&mut self, by: isize) {
        self.first += self.stride * by;
        self.last += self.stride * by;
    }

    /// Positions by their numbers, as evenly as they are.
    fn pick(&mut self, numbers: &[usize], positions: usize) -> TractResult<()> {
        let step = positions / numbers.len().max(1);
        let step = isize::try_from(step.max(1))?;
        let mut slips: Vec<isize> = vec![];
        for (position, number) in (0..).zip(numbers) {
            slips.push(isize::try_from(*number)? - step * position);
        }
        self.first += self.stride * slips.iter().min().copied().unwrap_or(0);
        self.last += self.stride * slips.iter().max().copied().unwrap_or(0);
        self.stride *= step;
        Ok(())
    }

    /// The positions of the map `before` become one, or are mixed beyond recognition.
    fn combine(&mut self, before: OutletId) {
        if self.combined.is_empty() {
            self.combined = tvec![before];
        } else {
            self.whole_clip = true;
        }
    }

    /// What is made of two maps.
    fn beside(self, other: Seen, node: &TypedNode) -> TractResult<Seen> {
        let whole_clip = self.whole_clip || other.whole_clip;
        match (self.combined.is_empty(), other.combined.is_empty()) {
            // One of all positions for each of the other's.
            (true, false) => Ok(Seen {
                whole_clip: true,
                ..self
            }),
            (false, true) => Ok(Seen {
                whole_clip: true,
                ..other
            }),
            (are_positions, _) => {
                if are_positions && self.stride != other.stride {
                    bail!(
                        "{node} combines maps of different strides in time, {} and {}",
                        self.stride,
                        other.stride
                    );
                }
                let mut combined = self.combined;
                combined.extend(other.combined);
                // A second axis of positions, as an attention's weights have, is the whole clip's.
                let is_crossed = are_positions && self.axis != other.axis;
                Ok(Seen {
                    axis: self.axis.or(other.axis),
                    stride: self.stride.max(other.stride),
                    first: self.first.min(other.first),
                    last: self.last.max(other.last),
                    whole_clip: whole_clip || is_crossed,
                    combined,
                })
            }
        }
    }
}

/// The axes that a reduction makes one of.
fn averaged(node: &TypedNode) -> Option<&[usize]> {
    let reduced = node.op_as::<Reduce>().map(|op| &op.axes[..]);
    reduced.or(node.op_as::<Mean>().map(|op| &op.axes[..]))
}

/// Frames are stacked in the first axis, or have one of their own behind that of the channels.
fn time_axis(graph: &TypedModel, input: OutletId) -> TractResult<usize> {
    Ok(if graph.outlet_fact(input)?.rank() == 5 {
        2
    } else {
        0
    })
}

fn extent(graph: &TypedModel, outlet: OutletId, axis: usize) -> TractResult<usize> {
    let shape = &graph.outlet_fact(outlet)?.shape;
    let extent = shape
        .get(axis)
        .with_context(|| format!("{shape:?} has no axis {axis}"))?;
    Ok(extent.to_usize()?)
}
