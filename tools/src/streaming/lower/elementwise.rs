//! What is done to each number alone, and place by place to two maps.

use praxiscope_runtime::step::{Activation, Arithmetic, Binary, StepOp};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::math;

use super::constants::{constant_frame, counts, uniform};
use super::stream::{Pending, Stream, Value};
use super::{Lowered, Lowering, Stop, refuse};
use crate::streaming::axes::{Atom, Axes};
use crate::streaming::function::{Function, Input, Known};

impl Lowering<'_> {
    pub(super) fn element_wise(&mut self, node: &TypedNode) -> Lowered<Value> {
        let stream = self.stream(node.inputs[0])?;
        let function = stream.function();
        self.function(node, stream, &[Input::Function(&function)])
    }

    pub(super) fn binary(&mut self, node: &TypedNode, op: &TypedBinOp) -> Lowered<Value> {
        let [left, right] = node.inputs[..] else {
            refuse!("{} has two inputs", node.op.name())
        };
        match (self.value(left)?.clone(), self.value(right)?.clone()) {
            (Value::Stream(x), Value::Constant(number)) => {
                self.with_constant(node, op, (*x, number), false)
            }
            (Value::Constant(number), Value::Stream(x)) => {
                self.with_constant(node, op, (*x, number), true)
            }
            (Value::Scores(mut scores), Value::Constant(number)) => {
                scores.scale(op, uniform(&number))?;
                Ok(Value::Scores(scores))
            }
            (Value::Constant(number), Value::Scores(mut scores)) if op.0.is::<math::Mul>() => {
                scores.scale(op, uniform(&number))?;
                Ok(Value::Scores(scores))
            }
            (Value::Stream(x), Value::Stream(y)) if x.is_beside(&y) => {
                let functions = [x.function(), y.function()];
                let [left, right] = &functions;
                let inputs = [Input::Function(left), Input::Function(right)];
                self.function(node, *x, &inputs)
            }
            (Value::Stream(x), Value::Stream(y)) => self.of_streams(node, op, [*x, *y]),
            _ => refuse!("the products of an attention are used for something else"),
        }
    }

    fn with_constant(
        &mut self,
        node: &TypedNode,
        op: &TypedBinOp,
        (mut stream, number): (Stream, Arc<Tensor>),
        is_first: bool,
    ) -> Lowered<Value> {
        if stream.summed && !is_first && counts(op, &number, &stream.axes) {
            stream.summed = false;
            return Ok(Value::from(stream));
        }
        let broadens = number.len() > self.shape_of(&stream);
        if let Some(number) = uniform(&number).filter(|_| !broadens) {
            let function = stream.function();
            let (x, number) = (Input::Function(&function), Input::Number(number));
            let inputs = if is_first { [number, x] } else { [x, number] };
            return self.function(node, stream, &inputs);
        }
        let arithmetic = arithmetic(op)?;
        let wire = self.compute(&stream)?;
        let values = constant_frame(&number, &stream.axes, &stream.extents())?;
        let values = self.emit_constant(&format!("{}.constant", node.name), values)?;
        let inputs = match is_first {
            true => [values, wire],
            false => [wire, values],
        };
        (stream.base, stream.frame) = self.emit(&node.name, plain(arithmetic), &inputs)?;
        stream.pending = None;
        Ok(Value::from(stream))
    }

    fn of_streams(
        &mut self,
        node: &TypedNode,
        op: &TypedBinOp,
        streams: [Stream; 2],
    ) -> Lowered<Value> {
        let arithmetic = arithmetic(op)?;
        let axes = met(&streams)?;
        let (mut together, wires) = self.align(&node.name, &streams)?;
        let (base, frame) = self.emit(&node.name, plain(arithmetic), &wires)?;
        if axes.has(Atom::Time) != streams.iter().any(Stream::has_time) {
            refuse!("positions in time meet something else");
        }
        together.axes = axes;
        Ok(Value::from(Stream {
            base,
            frame,
            ..together
        }))
    }

    /// `node` as a function of the numbers of `stream`.
    fn function(
        &mut self,
        node: &TypedNode,
        mut stream: Stream,
        inputs: &[Input],
    ) -> Lowered<Value> {
        if stream.is_padded() {
            refuse!("it stands between zeros that are put around a map and the operator over it");
        }
        if stream.summed {
            refuse!("the sum of all rows so far grows without end; its mean is known");
        }
        let Some(function) = Function::behind(&*node.op, inputs) else {
            refuse!("{} is no function of single numbers", node.op.name());
        };
        let origin = Some(node.id.into());
        stream.pending = Some(Pending { function, origin });
        Ok(Value::from(stream))
    }

    /// The wire of the step program that has the stream's numbers.
    pub(super) fn compute(&mut self, stream: &Stream) -> Lowered<OutletId> {
        if stream.is_padded() {
            refuse!(
                "zeros that are put around its map are taken in by convolutions and pools alone"
            );
        }
        if stream.summed {
            refuse!("the sum of all rows so far grows without end; its mean is known");
        }
        let Some(pending) = &stream.pending else {
            return Ok(stream.base);
        };
        if let Some(wire) = pending.origin.and_then(|origin| self.computed.get(&origin)) {
            return Ok(*wire);
        }
        let name = match pending.origin {
            Some(origin) => self.clip.node(origin.node).name.clone(),
            None => format!("{}.sum", self.step.node(stream.base.node).name),
        };
        let wire = match (pending.function.known(), pending.origin) {
            (Some(known), _) => self.known(&name, known, stream.base)?,
            (None, Some(origin)) => self.step_by_step(&name, origin)?,
            (None, None) => refuse!("a sum is no function of a mean"),
        };
        if let Some(origin) = pending.origin {
            self.computed.insert(origin, wire);
        }
        Ok(wire)
    }

    fn known(&mut self, name: &str, known: Known, x: OutletId) -> Lowered<OutletId> {
        match known {
            Known::Activation(Activation::Identity) => Ok(x),
            Known::Activation(activation) => {
                Ok(self.emit(name, StepOp::Activation(activation), &[x])?.0)
            }
            Known::Affine { scale, offset } => {
                let x = match scale == 1.0 {
                    true => x,
                    false => self.by_number(name, Arithmetic::Mul, x, scale)?,
                };
                match offset == 0.0 {
                    true => Ok(x),
                    false => self.by_number(name, Arithmetic::Add, x, offset),
                }
            }
        }
    }

    fn by_number(
        &mut self,
        name: &str,
        arithmetic: Arithmetic,
        x: OutletId,
        number: f32,
    ) -> Lowered<OutletId> {
        let tensor = tensor0(number).broadcast_into_rank(3)?;
        let number = self.emit_constant(&format!("{name}.number"), tensor)?;
        Ok(self.emit(name, plain(arithmetic), &[x, number])?.0)
    }

    /// A function that is not known as a whole, by the node that it ends with.
    fn step_by_step(&mut self, name: &str, origin: OutletId) -> Lowered<OutletId> {
        let clip = self.clip;
        let node = clip.node(origin.node);
        let unknown = || {
            let name = node.op.name();
            Stop::Refused(format!("{name} is not known frame by frame"))
        };
        let mut wires = tvec![];
        let mut numbers = tvec![];
        for input in &node.inputs {
            match self.value(*input)?.clone() {
                Value::Constant(tensor) => numbers.push(uniform(&tensor).ok_or_else(unknown)?),
                Value::Stream(stream) => wires.push(self.compute(&stream)?),
                Value::Scores(_) => return Err(unknown()),
            }
        }
        let x = *wires.first().ok_or_else(unknown)?;
        if let [_, y] = wires[..] {
            let op = node.op_as::<TypedBinOp>().ok_or_else(unknown)?;
            return Ok(self.emit(name, plain(arithmetic(op)?), &[x, y])?.0);
        }
        // One step of it alone: a number first or second, or none.
        let identity = Function::identity();
        let is_first = matches!(self.value(node.inputs[0])?, Value::Constant(_));
        let inputs = match numbers.first() {
            None => vec![Input::Function(&identity)],
            Some(number) if is_first => vec![Input::Number(*number), Input::Function(&identity)],
            Some(number) => vec![Input::Function(&identity), Input::Number(*number)],
        };
        let function = Function::behind(&*node.op, &inputs).ok_or_else(unknown)?;
        if let Some(known) = function.known() {
            return self.known(name, known, x);
        }
        if function.is_square() {
            return Ok(self.emit(name, plain(Arithmetic::Mul), &[x, x])?.0);
        }
        let op = node.op_as::<TypedBinOp>().ok_or_else(unknown)?;
        let arithmetic = arithmetic(op)?;
        let number = *numbers.first().ok_or_else(unknown)?;
        let tensor = tensor0(number).broadcast_into_rank(3)?;
        let number = self.emit_constant(&format!("{name}.number"), tensor)?;
        let inputs = if is_first { [number, x] } else { [x, number] };
        Ok(self.emit(name, plain(arithmetic), &inputs)?.0)
    }

    fn shape_of(&self, stream: &Stream) -> usize {
        let extents = stream.extents();
        let axes = stream.axes.0.iter();
        axes.map(|axis| extents.product(axis)).product()
    }
}

fn plain(arithmetic: Arithmetic) -> StepOp {
    StepOp::Binary(Binary {
        arithmetic,
        activation: Activation::Identity,
    })
}

fn arithmetic(op: &TypedBinOp) -> Lowered<Arithmetic> {
    let op = &op.0;
    Ok(if op.is::<math::Add>() {
        Arithmetic::Add
    } else if op.is::<math::Sub>() {
        Arithmetic::Sub
    } else if op.is::<math::Mul>() {
        Arithmetic::Mul
    } else if op.is::<math::Div>() {
        Arithmetic::Div
    } else if op.is::<math::Max>() {
        Arithmetic::Max
    } else if op.is::<math::Min>() {
        Arithmetic::Min
    } else {
        refuse!("{} of two maps is not known frame by frame", op.name())
    })
}

/// What the axes of two maps stand for where they are put together; an axis of one place takes the
/// other's.
fn met(streams: &[Stream; 2]) -> Lowered<Axes> {
    let [x, y] = streams;
    if x.axes.rank() != y.axes.rank() {
        refuse!("its maps have {} and {} axes", x.axes.rank(), y.axes.rank());
    }
    let mut axes = tvec![];
    for (left, right) in x.axes.0.iter().zip(&y.axes.0) {
        axes.push(met_along((x, left), (y, right))?);
    }
    Ok(Axes(axes))
}

/// The same for one axis of both.
pub(super) fn met_along(
    (x, left): (&Stream, &TVec<Atom>),
    (y, right): (&Stream, &TVec<Atom>),
) -> Lowered<TVec<Atom>> {
    let is_unit = |stream: &Stream, axis| stream.extents().product(axis) == 1;
    let is_given = |axis: &TVec<Atom>| axis.contains(&Atom::Time);
    Ok(match (is_unit(x, left), is_unit(y, right)) {
        _ if left == right => left.clone(),
        (true, true) if is_given(right) => right.clone(),
        (_, true) => left.clone(),
        (true, false) => right.clone(),
        (false, false) => {
            refuse!("it puts {left:?} of one map together with {right:?} of another")
        }
    })
}
