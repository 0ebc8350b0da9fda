//! Clean-up of a step program: fewer nodes that say the same.
//!
//! - what does nothing goes;
//! - a factor and an offset for each channel go into the weights and the bias of the convolution
//!   before;
//! - an activation goes into the operator before, and so does the addition of a residual;
//! - `x * sigmoid(x)` becomes one activation;
//! - pixels or rows that a convolution of single places would have made for nothing are left out.

mod fuse;

use praxiscope_runtime::step::{Activation, Pool, Sliding, SpaceWindow, StepOp, TimeWindow};
use tract_core::internal::*;
use tract_core::ops::konst::Const;

/// A program under clean-up.
#[derive(Debug)]
struct Program {
    nodes: Vec<Node>,
    output: usize,
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    kind: Kind,
    inputs: Vec<usize>,
    fact: TypedFact,
}

#[derive(Clone, Debug)]
enum Kind {
    Source,
    Constant(Arc<Tensor>),
    Operator(StepOp),
}

/// The same program with fewer nodes.
///
/// # Errors
/// When `graph` is no step program.
pub(super) fn clean(graph: &TypedModel) -> TractResult<TypedModel> {
    let mut program = Program::of(graph)?;
    // Each pass that changes something may make room for another.
    while program.pass()? {}
    program.to_graph()
}

impl Program {
    fn of(graph: &TypedModel) -> TractResult<Program> {
        let mut places = vec![usize::MAX; graph.nodes().len()];
        let mut nodes = vec![];
        for id in graph.eval_order()? {
            let node = graph.node(id);
            let kind = if let Some(constant) = node.op_as::<Const>() {
                Kind::Constant(constant.val().clone())
            } else if let Some(op) = node.op_as::<StepOp>() {
                Kind::Operator(op.clone())
            } else {
                ensure!(node.inputs.is_empty(), "{node} is no step operator");
                Kind::Source
            };
            places[id] = nodes.len();
            nodes.push(Node {
                name: node.name.clone(),
                kind,
                inputs: node.inputs.iter().map(|input| places[input.node]).collect(),
                fact: node.outputs[0].fact.clone(),
            });
        }
        let output = graph.output_outlets()?.first().context("no output")?;
        Ok(Program {
            nodes,
            output: places[output.node],
        })
    }

    fn to_graph(&self) -> TractResult<TypedModel> {
        let mut graph = TypedModel::default();
        let mut wires: Vec<Option<OutletId>> = vec![None; self.nodes.len()];
        for place in self.order() {
            let node = &self.nodes[place];
            let inputs = node.inputs.iter().map(|input| wires[*input]);
            let inputs: Option<TVec<OutletId>> = inputs.collect();
            let inputs = inputs.context("a node stands before its inputs")?;
            wires[place] = Some(match &node.kind {
                Kind::Source => graph.add_source(&*node.name, node.fact.clone())?,
                Kind::Constant(tensor) => graph.add_const(&*node.name, tensor.clone())?,
                Kind::Operator(op) => graph.wire_node(&*node.name, op.clone(), &inputs)?[0],
            });
        }
        let output = wires[self.output].context("the output depends on nothing")?;
        graph.select_output_outlets(&[output])?;
        Ok(graph)
    }

    /// The nodes that the output needs, and the source, inputs first.
    fn order(&self) -> Vec<usize> {
        let mut order = vec![];
        let mut seen = vec![false; self.nodes.len()];
        let source = |node: &Node| matches!(node.kind, Kind::Source);
        let sources = (0..self.nodes.len()).filter(|place| source(&self.nodes[*place]));
        let mut open: Vec<(usize, bool)> = vec![(self.output, false)];
        open.extend(sources.map(|place| (place, false)));
        while let Some((place, is_done)) = open.pop() {
            if is_done {
                order.push(place);
            } else if !std::mem::replace(&mut seen[place], true) {
                open.push((place, true));
                open.extend(self.nodes[place].inputs.iter().map(|input| (*input, false)));
            }
        }
        order
    }

    /// Changes what can be changed once; whether there was anything.
    fn pass(&mut self) -> TractResult<bool> {
        let order = self.order();
        let mut readers = vec![0; self.nodes.len()];
        readers[self.output] += 1;
        for place in &order {
            for input in &self.nodes[*place].inputs {
                readers[*input] += 1;
            }
        }
        for place in order {
            if let Some(kept) = self.does_nothing(place) {
                self.replace(place, kept);
                return Ok(true);
            }
            // The counts of readers hold for one change.
            if let Some(node) = self.changed(place, &readers)? {
                self.nodes[place] = node;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn replace(&mut self, place: usize, kept: usize) {
        for node in &mut self.nodes {
            for input in &mut node.inputs {
                if *input == place {
                    *input = kept;
                }
            }
        }
        if self.output == place {
            self.output = kept;
        }
    }

    fn operator(&self, place: usize) -> Option<&StepOp> {
        match &self.nodes[place].kind {
            Kind::Operator(op) => Some(op),
            _ => None,
        }
    }

    fn constant(&self, place: usize) -> Option<&Arc<Tensor>> {
        match &self.nodes[place].kind {
            Kind::Constant(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// The input that a node hands on as it is.
    fn does_nothing(&self, place: usize) -> Option<usize> {
        let node = &self.nodes[place];
        let [x, ..] = node.inputs[..] else {
            return None;
        };
        let is_same = self.nodes[x].fact.shape == node.fact.shape;
        let nothing = match self.operator(place)? {
            StepOp::Sliding(Sliding { frames, .. }) => *frames == Some(1),
            StepOp::Sample { every, first } => (*every, *first) == (1, 0),
            StepOp::Activation(activation) => *activation == Activation::Identity,
            StepOp::Pool(Pool { time, space, .. }) => {
                *time == TimeWindow::FRAME && *space == SpaceWindow::PIXEL
            }
            StepOp::Concat => node.inputs.len() == 1,
            StepOp::Channels { .. } => is_same,
            StepOp::OverMap(_) => is_same,
            _ => false,
        };
        nothing.then_some(x)
    }
}
