//! From text to operators. Wiring an operator [checks](StepOp::check) it.

use tract_nnef::deser::CoerceFrom;
use tract_nnef::internal::*;

use super::{ACTIVATIONS, ARITHMETICS, CLAMP, REDUCTIONS, WEIGHTINGS};
use crate::ops::ShiftDirection;
use crate::step::{
    Activation, Attention, Binary, Conv, Pool, Sliding, SpaceWindow, StepOp, TimeWindow,
};

/// One call in the text.
struct Call<'a, 'b> {
    builder: &'a mut ModelBuilder<'b>,
    invocation: &'a ResolvedInvocation<'a>,
}

impl Call<'_, '_> {
    fn get<T: CoerceFrom<Value>>(&mut self, name: &str) -> TractResult<T> {
        self.invocation.named_arg_as(self.builder, name)
    }

    fn perhaps<T: CoerceFrom<Value>>(&mut self, name: &str) -> TractResult<Option<T>> {
        self.invocation.get_named_arg_as(self.builder, name)
    }

    fn numbers<const N: usize>(&mut self, name: &str) -> TractResult<[usize; N]> {
        let numbers: TVec<usize> = self.get(name)?;
        let numbers = numbers.as_slice().try_into().ok();
        numbers.with_context(|| format!("{name:?} takes {N} numbers"))
    }

    fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> TractResult<T> {
        let word: String = self.get(name)?;
        let found = words.iter().find(|(known, _)| *known == word);
        let (_, value) = found.with_context(|| format!("{word:?} is not known for {name:?}"))?;
        Ok(*value)
    }

    fn time(&mut self) -> TractResult<TimeWindow> {
        let [kernel, stride, dilation, before, after] = self.numbers("time")?;
        Ok(TimeWindow {
            kernel,
            stride,
            dilation,
            before,
            after,
        })
    }

    fn space(&mut self) -> TractResult<SpaceWindow> {
        let [top, bottom, left, right] = self.numbers("padding")?;
        Ok(SpaceWindow {
            kernel: self.numbers("kernel")?,
            stride: self.numbers("stride")?,
            dilation: self.numbers("dilation")?,
            padding: [[top, bottom], [left, right]],
        })
    }

    fn activation(&mut self) -> TractResult<Activation> {
        let word: String = self.get("activation")?;
        if word == CLAMP {
            let (low, high) = (self.get("low")?, self.get("high")?);
            return Ok(Activation::Clamp { low, high });
        }
        self.word("activation", &ACTIVATIONS)
    }

    fn wire(self, op: StepOp, inputs: &[OutletId]) -> TractResult<Value> {
        self.builder.wire(op, inputs)
    }

    fn wire_x(mut self, op: StepOp) -> TractResult<Value> {
        let x = self.get("x")?;
        self.wire(op, &[x])
    }
}

macro_rules! reader {
    ($name:ident, |$call:ident| $body:expr) => {
        pub(super) fn $name(
            builder: &mut ModelBuilder,
            invocation: &ResolvedInvocation,
        ) -> TractResult<Value> {
            #[allow(unused_mut)]
            let mut $call = Call {
                builder,
                invocation,
            };
            $body
        }
    };
}

reader!(conv, |call| {
    let mut inputs: Vec<OutletId> = vec![call.get("x")?, call.get("weights")?, call.get("bias")?];
    inputs.extend(call.perhaps::<OutletId>("added")?);
    let conv = Conv {
        time: call.time()?,
        space: call.space()?,
        groups: call.get("groups")?,
        activation: call.activation()?,
    };
    call.wire(StepOp::Conv(conv), &inputs)
});

reader!(pool, |call| {
    let pool = Pool {
        of: call.word("of", &REDUCTIONS)?,
        time: call.time()?,
        space: call.space()?,
        zero_padded: call.get("zero_padded")?,
    };
    call.wire_x(StepOp::Pool(pool))
});

reader!(shift, |call| {
    let directions = [ShiftDirection::OneWay, ShiftDirection::TwoWay];
    let directions = directions.map(|direction| (direction.as_str(), direction));
    let direction = call.word("direction", &directions)?;
    let fold = call.get("fold")?;
    call.wire_x(StepOp::Shift { direction, fold })
});

reader!(sample, |call| {
    let (every, first) = (call.get("every")?, call.get("first")?);
    call.wire_x(StepOp::Sample { every, first })
});

reader!(sliding, |call| {
    let sliding = Sliding {
        of: call.word("of", &REDUCTIONS)?,
        frames: call.perhaps("frames")?,
        dilation: call.get("dilation")?,
    };
    call.wire_x(StepOp::Sliding(sliding))
});

reader!(attention, |call| {
    let inputs: [OutletId; 3] = [call.get("query")?, call.get("key")?, call.get("value")?];
    let attention = Attention {
        weighting: call.word("weighting", &WEIGHTINGS)?,
        scale: call.get("scale")?,
        frames: call.get("frames")?,
        dilation: call.get("dilation")?,
    };
    call.wire(StepOp::Attention(attention), &inputs)
});

reader!(binary, |call| {
    let inputs: [OutletId; 2] = [call.get("left")?, call.get("right")?];
    let binary = Binary {
        arithmetic: call.word("arithmetic", &ARITHMETICS)?,
        activation: call.activation()?,
    };
    call.wire(StepOp::Binary(binary), &inputs)
});

reader!(activation_of, |call| {
    let activation = call.activation()?;
    call.wire_x(StepOp::Activation(activation))
});

reader!(concat, |call| {
    let inputs: TVec<OutletId> = call.get("inputs")?;
    call.wire(StepOp::Concat, &inputs)
});

reader!(channels, |call| {
    let (start, end) = (call.get("start")?, call.get("end")?);
    call.wire_x(StepOp::Channels { start, end })
});

reader!(over_map, |call| {
    let of = call.word("of", &REDUCTIONS)?;
    call.wire_x(StepOp::OverMap(of))
});

reader!(softmax, |call| call.wire_x(StepOp::Softmax));
