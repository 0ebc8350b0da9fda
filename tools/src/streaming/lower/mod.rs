//! From the clip graph's operators to those of a step program, one after another.
//!
//! Each wire of the clip graph is followed with what its axes stand for ([`axes`](super::axes)). Time
//! has no axis in a step program, so that reshapes and transpositions leave nothing behind, and what is
//! left of an operator is what it does to frames.

mod align;
mod attention;
mod constants;
mod elementwise;
mod linear;
mod program;
mod reduce;
mod select;
mod stream;
mod window;
mod windows;

use std::collections::{HashMap, HashSet};

use praxiscope_runtime::ops::{self, TemporalShift};
use praxiscope_runtime::step::StepOp;
use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{CumSum, Gather, MultiBroadcastTo, Pad, Slice, TypedConcat};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cast::Cast;
use tract_core::ops::cnn::{Conv, MaxPool, SumPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::identity::Identity;
use tract_core::ops::konst::Const;
use tract_core::ops::nn::{Reduce, Softmax};
use tract_core::ops::source::TypedSource;

use super::axes::{Atom, Axes};
use super::{Change, Options};
use stream::{Stream, Value};

pub(super) use align::pairs;
pub(super) use constants::Counting;
pub(super) use program::{Attended, Program, Trace};
pub(super) use stream::Rows;

/// Why lowering ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// An operator has no form frame by frame.
    Refused(String),
    /// This node has to be lowered in its other form: a pool that spans the clip as a window, samples
    /// that happen to be evenly apart as the first of every so many.
    Otherwise(usize),
}

pub(super) type Lowered<T> = Result<T, Stop>;

impl From<TractError> for Stop {
    fn from(error: TractError) -> Stop {
        Stop::Refused(crate::import::one_line(&error))
    }
}

macro_rules! refuse {
    ($($message:tt)*) => {
        return Err($crate::streaming::lower::Stop::Refused(format!($($message)*)))
    };
}
use refuse;

/// An operator over a window of rows, for one over all rows of the clip.
#[derive(Clone, Debug)]
struct Slide {
    node: usize,
    /// The noun for it.
    what: &'static str,
    rows: Rows,
}

pub(super) struct Lowering<'a> {
    clip: &'a TypedModel,
    options: &'a Options,
    /// Nodes that are lowered in their other form.
    otherwise: &'a HashSet<usize>,
    step: TypedModel,
    source: Option<OutletId>,
    values: HashMap<OutletId, Value>,
    /// Values of the clip graph that were functions to be computed, and are computed.
    computed: HashMap<OutletId, OutletId>,
    /// By the node of the step program.
    slides: HashMap<usize, Slide>,
    attentions: HashMap<usize, Attended>,
    changes: Vec<Change>,
    names: HashSet<String>,
}

impl<'a> Lowering<'a> {
    pub fn new(clip: &'a TypedModel, options: &'a Options, otherwise: &'a HashSet<usize>) -> Self {
        Lowering {
            clip,
            options,
            otherwise,
            step: TypedModel::default(),
            source: None,
            values: HashMap::new(),
            computed: HashMap::new(),
            slides: HashMap::new(),
            attentions: HashMap::new(),
            changes: vec![],
            names: HashSet::new(),
        }
    }

    /// Lowers the whole graph; a refusal names the node.
    pub fn run(mut self) -> Result<Program, (String, Stop)> {
        let whole_graph = |error: TractError| ("the network".to_owned(), Stop::from(error));
        for id in self.clip.eval_order().map_err(whole_graph)? {
            let node = self.clip.node(id);
            let named = |stop| (node.name.clone(), stop);
            let value = self.node(node).map_err(named)?;
            self.check(node, &value).map_err(named)?;
            self.values.insert(id.into(), value);
        }
        let output = *self
            .clip
            .output_outlets()
            .map_err(whole_graph)?
            .first()
            .context("a network has an output")
            .map_err(whole_graph)?;
        let name = self.clip.node(output.node).name.clone();
        self.finish(output).map_err(|stop| (name, stop))
    }

    fn finish(mut self, output: OutletId) -> Lowered<Program> {
        let stream = self.stream(output)?;
        let wire = self.compute(&stream)?;
        let heads = stream
            .slides
            .iter()
            .map(|&slide| (slide, self.slides[&slide].rows));
        let traced = |(outlet, value): (&OutletId, &Value)| {
            let trace = match value {
                Value::Constant(tensor) => Trace::Constant(tensor.clone()),
                Value::Scores(_) => Trace::Scores,
                Value::Stream(stream) => Trace::Stream {
                    axes: stream.axes.clone(),
                    extents: stream.extents(),
                    rows: stream.rows,
                },
            };
            (*outlet, trace)
        };
        let by_node = |(slide, by): (&usize, &Slide)| (by.node, *slide);
        Ok(Program {
            traces: self.values.iter().map(traced).collect(),
            slides: self.slides.iter().map(by_node).collect(),
            attentions: self.attentions,
            output: wire,
            rows: stream.rows,
            has_time: stream.has_time(),
            heads: heads.collect(),
            changes: self.changes,
            step: self.step,
        })
    }

    fn node(&mut self, node: &TypedNode) -> Lowered<Value> {
        if let Some(op) = node.op_as::<Const>() {
            return Ok(Value::Constant(op.val().clone()));
        }
        if node.op_is::<TypedSource>() {
            return self.source(node);
        }
        if let Some(values) = self.constants(node) {
            return self.constant(node, values);
        }
        if node.op_is::<Identity>() || is_float_cast(node) {
            return Ok(self.value(node.inputs[0])?.clone());
        }
        if node.op_is::<ElementWiseOp>() {
            return self.element_wise(node);
        }
        if let Some(op) = node.op_as::<TypedBinOp>() {
            return self.binary(node, op);
        }
        if let Some(op) = node.op_as::<EinSum>() {
            return self.einsum(node, op);
        }
        if let Some(op) = node.op_as::<AxisOp>() {
            return self.axes(node, op);
        }
        if let Some(op) = node.op_as::<Softmax>() {
            return self.softmax(node, op);
        }
        if let Some(op) = node.op_as::<ops::Attention>() {
            return self.attention(node, op);
        }
        let stream = self.stream(node.inputs[0])?;
        let stream = if let Some(op) = node.op_as::<Conv>() {
            self.conv(node, op, stream)
        } else if let Some(op) = node.op_as::<MaxPool>() {
            self.max_pool(node, op, stream)
        } else if let Some(op) = node.op_as::<SumPool>() {
            self.sum_pool(node, op, stream)
        } else if let Some(op) = node.op_as::<Pad>() {
            self.pad(op, stream)
        } else if let Some(op) = node.op_as::<Reduce>() {
            self.reduce(node, op, stream)
        } else if let Some(op) = node.op_as::<ops::Mean>() {
            self.mean(node, op, stream)
        } else if let Some(op) = node.op_as::<CumSum>() {
            self.running_sum(node, op, stream)
        } else if let Some(op) = node.op_as::<TypedConcat>() {
            self.concat(node, op)
        } else if let Some(op) = node.op_as::<TemporalShift>() {
            self.shift(node, op, stream)
        } else if let Some(op) = node.op_as::<Downsample>() {
            self.downsample(node, op, stream)
        } else if let Some(op) = node.op_as::<Gather>() {
            self.gather(node, op, stream)
        } else if let Some(op) = node.op_as::<Slice>() {
            self.slice(node, op, stream)
        } else if node.op_is::<MultiBroadcastTo>() {
            self.repeat(node, stream)
        } else {
            refuse!(
                "the operator {} is not known frame by frame",
                node.op.name()
            )
        };
        stream.map(Value::from)
    }

    /// The frames that enter. Of several inputs the longest brings every frame, and another the first of
    /// every so many.
    fn source(&mut self, node: &TypedNode) -> Lowered<Value> {
        let shape = self.shape(node.id.into())?;
        let Some(axes) = Axes::of_input(shape.len()) else {
            refuse!("{shape:?} are no frames");
        };
        let extent = |atom| axes.position(atom).map_or(1, |axis| shape[axis]);
        let frame = [Atom::Height, Atom::Width, Atom::Channels].map(extent);
        let frames = super::frames_of(self.clip);
        let native = extent(Atom::Time);
        let source = match self.source {
            Some(source) => source,
            None => {
                self.names.insert("frame".into());
                self.step.add_source("frame", f32::fact(frame))?
            }
        };
        self.source = Some(source);
        let wanted = f32::fact(frame);
        if self.step.outlet_fact(source)?.shape != wanted.shape {
            refuse!("its frames have another size than those of another input");
        }
        let stream = Stream {
            base: source,
            pending: None,
            frame,
            axes,
            rows: Rows {
                native: frames,
                stride: 1,
                dilation: 1,
            },
            slides: tvec![],
            whole: None,
            spread: None,
            padding: Default::default(),
            repeated: false,
            summed: false,
        };
        if native == frames {
            return Ok(Value::from(stream));
        }
        if !frames.is_multiple_of(native) {
            refuse!("it takes {native} frames where another input takes {frames}");
        }
        let every = frames / native;
        let what = format!("it is given the first of every {every} frames of the recording");
        self.change(node.name.clone(), what);
        Ok(Value::from(self.sample(node, stream, every, 0)?))
    }

    /// The inputs, if none is a stream.
    fn constants(&self, node: &TypedNode) -> Option<TVec<TValue>> {
        let constant = |input: &OutletId| match self.values.get(input) {
            Some(Value::Constant(tensor)) => Some(tensor.clone().into_tvalue()),
            _ => None,
        };
        node.inputs.iter().map(constant).collect()
    }

    fn constant(&self, node: &TypedNode, inputs: TVec<TValue>) -> Lowered<Value> {
        if let Some(tensor) = &node.outputs[0].fact.konst {
            return Ok(Value::Constant(tensor.clone()));
        }
        let outputs = node.op.eval_out_of_plan(inputs)?;
        match outputs.and_then(|mut outputs| outputs.pop()) {
            Some(tensor) => Ok(Value::Constant(tensor.into_arc_tensor())),
            None => refuse!("the constant of {} cannot be computed", node.op.name()),
        }
    }

    /// Axes come, go and move; no number changes.
    fn axes(&mut self, node: &TypedNode, op: &AxisOp) -> Lowered<Value> {
        let mut stream = match self.value(node.inputs[0])? {
            Value::Scores(scores) => return scores.behind(op).map(Value::Scores),
            _ => self.stream(node.inputs[0])?,
        };
        if stream.is_padded() {
            refuse!("it stands between zeros that are put around a map and the operator over it");
        }
        let Some(axes) = stream.axes.behind(op, &stream.extents()) else {
            refuse!(
                "{op:?} takes apart what stands for one thing ({:?})",
                stream.axes.0
            );
        };
        stream.axes = axes;
        Ok(Value::from(stream))
    }

    /// A value is repeated, which the operator behind does as well.
    fn repeat(&mut self, node: &TypedNode, mut stream: Stream) -> Lowered<Stream> {
        let rank = self.shape(node.id.into())?.len();
        while stream.axes.rank() < rank {
            stream.axes.0.insert(0, tvec![]);
        }
        stream.repeated = true;
        Ok(stream)
    }

    /// Holds what an operator has become against the shape in the clip graph.
    fn check(&self, node: &TypedNode, value: &Value) -> Lowered<()> {
        let Value::Stream(stream) = value else {
            return Ok(());
        };
        let shape = self.shape(node.id.into())?;
        if !stream.is_shaped(&shape) {
            refuse!(
                "its result {shape:?} is not what the frame-by-frame form makes, {:?} of {:?}",
                stream.axes.0,
                stream.extents()
            );
        }
        Ok(())
    }

    fn value(&self, outlet: OutletId) -> Lowered<&Value> {
        let value = self.values.get(&outlet);
        value.ok_or_else(|| Stop::Refused("only an operator's first output is known".into()))
    }

    fn stream(&self, outlet: OutletId) -> Lowered<Stream> {
        match self.value(outlet)? {
            Value::Stream(stream) => Ok((**stream).clone()),
            Value::Constant(_) => refuse!("a constant stands where frames are needed"),
            Value::Scores(_) => refuse!("the products of an attention are used for something else"),
        }
    }

    fn shape(&self, outlet: OutletId) -> Lowered<TVec<usize>> {
        let shape = &self.clip.outlet_fact(outlet)?.shape;
        match shape.as_concrete() {
            Some(shape) => Ok(shape.into()),
            None => refuse!("its shape {shape:?} is not fixed"),
        }
    }

    /// Wires an operator of the step program and gives the result and its frame.
    fn emit(
        &mut self,
        name: &str,
        op: StepOp,
        inputs: &[OutletId],
    ) -> Lowered<(OutletId, [usize; 3])> {
        let name = self.name(name);
        let wire = self.step.wire_node(name, op, inputs)?[0];
        let shape = &self.step.outlet_fact(wire)?.shape;
        match shape.as_concrete().map(<[usize; 3]>::try_from) {
            Some(Ok(frame)) => Ok((wire, frame)),
            _ => refuse!("{shape:?} is no frame"),
        }
    }

    fn emit_constant(&mut self, name: &str, tensor: Tensor) -> Lowered<OutletId> {
        let name = self.name(name);
        Ok(self.step.add_const(name, tensor)?)
    }

    /// A name that no node has yet.
    fn name(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}.{number}");
        }
        name
    }
}

fn is_float_cast(node: &TypedNode) -> bool {
    node.op_as::<Cast>()
        .is_some_and(|cast| cast.to == f32::datum_type())
}
