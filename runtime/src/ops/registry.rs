//! How our operators are written in a bundle's graph (NNEF text).

use std::sync::Arc;

use tract_nnef::ast::RValue;
use tract_nnef::internal::*;

use super::{Form, ShiftDirection, TemporalShift};

/// The name under which a graph's `extension` line asks for our operators.
pub const REGISTRY_ID: &str = "praxiscope";

const TEMPORAL_SHIFT: &str = "praxiscope_temporal_shift";

/// An NNEF reader and writer that knows tract's core operators and ours.
pub fn nnef() -> Nnef {
    Nnef::default().with_registry(registry())
}

fn registry() -> Registry {
    let mut registry = Registry::new(REGISTRY_ID);
    registry.register_dumper(write_temporal_shift);
    registry.register_primitive(
        TEMPORAL_SHIFT,
        &[
            TypeName::Scalar.tensor().named("input"),
            TypeName::String.named("direction"),
            TypeName::Integer.named("fold"),
            TypeName::Integer.named("time_axis"),
            TypeName::Integer.named("channel_axis"),
            TypeName::String.named("form"),
        ],
        &[("output", TypeName::Scalar.tensor())],
        read_temporal_shift,
    );
    crate::step::register(&mut registry);
    registry
}

fn write_temporal_shift(
    ast: &mut IntoAst,
    node: &TypedNode,
    op: &TemporalShift,
) -> TractResult<Option<Arc<RValue>>> {
    let input = ast.mapping[&node.inputs[0]].clone();
    Ok(Some(invocation(
        TEMPORAL_SHIFT,
        &[input],
        &[
            ("direction", string(op.direction.as_str())),
            ("fold", numeric(op.fold)),
            ("time_axis", numeric(op.time_axis)),
            ("channel_axis", numeric(op.channel_axis)),
            ("form", string(op.form.as_str())),
        ],
    )))
}

fn read_temporal_shift(
    builder: &mut ModelBuilder,
    invocation: &ResolvedInvocation,
) -> TractResult<Value> {
    let input = invocation.named_arg_as(builder, "input")?;
    let direction: String = invocation.named_arg_as(builder, "direction")?;
    let form: String = invocation.named_arg_as(builder, "form")?;
    let op = TemporalShift {
        direction: match direction.as_str() {
            "one_way" => ShiftDirection::OneWay,
            "two_way" => ShiftDirection::TwoWay,
            other => bail!("a temporal shift goes \"one_way\" or \"two_way\", not {other:?}"),
        },
        fold: invocation.named_arg_as(builder, "fold")?,
        time_axis: invocation.named_arg_as(builder, "time_axis")?,
        channel_axis: invocation.named_arg_as(builder, "channel_axis")?,
        form: match form.as_str() {
            "clip" => Form::Clip,
            "step" => Form::Step,
            other => bail!("an operator's form is \"clip\" or \"step\", not {other:?}"),
        },
    };
    builder.wire(op, &[input])
}
