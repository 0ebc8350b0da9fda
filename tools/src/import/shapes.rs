//! From open shapes to a typed graph of fixed ones.

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool, SumPool};
use tract_onnx::tract_core::ops::source::TypedSource;

use super::layout::{Layout, dims};
use super::{ImportError, failed, file, indices, one_line};

/// Numbers of frames that networks are trained on.
pub const USUAL_FRAMES: [usize; 8] = [8, 16, 32, 64, 4, 12, 5, 10];

/// Gives these inputs their shapes, and the others, which are caches, a batch of one.
///
/// # Errors
/// [`ImportError::Shapes`].
pub fn fixed(
    model: &InferenceModel,
    inputs: &[(usize, TVec<usize>)],
) -> Result<TypedModel, ImportError> {
    let mut model = model.clone();
    let fix = move || -> TractResult<TypedModel> {
        for input in 0..model.inputs.len() {
            let shape = match inputs.iter().find(|(other, _)| *other == input) {
                Some((_, shape)) => shape.clone(),
                None => {
                    let dims = dims(model.input_fact(input)?);
                    dims.iter().map(|dim| dim.unwrap_or(1)).collect()
                }
            };
            model.set_input_fact(input, f32::fact(&shape).into())?;
        }
        let mut graph = model.into_typed()?;
        graph.prop_consts()?;
        indices::from_the_beginning(&mut graph)?;
        Ok(graph)
    };
    match file::quiet(fix) {
        Some(graph) => graph.map_err(|error| ImportError::Shapes(one_line(&error))),
        None => Err(ImportError::Shapes("tract gave up on them".into())),
    }
}

/// The same graph with an input in layout `native` instead of `layout`.
///
/// # Errors
/// When tract refuses the graph.
pub fn with_input(
    graph: &TypedModel,
    native: &Layout,
    layout: &Layout,
    frames: usize,
    size: (usize, usize),
) -> TractResult<TypedModel> {
    if native == layout {
        return Ok(graph.clone());
    }
    let mut moved = TypedModel {
        symbols: graph.symbols.clone(),
        ..TypedModel::default()
    };
    let mut wires: HashMap<OutletId, OutletId> = HashMap::new();
    for id in graph.eval_order()? {
        let node = graph.node(id);
        let outputs = if node.op_is::<TypedSource>() {
            let mut wire = moved.add_source(&node.name, f32::fact(native.shape(frames, size)))?;
            for (index, op) in native.moves_to(layout, frames).into_iter().enumerate() {
                wire = moved.wire_node(format!("{}.layout.{index}", node.name), op, &[wire])?[0];
            }
            tvec![wire]
        } else {
            let inputs: TVec<OutletId> = node.inputs.iter().map(|input| wires[input]).collect();
            moved.wire_node(&node.name, node.op.clone(), &inputs)?
        };
        for (slot, wire) in outputs.into_iter().enumerate() {
            wires.insert(OutletId::new(id, slot), wire);
        }
    }
    let outputs: Vec<OutletId> = graph.outputs.iter().map(|output| wires[output]).collect();
    moved.select_output_outlets(&outputs)?;
    Ok(moved)
}

/// Whether the first convolutions and pools see an axis of time besides that of the channels.
pub fn has_time_axis(graph: &TypedModel) -> bool {
    let window = |node: &TypedNode| {
        node.op_is::<Conv>() || node.op_is::<MaxPool>() || node.op_is::<SumPool>()
    };
    let order = graph.eval_order().unwrap_or_default();
    let first = order
        .into_iter()
        .map(|id| graph.node(id))
        .find(|node| window(node));
    let input = first.and_then(|node| graph.outlet_fact(node.inputs[0]).ok());
    input.is_some_and(|fact| fact.rank() == 5)
}

/// Declutters a clip graph.
///
/// # Errors
/// [`ImportError::Graph`].
pub fn decluttered(graph: &TypedModel) -> Result<TypedModel, ImportError> {
    let copy = graph.clone();
    match file::quiet(move || copy.into_decluttered()) {
        Some(graph) => graph.map_err(failed),
        None => Err(ImportError::Graph("tract gave up on it".into())),
    }
}
