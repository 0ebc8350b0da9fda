//! Which wires of a step program carry 8-bit values, and what the values stand for.

use std::collections::{HashMap, HashSet};

use praxiscope_runtime::step::{Activation, Arithmetic, Quantization, Reduction, StepOp};
use tract_core::internal::*;
use tract_core::ops::konst::Const;

/// Wires that must share one quantization, because something between them only moves values: a shift
/// or a concatenation stays a copy.
#[derive(Debug)]
pub(super) struct Wires {
    /// For each node another one of its group, or itself.
    leader: Vec<usize>,
}

impl Wires {
    pub fn new(graph: &TypedModel) -> Wires {
        let mut wires = Wires {
            leader: (0..graph.nodes().len()).collect(),
        };
        for node in graph.nodes() {
            if node
                .op_as::<StepOp>()
                .is_some_and(StepOp::moves_or_compares)
            {
                for input in &node.inputs {
                    wires.join(node.id, input.node);
                }
            }
        }
        wires
    }

    /// The one node that stands for all of its group.
    pub fn group(&self, mut node: usize) -> usize {
        while self.leader[node] != node {
            node = self.leader[node];
        }
        node
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.group(a), self.group(b));
        self.leader[a.max(b)] = a.min(b);
    }

    /// The quantization of every group: the `known` one of its nodes, else from the ranges of its nodes'
    /// numbers. Where nodes of a group are known differently, the group gets what covers all of them.
    pub fn quantizations(
        &self,
        ranges: &HashMap<usize, (f32, f32)>,
        known: &HashMap<usize, Quantization>,
    ) -> HashMap<usize, Quantization> {
        let mut of_groups: HashMap<usize, Vec<Quantization>> = HashMap::new();
        for (&node, &quantization) in known {
            of_groups
                .entry(self.group(node))
                .or_default()
                .push(quantization);
        }
        let known = of_groups.into_iter().map(|(group, all)| {
            let covers = |(low, high): (f32, f32), one: &Quantization| {
                let end = |value: i32| (value - i32::from(one.zero_point)) as f32 * one.scale;
                (low.min(end(-128)), high.max(end(127)))
            };
            let quantization = match all.as_slice() {
                [first, others @ ..] if others.iter().all(|other| other == first) => *first,
                all => quantization(all.iter().fold((0.0, 0.0), covers)),
            };
            (group, quantization)
        });
        let mut groups: HashMap<usize, (f32, f32)> = HashMap::new();
        for (&node, &(low, high)) in ranges {
            let whole = groups.entry(self.group(node)).or_insert((0.0, 0.0));
            *whole = (whole.0.min(low), whole.1.max(high));
        }
        let groups = groups
            .into_iter()
            .map(|(group, range)| (group, quantization(range)));
        // What is known comes last and stays.
        groups.chain(known).collect()
    }
}

/// 256 values over the range; one of them stands for zero exactly, so that padding is exact.
pub(super) fn quantization((low, high): (f32, f32)) -> Quantization {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let scale = ((high - low) / 255.0).max(f32::MIN_POSITIVE * 256.0);
    let zero_point = (-128.0 - low / scale)
        .round_ties_even()
        .clamp(-128.0, 127.0);
    Quantization {
        scale,
        zero_point: zero_point as i8,
    }
}

/// The nodes that reckon with 8-bit values: all that have an integer form, but those in `floats`.
pub(super) fn integer_nodes(graph: &TypedModel, floats: &HashSet<String>) -> HashSet<usize> {
    let nodes = graph
        .nodes()
        .iter()
        .filter(|node| !floats.contains(&node.name));
    let nodes = nodes.filter(|node| {
        let op = node.op_as::<StepOp>();
        op.is_some_and(|op| has_integer_form(graph, node, op))
    });
    nodes.map(|node| node.id).collect()
}

fn has_integer_form(graph: &TypedModel, node: &TypedNode, op: &StepOp) -> bool {
    match op {
        StepOp::Conv(_) | StepOp::Activation(_) | StepOp::OverMap(Reduction::Mean) => true,
        StepOp::Pool(pool) if pool.of == Reduction::Mean => true,
        StepOp::Binary(binary) => {
            let constants = node
                .inputs
                .iter()
                .filter(|input| graph.node(input.node).op_is::<Const>());
            let clamps = matches!(
                binary.activation,
                Activation::Identity | Activation::Clamp { .. }
            );
            constants.count() == 0
                && clamps
                && matches!(binary.arithmetic, Arithmetic::Add | Arithmetic::Mul)
                && shapes_go_together(graph, node)
        }
        op => op.moves_or_compares(),
    }
}

/// The integer kernels take maps of one size, or one map and a vector of its channels.
fn shapes_go_together(graph: &TypedModel, node: &TypedNode) -> bool {
    let shape = |input: &OutletId| {
        graph
            .outlet_fact(*input)
            .ok()?
            .shape
            .as_concrete()
            .map(<[usize]>::to_vec)
    };
    let shapes: Vec<_> = node.inputs.iter().map(shape).collect();
    let [Some(left), Some(right)] = shapes.as_slice() else {
        return false;
    };
    let is_vector_of = |vector: &[usize], map: &[usize]| vector == [1, 1, map[2]];
    left == right || is_vector_of(left, right) || is_vector_of(right, left)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn zero_is_exact_and_the_range_is_covered(low in -1e6f32..0.0, high in 0f32..1e6) {
            let Quantization { scale, zero_point } = quantization((low, high));
            let least = (-128.0 - f32::from(zero_point)) * scale;
            let most = (127.0 - f32::from(zero_point)) * scale;
            // Half a step is lost where zero must fall on a value.
            prop_assert!(least <= low + 0.51 * scale && most >= high - 0.51 * scale);
        }
    }

    #[test]
    fn what_a_rectifier_gives_uses_all_values() {
        assert_eq!(
            quantization((0.0, 25.5)),
            Quantization {
                scale: 0.1,
                zero_point: -128
            }
        );
    }
}
