//! From operators to text.

use std::sync::Arc;

use tract_nnef::ast::RValue;
use tract_nnef::internal::*;
use tract_nnef::ser::{array, ints};

use super::{ACTIVATIONS, ARITHMETICS, CLAMP, REDUCTIONS, WEIGHTINGS};
use crate::step::{Activation, SpaceWindow, StepOp, TimeWindow};

type Arguments = Vec<(&'static str, RValue)>;

pub(super) fn write(
    ast: &mut IntoAst,
    node: &TypedNode,
    op: &StepOp,
) -> TractResult<Option<Arc<RValue>>> {
    let inputs: Vec<_> = node
        .inputs
        .iter()
        .map(|input| ast.mapping[input].clone())
        .collect();
    let inputs = match op {
        StepOp::Concat => {
            let inputs: Vec<RValue> = inputs.iter().map(|input| (**input).clone()).collect();
            vec![Arc::new(array(inputs))]
        }
        _ => inputs,
    };
    let mut named: Arguments = vec![];
    match op {
        StepOp::Conv(conv) => {
            named.push(time(&conv.time));
            named.extend(space(&conv.space));
            named.push(("groups", numeric(conv.groups)));
            named.extend(activation(&conv.activation)?);
        }
        StepOp::Pool(pool) => {
            named.push(("of", word(&REDUCTIONS, &pool.of)?));
            named.push(time(&pool.time));
            named.extend(space(&pool.space));
            named.push(("zero_padded", logical(pool.zero_padded)));
        }
        StepOp::Shift { direction, fold } => {
            named.push(("direction", string(direction.as_str())));
            named.push(("fold", numeric(fold)));
        }
        StepOp::Sample { every, first } => {
            named.push(("every", numeric(every)));
            named.push(("first", numeric(first)));
        }
        StepOp::Sliding(sliding) => {
            named.push(("of", word(&REDUCTIONS, &sliding.of)?));
            named.extend(sliding.frames.map(|frames| ("frames", numeric(frames))));
            named.push(("dilation", numeric(sliding.dilation)));
        }
        StepOp::Attention(attention) => {
            named.push(("weighting", word(&WEIGHTINGS, &attention.weighting)?));
            named.push(("scale", numeric(attention.scale)));
            named.push(("frames", numeric(attention.frames)));
            named.push(("dilation", numeric(attention.dilation)));
        }
        StepOp::Binary(binary) => {
            named.push(("arithmetic", word(&ARITHMETICS, &binary.arithmetic)?));
            named.extend(activation(&binary.activation)?);
        }
        StepOp::Activation(function) => named.extend(activation(function)?),
        StepOp::Channels { start, end } => {
            named.push(("start", numeric(start)));
            named.push(("end", numeric(end)));
        }
        StepOp::OverMap(of) => named.push(("of", word(&REDUCTIONS, of)?)),
        StepOp::Concat | StepOp::Softmax => {}
    }
    let name = format!("praxiscope_{}", op.word());
    Ok(Some(invocation(name, &inputs, &named)))
}

fn time(time: &TimeWindow) -> (&'static str, RValue) {
    let TimeWindow {
        kernel,
        stride,
        dilation,
        before,
        after,
    } = *time;
    ("time", ints(&[kernel, stride, dilation, before, after]))
}

fn space(space: &SpaceWindow) -> Arguments {
    vec![
        ("kernel", ints(&space.kernel)),
        ("stride", ints(&space.stride)),
        ("dilation", ints(&space.dilation)),
        ("padding", ints(space.padding.as_flattened())),
    ]
}

fn activation(activation: &Activation) -> TractResult<Arguments> {
    Ok(match activation {
        Activation::Clamp { low, high } => vec![
            ("activation", string(CLAMP)),
            ("low", numeric(low)),
            ("high", numeric(high)),
        ],
        _ => vec![("activation", word(&ACTIVATIONS, activation)?)],
    })
}

fn word<T: PartialEq + std::fmt::Debug>(words: &[(&str, T)], value: &T) -> TractResult<RValue> {
    let found = words.iter().find(|(_, named)| named == value);
    let (word, _) = found.with_context(|| format!("{value:?} has no word"))?;
    Ok(string(word))
}
