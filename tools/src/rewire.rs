//! A graph wired again for other extents of its inputs.

use std::collections::HashMap;

use praxiscope_runtime::ops::{FittedPool, Sample};
use tract_core::internal::*;
use tract_core::ops::array::Gather;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::{Conv, MaxPool, PaddingSpec, SumPool};
use tract_core::ops::source::TypedSource;

/// `graph` with inputs of other shapes, in the order of its inputs: the same operators and weights,
/// every shape behind them computed anew.
///
/// An operator that has an extent written into it keeps that, as have many that tract decluttered, and
/// what it made simpler because an axis had extent 1 stays so; the result is the network of the other
/// size only where [`are_equal`] has shown it.
///
/// # Errors
/// When an operator does not fit the new shapes, or `inputs` the graph.
pub fn rewire(graph: &TypedModel, inputs: &[TVec<usize>]) -> TractResult<TypedModel> {
    rebuilt(graph, inputs, |rewired, node, inputs| {
        let op = match (node.op_as::<AxisOp>(), inputs.first()) {
            (Some(op), Some(input)) => {
                let shape = rewired.outlet_fact(*input)?.shape.to_tvec();
                Box::new(fitted(op, &shape)) as Box<dyn TypedOp>
            }
            _ => node.op.clone(),
        };
        rewired.wire_node(&node.name, op, inputs)
    })
}

/// Whether `graph`, wired again for the inputs of `other`, is `other`: then it has no extent of its
/// inputs written into it where the two differ.
///
/// # Errors
/// When an input of `other` has no fixed size.
pub fn becomes(graph: &TypedModel, other: &TypedModel) -> TractResult<bool> {
    match rewire(graph, &shapes(other)?) {
        Ok(rewired) => are_equal(&rewired, other),
        Err(_) => Ok(false),
    }
}

/// The shapes of a graph's inputs.
fn shapes(graph: &TypedModel) -> TractResult<Vec<TVec<usize>>> {
    let shape = |input: &OutletId| {
        let shape = graph.outlet_fact(*input)?.shape.as_concrete();
        shape.map(TVec::from).context("an input has no fixed size")
    };
    graph.input_outlets()?.iter().map(shape).collect()
}

/// `graph` with tract's own operators, which hold for its one size, in the place of those that fit
/// themselves to every size: [`FittedPool`], [`Sample`] and paddings that follow from the map.
///
/// # Errors
/// When a shape is not known.
pub fn concrete(graph: &TypedModel) -> TractResult<TypedModel> {
    rebuilt(graph, &shapes(graph)?, |written, node, inputs| {
        let met = inputs.first().map(|input| written.outlet_fact(*input));
        let met = met.transpose()?.map(|fact| fact.shape.clone());
        let Some(met) = met else {
            return written.wire_node(&node.name, node.op.clone(), inputs);
        };
        if let Some(pool) = node.op_as::<FittedPool>() {
            return written.wire_node(&node.name, pool.over(&met)?, inputs);
        }
        if let Some(sample) = node.op_as::<Sample>() {
            let numbers = sample.numbers(met[sample.axis].to_usize()?);
            let numbers: Vec<i64> = numbers.iter().map(|number| *number as i64).collect();
            let name = format!("{}.numbers", node.name);
            let numbers = written.add_const(name, tensor1(&numbers))?;
            let gather = Gather::new(sample.axis);
            return written.wire_node(&node.name, gather, &[inputs[0], numbers]);
        }
        let mut op = node.op.clone();
        let spec = match op.as_op_mut() {
            op if op.is::<Conv>() => op.downcast_mut::<Conv>().map(|op| &mut op.pool_spec),
            op if op.is::<MaxPool>() => op.downcast_mut::<MaxPool>().map(|op| &mut op.pool_spec),
            op => op.downcast_mut::<SumPool>().map(|op| &mut op.pool_spec),
        };
        if let Some(spec) = spec.filter(|spec| spec.padding == PaddingSpec::SameUpper) {
            let shape = spec.data_format.shape(met.to_tvec())?;
            let (mut before, mut behind) = (tvec![], tvec![]);
            for padding in spec.computed_padding(shape.hw_dims()) {
                before.push(padding.pad_before.to_usize()?);
                behind.push(padding.pad_after.to_usize()?);
            }
            spec.padding = PaddingSpec::Explicit(before, behind);
        }
        written.wire_node(&node.name, op, inputs)
    })
}

/// `graph` with inputs of these shapes, each of its nodes wired by `wire`.
fn rebuilt(
    graph: &TypedModel,
    inputs: &[TVec<usize>],
    mut wire: impl FnMut(&mut TypedModel, &TypedNode, &[OutletId]) -> TractResult<TVec<OutletId>>,
) -> TractResult<TypedModel> {
    let sources = graph.input_outlets()?;
    ensure!(
        sources.len() == inputs.len(),
        "the graph has {} inputs, not {}",
        sources.len(),
        inputs.len()
    );
    let mut rebuilt = TypedModel {
        symbols: graph.symbols.clone(),
        ..TypedModel::default()
    };
    let mut wires: HashMap<OutletId, OutletId> = HashMap::new();
    for (source, shape) in sources.iter().zip(inputs) {
        let kind = graph.outlet_fact(*source)?.datum_type;
        let name = &graph.node(source.node).name;
        let fact = kind.fact(shape.as_slice());
        wires.insert(*source, rebuilt.add_source(name, fact)?);
    }
    for id in graph.eval_order()? {
        let node = graph.node(id);
        if node.op_is::<TypedSource>() {
            continue;
        }
        let before: TVec<OutletId> = node.inputs.iter().map(|input| wires[input]).collect();
        let outputs = wire(&mut rebuilt, node, &before)?;
        for (slot, wire) in outputs.into_iter().enumerate() {
            wires.insert(OutletId::new(id, slot), wire);
        }
    }
    let outputs: Vec<OutletId> = graph.outputs.iter().map(|output| wires[output]).collect();
    rebuilt.select_output_outlets(&outputs)?;
    Ok(rebuilt)
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
    use praxiscope_runtime::ops::Pooling;
    use tract_core::ops::cnn::PoolSpec;
    use tract_core::ops::nn::DataFormat;

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

    /// A path through all of the operators that fit themselves to the size.
    fn fitted_path(frames: usize, side: usize) -> TypedModel {
        let mut graph = TypedModel::default();
        let shape = [1, 2, frames, side, side];
        let source = graph.add_source("frames", f32::fact(shape)).unwrap();
        let sample = Sample { axis: 2, step: 2 };
        let sampled = graph.wire_node("sample", sample, &[source]).unwrap();
        let same = MaxPool {
            pool_spec: PoolSpec {
                data_format: DataFormat::NCHW,
                kernel_shape: tvec![3, 3, 3],
                padding: PaddingSpec::SameUpper,
                dilations: None,
                strides: Some(tvec![1, 2, 2]),
                input_channels: 2,
                output_channels: 2,
            },
            with_index_outputs: None,
        };
        let pooled = graph.wire_node("same", same, &sampled).unwrap();
        let head = FittedPool {
            pooling: Pooling::Mean,
            kernel: tvec![2, 4, 0],
            padding: tvec![0; 3],
        };
        let head = graph.wire_node("head", head, &pooled).unwrap();
        graph.select_output_outlets(&head).unwrap();
        graph
    }

    fn answer(graph: TypedModel) -> Tensor {
        let shape = graph.input_fact(0).unwrap().shape.as_concrete().unwrap();
        let mut value = 0.0;
        let clip = ndarray::ArrayD::from_shape_simple_fn(shape, || {
            value = (value + 0.37f32) % 1.0;
            value
        });
        let plan = graph.into_optimized().unwrap().into_runnable().unwrap();
        let found = plan.run(tvec!(clip.into_tvalue())).unwrap();
        found[0].clone().into_tensor()
    }

    #[test]
    fn operators_that_fit_themselves_are_written_out_for_one_size() {
        for (frames, side) in [(8, 9), (9, 6), (2, 3)] {
            let fitted = fitted_path(frames, side);
            let written = concrete(&fitted).unwrap();
            let is_own = |node: &TypedNode| node.op_is::<Sample>() || node.op_is::<FittedPool>();
            assert!(!written.nodes().iter().any(is_own));
            let pool = written.node_by_name("same").unwrap().op_as::<MaxPool>();
            let padding = &pool.unwrap().pool_spec.padding;
            assert!(matches!(padding, PaddingSpec::Explicit(..)));
            assert_eq!(answer(written), answer(fitted));
        }
    }

    #[test]
    fn what_is_written_out_holds_for_one_size_alone() {
        let shape = [tvec![1, 2, 6, 12, 12]];
        let (small, large) = (fitted_path(8, 9), fitted_path(6, 12));
        assert!(are_equal(&rewire(&small, &shape).unwrap(), &large).unwrap());
        let written = rewire(&concrete(&small).unwrap(), &shape);
        assert!(!written.is_ok_and(|small| are_equal(&small, &large).unwrap()));
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
