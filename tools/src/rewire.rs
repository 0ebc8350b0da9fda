//! A graph wired again for other extents of its inputs.

use std::collections::HashMap;

use tract_core::internal::*;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::source::TypedSource;

/// `graph` with inputs of other shapes, in the order of its inputs: the same operators and weights,
/// every shape behind them computed anew.
///
/// An operator that has an extent written into it keeps that, and what tract made simpler because an
/// axis had extent 1 stays so; the result is the network of the other size only where [`are_equal`]
/// has shown it.
///
/// # Errors
/// When an operator does not fit the new shapes, or `inputs` the graph.
pub fn rewire(graph: &TypedModel, inputs: &[TVec<usize>]) -> TractResult<TypedModel> {
    let sources = graph.input_outlets()?;
    ensure!(
        sources.len() == inputs.len(),
        "the graph has {} inputs, not {}",
        sources.len(),
        inputs.len()
    );
    let mut rewired = TypedModel {
        symbols: graph.symbols.clone(),
        ..TypedModel::default()
    };
    let mut wires: HashMap<OutletId, OutletId> = HashMap::new();
    for (source, shape) in sources.iter().zip(inputs) {
        let kind = graph.outlet_fact(*source)?.datum_type;
        let name = &graph.node(source.node).name;
        let fact = kind.fact(shape.as_slice());
        wires.insert(*source, rewired.add_source(name, fact)?);
    }
    for id in graph.eval_order()? {
        let node = graph.node(id);
        if node.op_is::<TypedSource>() {
            continue;
        }
        let before: TVec<OutletId> = node.inputs.iter().map(|input| wires[input]).collect();
        let op = match (node.op_as::<AxisOp>(), before.first()) {
            (Some(op), Some(input)) => {
                let shape = rewired.outlet_fact(*input)?.shape.to_tvec();
                Box::new(fitted(op, &shape)) as Box<dyn TypedOp>
            }
            _ => node.op.clone(),
        };
        let outputs = rewired.wire_node(&node.name, op, &before)?;
        for (slot, wire) in outputs.into_iter().enumerate() {
            wires.insert(OutletId::new(id, slot), wire);
        }
    }
    let outputs: Vec<OutletId> = graph.outputs.iter().map(|output| wires[output]).collect();
    rewired.select_output_outlets(&outputs)?;
    Ok(rewired)
}

/// A reshape that joins axes, or splits one, for the extents that it meets; the first part of a
/// split takes what the others leave. Any other operator as it is.
fn fitted(op: &AxisOp, shape: &[TDim]) -> AxisOp {
    let AxisOp::Reshape(at, from, to) = op else {
        return op.clone();
    };
    let Some(met) = shape.get(*at..*at + from.len()) else {
        return op.clone();
    };
    let given: TDim = met.iter().product();
    let to = match &to[..] {
        [_] => tvec![given],
        [_, rest @ ..] => {
            let rest: TDim = rest.iter().product();
            match (given.to_i64(), rest.to_i64()) {
                (Ok(given), Ok(rest)) if rest > 0 && given % rest == 0 => {
                    let mut to = to.clone();
                    to[0] = (given / rest).to_dim();
                    to
                }
                _ => return op.clone(),
            }
        }
        [] => return op.clone(),
    };
    AxisOp::Reshape(*at, met.into(), to)
}

/// Whether two graphs are the same network: the same operators with the same weights, between wires
/// of the same shapes. Names and the order of independent operators do not count.
///
/// # Errors
/// When a graph has a cycle.
pub fn are_equal(one: &TypedModel, other: &TypedModel) -> TractResult<bool> {
    if one.inputs.len() != other.inputs.len() || one.outputs.len() != other.outputs.len() {
        return Ok(false);
    }
    let mut pairs: HashMap<usize, usize> = HashMap::new();
    let starts = one.outputs.iter().zip(&other.outputs);
    let mut open: Vec<(OutletId, OutletId)> = starts.map(|(a, b)| (*a, *b)).collect();
    while let Some((a, b)) = open.pop() {
        if a.slot != b.slot {
            return Ok(false);
        }
        if let Some(seen) = pairs.insert(a.node, b.node) {
            if seen != b.node {
                return Ok(false);
            }
            continue;
        }
        let (x, y) = (one.node(a.node), other.node(b.node));
        let as_input = |graph: &TypedModel, outlet: OutletId| {
            graph.inputs.iter().position(|input| *input == outlet)
        };
        let is_same = x.op == y.op
            && as_input(one, a) == as_input(other, b)
            && x.inputs.len() == y.inputs.len()
            && one.outlet_fact(a)?.shape == other.outlet_fact(b)?.shape;
        if !is_same {
            return Ok(false);
        }
        open.extend(x.inputs.iter().zip(&y.inputs).map(|(a, b)| (*a, *b)));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use praxiscope_models::{BuildOptions, Family, build_random};

    use super::*;

    fn built(id: &str, frames: usize, side: usize) -> TypedModel {
        let family: Family = id.parse().unwrap();
        let options = BuildOptions {
            frames,
            size: (side, side),
            ..BuildOptions::published(family)
        };
        let network = build_random(family, 1, &options).unwrap();
        let graph = network.with_consensus().unwrap();
        graph.into_decluttered().unwrap()
    }

    #[test]
    fn a_network_wired_again_is_the_one_of_that_size() {
        let small = built("tsm-mobilenetv2", 2, 64);
        let large = built("tsm-mobilenetv2", 3, 96);
        assert!(!are_equal(&small, &large).unwrap());
        let shape = large.input_fact(0).unwrap().shape.as_concrete().unwrap();
        let rewired = rewire(&small, &[shape.into()]).unwrap();
        assert!(are_equal(&rewired, &large).unwrap());
    }

    #[test]
    fn other_weights_are_another_network() {
        let family: Family = "tsm-mobilenetv2".parse().unwrap();
        let options = BuildOptions {
            frames: 1,
            size: (32, 32),
            ..BuildOptions::published(family)
        };
        let graph = |seed| build_random(family, seed, &options).unwrap().graph;
        assert!(are_equal(&graph(1), &graph(1)).unwrap());
        assert!(!are_equal(&graph(1), &graph(2)).unwrap());
    }

    #[test]
    fn reshapes_follow_the_extents_that_they_meet() {
        let mut graph = TypedModel::default();
        let dims = |dims: &[usize]| dims.iter().map(|dim| dim.to_dim()).collect::<TVec<_>>();
        let source = graph.add_source("frames", f32::fact([1, 4, 6])).unwrap();
        let split = AxisOp::Reshape(2, dims(&[6]), dims(&[3, 2]));
        let split = graph.wire_node("split", split, &[source]).unwrap();
        let joined = AxisOp::Reshape(1, dims(&[4, 3]), dims(&[12]));
        let joined = graph.wire_node("joined", joined, &split).unwrap();
        graph.select_output_outlets(&joined).unwrap();
        let rewired = rewire(&graph, &[tvec![1, 5, 8]]).unwrap();
        let shape = &rewired.output_fact(0).unwrap().shape;
        assert_eq!(shape.as_concrete(), Some(&[1, 20, 2][..]));
        assert!(rewire(&graph, &[tvec![1, 5, 7]]).is_err());
        assert!(rewire(&graph, &[]).is_err());
    }
}
