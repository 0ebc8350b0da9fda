//! QDQ networks are read as the float networks that they came from; their scales are remembered.

use std::collections::{BTreeMap, HashMap, HashSet};

use tract_onnx::data_resolver::MmapDataResolver;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use tract_onnx::tensor::load_tensor;
use tract_onnx::tract_core::internal::*;

/// How a tensor of a QDQ network was quantized: `real = scale * (integer - zero_point)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantization {
    /// One scale, or one for each channel.
    pub scale: Vec<f32>,
    /// As many zero points.
    pub zero_point: Vec<i32>,
    /// The axis of the channels, where there is more than one scale.
    pub axis: i64,
}

/// The quantization of each tensor by its name in the file: the float tensor in front of a
/// `QuantizeLinear`, the integer one that a `DequantizeLinear` reads.
pub type Scales = BTreeMap<String, Quantization>;

/// Takes the pairs of `QuantizeLinear` and `DequantizeLinear` out of a model. Weights that are stored
/// as integers keep their `DequantizeLinear`, which makes them float.
pub fn take_out(model: &mut ModelProto) -> Scales {
    let Some(graph) = model.graph.as_mut() else {
        return Scales::new();
    };
    let scales = scales(graph);
    let from: HashMap<String, String> = graph
        .node
        .iter()
        .filter(|node| node.op_type == "QuantizeLinear")
        .filter_map(|node| Some((node.output.first()?.clone(), node.input.first()?.clone())))
        .collect();
    if from.is_empty() {
        return scales;
    }
    let mut same: HashMap<String, String> = HashMap::new();
    for node in &graph.node {
        if let Some(value) = (node.op_type == "DequantizeLinear")
            .then(|| from.get(node.input.first()?))
            .flatten()
        {
            same.extend(
                node.output
                    .first()
                    .map(|name| (name.clone(), value.clone())),
            );
        }
    }
    graph.node.retain(|node| {
        let gone = node.op_type == "DequantizeLinear"
            && node
                .output
                .first()
                .is_some_and(|name| same.contains_key(name));
        !gone
    });
    // Quantized and back twice over: the value in front of the first pair.
    let origin = |name: &str| {
        let mut name = name.to_string();
        for _ in 0..same.len() {
            match same.get(&name) {
                Some(before) => name.clone_from(before),
                None => break,
            }
        }
        name
    };
    for node in &mut graph.node {
        for input in &mut node.input {
            *input = origin(input);
        }
    }
    let outputs: Vec<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    for name in outputs.into_iter().filter(|name| same.contains_key(name)) {
        // A graph's output keeps its name.
        graph.node.push(NodeProto {
            op_type: "Identity".into(),
            name: format!("{name}.float"),
            input: vec![origin(&name)],
            output: vec![name],
            ..NodeProto::default()
        });
    }
    let read: HashSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
    let is_read = |node: &NodeProto| node.output.iter().any(|name| read.contains(name));
    let keep: Vec<bool> = graph
        .node
        .iter()
        .map(|node| node.op_type != "QuantizeLinear" || is_read(node))
        .collect();
    let mut keep = keep.into_iter();
    graph.node.retain(|_| keep.next().unwrap_or(true));
    scales
}

fn scales(graph: &GraphProto) -> Scales {
    let mut tensors: HashMap<&str, &TensorProto> = HashMap::new();
    for tensor in &graph.initializer {
        tensors.insert(&tensor.name, tensor);
    }
    for node in graph.node.iter().filter(|node| node.op_type == "Constant") {
        let value = node
            .attribute
            .iter()
            .find_map(|attribute| attribute.t.as_ref());
        if let (Some(name), Some(value)) = (node.output.first(), value) {
            tensors.insert(name, value);
        }
    }
    let read = |name: Option<&String>| -> Option<Tensor> {
        let tensor = tensors.get(name?.as_str())?;
        load_tensor(&MmapDataResolver, tensor, None).ok()
    };
    // Of a pair, the float value in front of it is the tensor.
    let pairs = graph
        .node
        .iter()
        .filter(|node| node.op_type == "QuantizeLinear");
    let between: HashSet<&String> = pairs.flat_map(|node| &node.output).collect();
    let mut scales = Scales::new();
    for node in &graph.node {
        if !matches!(&*node.op_type, "QuantizeLinear" | "DequantizeLinear") {
            continue;
        }
        let Some(name) = node.input.first().filter(|name| !between.contains(name)) else {
            continue;
        };
        let scale = read(node.input.get(1)).and_then(|scale| {
            let scale = scale.cast_to::<f32>().ok()?.into_owned();
            Some(
                scale
                    .to_plain_array_view::<f32>()
                    .ok()?
                    .iter()
                    .copied()
                    .collect::<Vec<_>>(),
            )
        });
        let Some(scale) = scale else { continue };
        let zero_point = read(node.input.get(2)).and_then(|zero| {
            let zero = zero.cast_to::<i32>().ok()?.into_owned();
            Some(
                zero.to_plain_array_view::<i32>()
                    .ok()?
                    .iter()
                    .copied()
                    .collect::<Vec<_>>(),
            )
        });
        let zero_point = zero_point.unwrap_or_else(|| vec![0; scale.len()]);
        let axis = node
            .attribute
            .iter()
            .find(|attribute| attribute.name == "axis");
        let axis = axis.map_or(1, |attribute| attribute.i);
        let found = Quantization {
            scale,
            zero_point,
            axis,
        };
        scales.entry(name.clone()).or_insert(found);
    }
    scales
}
