//! Arithmetic of two values.

use super::elementwise::activate;
use super::frame;
use crate::step::node::FrameShape;
use crate::step::{Activation, Arithmetic};

/// Numbers that do not stream.
#[derive(Debug)]
pub(in crate::step) struct Constant(Vec<f32>);

impl Constant {
    pub fn new(numbers: &[f32]) -> Constant {
        Constant(numbers.to_vec())
    }
}

/// Where an operand comes from.
#[derive(Debug)]
pub(in crate::step) enum Operand {
    Tap(usize),
    Constant(Constant),
}

/// An arithmetic place by place; an extent of 1 is broadcast.
#[derive(Debug)]
pub(in crate::step) struct Binary {
    arithmetic: Arithmetic,
    activation: Activation,
    operands: [Operand; 2],
    shapes: [FrameShape; 2],
    output: FrameShape,
}

impl Binary {
    pub fn new(
        binary: &crate::step::Binary,
        operands: [Operand; 2],
        shapes: [FrameShape; 2],
        output: FrameShape,
    ) -> Binary {
        Binary {
            arithmetic: binary.arithmetic,
            activation: binary.activation,
            operands,
            shapes,
            output,
        }
    }

    pub fn run(&self, taps: &[Option<&[f32]>], output: &mut [f32]) -> Result<(), String> {
        let [_, width, channels] = self.output;
        let operands = [0, 1].map(|side| match &self.operands[side] {
            Operand::Tap(tap) => frame(taps, *tap),
            Operand::Constant(Constant(numbers)) => numbers,
        });
        for (at, output) in output.iter_mut().enumerate() {
            let place = [at / channels / width, at / channels % width, at % channels];
            let [left, right] = [0, 1].map(|side| {
                let shape = self.shapes[side];
                let at = |axis: usize| if shape[axis] == 1 { 0 } else { place[axis] };
                operands[side][(at(0) * shape[1] + at(1)) * shape[2] + at(2)]
            });
            *output = activate(self.activation, apply(self.arithmetic, left, right));
        }
        Ok(())
    }
}

fn apply(arithmetic: Arithmetic, left: f32, right: f32) -> f32 {
    match arithmetic {
        Arithmetic::Add => left + right,
        Arithmetic::Sub => left - right,
        Arithmetic::Mul => left * right,
        Arithmetic::Div => left / right,
        Arithmetic::Max => left.max(right),
        Arithmetic::Min => left.min(right),
    }
}
