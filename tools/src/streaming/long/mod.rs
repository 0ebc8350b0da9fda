//! The clip graph over a whole recording: what a step program is held against.
//!
//! Every operator is the clip graph's own, over as many frames as the recording has, and tract runs it.
//! Only what sees all frames of a clip at once is put in the place of itself over the last frames, by
//! operators of clips again: a pool over time with padding before it, attention with a window. What has
//! one value for the clip then has one for each row, and an axis of time before all others.

mod attention;
mod same;
mod window;

use std::collections::HashMap;

use praxiscope_runtime::step::{Reduction, StepOp};
use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{Gather, MultiBroadcastTo, Slice};
use tract_core::ops::source::TypedSource;

use super::axes::{Atom, Axes, Extents};
use super::lower::{Program, Rows, Trace};
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
            return self.repeated(node);
        }
        let is_last = self.program.last.is_some_and(|(last, _)| last == node.id);
        if let Some(wire) = self.wires.get(&node.inputs[0]).filter(|_| is_last) {
            // A row for each frame.
            return Ok(*wire);
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

    /// What is repeated is left as it is, with as many axes: the operator behind repeats it as well.
    fn repeated(&mut self, node: &TypedNode) -> TractResult<Wire> {
        let wire = *self.wires.get(&node.inputs[0]).context("no wire")?;
        let first = usize::from(wire.is_hidden);
        let rank = self.clip.outlet_fact(node.id.into())?.rank() + first;
        let mut outlet = wire.outlet;
        while self.graph.outlet_fact(outlet)?.rank() < rank {
            let name = self.unique(&node.name);
            outlet = self.graph.wire_node(name, AxisOp::Add(first), &[outlet])?[0];
        }
        Ok(Wire { outlet, ..wire })
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
        if self.program.has_bare_rows() && window != Window::Native {
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
