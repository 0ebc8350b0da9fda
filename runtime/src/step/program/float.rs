//! Nodes that read numbers.

use tract_core::internal::*;

use super::compile::{Builder, Value, constant, frame_shape, stream};
use crate::ops::ShiftDirection;
use crate::step::compute::{self, Constant, IntWork, Operand, Work};
use crate::step::time::Need;
use crate::step::{Binary, Conv, IntOp, Sliding, StepOp};

impl Builder {
    /// Adds a node, none of whose inputs carries 8-bit values.
    pub(super) fn add_float(
        &mut self,
        name: &str,
        op: &StepOp,
        inputs: &[Value],
    ) -> TractResult<usize> {
        match op {
            StepOp::Conv(conv) => self.add_conv(name, op, conv, inputs),
            StepOp::Binary(binary) => self.add_binary(name, op, binary, inputs),
            StepOp::Shift { direction, fold } => {
                let [x] = inputs else {
                    bail!("it has {} inputs", inputs.len())
                };
                self.add_shift(name, op, *direction, *fold, stream(x)?)
            }
            StepOp::Int(IntOp::Quantize(quantization)) => {
                let [x] = inputs else {
                    bail!("it has {} inputs", inputs.len())
                };
                let x = stream(x)?;
                let shape = self.wires[x].shape;
                let work = Work::Quantize(*quantization);
                self.push(name, work, &[(x, Need::FRAME)], shape, 0)
            }
            _ => {
                let wires = inputs.iter().map(stream).collect::<TractResult<Vec<_>>>()?;
                self.add_streaming(name, op, &wires)
            }
        }
    }

    fn add_conv(
        &mut self,
        name: &str,
        op: &StepOp,
        conv: &Conv,
        inputs: &[Value],
    ) -> TractResult<usize> {
        let [x, weights, bias, added @ ..] = inputs else {
            bail!("it has {} inputs", inputs.len())
        };
        ensure!(added.len() <= 1, "it has {} inputs", inputs.len());
        let mut wires = vec![stream(x)?];
        for added in added {
            wires.push(stream(added)?);
        }
        let shapes = self.shapes(&wires);
        let (weights, bias) = (constant(weights)?, constant(bias)?);
        let shape = op.output_shape(&shapes, Some(weights.shape()))?;
        let (weights, bias) = (numbers(weights)?, numbers(bias)?);
        let multiply_adds = shape[0] as u64 * shape[1] as u64 * weights.len() as u64;
        let conv_work = compute::Conv::new(conv, shapes[0], weights, bias, self.isa)?;
        let mut ports = vec![(wires[0], Need::from(&conv.time))];
        ports.extend(wires[1..].iter().map(|&added| (added, Need::FRAME)));
        self.push(name, Work::Conv(conv_work), &ports, shape, multiply_adds)
    }

    fn add_binary(
        &mut self,
        name: &str,
        op: &StepOp,
        binary: &Binary,
        inputs: &[Value],
    ) -> TractResult<usize> {
        let [left, right] = inputs else {
            bail!("it has {} inputs", inputs.len())
        };
        let mut ports = vec![];
        let mut shapes = vec![];
        let mut operand = |value: &Value| match value {
            Value::Stream(wire) => {
                ports.push((*wire, Need::FRAME));
                shapes.push(self.wires[*wire].shape);
                Ok(Operand::Tap(ports.len() - 1))
            }
            Value::Constant(tensor) => {
                shapes.push(frame_shape(&ShapeFact::from_dims(
                    tensor.shape().iter().map(|dim| dim.to_dim()),
                ))?);
                Ok(Operand::Constant(Constant::new(numbers(tensor)?)))
            }
        };
        let operands: [TractResult<Operand>; 2] = [operand(left), operand(right)];
        let [left, right] = operands;
        let operands = [left?, right?];
        let shape = op.output_shape(&shapes, None)?;
        let work = compute::Binary::new(binary, operands, [shapes[0], shapes[1]], shape, self.isa);
        self.push(name, Work::Binary(work), &ports, shape, 0)
    }

    /// A shift keeps of the past only the channels that are lent, so they become a wire of their own.
    pub(super) fn add_shift(
        &mut self,
        name: &str,
        op: &StepOp,
        direction: ShiftDirection,
        fold: usize,
        x: usize,
    ) -> TractResult<usize> {
        let shape = op.output_shape(&self.shapes(&[x]), None)?;
        if fold == 0 {
            let same = match self.wires[x].quantization {
                None => Work::Same,
                Some(_) => Work::Int(IntWork::Same),
            };
            return self.push(name, same, &[(x, Need::FRAME)], shape, 0);
        }
        let lent = match direction {
            ShiftDirection::OneWay => 0..fold,
            ShiftDirection::TwoWay => fold..2 * fold,
        };
        let lent_shape = [shape[0], shape[1], fold];
        let frame = [(x, Need::FRAME)];
        let lends = compute::Channels::new(shape, lent.clone());
        let lender = format!("{name}.lent");
        let lends = match self.wires[x].quantization {
            None => Work::Channels(lends),
            Some(_) => Work::Int(IntWork::Channels(lends)),
        };
        let lender = self.push(&lender, lends, &frame, lent_shape, 0)?;
        let two_way = direction == ShiftDirection::TwoWay;
        // The frame itself and, two-way, its successor; behind the last one there is none.
        let itself = Need {
            kernel: if two_way { 2 } else { 1 },
            after: i64::from(two_way),
            ..Need::FRAME
        };
        let before = Need {
            before: 1,
            after: 1,
            ..Need::FRAME
        };
        let work = compute::Shift::new(shape, lent, two_way);
        let work = match self.wires[x].quantization {
            None => Work::Shift(work),
            Some(input) => Work::Int(IntWork::Shift(work, input.zero_point)),
        };
        let ports = [(x, itself), (lender, before)];
        self.push(name, work, &ports, shape, 0)
    }

    fn add_streaming(&mut self, name: &str, op: &StepOp, wires: &[usize]) -> TractResult<usize> {
        let shapes = self.shapes(wires);
        let shape = op.output_shape(&shapes, None)?;
        let frames = |needs: &[Need]| -> TractResult<Vec<(usize, Need)>> {
            ensure!(needs.len() == wires.len(), "it has {} inputs", wires.len());
            Ok(wires.iter().copied().zip(needs.iter().copied()).collect())
        };
        let input = *shapes.first().context("it has no input")?;
        let (work, ports, multiply_adds) = match op {
            StepOp::Pool(pool) => {
                let work = Work::Pool(compute::Pool::new(pool, input, self.isa)?);
                (work, frames(&[Need::from(&pool.time)])?, 0)
            }
            StepOp::Sample { every, first } => {
                (Work::Same, frames(&[Need::sample(*every, *first)])?, 0)
            }
            StepOp::Sliding(Sliding {
                frames: None, of, ..
            }) => (Work::Running(*of), frames(&[Need::FRAME])?, 0),
            StepOp::Sliding(sliding) => {
                let work = Work::Sliding(sliding.of);
                (work, frames(&[Need::sliding(sliding)])?, 0)
            }
            StepOp::Attention(attention) => {
                let window = Need::attended(attention);
                let ports = frames(&[Need::FRAME, window, window])?;
                let work = compute::Attention::new(attention, &shapes, self.isa)?;
                let cost = work.multiply_adds();
                (Work::Attention(work), ports, cost)
            }
            StepOp::Activation(activation) => {
                (Work::Activation(*activation), frames(&[Need::FRAME])?, 0)
            }
            StepOp::Concat => {
                let needs = vec![Need::FRAME; wires.len()];
                (
                    Work::Concat(compute::Concat::new(&shapes)),
                    frames(&needs)?,
                    0,
                )
            }
            StepOp::Channels { start, end } => {
                let work = compute::Channels::new(input, *start..*end);
                (Work::Channels(work), frames(&[Need::FRAME])?, 0)
            }
            StepOp::OverMap(of) => (Work::OverMap(*of), frames(&[Need::FRAME])?, 0),
            StepOp::Softmax => (Work::Softmax(input[2]), frames(&[Need::FRAME])?, 0),
            StepOp::Conv(_) | StepOp::Binary(_) | StepOp::Shift { .. } | StepOp::Int(_) => {
                bail!("it takes other inputs than streams")
            }
        };
        self.push(name, work, &ports, shape, multiply_adds)
    }
}

fn numbers(tensor: &Tensor) -> TractResult<&[f32]> {
    tensor.try_as_plain_ram()?.as_slice::<f32>()
}
