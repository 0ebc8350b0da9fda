//! The clip graph in canonical form: every temporal operator is one node.
//!
//! Exporters scatter a shift over dozens of nodes. All that they do is to move numbers, so the
//! movement between two operators that compute is taken as one piece: it is run on places instead of
//! numbers ([`movement`]), recognised by what it did ([`meaning`]), and written again in as few nodes
//! as do the same. What is not recognised stays as it is.

mod attention;
mod meaning;
mod means;
mod movement;
mod pads;
mod picks;
mod places;
mod pools;
mod repeats;
mod scalars;
mod shift;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::array::{Gather, Pad, PadMode, Slice};
use tract_onnx::tract_core::ops::source::TypedSource;

use super::slices;
use meaning::{Meaning, Step, meaning};
use movement::{Root, Tracer};
pub use pools::explicit as explicit_pools;

/// A graph in canonical form, and what a user must know of it.
#[derive(Clone, Debug)]
pub struct Canonical {
    pub graph: TypedModel,
    pub warnings: Vec<String>,
}

/// Brings a typed graph, not decluttered yet, into canonical form. It computes what it did.
///
/// # Errors
/// When tract refuses the graph.
pub fn canonical(graph: &TypedModel) -> TractResult<Canonical> {
    let mut graph = graph.clone();
    attention::replace(&mut graph)?;
    let mut canonical = moved(&graph)?;
    slices::plain(&mut canonical.graph)?;
    pools::explicit(&mut canonical.graph)?;
    pads::join(&mut canonical.graph)?;
    means::replace(&mut canonical.graph)?;
    repeats::picked(&mut canonical.graph)?;
    Ok(canonical)
}

/// Writes all movement of numbers anew, where it is recognised.
fn moved(graph: &TypedModel) -> TractResult<Canonical> {
    let roots = movement::roots(graph)?;
    let mut writer = Writer {
        old: graph,
        new: TypedModel {
            symbols: graph.symbols.clone(),
            ..TypedModel::default()
        },
        roots: &roots,
        wires: HashMap::new(),
        steps: HashMap::new(),
        warnings: vec![],
    };
    let values = values(graph, &roots)?;
    // Inputs keep their order, used or not.
    for input in graph.input_outlets()? {
        let node = graph.node(input.node);
        let wire = writer
            .new
            .add_source(&node.name, node.outputs[0].fact.clone())?;
        writer.wires.insert(*input, wire);
        writer.write_values(*input, &values)?;
    }
    for id in graph.eval_order()? {
        let node = graph.node(id);
        if matches!(roots[id], Root::Map(map) if map.node == id) && !node.op_is::<TypedSource>() {
            writer.write(node)?;
            for slot in 0..node.outputs.len() {
                writer.write_values(OutletId::new(id, slot), &values)?;
            }
        }
    }
    let outputs: Vec<OutletId> = graph
        .output_outlets()?
        .iter()
        .map(|output| writer.wire(*output))
        .collect::<TractResult<_>>()?;
    writer.new.select_output_outlets(&outputs)?;
    let mut warnings = writer.warnings;
    warnings.dedup();
    let mut graph = writer.new;
    graph.properties = writer.old.properties.clone();
    Ok(Canonical { graph, warnings })
}

/// For each map the values that are moved from it and are computed with, or are results.
fn values(graph: &TypedModel, roots: &[Root]) -> TractResult<HashMap<OutletId, Vec<OutletId>>> {
    let mut values: HashMap<OutletId, Vec<OutletId>> = HashMap::new();
    let computing = graph
        .nodes()
        .iter()
        .filter(|node| matches!(roots[node.id], Root::Map(map) if map.node == node.id));
    let read = computing
        .flat_map(|node| &node.inputs)
        .chain(graph.output_outlets()?);
    for outlet in read {
        let Root::Map(map) = roots[outlet.node] else {
            continue;
        };
        let known = values.entry(map).or_default();
        if map.node != outlet.node && !known.contains(outlet) {
            known.push(*outlet);
        }
    }
    Ok(values)
}

struct Writer<'a> {
    old: &'a TypedModel,
    new: TypedModel,
    roots: &'a [Root],
    /// From the old graph's outlets to the new one's.
    wires: HashMap<OutletId, OutletId>,
    /// What was made of a wire already.
    steps: HashMap<(OutletId, String), OutletId>,
    warnings: Vec<String>,
}

impl Writer<'_> {
    /// The new wire for an old one; movement that was not recognised is copied when it is needed.
    fn wire(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        if let Some(wire) = self.wires.get(&outlet) {
            return Ok(*wire);
        }
        let node = self.old.node(outlet.node);
        if let Some(constant) = &node.outputs[outlet.slot].fact.konst {
            let name = self.free_name(&node.name);
            let wire = self.new.add_const(name, constant.clone())?;
            self.wires.insert(outlet, wire);
            return Ok(wire);
        }
        self.write(node)?;
        let wire = self.wires.get(&outlet);
        wire.copied()
            .with_context(|| format!("{node} has no output {}", outlet.slot))
    }

    fn write(&mut self, node: &TypedNode) -> TractResult<()> {
        let mut inputs = tvec![];
        for input in &node.inputs {
            inputs.push(self.wire(*input)?);
        }
        let name = self.free_name(&node.name);
        let outputs = self.new.wire_node(name, node.op.clone(), &inputs)?;
        for (slot, wire) in outputs.into_iter().enumerate() {
            self.wires.insert(OutletId::new(node.id, slot), wire);
        }
        Ok(())
    }

    /// Writes what is moved from `map`, where it is recognised.
    fn write_values(
        &mut self,
        map: OutletId,
        values: &HashMap<OutletId, Vec<OutletId>>,
    ) -> TractResult<()> {
        let Some(values) = values.get(&map).filter(|values| !values.is_empty()) else {
            return Ok(());
        };
        let Some(mut tracer) = Tracer::new(self.old, self.roots, map) else {
            return Ok(());
        };
        let shape = self.old.outlet_fact(map)?.shape.as_concrete();
        let shape = shape.context("an extent is not known")?.to_vec();
        for value in values {
            // What cannot be followed stays as it is.
            let Ok(origins) = tracer.origins(*value) else {
                continue;
            };
            let name = &self.old.node(value.node).name;
            match meaning(&shape, &origins)? {
                Meaning::Steps(steps) => {
                    let wire = self.write_steps(self.wires[&map], name, &steps)?;
                    self.wires.insert(*value, wire);
                }
                Meaning::Circular => self.warnings.push(format!(
                    "the shift {name:?} is circular: the last frames lend to the first ones, which \
                     no stream has"
                )),
                Meaning::Unknown => {}
            }
        }
        Ok(())
    }

    fn write_steps(
        &mut self,
        mut wire: OutletId,
        name: &str,
        steps: &[Step],
    ) -> TractResult<OutletId> {
        for step in steps {
            let key = (wire, format!("{step:?}"));
            if let Some(known) = self.steps.get(&key) {
                wire = *known;
                continue;
            }
            let mut constants = vec![];
            let (op, suffix): (Box<dyn TypedOp>, &str) = match step {
                Step::Axes(op) => (op.clone(), "axes"),
                Step::Shift(op) => (Box::new(op.clone()), "shift"),
                Step::Slice { axis, start, end } => {
                    (Box::new(Slice::new(*axis, *start, *end)), "slice")
                }
                Step::Every { axis, step } => {
                    let step = isize::try_from(*step)?;
                    (Box::new(Downsample::new(*axis, step, 0)), "every")
                }
                Step::At { axis, numbers } => {
                    let numbers: Vec<i64> = numbers.iter().map(|number| *number as i64).collect();
                    constants = vec![("numbers", tensor1(&numbers))];
                    (Box::new(Gather::new(*axis)), "at")
                }
                Step::Pad(pads) => {
                    let mode = PadMode::Constant(tensor0(0f32).into_arc_tensor());
                    let pads = pads.clone();
                    (Box::new(Pad { pads, mode }), "pad")
                }
                Step::Picks(picks) => {
                    let (conv, weights, bias) = picks.convolution()?;
                    constants = vec![("weights", weights), ("bias", bias)];
                    (Box::new(conv), "picked")
                }
            };
            let name = self.free_name(&format!("{name}.{suffix}"));
            let mut inputs = tvec![wire];
            for (what, constant) in constants {
                let constant_name = self.free_name(&format!("{name}.{what}"));
                inputs.push(self.new.add_const(constant_name, constant)?);
            }
            wire = self.new.wire_node(name, op, &inputs)?[0];
            self.steps.insert(key, wire);
        }
        Ok(wire)
    }

    fn free_name(&self, name: &str) -> String {
        self.new.unique_name(name).into_owned()
    }
}
