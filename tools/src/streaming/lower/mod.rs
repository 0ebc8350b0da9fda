//! From the clip graph's operators to those of a step program, one after another.
//!
//! Each wire of the clip graph is followed with what its axes stand for ([`axes`](super::axes)). Time
//! has no axis in a step program, so that reshapes and transpositions leave nothing behind, and what is
//! left of an operator is what it does to frames.

mod align;
mod attention;
mod border;
mod constants;
mod elementwise;
mod emit;
mod join;
mod linear;
mod plain;
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
        // The row of a clip that ends with each frame.
        let last = stream.picked.filter(|picked| picked.is_last);
        if let Some(last) = last {
            let op = self.step.node_mut(last.sample).op_as_mut::<StepOp>();
            if let Some(StepOp::Sample { first, .. }) = op {
                *first = 0;
            }
        }
        // A mean over the only row that was picked stays one.
        let slides = stream.slides.iter().filter(|_| last.is_none());
        let heads = slides.map(|&slide| (slide, self.slides[&slide].rows));
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
            is_picked: stream.picked.is_some(),
            last: last.map(|last| (last.node, last.before)),
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
            self.pad(node, op, stream)
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

    /// Holds what an operator has become against the shape in the clip graph.
    fn check(&self, node: &TypedNode, value: &Value) -> Lowered<()> {
        let Value::Stream(stream) = value else {
            return Ok(());
        };
        let shape = self.shape(node.id.into())?;
        if shape.contains(&0) {
            refuse!("its result {shape:?} is empty");
        }
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
}

fn is_float_cast(node: &TypedNode) -> bool {
    node.op_as::<Cast>()
        .is_some_and(|cast| cast.to == f32::datum_type())
}
