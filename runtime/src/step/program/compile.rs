//! From a graph of step operators to a program.

use std::collections::HashMap;
use std::sync::Mutex;

use praxiscope_kernels::Isa;
use tract_core::internal::*;
use tract_core::ops::konst::Const;
use tract_core::ops::source::TypedSource;

use super::{Node, Port, Program, Wire};
use crate::step::compute::Work;
use crate::step::facts::Facts;
use crate::step::run::Stay;
use crate::step::shapes::FrameShape;
use crate::step::time::{Need, WireTime};
use crate::step::{IntOp, Quantization, StepOp};

/// Numbers in one frame.
const LARGEST_FRAME: usize = 1 << 26;
/// Nodes of one program.
const MOST_NODES: usize = 1 << 14;

pub(super) fn compile(graph: &TypedModel, isa: Isa) -> TractResult<Program> {
    let isa = isa.checked()?;
    let (inputs, outputs) = (graph.input_outlets()?, graph.output_outlets()?);
    let (&[source], &[output]) = (inputs, outputs) else {
        bail!(
            "a step program has one input and one output, not {} and {}",
            inputs.len(),
            outputs.len()
        )
    };
    let mut builder = Builder::new(isa);
    // Only what the output needs is run; the order is that of `eval_order`.
    let mut order = graph.eval_order()?;
    let needed = needed_by(graph, output);
    order.retain(|id| needed.contains(id) && *id != source.node);
    ensure!(
        order.len() <= MOST_NODES,
        "it has {} nodes, more than {MOST_NODES}",
        order.len()
    );
    let shape = frame_shape(&graph.outlet_fact(source)?.shape)?;
    let name = graph.node(source.node).name.clone();
    let quantization = quantized_at_once(graph, source);
    let wire = builder.add_wire(name, shape, WireTime::RECORDING, quantization)?;
    builder.values.insert(source, Value::Stream(wire));
    for id in order {
        let node = graph.node(id);
        builder
            .add_node(graph, node)
            .with_context(|| format!("the node {:?} ({})", node.name, node.op.name()))?;
    }
    match builder.values.get(&output).cloned() {
        Some(Value::Stream(output)) => builder.finish(output),
        _ => bail!("nothing streams into its output"),
    }
}

/// What the frames themselves are turned into, where nothing reads them as numbers.
fn quantized_at_once(graph: &TypedModel, source: OutletId) -> Option<Quantization> {
    let readers = graph.node(source.node).outputs[source.slot]
        .successors
        .iter();
    let mut quantizations = readers.map(|reader| match graph.node(reader.node).op_as::<StepOp>() {
        Some(StepOp::Int(IntOp::Quantize(quantization))) => Some(*quantization),
        _ => None,
    });
    let first = quantizations.next()??;
    quantizations
        .all(|other| other == Some(first))
        .then_some(first)
}

fn needed_by(graph: &TypedModel, output: OutletId) -> std::collections::HashSet<usize> {
    let mut needed = std::collections::HashSet::new();
    let mut open = vec![output.node];
    while let Some(id) = open.pop() {
        if needed.insert(id) {
            open.extend(graph.node(id).inputs.iter().map(|input| input.node));
        }
    }
    needed
}

/// What an outlet of the graph is in the program.
#[derive(Clone)]
pub(super) enum Value {
    Stream(usize),
    Constant(Arc<Tensor>),
}

pub(super) struct Builder {
    pub(super) isa: Isa,
    /// What the output of the node that is added stands for.
    pub(super) made: Option<Quantization>,
    values: HashMap<OutletId, Value>,
    pub(super) wires: Vec<Wire>,
    nodes: Vec<Node>,
}

impl Builder {
    fn new(isa: Isa) -> Builder {
        Builder {
            isa,
            made: None,
            values: HashMap::new(),
            wires: vec![],
            nodes: vec![],
        }
    }

    fn add_wire(
        &mut self,
        name: String,
        shape: FrameShape,
        time: WireTime,
        quantization: Option<Quantization>,
    ) -> TractResult<usize> {
        let len = shape.iter().try_fold(1usize, |len, &n| len.checked_mul(n));
        ensure!(
            len.is_some_and(|len| (1..=LARGEST_FRAME).contains(&len)),
            "a frame of {shape:?}"
        );
        let readers = vec![];
        self.wires.push(Wire {
            name,
            shape,
            time,
            quantization,
            stay: Stay::Kept,
            readers,
        });
        Ok(self.wires.len() - 1)
    }

    pub(super) fn push(
        &mut self,
        name: &str,
        work: Work,
        ports: &[(usize, Need)],
        shape: FrameShape,
        multiply_adds: u64,
    ) -> TractResult<usize> {
        let times: Vec<_> = ports
            .iter()
            .map(|&(wire, need)| (self.wires[wire].time, need))
            .collect();
        let mut time = WireTime::of_node(&times)?;
        if work.sees_all_since_the_start() {
            time.first = None;
        }
        let output = self.add_wire(name.into(), shape, time, self.made)?;
        for (port, &(wire, _)) in ports.iter().enumerate() {
            self.wires[wire].readers.push((self.nodes.len(), port));
        }
        let ports = ports.iter().map(|&(wire, need)| Port { wire, need });
        self.nodes.push(Node {
            work,
            ports: ports.collect(),
            output,
            multiply_adds,
        });
        Ok(output)
    }

    fn add_node(&mut self, graph: &TypedModel, node: &TypedNode) -> TractResult<()> {
        let outlet = OutletId::from(node.id);
        if let Some(constant) = node.op_as::<Const>() {
            let value = Value::Constant(constant.val().clone());
            self.values.insert(outlet, value);
            return Ok(());
        }
        ensure!(
            !node.op_is::<TypedSource>(),
            "only one input can be streamed in"
        );
        let op = node
            .op_as::<StepOp>()
            .context("this is no operator of step programs")?;
        op.check()?;
        let inputs = node.inputs.iter().map(|input| {
            let value = self.values.get(input).cloned();
            value.with_context(|| format!("its input {} is unknown", graph.node(input.node)))
        });
        let inputs = inputs.collect::<TractResult<Vec<_>>>()?;
        self.made = Quantization::of(graph.outlet_fact(outlet)?.datum_type);
        let wire = self.add_op(&node.name, op, &inputs)?;
        self.values.insert(outlet, Value::Stream(wire));
        Ok(())
    }

    fn add_op(&mut self, name: &str, op: &StepOp, inputs: &[Value]) -> TractResult<usize> {
        let carries_values = |value: &Value| match value {
            Value::Stream(wire) => self.wires[*wire].quantization.is_some(),
            Value::Constant(_) => false,
        };
        if inputs.iter().any(carries_values) {
            return self.add_int(name, op, inputs);
        }
        self.add_float(name, op, inputs)
    }

    pub(super) fn shapes(&self, wires: &[usize]) -> Vec<FrameShape> {
        wires.iter().map(|&wire| self.wires[wire].shape).collect()
    }

    fn finish(self, output: usize) -> TractResult<Program> {
        let mut program = Program {
            wires: self.wires,
            nodes: self.nodes,
            output,
            isa: self.isa,
            facts: Facts::default(),
            spare: Mutex::default(),
        };
        let (facts, most_kept) = Facts::of(&program)?;
        program.facts = facts;
        for (wire, kept) in program.wires.iter_mut().zip(most_kept) {
            if kept == 0 {
                wire.stay = Stay::Passing;
            }
        }
        Ok(program)
    }
}

pub(super) fn stream(value: &Value) -> TractResult<usize> {
    match value {
        Value::Stream(wire) => Ok(*wire),
        Value::Constant(_) => bail!("a constant stands where a stream should"),
    }
}

pub(super) fn constant(value: &Value) -> TractResult<&Tensor> {
    match value {
        Value::Constant(tensor) => Ok(tensor),
        Value::Stream(_) => bail!("weights stream in"),
    }
}

pub(super) fn frame_shape(shape: &ShapeFact) -> TractResult<FrameShape> {
    let concrete = shape.as_concrete();
    let concrete = concrete.and_then(|shape| shape.try_into().ok());
    concrete.with_context(|| format!("{shape:?} is no frame [H, W, C]"))
}
