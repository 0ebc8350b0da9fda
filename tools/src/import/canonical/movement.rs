//! Which operators only move numbers about, and from where to where they move them.

use std::collections::HashMap;

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::array::{
    Gather, GatherElements, GatherNd, MultiBroadcastTo, Pad, PadMode, ScatterElements, ScatterNd,
    ScatterReduction, Slice, StridedSlice, Tile, TypedConcat,
};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::identity::Identity;
use tract_onnx::tract_core::ops::math::{Mul, Sub};

/// Numbers of a map whose origins are followed at once: as many as any layer of a clip network has.
const LARGEST_MAP: usize = 1 << 26;

/// Where the numbers of a value come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// They are constant.
    Constant,
    /// They were computed, by the node of this outlet, and only moved since.
    Map(OutletId),
}

/// The inputs of `node` whose numbers it moves; `None` if it does more than that. The other inputs,
/// such as the places of a scatter, must be constant.
fn moved_inputs(graph: &TypedModel, node: &TypedNode) -> Option<TVec<usize>> {
    let is_constant = |input: usize| {
        node.inputs
            .get(input)
            .and_then(|outlet| graph.outlet_fact(*outlet).ok())
            .is_some_and(|fact| fact.konst.is_some())
    };
    let op = &node.op;
    if op.is::<AxisOp>()
        || op.is::<Slice>()
        || op.is::<Identity>()
        || op.is::<MultiBroadcastTo>()
        || op.is::<Downsample>()
        || op.is::<Tile>()
    {
        return Some(tvec![0]);
    }
    if op.is::<TypedConcat>() {
        return Some((0..node.inputs.len()).collect());
    }
    if op.is::<StridedSlice>() {
        return (1..node.inputs.len()).all(is_constant).then(|| tvec![0]);
    }
    if op.name() == "Resize" {
        return ((1..node.inputs.len()).all(is_constant) && picks(graph, node)).then(|| tvec![0]);
    }
    if op.is::<Gather>() || op.is::<GatherElements>() || op.is::<GatherNd>() {
        return is_constant(1).then(|| tvec![0]);
    }
    if let Some(pad) = op.downcast_ref::<Pad>() {
        let moves = match &pad.mode {
            PadMode::Constant(value) => is_zero(value),
            PadMode::Reflect | PadMode::Edge => true,
        };
        return moves.then(|| tvec![0]);
    }
    if let Some(scatter) = op.downcast_ref::<ScatterNd>() {
        let sets = scatter.reduction == ScatterReduction::None;
        return (sets && is_constant(1)).then(|| tvec![0, 2]);
    }
    if let Some(scatter) = op.downcast_ref::<ScatterElements>() {
        let sets = scatter.reduction == ScatterReduction::None;
        return (sets && is_constant(1)).then(|| tvec![0, 2]);
    }
    if gives_zeros(graph, node) {
        return Some(tvec![0, 1]);
    }
    None
}

/// Whether an operator gives nothing but numbers of its input, wherever it takes them from: a resize
/// by nearest neighbours does, another one mixes them. It is tried, since tract's ONNX operators are
/// not to be looked into.
fn picks(graph: &TypedModel, node: &TypedNode) -> bool {
    // Beyond, not every whole number is a float.
    const MOST: usize = 1 << f32::MANTISSA_DIGITS;
    // A prime below; the factor scatters what is even.
    let scatter = |place: f32| (place as usize * 40_503 % 16_777_213) as f32;
    let try_it = || -> Option<bool> {
        let shape = graph
            .outlet_fact(node.inputs[0])
            .ok()?
            .shape
            .as_concrete()?;
        let count: usize = shape.iter().product();
        if count >= MOST {
            return None;
        }
        let run = |value: &dyn Fn(f32) -> f32| -> Option<Tensor> {
            let values: Vec<f32> = (1..=count).map(|place| value(place as f32)).collect();
            run_on(graph, node, Tensor::from_shape(shape, &values).ok()?).ok()
        };
        let (places, scattered) = (run(&|place| place)?, run(&scatter)?);
        let places = places.to_plain_array_view::<f32>().ok()?;
        let scattered = scattered.to_plain_array_view::<f32>().ok()?;
        let is_place = |place: &f32| place.fract() == 0.0 && (1.0..=count as f32).contains(place);
        let mut pairs = places.iter().zip(&scattered);
        Some(pairs.all(|(place, other)| is_place(place) && scatter(*place) == *other))
    };
    try_it().unwrap_or(false)
}

/// Runs a node by itself, all of whose inputs but the first are constant.
fn run_on(graph: &TypedModel, node: &TypedNode, value: Tensor) -> TractResult<Tensor> {
    let mut inputs = tvec![value.into_tvalue()];
    for input in &node.inputs[1..] {
        let constant = graph.outlet_fact(*input)?.konst.clone();
        inputs.push(constant.context("a place is not constant")?.into_tvalue());
    }
    let outputs = node.op.eval_out_of_plan(inputs)?;
    let output = outputs.and_then(|mut outputs| outputs.pop());
    Ok(output
        .with_context(|| format!("{node} cannot be run by itself"))?
        .into_tensor())
}

/// `x - x`, and `x * 0`, which exporters write for zeros in the shape of `x`.
fn gives_zeros(graph: &TypedModel, node: &TypedNode) -> bool {
    let Some(op) = node.op_as::<TypedBinOp>() else {
        return false;
    };
    let zero = |input: &OutletId| {
        let fact = graph.outlet_fact(*input).ok();
        fact.and_then(|fact| fact.konst.clone())
            .is_some_and(|value| is_zero(&value))
    };
    (op.0.is::<Sub>() && node.inputs[0] == node.inputs[1])
        || (op.0.is::<Mul>() && node.inputs.iter().any(zero))
}

pub fn is_zero(value: &Tensor) -> bool {
    let float = value.cast_to::<f32>();
    float.is_ok_and(|float| {
        float
            .to_plain_array_view::<f32>()
            .is_ok_and(|values| values.iter().all(|value| *value == 0.0))
    })
}

/// For each node where its output's numbers come from.
pub fn roots(graph: &TypedModel) -> TractResult<Vec<Root>> {
    let mut roots = vec![Root::Constant; graph.nodes().len()];
    for id in graph.eval_order()? {
        let node = graph.node(id);
        roots[id] = Root::Map(id.into());
        if node.outputs.len() != 1 {
            continue;
        }
        if node.outputs[0].fact.konst.is_some() {
            roots[id] = Root::Constant;
            continue;
        }
        let Some(moved) = moved_inputs(graph, node) else {
            continue;
        };
        let mut root = Root::Constant;
        let mut is_one = true;
        for input in moved {
            let outlet = node.inputs[input];
            let from = match roots[outlet.node] {
                // One output of several is a map by itself.
                Root::Map(map) if map.node == outlet.node => Root::Map(outlet),
                from => from,
            };
            match (root, from) {
                (_, Root::Constant) => {}
                (Root::Constant, from) => root = from,
                (known, from) => is_one &= known == from,
            }
        }
        if is_one && root != Root::Constant {
            roots[id] = root;
        }
    }
    Ok(roots)
}

/// For each number of a value its origin: 0 for the number zero, else one more than the place, in
/// the order of its axes, of a number of the map; less than 0 for another constant.
#[derive(Clone, Debug)]
pub struct Origins(pub Arc<Tensor>);

impl Origins {
    pub fn values(&self) -> TractResult<&[i32]> {
        self.0.try_as_plain_ram()?.as_slice::<i32>()
    }

    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }
}

/// Runs moving nodes on places instead of numbers.
pub struct Tracer<'a> {
    graph: &'a TypedModel,
    roots: &'a [Root],
    map: OutletId,
    known: HashMap<OutletId, Origins>,
}

impl<'a> Tracer<'a> {
    /// Follows the numbers of `map`; `None` if its extents are not known or there are too many.
    pub fn new(graph: &'a TypedModel, roots: &'a [Root], map: OutletId) -> Option<Tracer<'a>> {
        let shape = graph.outlet_fact(map).ok()?.shape.as_concrete()?.to_vec();
        let count: usize = shape.iter().product();
        if count == 0 || count > LARGEST_MAP {
            return None;
        }
        let places: Vec<i32> = (1..=i32::try_from(count).ok()?).collect();
        let table = Tensor::from_shape(&shape, &places).ok()?;
        let known = HashMap::from([(map, Origins(table.into_arc_tensor()))]);
        Some(Tracer {
            graph,
            roots,
            map,
            known,
        })
    }

    /// The origins of `outlet`, which is moved from the map.
    pub fn origins(&mut self, outlet: OutletId) -> TractResult<Origins> {
        if let Some(known) = self.known.get(&outlet) {
            return Ok(known.clone());
        }
        let node = self.graph.node(outlet.node);
        let fact = self.graph.outlet_fact(outlet)?;
        let table = if let Some(constant) = &fact.konst {
            constant_origins(constant)?
        } else {
            ensure!(
                self.roots[outlet.node] == Root::Map(self.map),
                "{node} is not moved from the map"
            );
            let moved = moved_inputs(self.graph, node);
            let moved = moved.with_context(|| format!("{node} moves nothing"))?;
            let mut inputs = tvec![];
            for (index, input) in node.inputs.iter().enumerate() {
                inputs.push(match moved.contains(&index) {
                    true => self.origins(*input)?.0.into_tvalue(),
                    false => {
                        let constant = self.graph.outlet_fact(*input)?.konst.clone();
                        constant.context("a place is not constant")?.into_tvalue()
                    }
                });
            }
            if gives_zeros(self.graph, node) {
                let shape = fact.shape.as_concrete().context("an extent is not known")?;
                Tensor::zero::<i32>(shape)?
            } else if node.op.name() == "Resize" {
                let places = inputs.remove(0).cast_to::<f32>()?.into_owned();
                run_on(self.graph, node, places)?
                    .cast_to::<i32>()?
                    .into_owned()
            } else {
                let outputs = node.op.eval_out_of_plan(inputs)?;
                let output = outputs.and_then(|mut outputs| outputs.pop());
                let output = output.with_context(|| format!("{node} cannot be run by itself"))?;
                output.into_tensor()
            }
        };
        let origins = Origins(table.into_arc_tensor());
        self.known.insert(outlet, origins.clone());
        Ok(origins)
    }
}

fn constant_origins(constant: &Tensor) -> TractResult<Tensor> {
    let values = constant.cast_to::<f32>()?;
    let values = values.to_plain_array_view::<f32>()?;
    let origin = |value: &f32| if *value == 0.0 { 0i32 } else { -1 };
    Ok(values.map(origin).into_tensor())
}
