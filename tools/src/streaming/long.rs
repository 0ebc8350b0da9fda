//! The clip graph over a whole recording: what a step program is held against.
//!
//! Every operator is the clip graph's own, over as many frames as the recording has, and tract runs it.
//! Only what sees all frames of a clip at once is put in the place of itself over the last frames, by
//! operators of clips again: a pool over time with padding before it, attention with a window. What has
//! one value for the clip then has one for each row, and an axis of time before all others.

use std::collections::HashMap;

use praxiscope_runtime::ops;
use praxiscope_runtime::step::{Reduction, Sliding, StepOp, Weighting};
use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{Gather, MultiBroadcastTo, Slice, TypedConcat};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::{Conv, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::math;
use tract_core::ops::nn::{DataFormat, Reduce, Reducer, Softmax};
use tract_core::ops::source::TypedSource;

use super::axes::{Atom, Axes, Extents};
use super::lower::{Attended, Counting, Program, Rows, Trace};
use super::{Options, Window, frames_of, lowered, window_rows};

/// The clip graph `graph` over a recording of `frames` frames, its last mean over the window of
/// `options`: output `[rows, numbers]`, a row for each of the step program's, or, where that answers
/// every frame, for each that it gives without.
///
/// # Errors
/// When the graph has no step program, or says the same in a way that cannot be made longer.
pub fn over(graph: &TypedModel, frames: usize, options: &Options) -> TractResult<TypedModel> {
    let options = &Options {
        dense: false,
        ..*options
    };
    let program = lowered(graph, options).map_err(|refused| format_err!("{refused}"))?;
    let mut long = Long {
        clip: graph,
        program: &program,
        options,
        frames: frames_of(graph),
        graph: TypedModel::default(),
        source: None,
        wires: HashMap::new(),
    };
    for id in graph.eval_order()? {
        let node = graph.node(id);
        if let Some(Trace::Stream { .. }) = program.traces.get(&id.into()) {
            let wire = long
                .node(node, frames)
                .with_context(|| format!("`{}` over {frames} frames", node.name))?;
            long.wires.insert(id.into(), wire);
        }
    }
    long.finish()
}

/// A wire of the long graph.
#[derive(Clone, Copy, Debug)]
struct Wire {
    outlet: OutletId,
    /// Whether its rows stand in an axis before all others, where the clip graph has one value for the
    /// clip.
    is_hidden: bool,
}

struct Long<'a> {
    clip: &'a TypedModel,
    program: &'a Program,
    options: &'a Options,
    /// Of the native clip.
    frames: usize,
    graph: TypedModel,
    source: Option<OutletId>,
    wires: HashMap<OutletId, Wire>,
}

impl Long<'_> {
    fn node(&mut self, node: &TypedNode, frames: usize) -> TractResult<Wire> {
        if node.op_is::<TypedSource>() {
            return self.source(node, frames);
        }
        if let Some(attended) = self.program.attentions.get(&node.id) {
            return self.attention(node, &attended.clone());
        }
        if let Some(slide) = self.program.slides.get(&node.id) {
            let op = self.program.step.node(*slide).op_as::<StepOp>();
            let Some(StepOp::Sliding(sliding)) = op else {
                bail!("no window of rows")
            };
            return self.slide(node, *slide, *sliding);
        }
        if let Some(op) = node.op_as::<AxisOp>() {
            return self.axes(node, op);
        }
        if node.op_is::<MultiBroadcastTo>() {
            bail!("places are repeated");
        }
        if let Some(op) = node.op_as::<Slice>() {
            return self.slice(node, op);
        }
        if let Some(op) = node.op_as::<Gather>() {
            return self.gather(node, op);
        }
        self.same(node)
    }

    fn source(&mut self, node: &TypedNode, frames: usize) -> TractResult<Wire> {
        let (axes, _, rows) = self.trace(node.id.into())?;
        let mut shape = self.clip.outlet_fact(node.id.into())?.shape.to_tvec();
        let time = axes.position(Atom::Time).context("no time")?;
        shape[time] = frames.to_dim();
        let source = match self.source {
            Some(source) => source,
            None => self.graph.add_source("frames", f32::fact(shape))?,
        };
        self.source = Some(source);
        if rows.stride == 1 {
            return Ok(shown(source));
        }
        let op = Downsample::new(time, isize::try_from(rows.stride)?, 0);
        Ok(shown(self.graph.wire_node(&*node.name, op, &[source])?[0]))
    }

    /// The operator itself, over more frames.
    fn same(&mut self, node: &TypedNode) -> TractResult<Wire> {
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
    fn row_by_row(
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
    fn explicit(&self, node: &TypedNode) -> TractResult<Box<dyn TypedOp>> {
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
    fn still(&self, node: &TypedNode, tensor: &Arc<Tensor>) -> TractResult<Arc<Tensor>> {
        let (axes, extents, _) = self.trace(node.id.into())?;
        let time = axes.position(Atom::Time).filter(|time| {
            node.op_is::<TypedBinOp>() && extents.rows > 1 && tensor.shape().get(*time) > Some(&1)
        });
        let Some(time) = time else {
            return Ok(tensor.clone());
        };
        match Counting::of(tensor) {
            Some(counting) => {
                let stream = node.inputs.iter().find_map(|input| self.wires.get(input));
                let outlet = stream.context("nothing is counted")?.outlet;
                let rows = self.graph.outlet_fact(outlet)?.shape[time].to_usize()?;
                let numbers: Vec<f32> = (0..rows).map(|row| counting.at(row)).collect();
                let mut shape = tensor.shape().to_vec();
                shape[time] = rows;
                Ok(Tensor::from_shape(&shape, &numbers)?.into_arc_tensor())
            }
            None => Ok(tensor.slice(time, 0, 1)?.into_arc_tensor()),
        }
    }

    fn axes(&mut self, node: &TypedNode, op: &AxisOp) -> TractResult<Wire> {
        let input = node.inputs[0];
        let Wire {
            mut outlet,
            mut is_hidden,
        } = *self.wires.get(&input).context("no wire")?;
        let (before, extents, _) = self.trace(input)?;
        let behind = self.trace(node.id.into())?.0;
        let time = before.position(Atom::Time);
        let joins = |axes: &Axes| {
            let axis = axes.position(Atom::Time).map(|time| &axes.0[time]);
            axis.is_none_or(|axis| extents.rows == 1 && extents.product(axis) > 1)
        };
        if let Some(time) = time.filter(|_| !is_hidden && joins(&behind)) {
            // The only row of the native clip loses its axis.
            outlet = self.hidden(&node.name, outlet, time)?;
            is_hidden = true;
        }
        let op = match op {
            op if is_hidden => behind_rows(op),
            AxisOp::Reshape(at, _, to) => {
                let shape = self.graph.outlet_fact(outlet)?.shape.to_tvec();
                let AxisOp::Reshape(_, from, _) = op else {
                    bail!("no reshape")
                };
                let from: TVec<TDim> = shape[*at..*at + from.len()].into();
                let mut to = to.clone();
                let moved = behind.position(Atom::Time);
                if let Some(axis) = moved.filter(|axis| (*at..*at + to.len()).contains(axis)) {
                    let others: TDim = to
                        .iter()
                        .enumerate()
                        .filter(|(index, _)| at + index != axis)
                        .map(|(_, dim)| dim.clone())
                        .product();
                    let all: TDim = from.iter().product();
                    to[axis - at] = (all.to_usize()? / others.to_usize()?.max(1)).to_dim();
                }
                AxisOp::Reshape(*at, from, to)
            }
            op => op.clone(),
        };
        let name = self.unique(&node.name);
        let outlet = self.graph.wire_node(name, op, &[outlet])?[0];
        Ok(Wire { outlet, is_hidden })
    }

    /// What combines all rows, over the last of them.
    fn slide(&mut self, node: &TypedNode, slide: usize, sliding: Sliding) -> TractResult<Wire> {
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
    fn last(
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

    fn attention(&mut self, node: &TypedNode, attended: &Attended) -> TractResult<Wire> {
        let mut maps = tvec![];
        for outlet in attended.maps {
            let wire = *self.wires.get(&outlet).context("no wire")?;
            ensure!(!wire.is_hidden, "an attention to one row");
            let (axes, extents, _) = self.trace(outlet)?;
            maps.push(self.canonical(&node.name, wire.outlet, &axes, &extents)?);
        }
        let op = ops::Attention {
            weighting: match attended.op.weighting {
                Weighting::Softmax => ops::Weighting::Softmax,
                Weighting::Mean => ops::Weighting::Mean,
            },
            scale: attended.op.scale,
            window: Some(if attended.is_over_time {
                attended.op.frames
            } else {
                1
            }),
        };
        let name = self.unique(&format!("{}.window", node.name));
        let outlet = self.graph.wire_node(name, op, &maps)?[0];
        // Back to the axes that the clip graph has.
        let axes = self.trace(node.id.into())?.0;
        let outlet = self.arranged(&node.name, outlet, &axes)?;
        Ok(shown(outlet))
    }

    /// A map as `[1, C, T, H, W]`.
    fn canonical(
        &mut self,
        name: &str,
        mut outlet: OutletId,
        axes: &Axes,
        extents: &Extents,
    ) -> TractResult<OutletId> {
        let shape = self.graph.outlet_fact(outlet)?.shape.to_tvec();
        let mut order: TVec<Option<Atom>> = tvec![];
        let mut dims = tvec![];
        for (axis, dim) in axes.0.iter().zip(&shape) {
            let others: usize = axis
                .iter()
                .filter(|atom| **atom != Atom::Time)
                .map(|atom| extents.of(*atom))
                .product();
            for atom in axis {
                order.push(Some(*atom));
                dims.push(match atom {
                    Atom::Time => (dim.to_usize()? / others).to_dim(),
                    atom => extents.of(*atom).to_dim(),
                });
            }
        }
        let op = AxisOp::Reshape(0, shape, dims);
        let name = self.unique(&format!("{name}.canonical"));
        outlet = self.graph.wire_node(&*name, op, &[outlet])?[0];
        for (place, atom) in CANONICAL.into_iter().enumerate() {
            let position = order.iter().position(|other| *other == atom);
            let op = match position {
                Some(from) => {
                    let moved = order.remove(from);
                    order.insert(place, moved);
                    AxisOp::Move(from, place)
                }
                None => {
                    order.insert(place, atom);
                    AxisOp::Add(place)
                }
            };
            if op != AxisOp::Move(place, place) {
                outlet = self
                    .graph
                    .wire_node(format!("{name}.{place}"), op, &[outlet])?[0];
            }
        }
        Ok(outlet)
    }

    /// `[1, C, T, H, W]` with the axes that the clip graph has.
    fn arranged(&mut self, name: &str, mut outlet: OutletId, axes: &Axes) -> TractResult<OutletId> {
        let name = self.unique(&format!("{name}.arranged"));
        let mut order: TVec<Option<Atom>> = CANONICAL.as_slice().into();
        let wanted: Vec<Atom> = axes.0.iter().flatten().copied().collect();
        for (place, atom) in wanted.iter().enumerate() {
            let from = order.iter().position(|other| *other == Some(*atom));
            let from = from.context("an axis is missing")?;
            if from != place {
                let moved = order.remove(from);
                order.insert(place, moved);
                let op = AxisOp::Move(from, place);
                outlet = self
                    .graph
                    .wire_node(format!("{name}.{place}"), op, &[outlet])?[0];
            }
        }
        let shape = self.graph.outlet_fact(outlet)?.shape.to_tvec();
        let mut dims = shape.iter().cloned();
        let grouped = axes
            .0
            .iter()
            .map(|axis| dims.by_ref().take(axis.len()).product());
        let grouped: TVec<TDim> = grouped.collect();
        let op = AxisOp::Reshape(0, shape, grouped);
        Ok(self.graph.wire_node(name, op, &[outlet])?[0])
    }

    fn slice(&mut self, node: &TypedNode, op: &Slice) -> TractResult<Wire> {
        let input = node.inputs[0];
        let (axes, extents, _) = self.trace(input)?;
        let wire = *self.wires.get(&input).context("no wire")?;
        if wire.is_hidden || axes.position(Atom::Time) != Some(op.axis) {
            return self.same(node);
        }
        let rows = self.graph.outlet_fact(wire.outlet)?.shape[op.axis].to_usize()?;
        let cut = extents.rows - op.end.to_usize()?;
        let op = Slice::new(op.axis, op.start.clone(), rows - cut);
        let name = self.unique(&node.name);
        Ok(shown(self.graph.wire_node(name, op, &[wire.outlet])?[0]))
    }

    fn gather(&mut self, node: &TypedNode, op: &Gather) -> TractResult<Wire> {
        let input = node.inputs[0];
        let (axes, extents, _) = self.trace(input)?;
        let (.., behind) = self.trace(node.id.into())?;
        let before = self.trace(input)?.2;
        let wire = *self.wires.get(&input).context("no wire")?;
        if axes.position(Atom::Time) != Some(op.axis) {
            return self.same(node);
        }
        let Some(Trace::Constant(numbers)) = self.program.traces.get(&node.inputs[1]) else {
            bail!("what is picked is not known")
        };
        ensure!(numbers.rank() == 1, "one frame is picked");
        let numbers = numbers.cast_to::<i64>()?;
        let first = numbers.to_plain_array_view::<i64>()?.iter().next().copied();
        let every = behind.stride / before.stride;
        ensure!(
            extents.rows.div_ceil(every) == behind.native,
            "a part of the clip is picked"
        );
        let first = first
            .and_then(|first| usize::try_from(first).ok())
            .context("no frame")?;
        let op = Downsample::new(op.axis, isize::try_from(every)?, first);
        let name = self.unique(&node.name);
        Ok(shown(self.graph.wire_node(name, op, &[wire.outlet])?[0]))
    }

    /// Values for the clip that meet: those of the same clip go together.
    fn beside(
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
        let Some((pairs, _)) = super::lower::pairs(rows) else {
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

    /// The rows before all other axes; where they were an axis of one place is left.
    fn hidden(&mut self, name: &str, outlet: OutletId, time: usize) -> TractResult<OutletId> {
        let name = self.unique(&format!("{name}.hidden"));
        let op = AxisOp::Move(time, 0);
        let outlet = self
            .graph
            .wire_node(format!("{name}.rows"), op, &[outlet])?[0];
        Ok(self
            .graph
            .wire_node(name, AxisOp::Add(time + 1), &[outlet])?[0])
    }

    /// Hidden rows back in the place of an axis of one place.
    fn given_to_rows(
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

    fn finish(mut self) -> TractResult<TypedModel> {
        let output = *self.clip.output_outlets()?.first().context("no output")?;
        let (axes, _, rows) = self.trace(output)?;
        let Wire {
            mut outlet,
            is_hidden,
        } = *self.wires.get(&output).context("no wire")?;
        if !is_hidden {
            let time = axes.position(Atom::Time).context("no time")?;
            let op = AxisOp::Move(time, 0);
            outlet = self.graph.wire_node("output.rows", op, &[outlet])?[0];
        }
        let window = self.options.window;
        if self.program.heads.is_empty() && window != Window::Native {
            let frames = window_rows(rows, self.frames, window);
            outlet = self.last("output", outlet, 0, (Reduction::Mean, frames))?;
        }
        // Channels last, as in the frames of a step program.
        let channels = match is_hidden {
            true => axes.position(Atom::Channels).map(|channels| channels + 1),
            false => axes.position(Atom::Channels).map(|channels| {
                let time = axes.position(Atom::Time).unwrap_or(0);
                if channels < time {
                    channels + 1
                } else {
                    channels
                }
            }),
        };
        let rank = self.graph.outlet_fact(outlet)?.rank();
        if let Some(channels) = channels.filter(|channels| *channels + 1 < rank) {
            let op = AxisOp::Move(channels, rank - 1);
            outlet = self.graph.wire_node("output.channels", op, &[outlet])?[0];
        }
        let shape = self.graph.outlet_fact(outlet)?.shape.to_tvec();
        let numbers: TDim = shape[1..].iter().product();
        let to = tvec![shape[0].clone(), numbers];
        let op = AxisOp::Reshape(0, shape, to);
        outlet = self.graph.wire_node("output", op, &[outlet])?[0];
        self.graph.select_output_outlets(&[outlet])?;
        Ok(self.graph)
    }

    fn trace(&self, outlet: OutletId) -> TractResult<(Axes, Extents, Rows)> {
        match self.program.traces.get(&outlet) {
            Some(Trace::Stream {
                axes,
                extents,
                rows,
            }) => Ok((axes.clone(), *extents, *rows)),
            _ => bail!("no frames"),
        }
    }

    fn unique(&self, name: &str) -> String {
        self.graph.unique_name(name).into_owned()
    }
}

/// The order of a map's axes where an attention takes it; the first is the batch's.
const CANONICAL: [Option<Atom>; 5] = [
    None,
    Some(Atom::Channels),
    Some(Atom::Time),
    Some(Atom::Height),
    Some(Atom::Width),
];

/// The same change of axes behind one more.
fn behind_rows(op: &AxisOp) -> AxisOp {
    match op {
        AxisOp::Add(at) => AxisOp::Add(at + 1),
        AxisOp::Rm(at) => AxisOp::Rm(at + 1),
        AxisOp::Move(from, to) => AxisOp::Move(from + 1, to + 1),
        AxisOp::Reshape(at, from, to) => AxisOp::Reshape(at + 1, from.clone(), to.clone()),
    }
}

fn shown(outlet: OutletId) -> Wire {
    Wire {
        outlet,
        is_hidden: false,
    }
}
