//! The integer operators.

use tract_nnef::ast::{Parameter, RValue};
use tract_nnef::internal::*;

use super::read::{Call, reader};
use super::write::{self, Arguments};
use super::{ARITHMETICS, integer, integers, number, tensor, word};
use crate::step::{IntConv, IntOp, IntOutput, Pool, Quantization, Reduction, StepOp};

pub(super) fn register(registry: &mut Registry) {
    let mut primitive = |name: &str, parameters: &[&[Parameter]], read: ToTract| {
        let output = [("output", TypeName::Scalar.tensor())];
        let name = format!("praxiscope_{name}");
        registry.register_primitive(name, &parameters.concat(), &output, read);
    };
    let x = [tensor("x")];
    let output = [number("scale"), integer("zero_point")];
    let clamp = [integer("low"), integer("high")];
    let windows = ["time", "kernel", "stride", "dilation", "padding"].map(integers);
    let constants = ["weights", "bias", "multipliers", "added"].map(tensor);
    let groups = [integer("groups")];
    let zero_padded = [TypeName::Logical.named("zero_padded")];
    let operands = ["left", "right"].map(tensor);
    primitive("quantize", &[&x, &output], quantize);
    primitive("dequantize", &[&x], dequantize);
    primitive("rescale", &[&x, &output], rescale);
    let conv_parts: [&[Parameter]; 6] = [&x, &constants, &windows, &groups, &output, &clamp];
    primitive("int_conv", &conv_parts, int_conv);
    let binary_parts: [&[Parameter]; 4] = [&operands, &[word("arithmetic")], &output, &clamp];
    primitive("int_binary", &binary_parts, int_binary);
    primitive("lookup", &[&x, &[tensor("table")], &output], lookup);
    primitive(
        "int_mean_pool",
        &[&x, &windows, &zero_padded, &output],
        int_mean_pool,
    );
    primitive("int_mean_over_map", &[&x, &output], int_mean_over_map);
}

/// What stands behind an operator's inputs.
pub(super) fn arguments(int: &IntOp) -> TractResult<Arguments> {
    let mut named = match int {
        IntOp::Conv(conv) => {
            let mut named = vec![write::time(&conv.time)];
            named.extend(write::space(&conv.space));
            named.push(("groups", numeric(conv.groups)));
            named.extend(conv.output.map(clamp).into_iter().flatten());
            named
        }
        IntOp::Binary { arithmetic, output } => {
            let mut named = vec![("arithmetic", write::word(&ARITHMETICS, arithmetic)?)];
            named.extend(clamp(*output));
            named
        }
        IntOp::MeanPool { pool, .. } => {
            let mut named = vec![write::time(&pool.time)];
            named.extend(write::space(&pool.space));
            named.push(("zero_padded", logical(pool.zero_padded)));
            named
        }
        _ => vec![],
    };
    if let Some(output) = int.output() {
        named.push(("scale", numeric(output.scale)));
        named.push(("zero_point", numeric(output.zero_point)));
    }
    Ok(named)
}

fn clamp(output: IntOutput) -> [(&'static str, RValue); 2] {
    [("low", numeric(output.low)), ("high", numeric(output.high))]
}

impl Call<'_, '_> {
    fn small(&mut self, name: &str) -> TractResult<i8> {
        let number: i64 = self.get(name)?;
        i8::try_from(number).with_context(|| format!("{name:?} is no 8-bit value: {number}"))
    }

    fn quantization(&mut self) -> TractResult<Quantization> {
        Ok(Quantization {
            scale: self.get("scale")?,
            zero_point: self.small("zero_point")?,
        })
    }

    fn output(&mut self) -> TractResult<IntOutput> {
        Ok(IntOutput {
            quantization: self.quantization()?,
            low: self.small("low")?,
            high: self.small("high")?,
        })
    }
}

reader!(quantize, |call| {
    let output = call.quantization()?;
    call.wire_x(StepOp::Int(IntOp::Quantize(output)))
});

reader!(dequantize, |call| call
    .wire_x(StepOp::Int(IntOp::Dequantize)));

reader!(rescale, |call| {
    let output = call.quantization()?;
    call.wire_x(StepOp::Int(IntOp::Rescale(output)))
});

reader!(int_conv, |call| {
    let mut inputs: TVec<OutletId> = tvec!();
    for name in ["x", "weights", "bias", "multipliers"] {
        inputs.push(call.get(name)?);
    }
    inputs.extend(call.perhaps::<OutletId>("added")?);
    let gives_values = call.perhaps::<f32>("scale")?.is_some();
    let conv = IntConv {
        time: call.time()?,
        space: call.space()?,
        groups: call.get("groups")?,
        output: gives_values.then(|| call.output()).transpose()?,
    };
    call.wire(StepOp::Int(IntOp::Conv(conv)), &inputs)
});

reader!(int_binary, |call| {
    let inputs: [OutletId; 2] = [call.get("left")?, call.get("right")?];
    let arithmetic = call.word("arithmetic", &ARITHMETICS)?;
    let output = call.output()?;
    call.wire(StepOp::Int(IntOp::Binary { arithmetic, output }), &inputs)
});

reader!(lookup, |call| {
    let inputs: [OutletId; 2] = [call.get("x")?, call.get("table")?];
    let output = call.quantization()?;
    call.wire(StepOp::Int(IntOp::Lookup(output)), &inputs)
});

reader!(int_mean_pool, |call| {
    let pool = Pool {
        of: Reduction::Mean,
        time: call.time()?,
        space: call.space()?,
        zero_padded: call.get("zero_padded")?,
    };
    let output = call.quantization()?;
    call.wire_x(StepOp::Int(IntOp::MeanPool { pool, output }))
});

reader!(int_mean_over_map, |call| {
    let output = call.quantization()?;
    call.wire_x(StepOp::Int(IntOp::MeanOverMap(output)))
});
