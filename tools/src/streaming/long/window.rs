//! What combines all rows of a clip, over the last of them.

use praxiscope_runtime::ops;
use praxiscope_runtime::step::{Reduction, Sliding};
use tract_core::internal::*;
use tract_core::ops::cnn::{MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::math;
use tract_core::ops::nn::{DataFormat, Reduce, Reducer};

use super::{Long, Wire};
use crate::streaming::axes::Atom;
use crate::streaming::window_rows;

impl Long<'_> {
    /// What combines all rows, over the last of them.
    pub(super) fn slide(
        &mut self,
        node: &TypedNode,
        slide: usize,
        sliding: Sliding,
    ) -> TractResult<Wire> {
        let input = node.inputs[0];
        let wire = *self.wires.get(&input).context("no wire")?;
        ensure!(!wire.is_hidden, "rows are combined twice");
        let (axes, extents, _) = self.trace(input)?;
        let time = axes.position(Atom::Time).context("no time")?;
        let heads = &self.program.heads;
        let head = heads.iter().find(|(head, _)| *head == slide);
        let frames = match head {
            Some((_, rows)) => window_rows(*rows, self.frames, self.options.window),
            None => sliding.frames,
        };
        // What it does to the map, and how many rows its sum is of.
        let mut outlet = wire.outlet;
        let mut factor = 1;
        let is_alone = axes.0[time].as_slice() == [Atom::Time];
        if let Some(op) = node.op_as::<Reduce>() {
            ensure!(is_alone, "time has no axis of its own");
            let others: TVec<usize> = op.axes.iter().copied().filter(|a| *a != time).collect();
            if !others.is_empty() {
                let name = self.unique(&format!("{}.map", node.name));
                let op = Reduce::new(others, op.reducer);
                outlet = self.graph.wire_node(name, op, &[outlet])?[0];
            }
            if op.reducer == Reducer::Sum {
                factor = extents.rows;
            }
        } else if let Some(op) = node.op_as::<ops::Mean>() {
            ensure!(is_alone, "time has no axis of its own");
            let axes = op
                .axes
                .iter()
                .copied()
                .filter(|axis| *axis != time)
                .collect();
            let name = self.unique(&format!("{}.map", node.name));
            outlet = self.graph.wire_node(name, ops::Mean { axes }, &[outlet])?[0];
        } else {
            let mut op = self.explicit(node)?;
            let spec = match (op.downcast_mut::<MaxPool>(), node.op_as::<SumPool>()) {
                (Some(pool), _) => &mut pool.pool_spec,
                (None, Some(_)) => {
                    let pool = op.downcast_mut::<SumPool>().context("a pool")?;
                    ensure!(pool.normalize, "a sum over all rows");
                    &mut pool.pool_spec
                }
                _ => bail!("{} combines rows", node.op.name()),
            };
            let index = time
                .checked_sub(spec.data_format.h_axis())
                .context("no window")?;
            spec.kernel_shape[index] = 1;
            if let Some(strides) = &mut spec.strides {
                strides[index] = 1;
            }
            let name = self.unique(&format!("{}.map", node.name));
            outlet = self.graph.wire_node(name, op, &[outlet])?[0];
        }
        outlet = self.last(&node.name, outlet, time, (sliding.of, frames))?;
        if factor != 1 {
            let rank = self.graph.outlet_fact(outlet)?.rank();
            let number = tensor0(factor as f32).broadcast_into_rank(rank)?;
            let name = self.unique(&format!("{}.rows", node.name));
            let number = self.graph.add_const(&*name, number)?;
            let name = format!("{name}.sum");
            outlet = self.graph.wire_node(name, math::mul(), &[outlet, number])?[0];
        }
        let outlet = self.hidden(&node.name, outlet, time)?;
        Ok(Wire {
            outlet,
            is_hidden: true,
        })
    }

    /// The largest or the mean of the last rows along an axis; all of them if `frames` is none.
    pub(super) fn last(
        &mut self,
        name: &str,
        outlet: OutletId,
        time: usize,
        (of, frames): (Reduction, Option<usize>),
    ) -> TractResult<OutletId> {
        let shape = self.graph.outlet_fact(outlet)?.shape.to_tvec();
        let rows = shape[time].to_usize()?;
        let before: TDim = shape[..time].iter().product();
        let behind: TDim = shape[time + 1..].iter().product();
        let flat = tvec![1.to_dim(), before, shape[time].clone(), behind];
        let kernel = frames.unwrap_or(rows).min(rows).max(1);
        let channels = flat[1].to_usize()?;
        let pool_spec = PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec![kernel, 1],
            padding: PaddingSpec::Explicit(tvec![kernel - 1, 0], tvec![0, 0]),
            dilations: None,
            strides: None,
            input_channels: channels,
            output_channels: channels,
        };
        let pool: Box<dyn TypedOp> = match of {
            Reduction::Max => Box::new(MaxPool {
                pool_spec,
                with_index_outputs: None,
            }),
            Reduction::Mean => Box::new(SumPool {
                pool_spec,
                count_include_pad: false,
                normalize: true,
            }),
        };
        let name = self.unique(&format!("{name}.last"));
        let op = AxisOp::Reshape(0, shape.clone(), flat.clone());
        let outlet = self
            .graph
            .wire_node(format!("{name}.flat"), op, &[outlet])?[0];
        let outlet = self
            .graph
            .wire_node(format!("{name}.rows"), pool, &[outlet])?[0];
        let op = AxisOp::Reshape(0, flat, shape);
        Ok(self.graph.wire_node(name, op, &[outlet])?[0])
    }

    /// The rows before all other axes; where they were an axis of one place is left.
    pub(super) fn hidden(
        &mut self,
        name: &str,
        outlet: OutletId,
        time: usize,
    ) -> TractResult<OutletId> {
        let name = self.unique(&format!("{name}.hidden"));
        let op = AxisOp::Move(time, 0);
        let outlet = self
            .graph
            .wire_node(format!("{name}.rows"), op, &[outlet])?[0];
        Ok(self
            .graph
            .wire_node(name, AxisOp::Add(time + 1), &[outlet])?[0])
    }
}
