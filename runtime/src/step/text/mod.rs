//! How step operators are written in a bundle's graph (NNEF text).
//!
//! ```text
//! praxiscope_conv(x, weights, bias[, added], time = [kernel, stride, dilation, before, after],
//!     kernel = [h, w], stride = [h, w], dilation = [h, w], padding = [top, bottom, left, right],
//!     groups = 1, activation = "clamp", low = 0.0, high = inf)
//! praxiscope_pool(x, of = "max", time = .., kernel = .., stride = .., dilation = .., padding = ..,
//!     zero_padded = false)
//! praxiscope_shift(x, direction = "one_way", fold = 8)
//! praxiscope_sample(x, every = 4, first = 0)
//! praxiscope_sliding(x, of = "mean"[, frames = 8], dilation = 1)
//! praxiscope_attention(query, key, value, weighting = "softmax", scale = 1.0, frames = 8, dilation = 1)
//! praxiscope_binary(left, right, arithmetic = "add", activation = "identity")
//! praxiscope_activation(x, activation = "swish")
//! praxiscope_concat([a, b])
//! praxiscope_channels(x, start = 0, end = 8)
//! praxiscope_over_map(x, of = "mean")
//! praxiscope_softmax(x)
//! ```

mod read;
mod write;

use tract_nnef::ast::Parameter;
use tract_nnef::internal::*;

use super::{Activation, Arithmetic, Reduction, Weighting};

/// Teaches a registry to read and write step operators.
pub(crate) fn register(registry: &mut Registry) {
    registry.register_dumper(write::write);
    let x = || tensor("x");
    let over_time = || integers("time");
    let over_map = || {
        ["kernel", "stride", "dilation", "padding"]
            .map(integers)
            .to_vec()
    };
    let activation = || vec![word("activation"), number("low"), number("high")];
    let mut primitive = |name: &str, parameters: Vec<Parameter>, read: ToTract| {
        let output = [("output", TypeName::Scalar.tensor())];
        registry.register_primitive(format!("praxiscope_{name}"), &parameters, &output, read);
    };
    let mut conv = vec![
        x(),
        tensor("weights"),
        tensor("bias"),
        tensor("added"),
        over_time(),
    ];
    conv.extend(over_map());
    conv.push(integer("groups"));
    conv.extend(activation());
    primitive("conv", conv, read::conv);
    let mut pool = vec![x(), word("of"), over_time()];
    pool.extend(over_map());
    pool.push(TypeName::Logical.named("zero_padded"));
    primitive("pool", pool, read::pool);
    let shift = vec![x(), word("direction"), integer("fold")];
    primitive("shift", shift, read::shift);
    let sample = vec![x(), integer("every"), integer("first")];
    primitive("sample", sample, read::sample);
    let sliding = vec![x(), word("of"), integer("frames"), integer("dilation")];
    primitive("sliding", sliding, read::sliding);
    let mut attention = ["query", "key", "value"].map(tensor).to_vec();
    attention.extend([word("weighting"), number("scale")]);
    attention.extend([integer("frames"), integer("dilation")]);
    primitive("attention", attention, read::attention);
    let mut binary = vec![tensor("left"), tensor("right"), word("arithmetic")];
    binary.extend(activation());
    primitive("binary", binary, read::binary);
    let mut function = vec![x()];
    function.extend(activation());
    primitive("activation", function, read::activation_of);
    let inputs = TypeName::Scalar.tensor().array().named("inputs");
    primitive("concat", vec![inputs], read::concat);
    let channels = vec![x(), integer("start"), integer("end")];
    primitive("channels", channels, read::channels);
    primitive("over_map", vec![x(), word("of")], read::over_map);
    primitive("softmax", vec![x()], read::softmax);
}

fn tensor(name: &str) -> Parameter {
    TypeName::Scalar.tensor().named(name)
}

fn integer(name: &str) -> Parameter {
    TypeName::Integer.named(name)
}

fn integers(name: &str) -> Parameter {
    TypeName::Integer.array().named(name)
}

fn number(name: &str) -> Parameter {
    TypeName::Scalar.named(name)
}

fn word(name: &str) -> Parameter {
    TypeName::String.named(name)
}

const REDUCTIONS: [(&str, Reduction); 2] = [("max", Reduction::Max), ("mean", Reduction::Mean)];

const WEIGHTINGS: [(&str, Weighting); 2] =
    [("softmax", Weighting::Softmax), ("mean", Weighting::Mean)];

const ARITHMETICS: [(&str, Arithmetic); 6] = [
    ("add", Arithmetic::Add),
    ("sub", Arithmetic::Sub),
    ("mul", Arithmetic::Mul),
    ("div", Arithmetic::Div),
    ("max", Arithmetic::Max),
    ("min", Arithmetic::Min),
];

/// All but the clamp, which has numbers of its own.
const ACTIVATIONS: [(&str, Activation); 7] = [
    ("identity", Activation::Identity),
    ("sigmoid", Activation::Sigmoid),
    ("hard_sigmoid", Activation::HardSigmoid),
    ("swish", Activation::Swish),
    ("hard_swish", Activation::HardSwish),
    ("tanh", Activation::Tanh),
    ("gelu", Activation::Gelu),
];
const CLAMP: &str = "clamp";
