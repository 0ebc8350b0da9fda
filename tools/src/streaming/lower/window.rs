//! Convolutions and pools.

use praxiscope_runtime::step::{Activation, Conv as StepConv, Pool, Reduction, StepOp, TimeWindow};
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, SumPool};

use super::stream::{Pending, Stream, Value};
use super::windows::Windows;
use super::{Lowered, Lowering, refuse};
use crate::streaming::axes::Atom;
use crate::streaming::function::Function;

/// What a window can go along.
pub(super) const PLACES: [Atom; 3] = [Atom::Time, Atom::Height, Atom::Width];

impl Lowering<'_> {
    pub(super) fn conv(&mut self, node: &TypedNode, op: &Conv, stream: Stream) -> Lowered<Stream> {
        if op.q_params.is_some() {
            refuse!("a quantized convolution is not known frame by frame");
        }
        let windows = self.windows(node, &op.pool_spec, &stream)?;
        if windows.spans_time && self.otherwise.contains(&node.id) {
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
        let is_window = windows.spans_time && self.otherwise.contains(&node.id);
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
