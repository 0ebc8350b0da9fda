//! Convolutions and pools.

use praxiscope_runtime::step::{
    Activation, Conv as StepConv, Pool, Reduction, SpaceWindow, StepOp, TimeWindow,
};
use tract_core::internal::*;
use tract_core::ops::array::{Pad, PadMode};
use tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PoolSpec, SumPool};

use super::stream::Pending;
use super::stream::{Rows, Stream, Value};
use super::{Lowered, Lowering, refuse};
use crate::streaming::axes::Atom;
use crate::streaming::function::Function;

/// What a window of the clip graph is to the rows and frames of a stream.
struct Windows {
    time: TimeWindow,
    space: SpaceWindow,
    /// The rows behind it.
    rows: Rows,
    /// For each of the window's axes, what it goes along; `None` where it does nothing.
    along: TVec<Option<Atom>>,
    /// Whether it spans all of the clip, in time, and has padding on no side there.
    spans_time: bool,
    /// Whether it spans the map as well.
    spans_map: bool,
    /// Whether the operator pads by itself.
    pads: bool,
    places: usize,
}

const PLACES: [Atom; 3] = [Atom::Time, Atom::Height, Atom::Width];

impl Lowering<'_> {
    pub(super) fn conv(&mut self, node: &TypedNode, op: &Conv, stream: Stream) -> Lowered<Stream> {
        if op.q_params.is_some() {
            refuse!("a quantized convolution is not known frame by frame");
        }
        let windows = self.windows(node, &op.pool_spec, &stream)?;
        if windows.spans_time && self.whole.contains(&node.id) {
            refuse!("a convolution over the whole clip makes one row that all frames are given");
        }
        let weights = self.weights(node, op, &windows.along)?;
        let bias = self.bias(node, op.output_channels())?;
        let bare = Stream {
            padding: Default::default(),
            ..stream.clone()
        };
        let wire = self.compute(&bare)?;
        let weights = self.emit_constant(&format!("{}.weights", node.name), weights)?;
        let bias = self.emit_constant(&format!("{}.bias", node.name), bias)?;
        let conv = StepOp::Conv(StepConv {
            time: windows.time,
            space: windows.space,
            groups: op.group,
            activation: Activation::Identity,
        });
        let (base, frame) = self.emit(&node.name, conv, &[wire, weights, bias])?;
        Ok(Stream {
            base,
            frame,
            rows: windows.rows,
            whole: (windows.spans_time).then_some(node.id).or(bare.whole),
            pending: None,
            ..bare
        })
    }

    pub(super) fn max_pool(
        &mut self,
        node: &TypedNode,
        op: &MaxPool,
        stream: Stream,
    ) -> Lowered<Stream> {
        if op.with_index_outputs.is_some() {
            refuse!("a pool that says where its maxima are is not known frame by frame");
        }
        let windows = self.windows(node, &op.pool_spec, &stream)?;
        let zero_padded = stream.is_padded();
        if zero_padded && windows.pads {
            refuse!("its map has zeros around it and nothing around these");
        }
        self.pool(node, stream, windows, Reduction::Max, zero_padded)
    }

    pub(super) fn sum_pool(
        &mut self,
        node: &TypedNode,
        op: &SumPool,
        stream: Stream,
    ) -> Lowered<Stream> {
        let windows = self.windows(node, &op.pool_spec, &stream)?;
        if stream.is_padded() && windows.pads && !op.count_include_pad {
            refuse!("its map has zeros around it and nothing around these");
        }
        let zero_padded = stream.is_padded() || (windows.pads && op.count_include_pad);
        if !op.normalize && windows.pads && !zero_padded {
            refuse!("a sum over windows of different sizes is no mean");
        }
        let places = windows.places;
        let mut pooled = self.pool(node, stream, windows, Reduction::Mean, zero_padded)?;
        if !op.normalize {
            let function = Function::times(places as f32);
            let origin = None;
            pooled.pending = Some(Pending { function, origin });
        }
        Ok(pooled)
    }

    fn pool(
        &mut self,
        node: &TypedNode,
        stream: Stream,
        windows: Windows,
        of: Reduction,
        zero_padded: bool,
    ) -> Lowered<Stream> {
        let bare = Stream {
            padding: Default::default(),
            ..stream
        };
        let wire = self.compute(&bare)?;
        let is_window = windows.spans_time && self.whole.contains(&node.id);
        let is_global =
            windows.spans_time && windows.spans_map && windows.rows.stride != bare.rows.stride;
        let mut time = windows.time;
        if is_window || is_global {
            time = TimeWindow::FRAME;
        }
        let pool = StepOp::Pool(Pool {
            of,
            time,
            space: windows.space,
            zero_padded,
        });
        let (base, frame) = self.emit(&node.name, pool, &[wire])?;
        let pooled = Stream {
            base,
            frame,
            pending: None,
            ..bare
        };
        if is_window || is_global {
            return self.slide(node, pooled, of);
        }
        Ok(Stream {
            rows: windows.rows,
            whole: (windows.spans_time).then_some(node.id).or(pooled.whole),
            ..pooled
        })
    }

    /// Zeros around a map wait for the operator that takes them in.
    pub(super) fn pad(&mut self, op: &Pad, mut stream: Stream) -> Lowered<Stream> {
        let PadMode::Constant(value) = &op.mode else {
            refuse!("a border that repeats the map is not known frame by frame");
        };
        if value.cast_to_scalar::<f32>()? != 0.0 {
            refuse!("a border of other numbers than zero is not known frame by frame");
        }
        // What is put around numbers yet to be computed is put around the computed ones.
        stream.base = self.compute(&stream)?;
        stream.pending = None;
        for (axis, &(before, behind)) in op.pads.iter().enumerate() {
            if (before, behind) == (0, 0) {
                continue;
            }
            let atom = PLACES.into_iter().enumerate().find(|(_, atom)| {
                stream.axes.0[axis].contains(atom)
                    && stream.axes.is_alone(axis, *atom, &stream.extents())
            });
            let Some((place, _)) = atom else {
                refuse!("zeros are put behind {:?}", stream.axes.0[axis]);
            };
            stream.padding[place] = [before, behind];
        }
        Ok(stream)
    }

    fn windows(&self, node: &TypedNode, spec: &PoolSpec, stream: &Stream) -> Lowered<Windows> {
        if stream.repeated {
            refuse!("its window goes over places that are repeated");
        }
        let shape = self.shape(node.inputs[0])?;
        let output = self.shape(node.id.into())?;
        let layout = spec.data_format.shape(shape.clone())?;
        let (batch, channels) = (layout.n_axis(), layout.c_axis());
        let extents = stream.extents();
        if !stream.axes.is_alone(channels, Atom::Channels, &extents) {
            refuse!("its channels are {:?}", stream.axes.0[channels]);
        }
        let is_time = |atom: &Atom| *atom == Atom::Time || extents.of(*atom) == 1;
        if batch.is_some_and(|axis| !stream.axes.0[axis].iter().all(is_time)) {
            refuse!("it sees {:?} one by one", stream.axes.0[0]);
        }
        let paddings = spec.computed_padding(layout.hw_dims());
        let mut time = TimeWindow::FRAME;
        let mut space = SpaceWindow::PIXEL;
        let mut rows = stream.rows;
        let mut along = tvec![];
        let (mut spans_time, mut spans_map, mut pads, mut places) = (false, true, false, 1);
        for (index, padding) in paddings.iter().enumerate() {
            let axis = layout.h_axis() + index;
            let own = [padding.pad_before, padding.pad_after];
            let (kernel, stride) = (spec.kernel_shape[index], spec.stride(index));
            let is_still = kernel == 1 && stride == 1 && own == [0, 0];
            let atom = self.goes_along(stream, axis, &along);
            let Some(atom) = atom else {
                if is_still {
                    along.push(None);
                    continue;
                }
                refuse!("its window goes along {:?}", stream.axes.0[axis]);
            };
            along.push(Some(atom));
            let around = stream.padding_of(atom);
            let dilation = spec.dilation(index);
            let window = Side {
                kernel,
                stride,
                dilation,
                padding: [own[0] + around[0], own[1] + around[1]],
            };
            let inside = extents.of(atom);
            let Some(padding) = window.fitted(inside, output[axis]) else {
                refuse!(
                    "a window of {window:?} over {inside} does not make {}",
                    output[axis]
                );
            };
            pads |= own != [0, 0] || padding[1] > window.padding[1];
            places *= kernel;
            let spans = kernel == inside && padding == [0, 0];
            if atom == Atom::Time {
                spans_time = spans && inside > 1;
                let is_dense = self.options.dense;
                time = TimeWindow {
                    kernel,
                    stride: if is_dense { 1 } else { stride },
                    dilation: dilation * rows.dilation,
                    before: padding[0] * rows.dilation,
                    after: padding[1] * rows.dilation,
                };
                rows = Rows {
                    native: output[axis],
                    stride: rows.stride * stride,
                    dilation: if is_dense {
                        rows.dilation * stride
                    } else {
                        rows.dilation
                    },
                };
            } else {
                let side = usize::from(atom == Atom::Width);
                spans_map &= spans;
                space.kernel[side] = kernel;
                space.stride[side] = stride;
                space.dilation[side] = dilation;
                space.padding[side] = padding;
            }
        }
        for (place, atom) in PLACES.into_iter().enumerate() {
            if stream.padding[place] != [0, 0] && !along.contains(&Some(atom)) {
                refuse!("zeros are put around its map along {atom:?}, where it has no window");
            }
        }
        Ok(Windows {
            time,
            space,
            rows,
            along,
            spans_time,
            spans_map,
            pads,
            places,
        })
    }

    /// What a window's axis goes along. One of a single place takes a side of the map that is one
    /// pixel wide.
    fn goes_along(&self, stream: &Stream, axis: usize, taken: &[Option<Atom>]) -> Option<Atom> {
        let extents = stream.extents();
        let own = PLACES.into_iter().find(|atom| {
            stream.axes.0[axis].contains(atom) && stream.axes.is_alone(axis, *atom, &extents)
        });
        let free = |atom: &Atom| {
            extents.of(*atom) == 1 && !taken.contains(&Some(*atom)) && !stream.axes.has(*atom)
        };
        own.or_else(|| {
            let is_unit = extents.product(&stream.axes.0[axis]) == 1;
            let sides = [Atom::Height, Atom::Width];
            sides.into_iter().find(free).filter(|_| is_unit)
        })
    }

    /// The weights as `[O, C / groups, t, h, w]`.
    fn weights(&self, node: &TypedNode, op: &Conv, along: &[Option<Atom>]) -> Lowered<Tensor> {
        let Value::Constant(weights) = self.value(node.inputs[1])? else {
            refuse!("its weights are computed from the frames");
        };
        let mut weights = (**weights).clone();
        let sides = weights.rank() - 2;
        match op.kernel_fmt {
            KernelFormat::OIHW => {}
            KernelFormat::OHWI => weights = weights.move_axis(sides + 1, 1)?,
            KernelFormat::HWIO if op.group == 1 => {
                weights = weights.move_axis(sides + 1, 0)?.move_axis(sides + 1, 1)?;
            }
            KernelFormat::HWIO => refuse!("its weights are laid out in an unknown way"),
        }
        let mut shape = [op.output_channels(), 0, 1, 1, 1];
        shape[1] = weights.len() / shape[0] / weights.shape()[2..].iter().product::<usize>();
        let mut order = tvec![0, 1];
        for (place, atom) in PLACES.into_iter().enumerate() {
            let axis = along.iter().position(|other| *other == Some(atom));
            if let Some(axis) = axis {
                shape[2 + place] = weights.shape()[2 + axis];
                order.push(2 + axis);
            }
        }
        let still = (0..sides).filter(|axis| along[*axis].is_none());
        order.extend(still.map(|axis| 2 + axis));
        Ok(weights.permute_axes(&order)?.into_shape(&shape)?)
    }

    fn bias(&self, node: &TypedNode, outputs: usize) -> Lowered<Tensor> {
        let bias = match node.inputs.get(2) {
            None => tensor0(0f32),
            Some(input) => match self.value(*input)? {
                Value::Constant(bias) => (**bias).clone(),
                _ => refuse!("its bias is computed from the frames"),
            },
        };
        match bias.len() {
            1 => Ok(bias.into_shape(&[1])?.broadcast_to_shape(&[outputs])?),
            _ => Ok(bias.into_shape(&[outputs])?),
        }
    }
}

/// A window along one axis.
#[derive(Debug)]
struct Side {
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: [usize; 2],
}

impl Side {
    /// The padding with which the window makes `outputs` of `inside`: its own, or another behind
    /// where a last window that runs out of the map is kept.
    fn fitted(&self, inside: usize, outputs: usize) -> Option<[usize; 2]> {
        let reach = (self.kernel - 1) * self.dilation + 1;
        let [before, behind] = self.padding;
        let made =
            |behind: usize| Some((inside + before + behind).checked_sub(reach)? / self.stride + 1);
        if made(behind) == Some(outputs) {
            return Some([before, behind]);
        }
        let covered = outputs.checked_sub(1)? * self.stride + reach;
        let kept = covered.checked_sub(inside + before)?;
        (kept < behind + self.stride).then_some([before, kept])
    }
}
