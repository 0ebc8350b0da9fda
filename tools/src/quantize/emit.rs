//! From a float step program to an integer one.

use std::collections::{HashMap, HashSet};

use praxiscope_runtime::step::{
    Activation, Binary, Conv, IntConv, IntOp, IntOutput, Quantization, Reduction, StepOp,
};
use tract_core::internal::*;
use tract_core::ops::konst::Const;
use tract_core::ops::source::TypedSource;

use super::weights::{IntWeights, Rounded};
use super::wires::Wires;

/// What a program becomes, decided beforehand.
pub(super) struct Decisions<'a> {
    pub wires: &'a Wires,
    /// By group of wires.
    pub quantizations: &'a HashMap<usize, Quantization>,
    /// Nodes that reckon with 8-bit values.
    pub integers: &'a HashSet<usize>,
    /// Of the weights of convolutions, by node.
    pub rounded: &'a HashMap<usize, Rounded>,
    /// What is added to the biases of convolutions, by node.
    pub corrections: &'a HashMap<usize, Vec<f32>>,
}

impl Decisions<'_> {
    fn quantization(&self, node: usize) -> TractResult<Quantization> {
        let found = self.quantizations.get(&self.wires.group(node)).copied();
        found.context("no calibration number came to it")
    }
}

/// The integer program. A node keeps its name, so that its wires can be held against the float ones;
/// what stands between numbers and values is named after the wire that it turns.
pub(super) fn emit(source: &TypedModel, decisions: &Decisions) -> TractResult<TypedModel> {
    let mut emitter = Emitter {
        source,
        decisions,
        graph: TypedModel::default(),
        wires: HashMap::new(),
    };
    for id in source.eval_order()? {
        let node = source.node(id);
        let emitted = emitter.node(node);
        emitted.with_context(|| format!("the node {:?} ({})", node.name, node.op.name()))?;
    }
    let outputs = source.output_outlets()?.iter();
    let outputs = outputs.map(|output| emitter.number(*output));
    let outputs = outputs.collect::<TractResult<Vec<_>>>()?;
    let mut graph = emitter.graph;
    graph.select_output_outlets(&outputs)?;
    graph.compact()?;
    Ok(graph)
}

/// A wire of the source in the integer program: as numbers, as values, or as both.
#[derive(Clone, Copy, Default)]
struct Twin {
    number: Option<OutletId>,
    value: Option<OutletId>,
}

struct Emitter<'a> {
    source: &'a TypedModel,
    decisions: &'a Decisions<'a>,
    graph: TypedModel,
    wires: HashMap<OutletId, Twin>,
}

impl Emitter<'_> {
    fn node(&mut self, node: &TypedNode) -> TractResult<()> {
        let outlet = OutletId::from(node.id);
        let mut twin = Twin::default();
        if node.op_is::<TypedSource>() {
            twin.number = Some(
                self.graph
                    .add_source(&node.name, node.outputs[0].fact.clone())?,
            );
        } else if node.op_is::<Const>() {
            // Float operators take their constants as they are; integer ones make their own.
            twin.number = Some(self.graph.wire_node(&node.name, node.op.clone(), &[])?[0]);
        } else if self.decisions.integers.contains(&node.id) {
            let wire = self.integer(node)?;
            match Quantization::of(self.graph.outlet_fact(wire)?.datum_type) {
                Some(_) => twin.value = Some(wire),
                None => twin.number = Some(wire),
            }
        } else {
            let inputs = node.inputs.iter().map(|input| self.number(*input));
            let inputs = inputs.collect::<TractResult<Vec<_>>>()?;
            twin.number = Some(self.graph.wire_node(&node.name, node.op.clone(), &inputs)?[0]);
        }
        self.wires.insert(outlet, twin);
        Ok(())
    }

    fn integer(&mut self, node: &TypedNode) -> TractResult<OutletId> {
        let op = node.op_as::<StepOp>().context("it is no step operator")?;
        let int = match op {
            StepOp::Conv(conv) => return self.conv(node, conv),
            StepOp::Activation(activation) => return self.lookup(node, *activation),
            StepOp::Binary(Binary {
                arithmetic,
                activation,
            }) => IntOp::Binary {
                arithmetic: *arithmetic,
                output: self.output(node, *activation)?,
            },
            StepOp::Pool(pool) if pool.of == Reduction::Mean => IntOp::MeanPool {
                pool: *pool,
                output: self.decisions.quantization(node.id)?,
            },
            StepOp::OverMap(Reduction::Mean) => {
                IntOp::MeanOverMap(self.decisions.quantization(node.id)?)
            }
            moves => return self.wire_values(node, moves.clone()),
        };
        self.wire_values(node, StepOp::Int(int))
    }

    fn wire_values(&mut self, node: &TypedNode, op: StepOp) -> TractResult<OutletId> {
        let inputs = node.inputs.iter().map(|input| self.value(*input));
        let inputs = inputs.collect::<TractResult<Vec<_>>>()?;
        Ok(self.graph.wire_node(&node.name, op, &inputs)?[0])
    }

    fn conv(&mut self, node: &TypedNode, conv: &Conv) -> TractResult<OutletId> {
        let [x, weights, bias, added @ ..] = node.inputs.as_slice() else {
            bail!("it has {} inputs", node.inputs.len())
        };
        let input = self.decisions.quantization(x.node)?;
        let (shape, weights) = constant(self.source, *weights)?;
        let (_, mut bias) = constant(self.source, *bias)?;
        if let Some(correction) = self.decisions.corrections.get(&node.id) {
            bias.iter_mut()
                .zip(correction)
                .for_each(|(bias, more)| *bias += more);
        }
        let rounded = self.decisions.rounded.get(&node.id);
        let rounded = rounded.context("its weights were not rounded")?;
        let weights = IntWeights::new(&weights, &bias, input.scale, rounded);
        let map = |outlet: OutletId| {
            self.source
                .outlet_fact(outlet)
                .map(|fact| fact.shape.to_tvec())
        };
        let is_vector =
            |shape: TVec<TDim>| shape.iter().take(2).all(|extent| *extent == 1.to_dim());
        let is_linear = is_vector(map(*x)?) && is_vector(map(node.id.into())?);
        let gives_numbers = is_linear
            && conv.time.kernel == 1
            && conv.groups == 1
            && conv.activation == Activation::Identity
            && added.is_empty()
            && !self.is_read_as_values(node.id);
        let output = match gives_numbers {
            true => None,
            false => Some(self.output(node, conv.activation)?),
        };
        let unit = output.map_or(1.0, |output| output.quantization.scale);
        let multipliers = weights.scales.iter().map(|scale| {
            let product = f64::from(*scale) * f64::from(input.scale);
            (product / f64::from(unit)) as f32
        });
        let multipliers: Vec<f32> = multipliers.collect();
        let mut inputs = vec![self.value(*x)?];
        for (part, tensor) in [
            ("weights", Tensor::from_shape(&shape, &weights.values)?),
            ("bias", tensor1(&weights.bias)),
            ("multipliers", tensor1(&multipliers)),
        ] {
            let name = format!("{}.{part}.int", node.name);
            inputs.push(self.graph.add_const(name, tensor)?);
        }
        for added in added {
            inputs.push(self.value(*added)?);
        }
        let int = IntOp::Conv(IntConv {
            time: conv.time,
            space: conv.space,
            groups: conv.groups,
            output,
        });
        Ok(self
            .graph
            .wire_node(&node.name, StepOp::Int(int), &inputs)?[0])
    }

    /// A function as a table over all values of its input.
    fn lookup(&mut self, node: &TypedNode, activation: Activation) -> TractResult<OutletId> {
        let x = *node.inputs.first().context("it has no input")?;
        let input = self.decisions.quantization(x.node)?;
        let output = self.decisions.quantization(node.id)?;
        let numbers =
            (-128..=127i32).map(|q| (q - i32::from(input.zero_point)) as f32 * input.scale);
        let values = numbers.map(|x| output.value(activation.of(x)));
        let table = tensor1(&values.collect::<Vec<i8>>());
        let table = self
            .graph
            .add_const(format!("{}.table", node.name), table)?;
        let x = self.value(x)?;
        let op = StepOp::Int(IntOp::Lookup(output));
        Ok(self.graph.wire_node(&node.name, op, &[x, table])?[0])
    }

    /// The output of a node that ends with a clamp.
    fn output(&self, node: &TypedNode, activation: Activation) -> TractResult<IntOutput> {
        let quantization = self.decisions.quantization(node.id)?;
        let (low, high) = match activation {
            Activation::Identity => (-128, 127),
            Activation::Clamp { low, high } => (quantization.value(low), quantization.value(high)),
            other => bail!("{other:?} is no clamp"),
        };
        Ok(IntOutput {
            quantization,
            low,
            high,
        })
    }

    fn is_read_as_values(&self, node: usize) -> bool {
        let readers = &self.source.node(node).outputs[0].successors;
        readers
            .iter()
            .any(|reader| self.decisions.integers.contains(&reader.node))
    }

    /// A wire of the source as 8-bit values.
    fn value(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        let twin = self.twin(outlet)?;
        if let Some(value) = twin.value {
            return Ok(value);
        }
        let number = twin.number.context("a wire is numbers or values")?;
        let quantization = self.decisions.quantization(outlet.node)?;
        let name = format!("{}.values", self.source.node(outlet.node).name);
        let op = StepOp::Int(IntOp::Quantize(quantization));
        let value = self.graph.wire_node(name, op, &[number])?[0];
        self.wires.entry(outlet).or_default().value = Some(value);
        Ok(value)
    }

    /// A wire of the source as numbers.
    fn number(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        let twin = self.twin(outlet)?;
        if let Some(number) = twin.number {
            return Ok(number);
        }
        let value = twin.value.context("a wire is numbers or values")?;
        let name = format!("{}.numbers", self.source.node(outlet.node).name);
        let op = StepOp::Int(IntOp::Dequantize);
        let number = self.graph.wire_node(name, op, &[value])?[0];
        self.wires.entry(outlet).or_default().number = Some(number);
        Ok(number)
    }

    fn twin(&self, outlet: OutletId) -> TractResult<Twin> {
        self.wires
            .get(&outlet)
            .copied()
            .context("a wire is made before it is read")
    }
}

/// The convolution that a node is, if it is one.
pub(super) fn conv(node: &TypedNode) -> Option<&Conv> {
    match node.op_as::<StepOp>() {
        Some(StepOp::Conv(conv)) => Some(conv),
        _ => None,
    }
}

/// The shape and the numbers of a constant.
pub(super) fn constant(
    graph: &TypedModel,
    outlet: OutletId,
) -> TractResult<(TVec<usize>, Vec<f32>)> {
    let tensor = graph.node(outlet.node).op_as::<Const>();
    let tensor = tensor.context("its weights are no constant")?.val();
    let numbers = tensor.try_as_plain_ram()?.as_slice::<f32>()?;
    Ok((tensor.shape().into(), numbers.to_vec()))
}
