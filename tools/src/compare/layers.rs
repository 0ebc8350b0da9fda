//! Layer by layer: which of our nodes still says what some tensor of the source says.
//!
//! Both sides run over the same frames, and give all that they compute. A node of ours is taken to stand
//! for the tensor of the source whose numbers are nearest to its own, whatever the two are called: names
//! do not survive fusing, and an importer that is wrong would carry its mistake over by name. A node
//! without a counterpart that is followed by nodes with one is just something that the source computes
//! otherwise; the first one from which on nothing has a counterpart any more is where the two part.

use std::collections::{HashMap, HashSet};

use ndarray::{ArrayD, Axis};
use praxiscope_runtime::bundle::{Bundle, Mode};
use praxiscope_runtime::step::{Made, Program, Run};
use serde::Serialize;
use tract_core::internal::*;

/// Relative error up to which two tensors are the same, in float.
pub const FLOAT_TOLERANCE: f64 = 1e-3;
/// The same against 8-bit integers, whose noise adds up from layer to layer.
pub const INTEGER_TOLERANCE: f64 = 0.5;

/// Numbers of a tensor that are looked at to find candidates.
const SAMPLE: usize = 4096;
/// Candidates that are compared in full.
const CANDIDATES: usize = 3;

/// What was found, node by node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layers {
    /// The first node from which on the two are apart.
    pub first: Option<String>,
    /// Relative error up to which a counterpart is one.
    pub tolerance: f64,
    /// Our nodes, in the order in which they are computed.
    pub layers: Vec<Layer>,
}

/// A node of ours, and what it is nearest to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Its name in the bundle.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// The source's nearest tensor of as many numbers.
    pub counterpart: Option<String>,
    /// How far that is: the norm of the difference in parts of the tensor's norm.
    pub error: Option<f64>,
}

/// What a network computes, by name: rows over time, places, channels last.
pub type Maps = Vec<(String, Vec<f32>)>;

/// Holds a bundle's nodes against what the source computes over the same `frames` (each `[3, H, W]`).
///
/// # Errors
/// When the bundle does not run.
pub fn layers(bundle: &Bundle, frames: &[ArrayD<f32>], source: &Maps) -> TractResult<Layers> {
    let graph = bundle.graph()?;
    let ours = match bundle.manifest().mode {
        Mode::Stream => step_maps(&graph, frames)?,
        Mode::Clip => clip_maps(&graph, frames)?,
    };
    let tolerance = match bundle.quantization() {
        Some(_) => INTEGER_TOLERANCE,
        None => FLOAT_TOLERANCE,
    };
    let mut by_size: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, (_, map)) in source.iter().enumerate() {
        by_size.entry(map.len()).or_default().push(at);
    }
    let mut layers = vec![];
    let mut nodes = vec![];
    for node in graph.eval_order()? {
        let node = graph.node(node);
        // What comes in is no layer.
        if node.inputs.is_empty() {
            continue;
        }
        let Some(map) = ours.get(&node.id) else {
            continue;
        };
        let candidates = by_size.get(&map.len()).map_or(&[][..], Vec::as_slice);
        let nearest = nearest(map, source, candidates);
        layers.push(Layer {
            node: node.name.clone(),
            operator: node.op.name().into_owned(),
            counterpart: nearest.map(|(at, _)| source[at].0.clone()),
            error: nearest.map(|(_, error)| error),
        });
        nodes.push(node.id);
    }
    let is_matched = |layer: &Layer| layer.error.is_some_and(|error| error <= tolerance);
    let matched: HashSet<usize> = nodes
        .iter()
        .zip(&layers)
        .filter_map(|(node, layer)| is_matched(layer).then_some(*node))
        .collect();
    let first = first_departure(&graph, &nodes, &matched);
    Ok(Layers {
        first: first.map(|node| graph.node(node).name.clone()),
        tolerance,
        layers,
    })
}

/// The first of `nodes` that is not matched and behind which none is. Where it only moves values, the
/// one behind it is meant.
fn first_departure(graph: &TypedModel, nodes: &[usize], matched: &HashSet<usize>) -> Option<usize> {
    let mut has_match_behind: HashSet<usize> = HashSet::new();
    for &id in nodes.iter().rev() {
        let mut readers = graph.node(id).outputs.iter().flat_map(|o| &o.successors);
        if readers.any(|to| matched.contains(&to.node) || has_match_behind.contains(&to.node)) {
            has_match_behind.insert(id);
        }
    }
    let departs = |id: &&usize| !matched.contains(id) && !has_match_behind.contains(id);
    let mut departing = nodes.iter().filter(departs).copied();
    let first = departing.next()?;
    match moves_only(graph, first) {
        true => Some(
            departing
                .find(|id| !moves_only(graph, *id))
                .unwrap_or(first),
        ),
        false => Some(first),
    }
}

fn moves_only(graph: &TypedModel, id: usize) -> bool {
    let name = graph.node(id).op.name().to_lowercase();
    ["shift", "concat", "pad", "quantize", "reshape", "move"]
        .iter()
        .any(|word| name.contains(word))
}

/// The candidate with the nearest numbers, and its relative error.
fn nearest(map: &[f32], source: &Maps, candidates: &[usize]) -> Option<(usize, f64)> {
    let step = (map.len() / SAMPLE).max(1);
    let mut sampled: Vec<(usize, f64)> = candidates
        .iter()
        .map(|&at| (at, apart(map, &source[at].1, step)))
        .collect();
    sampled.sort_by(|a, b| a.1.total_cmp(&b.1));
    let full = sampled.iter().take(CANDIDATES);
    full.map(|&(at, _)| (at, apart(map, &source[at].1, 1)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

/// The norm of the difference in parts of the other's norm, over every `step`th number.
fn apart(ours: &[f32], theirs: &[f32], step: usize) -> f64 {
    let mut difference = 0f64;
    let mut norm = 0f64;
    for (a, b) in ours.iter().zip(theirs).step_by(step) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        difference += (a - b) * (a - b);
        norm += b * b;
    }
    match difference == 0.0 {
        true => 0.0,
        false if difference.is_nan() => f64::INFINITY,
        false => (difference / norm.max(f64::MIN_POSITIVE)).sqrt(),
    }
}

/// What a step program makes, from a cold start to the end.
fn step_maps(graph: &TypedModel, frames: &[ArrayD<f32>]) -> TractResult<HashMap<usize, Vec<f32>>> {
    let program = Program::compile(graph)?;
    let ids: HashMap<&str, usize> = graph
        .nodes()
        .iter()
        .map(|n| (n.name.as_str(), n.id))
        .collect();
    let mut maps: HashMap<usize, Vec<f32>> = HashMap::new();
    let mut run = Run::new(&program);
    let mut keep = |wire: usize, made: Made<'_>| {
        let id = program
            .wires()
            .get(wire)
            .and_then(|wire| ids.get(wire.name.as_str()));
        if let Some(id) = id {
            let map = maps.entry(*id).or_default();
            map.extend((0..made.len()).map(|place| made.number(place)));
        }
    };
    for frame in frames {
        let pixels = channels_last(&frame.view().insert_axis(Axis(0)).to_owned());
        run.observe(&pixels, &mut keep)?;
    }
    run.observe_end(&mut keep)?;
    Ok(maps)
}

/// What a clip graph makes of one window.
fn clip_maps(graph: &TypedModel, frames: &[ArrayD<f32>]) -> TractResult<HashMap<usize, Vec<f32>>> {
    let mut graph = graph.clone();
    let shape = graph.input_fact(0)?.shape.clone();
    let shape = shape.as_concrete().unwrap_or_default().to_vec();
    let axis = if shape.len() == 5 { 1 } else { 0 };
    let views: Vec<_> = frames.iter().map(|frame| frame.view()).collect();
    let clip = ndarray::stack(Axis(axis), &views)?;
    let clip = clip.into_shape_with_order(shape)?;
    let is_float = |node: &&TypedNode| {
        let float = |output: &Outlet<TypedFact>| output.fact.datum_type == f32::datum_type();
        !node.inputs.is_empty() && node.outputs.len() == 1 && node.outputs.iter().all(float)
    };
    let ids: Vec<usize> = graph
        .nodes()
        .iter()
        .filter(is_float)
        .map(|node| node.id)
        .collect();
    let outlets: Vec<OutletId> = ids.iter().map(|&id| OutletId::new(id, 0)).collect();
    graph.select_output_outlets(&outlets)?;
    let plan = graph.into_runnable()?;
    let outputs = plan.run(tvec!(clip.into_tensor().into_tvalue()))?;
    let mut maps = HashMap::new();
    for (id, output) in ids.into_iter().zip(outputs) {
        let map = output.to_plain_array_view::<f32>()?.to_owned();
        maps.insert(id, channels_last(&map.into_dyn()));
    }
    Ok(maps)
}

/// `[T, C, H, W]` or `[1, C, T, H, W]` as rows of places with channels last; all else as it is.
pub fn channels_last(map: &ArrayD<f32>) -> Vec<f32> {
    match map.ndim() {
        4 => map
            .view()
            .permuted_axes(vec![0, 2, 3, 1])
            .iter()
            .copied()
            .collect(),
        5 => map
            .view()
            .permuted_axes(vec![0, 2, 3, 4, 1])
            .iter()
            .copied()
            .collect(),
        _ => map.iter().copied().collect(),
    }
}
