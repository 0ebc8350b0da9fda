//! How our operators are written in a bundle's graph (NNEF text).

use std::sync::Arc;

use tract_nnef::ast::RValue;
use tract_nnef::internal::*;
use tract_nnef::ser::ints;

use super::{
    Attention, Border, FittedPool, Form, Mean, Pooling, Sample, ShiftDirection, TemporalShift,
    Weighting,
};

/// The name under which a graph's `extension` line asks for our operators.
pub const REGISTRY_ID: &str = "praxiscope";

const ATTENTION: &str = "praxiscope_clip_attention";
const FITTED_POOL: &str = "praxiscope_fitted_pool";
const MEAN: &str = "praxiscope_mean";
const SAMPLE: &str = "praxiscope_sample";
const TEMPORAL_SHIFT: &str = "praxiscope_temporal_shift";

/// An NNEF reader and writer that knows tract's core operators and ours.
pub fn nnef() -> Nnef {
    Nnef::default().with_registry(registry())
}

fn registry() -> Registry {
    let mut registry = Registry::new(REGISTRY_ID);
    registry.register_dumper(write_attention);
    registry.register_primitive(
        ATTENTION,
        &[
            TypeName::Scalar.tensor().named("queries"),
            TypeName::Scalar.tensor().named("keys"),
            TypeName::Scalar.tensor().named("values"),
            TypeName::String.named("weighting"),
            TypeName::Scalar.named("scale"),
            TypeName::Integer.named("window").default(0),
        ],
        &[("output", TypeName::Scalar.tensor())],
        read_attention,
    );
    registry.register_dumper(write_fitted_pool);
    registry.register_primitive(
        FITTED_POOL,
        &[
            TypeName::Scalar.tensor().named("input"),
            TypeName::String.named("pooling"),
            TypeName::Integer.array().named("kernel"),
            TypeName::Integer.array().named("padding"),
        ],
        &[("output", TypeName::Scalar.tensor())],
        read_fitted_pool,
    );
    registry.register_dumper(write_sample);
    registry.register_primitive(
        SAMPLE,
        &[
            TypeName::Scalar.tensor().named("input"),
            TypeName::Integer.named("axis"),
            TypeName::Integer.named("step"),
        ],
        &[("output", TypeName::Scalar.tensor())],
        read_sample,
    );
    registry.register_dumper(write_mean);
    registry.register_primitive(
        MEAN,
        &[
            TypeName::Scalar.tensor().named("input"),
            TypeName::Integer.array().named("axes"),
        ],
        &[("output", TypeName::Scalar.tensor())],
        read_mean,
    );
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
            TypeName::String.named("border").default("zeros"),
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
    let mut attributes = vec![
        ("direction", string(op.direction.as_str())),
        ("fold", numeric(op.fold)),
        ("time_axis", numeric(op.time_axis)),
        ("channel_axis", numeric(op.channel_axis)),
        ("form", string(op.form.as_str())),
    ];
    if op.border != Border::default() {
        attributes.push(("border", string(op.border.as_str())));
    }
    Ok(Some(invocation(TEMPORAL_SHIFT, &[input], &attributes)))
}

fn read_temporal_shift(
    builder: &mut ModelBuilder,
    invocation: &ResolvedInvocation,
) -> TractResult<Value> {
    let input = invocation.named_arg_as(builder, "input")?;
    let direction: String = invocation.named_arg_as(builder, "direction")?;
    let form: String = invocation.named_arg_as(builder, "form")?;
    let border: String = invocation.named_arg_as(builder, "border")?;
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
        border: match border.as_str() {
            "zeros" => Border::Zeros,
            "circular" => Border::Circular,
            other => bail!("a shift's border is \"zeros\" or \"circular\", not {other:?}"),
        },
    };
    builder.wire(op, &[input])
}

fn write_attention(
    ast: &mut IntoAst,
    node: &TypedNode,
    op: &Attention,
) -> TractResult<Option<Arc<RValue>>> {
    let inputs = node.inputs.iter().map(|input| ast.mapping[input].clone());
    let inputs: Vec<_> = inputs.collect();
    let mut attributes = vec![
        ("weighting", string(op.weighting.as_str())),
        ("scale", numeric(op.scale)),
    ];
    attributes.extend(op.window.map(|window| ("window", numeric(window))));
    Ok(Some(invocation(ATTENTION, &inputs, &attributes)))
}

fn read_attention(
    builder: &mut ModelBuilder,
    invocation: &ResolvedInvocation,
) -> TractResult<Value> {
    let mut inputs = tvec![];
    for name in ["queries", "keys", "values"] {
        inputs.push(invocation.named_arg_as::<OutletId>(builder, name)?);
    }
    let weighting: String = invocation.named_arg_as(builder, "weighting")?;
    let window: usize = invocation.named_arg_as(builder, "window")?;
    let op = Attention {
        weighting: match weighting.as_str() {
            "softmax" => Weighting::Softmax,
            "mean" => Weighting::Mean,
            other => bail!("attention weighs by \"softmax\" or \"mean\", not {other:?}"),
        },
        scale: invocation.named_arg_as(builder, "scale")?,
        window: (window > 0).then_some(window),
    };
    builder.wire(op, &inputs)
}

fn write_mean(ast: &mut IntoAst, node: &TypedNode, op: &Mean) -> TractResult<Option<Arc<RValue>>> {
    let input = ast.mapping[&node.inputs[0]].clone();
    let axes = ints(&op.axes);
    Ok(Some(invocation(MEAN, &[input], &[("axes", axes)])))
}

fn read_mean(builder: &mut ModelBuilder, invocation: &ResolvedInvocation) -> TractResult<Value> {
    let input = invocation.named_arg_as(builder, "input")?;
    let axes = invocation.named_arg_as(builder, "axes")?;
    builder.wire(Mean { axes }, &[input])
}

fn write_fitted_pool(
    ast: &mut IntoAst,
    node: &TypedNode,
    op: &FittedPool,
) -> TractResult<Option<Arc<RValue>>> {
    let input = ast.mapping[&node.inputs[0]].clone();
    let attributes = [
        ("pooling", string(op.pooling.as_str())),
        ("kernel", ints(&op.kernel)),
        ("padding", ints(&op.padding)),
    ];
    Ok(Some(invocation(FITTED_POOL, &[input], &attributes)))
}

fn read_fitted_pool(
    builder: &mut ModelBuilder,
    invocation: &ResolvedInvocation,
) -> TractResult<Value> {
    let input = invocation.named_arg_as(builder, "input")?;
    let pooling: String = invocation.named_arg_as(builder, "pooling")?;
    let op = FittedPool {
        pooling: match pooling.as_str() {
            "max" => Pooling::Max,
            "mean" => Pooling::Mean,
            other => bail!("a pool is of \"max\" or \"mean\", not {other:?}"),
        },
        kernel: invocation.named_arg_as(builder, "kernel")?,
        padding: invocation.named_arg_as(builder, "padding")?,
    };
    builder.wire(op, &[input])
}

fn write_sample(
    ast: &mut IntoAst,
    node: &TypedNode,
    op: &Sample,
) -> TractResult<Option<Arc<RValue>>> {
    let input = ast.mapping[&node.inputs[0]].clone();
    let attributes = [("axis", numeric(op.axis)), ("step", numeric(op.step))];
    Ok(Some(invocation(SAMPLE, &[input], &attributes)))
}

fn read_sample(builder: &mut ModelBuilder, invocation: &ResolvedInvocation) -> TractResult<Value> {
    let input = invocation.named_arg_as(builder, "input")?;
    let axis = invocation.named_arg_as(builder, "axis")?;
    let step = invocation.named_arg_as(builder, "step")?;
    builder.wire(Sample { axis, step }, &[input])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Archive, graph};

    /// `op` on inputs of these shapes, written and read again.
    fn read_again<O: TypedOp + Clone>(op: &O, shapes: &[&[usize]]) -> O {
        let mut model = TypedModel::default();
        let sources = shapes.iter().enumerate();
        let sources = sources
            .map(|(at, shape)| model.add_source(format!("in{at}"), f32::fact(*shape)))
            .collect::<TractResult<Vec<_>>>();
        let output = model.wire_node("node", op.clone(), &sources.unwrap());
        model.select_output_outlets(&output.unwrap()).unwrap();
        let mut archive = Archive::default();
        graph::write(&model, &mut archive).unwrap();
        let read = graph::read(&archive).unwrap();
        let node = read.node(read.output_outlets().unwrap()[0].node);
        node.op_as::<O>().unwrap().clone()
    }

    #[test]
    fn operators_survive_being_written() {
        for axes in [tvec![0], tvec![2, 3], tvec![]] {
            let mean = Mean { axes };
            assert_eq!(read_again(&mean, &[&[2, 3, 4, 5]]), mean);
        }
        let sample = Sample { axis: 2, step: 2 };
        assert_eq!(read_again(&sample, &[&[1, 3, 4]]), sample);
        for pooling in [Pooling::Max, Pooling::Mean] {
            let pool = FittedPool {
                pooling,
                kernel: tvec![0, 7],
                padding: tvec![0, 1],
            };
            assert_eq!(read_again(&pool, &[&[1, 2, 3, 4]]), pool);
        }
        for border in [Border::Zeros, Border::Circular] {
            let shift = TemporalShift {
                direction: ShiftDirection::TwoWay,
                fold: 1,
                time_axis: 0,
                channel_axis: 1,
                border,
                form: Form::Clip,
            };
            assert_eq!(read_again(&shift, &[&[2, 3, 4, 5]]), shift);
        }
        let (queries, keys) = (&[1, 2, 3, 4, 4][..], &[1, 2, 3, 2, 2][..]);
        for weighting in [Weighting::Softmax, Weighting::Mean] {
            for (scale, window) in [(1.0, None), (1.0 / 3.0, Some(7)), (1.25e-9, None)] {
                let attention = Attention {
                    weighting,
                    scale,
                    window,
                };
                assert_eq!(read_again(&attention, &[queries, keys, keys]), attention);
            }
        }
    }
}
