//! What enters, what is constant, and what only changes axes.

use tract_core::internal::*;

use super::stream::{Rows, Stream, Value};
use super::{Lowered, Lowering, refuse};
use crate::streaming::axes::{Atom, Axes};
use crate::streaming::frames_of;

impl Lowering<'_> {
    /// The frames that enter. Of several inputs the longest brings every frame, and another the first of
    /// every so many.
    pub(super) fn source(&mut self, node: &TypedNode) -> Lowered<Value> {
        let shape = self.shape(node.id.into())?;
        let Some(axes) = Axes::of_input(shape.len()) else {
            refuse!("{shape:?} are no frames");
        };
        let extent = |atom| axes.position(atom).map_or(1, |axis| shape[axis]);
        let frame = [Atom::Height, Atom::Width, Atom::Channels].map(extent);
        let frames = frames_of(self.clip);
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
            picked: None,
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
    pub(super) fn constants(&self, node: &TypedNode) -> Option<TVec<TValue>> {
        let constant = |input: &OutletId| match self.values.get(input) {
            Some(Value::Constant(tensor)) => Some(tensor.clone().into_tvalue()),
            _ => None,
        };
        node.inputs.iter().map(constant).collect()
    }

    pub(super) fn constant(&self, node: &TypedNode, inputs: TVec<TValue>) -> Lowered<Value> {
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
    pub(super) fn axes(&mut self, node: &TypedNode, op: &AxisOp) -> Lowered<Value> {
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
    pub(super) fn repeat(&mut self, node: &TypedNode, mut stream: Stream) -> Lowered<Stream> {
        let rank = self.shape(node.id.into())?.len();
        while stream.axes.rank() < rank {
            stream.axes.0.insert(0, tvec![]);
        }
        stream.repeated = true;
        Ok(stream)
    }
}
