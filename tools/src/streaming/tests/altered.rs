//! Exported networks of which a node was taken out, two were swapped, or one was given other numbers: as
//! step programs they are equal to themselves over a recording, or refused.

use praxiscope_runtime::ops::{Mean, ShiftDirection, TemporalShift};
use proptest::prelude::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{Slice, TypedConcat};
use tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::konst::Const;
use tract_core::ops::source::TypedSource;

use super::exported::{NETWORKS, apart, exported};
use super::inserted::Copy;
use super::*;

/// What is done to a node.
#[derive(Clone, Copy, Debug)]
enum Alteration {
    /// It is taken out; its first input takes its place.
    Removed,
    /// It changes places with the node before it.
    Swapped,
    /// One frame, or row or column of pixels, of its padding is before the map instead of behind it.
    Padding {
        axis: usize,
    },
    Stride {
        axis: usize,
        stride: usize,
    },
    /// The padding grows with it, so that there are as many places as before.
    Dilation {
        axis: usize,
    },
    /// Likewise.
    Kernel {
        axis: usize,
        kernel: usize,
    },
    Groups {
        groups: usize,
    },
    /// What the operator has besides a window: axes, bounds, folds, the order of its inputs.
    Other {
        number: usize,
    },
}

fn alterations() -> impl Strategy<Value = Alteration> {
    use Alteration::*;
    let (axis, number) = (|| 0usize..3, 0usize..4);
    prop_oneof![
        2 => Just(Removed),
        2 => Just(Swapped),
        2 => axis().prop_map(|axis| Padding { axis }),
        2 => (axis(), 1usize..4).prop_map(|(axis, stride)| Stride { axis, stride }),
        2 => axis().prop_map(|axis| Dilation { axis }),
        2 => (axis(), 1usize..6).prop_map(|(axis, kernel)| Kernel { axis, kernel }),
        2 => (1usize..9).prop_map(|groups| Groups { groups }),
        2 => number.prop_map(|number| Other { number }),
    ]
}

/// A window with other numbers; `None` where it had them.
fn other_window(spec: &PoolSpec, extents: &[usize], alteration: Alteration) -> Option<PoolSpec> {
    let mut new = spec.clone();
    let rank = spec.kernel_shape.len();
    let paddings = spec.computed_padding(&extents.iter().map(|n| n.to_dim()).collect::<TVec<_>>());
    let (mut before, mut behind): (TVec<usize>, TVec<usize>) = paddings
        .iter()
        .map(|own| {
            (
                own.pad_before.to_usize().unwrap(),
                own.pad_after.to_usize().unwrap(),
            )
        })
        .unzip();
    let mut strides: TVec<usize> = spec.strides().iter().copied().collect();
    let mut dilations: TVec<usize> = spec.dilations().iter().copied().collect();
    let mut widen = |axis: usize, by: isize| {
        let front = by.div_euclid(2);
        let changed = |padding: usize, by: isize| padding.checked_add_signed(by);
        before[axis] = changed(before[axis], front)?;
        behind[axis] = changed(behind[axis], by - front)?;
        Some(())
    };
    match alteration {
        Alteration::Padding { axis } => {
            let axis = axis % rank;
            behind[axis] = behind[axis].checked_sub(1)?;
            before[axis] += 1;
        }
        Alteration::Stride { axis, stride } => strides[axis % rank] = stride,
        Alteration::Dilation { axis } => {
            let axis = axis % rank;
            dilations[axis] += 1;
            widen(axis, spec.kernel_shape[axis] as isize - 1)?;
        }
        Alteration::Kernel { axis, kernel } => {
            let axis = axis % rank;
            let grown = kernel as isize - spec.kernel_shape[axis] as isize;
            widen(axis, grown * dilations[axis] as isize)?;
            new.kernel_shape[axis] = kernel;
        }
        _ => return None,
    }
    new.padding = PaddingSpec::Explicit(before, behind);
    (new.strides, new.dilations) = (Some(strides), Some(dilations));
    Some(new)
}

/// An operator without weights, with other numbers and its inputs in another order; `None` where it has
/// none to change.
fn other_operator(
    op: &dyn TypedOp,
    extents: &[usize],
    alteration: Alteration,
) -> Option<(Box<dyn TypedOp>, bool)> {
    if let Some(pool) = op.downcast_ref::<MaxPool>() {
        let pool_spec = other_window(&pool.pool_spec, extents, alteration)?;
        return Some((
            Box::new(MaxPool {
                pool_spec,
                ..pool.clone()
            }),
            false,
        ));
    }
    if let Some(pool) = op.downcast_ref::<SumPool>() {
        let pool_spec = other_window(&pool.pool_spec, extents, alteration)?;
        return Some((
            Box::new(SumPool {
                pool_spec,
                ..pool.clone()
            }),
            false,
        ));
    }
    let Alteration::Other { number } = alteration else {
        return None;
    };
    if let Some(shift) = op.downcast_ref::<TemporalShift>() {
        let direction = match number % 2 {
            0 => ShiftDirection::OneWay,
            _ => ShiftDirection::TwoWay,
        };
        let fold = number + 1;
        return Some((
            Box::new(TemporalShift {
                direction,
                fold,
                ..shift.clone()
            }),
            false,
        ));
    }
    if let Some(mean) = op.downcast_ref::<Mean>() {
        let mut axes = mean.axes.clone();
        axes.remove(number % axes.len());
        return (!axes.is_empty()).then(|| (Box::new(Mean { axes }) as _, false));
    }
    if let Some(slice) = op.downcast_ref::<Slice>() {
        let (start, end) = (slice.start.to_usize().ok()?, slice.end.to_usize().ok()?);
        let start = start.checked_sub(1)?;
        return Some((Box::new(Slice::new(slice.axis, start, end - 1)), false));
    }
    if let Some(sample) = op.downcast_ref::<Downsample>() {
        let modulo = number % sample.stride.unsigned_abs();
        return Some((
            Box::new(Downsample {
                modulo,
                ..sample.clone()
            }),
            false,
        ));
    }
    let joined = op.downcast_ref::<TypedConcat>()?;
    Some((Box::new(joined.clone()), true))
}

/// The altered node's output; `None` where the alteration does not fit it.
fn altered(
    copy: &mut Copy,
    graph: &TypedModel,
    node: &TypedNode,
    wires: &[Option<OutletId>],
    alteration: Alteration,
) -> Option<OutletId> {
    let shape = |outlet: OutletId| graph.outlet_fact(outlet).unwrap().shape.as_concrete();
    let inputs: TVec<OutletId> = node
        .inputs
        .iter()
        .map(|i| wires[i.node])
        .collect::<Option<_>>()?;
    let same_shape = |node: &TypedNode| shape(node.inputs[0]) == shape(node.id.into());
    match alteration {
        Alteration::Removed => return same_shape(node).then_some(inputs[0]),
        Alteration::Swapped => {
            let before = graph.node(node.inputs[0].node);
            let fits = !before.inputs.is_empty() && before.outputs[0].successors.len() == 1;
            if !fits || !same_shape(node) || !same_shape(before) {
                return None;
            }
            let mut swapped = inputs.clone();
            swapped[0] = wires[before.inputs[0].node]?;
            let first = copy.wire(node.op.clone(), &swapped).ok()?;
            let others = before.inputs.iter().map(|input| wires[input.node]);
            let mut others: TVec<OutletId> = others.collect::<Option<_>>()?;
            others[0] = first;
            return copy.wire(before.op.clone(), &others).ok();
        }
        _ => {}
    }
    let input = shape(node.inputs[0])?;
    let Some(conv) = node.op_as::<Conv>() else {
        let sides = input.get(2..)?;
        let (op, reversed) = other_operator(&*node.op, sides, alteration)?;
        let mut inputs = inputs;
        if reversed {
            inputs.reverse();
        }
        return copy.wire(op, &inputs).ok();
    };
    let mut op = conv.clone();
    match alteration {
        Alteration::Groups { groups } => {
            let fits = |n: usize| n.is_multiple_of(groups);
            (fits(op.input_channels()) && fits(op.output_channels())).then_some(())?;
            op.group = groups;
        }
        _ => op.pool_spec = other_window(&op.pool_spec, input.get(2..)?, alteration)?,
    }
    op.kernel_fmt = KernelFormat::OIHW;
    let channels = [op.output_channels(), op.input_channels() / op.group];
    let kernel = [&channels, &op.pool_spec.kernel_shape[..]].concat();
    let mut inputs = inputs;
    inputs[1] = copy.constant(&kernel).ok()?;
    copy.wire(op, &inputs).ok()
}

/// The graph with one of its nodes altered; `None` where that does not fit.
fn with_alteration(graph: &TypedModel, at: usize, alteration: Alteration) -> Option<TypedModel> {
    let order = graph.eval_order().ok()?;
    let is_altered = |id: &usize| {
        let node = graph.node(*id);
        let has_window = node.op_is::<Conv>() || node.op_is::<MaxPool>() || node.op_is::<SumPool>();
        let is_other = !node.op_is::<Const>() && !node.op_is::<TypedSource>();
        match alteration {
            Alteration::Removed | Alteration::Swapped => is_other,
            Alteration::Groups { .. } => node.op_is::<Conv>(),
            Alteration::Other { .. } => !has_window && is_other && !node.op_is::<AxisOp>(),
            _ => has_window,
        }
    };
    let nodes: Vec<usize> = order.iter().copied().filter(is_altered).collect();
    let chosen = *nodes.get(at % nodes.len().max(1))?;
    let mut copy = Copy {
        graph: TypedModel::default(),
    };
    let mut wires: Vec<Option<OutletId>> = vec![None; graph.nodes().len()];
    for id in order {
        let node = graph.node(id);
        let wire = if id == chosen {
            altered(&mut copy, graph, node, &wires, alteration)?
        } else if node.op_is::<TypedSource>() {
            let fact = node.outputs[0].fact.clone();
            copy.graph.add_source(&node.name, fact).ok()?
        } else {
            let inputs = node.inputs.iter().map(|input| wires[input.node]);
            let inputs: TVec<OutletId> = inputs.collect::<Option<_>>()?;
            copy.graph
                .wire_node(&node.name, node.op.clone(), &inputs)
                .ok()?[0]
        };
        wires[id] = Some(wire);
    }
    let is_empty = |node: &TypedNode| {
        node.outputs[0]
            .fact
            .shape
            .iter()
            .any(|dim| *dim == 0.to_dim())
    };
    if copy.graph.nodes().iter().any(is_empty) {
        return None;
    }
    let output = wires[graph.output_outlets().ok()?[0].node]?;
    copy.graph.select_output_outlets(&[output]).ok()?;
    Some(copy.graph)
}

#[test]
fn an_altered_network_is_equal_to_itself_over_a_recording_or_refused() {
    let networks: Vec<TypedModel> = NETWORKS.iter().map(|name| exported(name)).collect();
    let cases = (0..networks.len(), 0usize..1000, alterations());
    mostly_accepted(112, &cases, |(network, at, alteration), tally| {
        let Some(graph) = with_alteration(&networks[network], at, alteration) else {
            return Err(TestCaseError::reject("the alteration does not fit"));
        };
        tally.tried();
        match apart(&graph)? {
            None => tally.refused(),
            Some(apart) => prop_assert!(
                apart <= 3e-4,
                "{}, {:?}: {}",
                NETWORKS[network],
                alteration,
                apart
            ),
        }
        Ok(())
    });
}
