//! Nodes that read 8-bit values.

use tract_core::internal::*;

use super::compile::{Builder, Value, constant, stream};
use crate::step::compute::{
    Channels, Concat, Constants, IntBinary, IntConvolution, IntWork, Linear, Work,
};
use crate::step::time::Need;
use crate::step::{IntConv, IntOp, Pool, Quantization, Reduction, Sliding, StepOp};

impl Builder {
    /// Adds a node, some of whose inputs carry values.
    pub(super) fn add_int(
        &mut self,
        name: &str,
        op: &StepOp,
        inputs: &[Value],
    ) -> TractResult<usize> {
        if let StepOp::Int(IntOp::Conv(conv)) = op {
            return self.add_int_conv(name, op, conv, inputs);
        }
        if let StepOp::Int(IntOp::Lookup(_)) = op {
            let [x, table] = inputs else {
                bail!("it has {} inputs", inputs.len())
            };
            let x = stream(x)?;
            let table = constant(table)?.try_as_plain_ram()?.as_slice::<i8>()?;
            let table: [i8; 256] = table.try_into().context("a table has 256 values")?;
            let work = Work::Int(IntWork::Lookup(Box::new(table)));
            return self.push(name, work, &[(x, Need::FRAME)], self.wires[x].shape, 0);
        }
        let wires = inputs.iter().map(stream).collect::<TractResult<Vec<_>>>()?;
        let shapes = self.shapes(&wires);
        let shape = op.output_shape(&shapes, None)?;
        let from = self.quantizations(&wires)?;
        let (&x, &input, &source) = match (wires.first(), shapes.first(), from.first()) {
            (Some(x), Some(input), Some(source)) => (x, input, source),
            _ => bail!("it has no input"),
        };
        let made = self.made;
        let to = || made.context("it makes no values");
        let mut needs = vec![Need::FRAME; wires.len()];
        let work = match op {
            StepOp::Shift { direction, fold } => {
                return self.add_shift(name, op, *direction, *fold, x);
            }
            StepOp::Int(IntOp::Quantize(quantization)) => {
                ensure!(*quantization == source, "it takes numbers");
                // The frames come as these values at once.
                return Ok(x);
            }
            StepOp::Sample { every, first } => {
                needs[0] = Need::sample(*every, *first);
                IntWork::Same
            }
            StepOp::Concat => IntWork::Concat(Concat::new(&shapes)),
            StepOp::Channels { start, end } => {
                IntWork::Channels(Channels::new(input, *start..*end))
            }
            StepOp::OverMap(Reduction::Max) => IntWork::MaxOverMap,
            StepOp::Sliding(
                sliding @ Sliding {
                    of: Reduction::Max,
                    frames: Some(_),
                    ..
                },
            ) => {
                needs[0] = Need::sliding(sliding);
                IntWork::Largest
            }
            StepOp::Pool(
                pool @ Pool {
                    of: Reduction::Max, ..
                },
            ) => {
                needs[0] = Need::from(&pool.time);
                IntWork::pool(pool, input, source, source, self.isa)?
            }
            StepOp::Int(IntOp::MeanPool { pool, output }) => {
                needs[0] = Need::from(&pool.time);
                IntWork::pool(pool, input, source, *output, self.isa)?
            }
            StepOp::Int(IntOp::Dequantize) => IntWork::Dequantize(source),
            StepOp::Int(IntOp::Rescale(_)) => IntWork::Rescale(source, to()?),
            StepOp::Int(IntOp::MeanOverMap(_)) => IntWork::MeanOverMap(source, to()?),
            StepOp::Int(IntOp::Binary { arithmetic, output }) => {
                let [left, right] = from.as_slice() else {
                    bail!("an arithmetic has two inputs")
                };
                let shapes = [shapes[0], shapes[1]];
                let inputs = [*left, *right];
                IntWork::Binary(IntBinary::new(*arithmetic, inputs, shapes, *output)?)
            }
            _ => bail!("it takes numbers, and is given 8-bit values"),
        };
        let ports: Vec<_> = wires.into_iter().zip(needs).collect();
        self.push(name, Work::Int(work), &ports, shape, 0)
    }

    fn add_int_conv(
        &mut self,
        name: &str,
        op: &StepOp,
        conv: &IntConv,
        inputs: &[Value],
    ) -> TractResult<usize> {
        let [x, weights, bias, multipliers, added @ ..] = inputs else {
            bail!("it has {} inputs", inputs.len())
        };
        let streams = std::iter::once(x).chain(added).map(stream);
        let wires = streams.collect::<TractResult<Vec<_>>>()?;
        let shapes = self.shapes(&wires);
        let weights = constant(weights)?;
        let shape = op.output_shape(&shapes, Some(weights.shape()))?;
        let constants = Constants {
            weights: weights.try_as_plain_ram()?.as_slice::<i8>()?,
            bias: constant(bias)?.try_as_plain_ram()?.as_slice::<i32>()?,
            multipliers: constant(multipliers)?
                .try_as_plain_ram()?
                .as_slice::<f32>()?,
        };
        let places = shape[0] as u64 * shape[1] as u64;
        let multiply_adds = places * constants.weights.len() as u64;
        let from = self.quantizations(&wires)?;
        let work = match conv.output {
            Some(output) => {
                let added = from.get(1).copied();
                let input = [(shapes[0], from[0])];
                let conv = IntConvolution::new(conv, input, constants, output, added, self.isa)?;
                IntWork::Conv(conv)
            }
            None => {
                let is_linear =
                    shapes[0][..2] == [1, 1] && shape[..2] == [1, 1] && conv.groups == 1;
                ensure!(
                    is_linear && conv.time.kernel == 1 && added.is_empty(),
                    "only a fully connected layer gives numbers"
                );
                IntWork::Linear(Linear::new(constants, from[0])?)
            }
        };
        let mut ports = vec![(wires[0], Need::from(&conv.time))];
        ports.extend(wires[1..].iter().map(|&added| (added, Need::FRAME)));
        self.push(name, Work::Int(work), &ports, shape, multiply_adds)
    }

    fn quantizations(&self, wires: &[usize]) -> TractResult<Vec<Quantization>> {
        let all = wires.iter().map(|&wire| self.wires[wire].quantization);
        let all = all.map(|quantization| quantization.context("one of its inputs carries numbers"));
        all.collect()
    }
}
