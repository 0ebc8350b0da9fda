//! Zeros around a map.

use praxiscope_runtime::step::{Activation, Conv as StepConv, SpaceWindow, TimeWindow};
use tract_core::internal::*;
use tract_core::ops::array::{Pad, PadMode};
use tract_core::ops::cnn::{Conv, MaxPool, SumPool};

use super::stream::{Padding, Stream};
use super::window::PLACES;
use super::{Lowered, Lowering, refuse};
use crate::streaming::axes::Atom;

impl Lowering<'_> {
    /// Zeros around a map wait for the windows that take them in, if nothing else reads the map.
    pub(super) fn pad(
        &mut self,
        node: &TypedNode,
        op: &Pad,
        mut stream: Stream,
    ) -> Lowered<Stream> {
        let PadMode::Constant(value) = &op.mode else {
            refuse!("a border that repeats the map is not known frame by frame");
        };
        if value.cast_to_scalar::<f32>()? != 0.0 {
            refuse!("a border of other numbers than zero is not known frame by frame");
        }
        // What is put around numbers yet to be computed is put around the computed ones.
        stream.base = self.compute(&stream)?;
        stream.pending = None;
        let mut padding = Padding::default();
        let mut channels = [0, 0];
        let mut axes: TVec<usize> = tvec![];
        for (axis, &(before, behind)) in op.pads.iter().enumerate() {
            if (before, behind) == (0, 0) {
                continue;
            }
            axes.push(axis);
            let extents = stream.extents();
            let alone = |atom: &Atom| {
                stream.axes.0[axis].contains(atom) && stream.axes.is_alone(axis, *atom, &extents)
            };
            match PLACES.iter().position(alone) {
                Some(place) => padding[place] = [before, behind],
                None if alone(&Atom::Channels) => channels = [before, behind],
                None => refuse!("zeros are put behind {:?}", stream.axes.0[axis]),
            }
        }
        if self.is_read_by_windows(node, &axes) {
            stream.padding = padding;
            return Ok(stream);
        }
        self.bordered(node, stream, padding, channels)
    }

    /// Whether all that reads a node are windows along these axes.
    fn is_read_by_windows(&self, node: &TypedNode, axes: &[usize]) -> bool {
        let mut readers = node.outputs.iter().flat_map(|output| &output.successors);
        readers.all(|reader| {
            let reader = self.clip.node(reader.node);
            let conv = reader.op_as::<Conv>().map(|op| &op.pool_spec);
            let max = reader.op_as::<MaxPool>().map(|op| &op.pool_spec);
            let sum = reader.op_as::<SumPool>().map(|op| &op.pool_spec);
            let Some(spec) = conv.or(max).or(sum) else {
                return false;
            };
            let first = spec.data_format.h_axis();
            let sides = first..first + spec.kernel_shape.len();
            axes.iter().all(|axis| sides.contains(axis))
        })
    }

    /// The map with the zeros, made by a convolution that picks each number.
    fn bordered(
        &mut self,
        node: &TypedNode,
        stream: Stream,
        padding: Padding,
        [front, back]: [usize; 2],
    ) -> Lowered<Stream> {
        let inputs = stream.frame[2];
        let outputs = front + inputs + back;
        let has_channels = outputs > inputs;
        let dilation = stream.rows.dilation;
        let [before, behind] = padding[0];
        // So long a window that its row is due when its own frame has come, not earlier.
        let kernel = before + 1;
        let shape = (outputs, if has_channels { inputs } else { 1 }, kernel, 1, 1);
        let one = |(output, input, time, _, _): (usize, usize, usize, usize, usize)| {
            let is_own = !has_channels || output == front + input;
            f32::from(u8::from(is_own && time == 0))
        };
        let weights = tract_ndarray::Array5::from_shape_fn(shape, one).into_tensor();
        let conv = StepConv {
            time: TimeWindow {
                kernel,
                dilation,
                before: before * dilation,
                after: (before + behind) * dilation,
                ..TimeWindow::FRAME
            },
            space: SpaceWindow {
                padding: [padding[1], padding[2]],
                ..SpaceWindow::PIXEL
            },
            groups: if has_channels { 1 } else { inputs },
            activation: Activation::Identity,
        };
        let mut bordered = self.picking(&node.name, &stream, conv, weights)?;
        bordered.rows.native += before + behind;
        Ok(bordered)
    }
}
