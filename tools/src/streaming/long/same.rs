//! Operators as they are, over more frames.

use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{Slice, TypedConcat};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::{Conv, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::nn::{Reduce, Softmax};

use praxiscope_runtime::ops;

use super::{Long, Wire, shown};
use crate::streaming::axes::Atom;
use crate::streaming::lower::{Counting, Rows, Trace, pairs};

impl Long<'_> {
    /// The operator itself, over more frames.
    pub(super) fn same(&mut self, node: &TypedNode) -> TractResult<Wire> {
        let mut inputs = tvec![];
        let mut streams = tvec![];
        for (slot, input) in node.inputs.iter().enumerate() {
            match self.program.traces.get(input) {
                Some(Trace::Constant(tensor)) => {
                    let tensor = self.still(node, tensor)?;
                    let name = self.unique(&format!("{}.input_{slot}", node.name));
                    inputs.push(self.graph.add_const(name, tensor)?);
                }
                _ => {
                    let wire = *self.wires.get(input).context("no wire")?;
                    streams.push((slot, *input, wire));
                    inputs.push(wire.outlet);
                }
            }
        }
        if streams.iter().all(|(_, _, wire)| wire.is_hidden) {
            if streams.len() > 1 {
                let rows = streams
                    .iter()
                    .map(|(_, outlet, _)| Ok(self.trace(*outlet)?.2));
                let rows = rows.collect::<TractResult<Vec<Rows>>>()?;
                let slots: Vec<usize> = streams.iter().map(|(slot, ..)| *slot).collect();
                self.beside(node, &rows, &slots, &mut inputs)?;
            }
            let slots: Vec<usize> = streams.iter().map(|(slot, ..)| *slot).collect();
            let outlet = self.row_by_row(node, &slots, inputs)?;
            return Ok(Wire {
                outlet,
                is_hidden: true,
            });
        }
        let at = self.trace(node.id.into())?.0.position(Atom::Time);
        let at = at.context("rows go nowhere")?;
        for (slot, _, wire) in &streams {
            if wire.is_hidden {
                inputs[*slot] = self.given_to_rows(&node.name, wire.outlet, at)?;
            }
        }
        let op = self.explicit(node)?;
        let name = self.unique(&node.name);
        Ok(shown(self.graph.wire_node(name, op, &inputs)?[0]))
    }

    /// An operator over values for the clip, of which there is one for each row.
    pub(super) fn row_by_row(
        &mut self,
        node: &TypedNode,
        slots: &[usize],
        mut inputs: TVec<OutletId>,
    ) -> TractResult<OutletId> {
        let name = self.unique(&node.name);
        let behind = |axes: &[usize]| axes.iter().map(|axis| axis + 1).collect::<TVec<usize>>();
        let op: Box<dyn TypedOp> = if node.op_is::<ElementWiseOp>() {
            node.op.clone()
        } else if node.op_is::<TypedBinOp>() {
            for slot in (0..inputs.len()).filter(|slot| !slots.contains(slot)) {
                let name = format!("{name}.rows_{slot}");
                inputs[slot] = self
                    .graph
                    .wire_node(name, AxisOp::Add(0), &[inputs[slot]])?[0];
            }
            node.op.clone()
        } else if let Some(op) = node.op_as::<TypedConcat>() {
            Box::new(TypedConcat::new(op.axis + 1))
        } else if let Some(op) = node.op_as::<Softmax>() {
            let axes = behind(&op.axes);
            Box::new(Softmax { axes, ..op.clone() })
        } else if let Some(op) = node.op_as::<Reduce>() {
            Box::new(Reduce::new(behind(&op.axes), op.reducer))
        } else if let Some(op) = node.op_as::<ops::Mean>() {
            let axes = behind(&op.axes);
            Box::new(ops::Mean { axes })
        } else if let Some(op) = node.op_as::<EinSum>() {
            let mut axes: TVec<Axis> = tvec![];
            for axis in op.axes.iter_all_axes() {
                let mut axis = axis.clone();
                for slot in slots {
                    axis.inputs[*slot].iter_mut().for_each(|place| *place += 1);
                }
                axis.outputs[0].iter_mut().for_each(|place| *place += 1);
                axes.push(axis);
            }
            let mut rows = Axis::new(op.axes.available_label(), inputs.len(), 1);
            slots.iter().for_each(|slot| rows.inputs[*slot].push(0));
            rows.outputs[0].push(0);
            axes.push(rows);
            let axes = AxesMapping::new(inputs.len(), 1, axes)?;
            Box::new(EinSum { axes, ..op.clone() })
        } else {
            // A window: the rows are its batch.
            let op = self.explicit(node)?;
            let is_window = op.is::<Conv>() || op.is::<MaxPool>() || op.is::<SumPool>();
            ensure!(is_window, "{} of a value for the clip", node.op.name());
            let batch = format!("{name}.batch");
            inputs[0] = self.graph.wire_node(batch, AxisOp::Rm(1), &[inputs[0]])?[0];
            let rows = self.graph.wire_node(&*name, op, &inputs)?[0];
            let name = format!("{name}.rows");
            return Ok(self.graph.wire_node(name, AxisOp::Add(1), &[rows])?[0]);
        };
        Ok(self.graph.wire_node(name, op, &inputs)?[0])
    }

    /// A window whose padding is what it is over the native clip.
    pub(super) fn explicit(&self, node: &TypedNode) -> TractResult<Box<dyn TypedOp>> {
        let explicit = |spec: &PoolSpec| -> TractResult<PoolSpec> {
            if matches!(spec.padding, PaddingSpec::Valid | PaddingSpec::Explicit(..)) {
                return Ok(spec.clone());
            }
            let shape = self.clip.outlet_fact(node.inputs[0])?.shape.to_tvec();
            let layout = spec.data_format.shape(shape)?;
            let (mut before, mut after) = (tvec![], tvec![]);
            for padding in spec.computed_padding(layout.hw_dims()) {
                before.push(padding.pad_before.to_usize()?);
                after.push(padding.pad_after.to_usize()?);
            }
            // Pools keep a last window that runs out of the map.
            let is_ceil = matches!(spec.padding, PaddingSpec::ExplicitOnnxPool(_, _, true));
            Ok(PoolSpec {
                padding: match is_ceil {
                    true => PaddingSpec::ExplicitOnnxPool(before, after, true),
                    false => PaddingSpec::Explicit(before, after),
                },
                ..spec.clone()
            })
        };
        Ok(if let Some(op) = node.op_as::<Conv>() {
            let pool_spec = explicit(&op.pool_spec)?;
            Box::new(Conv {
                pool_spec,
                ..op.clone()
            })
        } else if let Some(op) = node.op_as::<MaxPool>() {
            let pool_spec = explicit(&op.pool_spec)?;
            Box::new(MaxPool {
                pool_spec,
                ..op.clone()
            })
        } else if let Some(op) = node.op_as::<SumPool>() {
            let pool_spec = explicit(&op.pool_spec)?;
            Box::new(SumPool {
                pool_spec,
                ..op.clone()
            })
        } else {
            node.op.clone()
        })
    }

    /// A constant that is given to each row, where the clip graph has it for each row; one that counts
    /// the rows counts on.
    pub(super) fn still(&self, node: &TypedNode, tensor: &Arc<Tensor>) -> TractResult<Arc<Tensor>> {
        let (axes, extents, _) = self.trace(node.id.into())?;
        let time = axes.position(Atom::Time).filter(|time| {
            node.op_is::<TypedBinOp>() && extents.rows > 1 && tensor.shape().get(*time) > Some(&1)
        });
        let Some(time) = time else {
            return Ok(tensor.clone());
        };
        match Counting::along(tensor, time) {
            Some(counting) => {
                let stream = node.inputs.iter().find_map(|input| self.wires.get(input));
                let outlet = stream.context("nothing is counted")?.outlet;
                let rows = self.graph.outlet_fact(outlet)?.shape[time].to_usize()?;
                let numbers: Vec<f32> = (0..rows).map(|row| counting.at(row)).collect();
                let mut shape = vec![1; tensor.rank()];
                shape[time] = rows;
                Ok(Tensor::from_shape(&shape, &numbers)?.into_arc_tensor())
            }
            None => Ok(tensor.slice(time, 0, 1)?.into_arc_tensor()),
        }
    }

    /// Values for the clip that meet: those of the same clip go together.
    pub(super) fn beside(
        &mut self,
        node: &TypedNode,
        rows: &[Rows],
        slots: &[usize],
        inputs: &mut TVec<OutletId>,
    ) -> TractResult<()> {
        ensure!(
            node.op_is::<TypedConcat>() || node.op_is::<TypedBinOp>(),
            "{} of values of the clip",
            node.op.name()
        );
        let Some((pairs, _)) = pairs(rows) else {
            bail!("rows that do not go together")
        };
        let mut fewest = usize::MAX;
        for ((every, first), slot) in pairs.into_iter().zip(slots) {
            if (every, first) != (1, 0) {
                let op = Downsample::new(0, isize::try_from(every)?, first);
                let name = self.unique(&format!("{}.beside", node.name));
                inputs[*slot] = self.graph.wire_node(name, op, &[inputs[*slot]])?[0];
            }
            let shape = &self.graph.outlet_fact(inputs[*slot])?.shape;
            fewest = fewest.min(shape[0].to_usize()?);
        }
        for slot in slots {
            let op = Slice::new(0, 0, fewest);
            let name = self.unique(&format!("{}.until", node.name));
            inputs[*slot] = self.graph.wire_node(name, op, &[inputs[*slot]])?[0];
        }
        Ok(())
    }

    /// Hidden rows back in the place of an axis of one place.
    pub(super) fn given_to_rows(
        &mut self,
        name: &str,
        outlet: OutletId,
        time: usize,
    ) -> TractResult<OutletId> {
        let name = self.unique(&format!("{name}.given"));
        let op = AxisOp::Rm(time + 1);
        let outlet = self
            .graph
            .wire_node(format!("{name}.rows"), op, &[outlet])?[0];
        Ok(self
            .graph
            .wire_node(name, AxisOp::Move(0, time), &[outlet])?[0])
    }
}
