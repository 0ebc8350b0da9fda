//! Arithmetic of two values.

use praxiscope_kernels::float;
use praxiscope_kernels::{Isa, KernelError};

use super::elementwise::kernel_activation;
use super::frame;
use crate::step::Arithmetic;
use crate::step::node::FrameShape;

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
    activation: float::Activation,
    operands: [Operand; 2],
    shapes: [FrameShape; 2],
    output: FrameShape,
    isa: Isa,
}

impl Binary {
    pub fn new(
        binary: &crate::step::Binary,
        mut operands: [Operand; 2],
        mut shapes: [FrameShape; 2],
        output: FrameShape,
        isa: Isa,
    ) -> Binary {
        // The kernels repeat their second operand.
        if matches!(binary.arithmetic, Arithmetic::Add | Arithmetic::Mul) && shapes[0] != output {
            operands.reverse();
            shapes.reverse();
        }
        Binary {
            arithmetic: binary.arithmetic,
            activation: kernel_activation(binary.activation),
            operands,
            shapes,
            output,
            isa,
        }
    }

    pub fn run(&self, taps: &[Option<&[f32]>], output: &mut [f32]) -> Result<(), KernelError> {
        let [left, right] = self.operands.each_ref().map(|operand| match operand {
            Operand::Tap(tap) => frame(taps, *tap),
            Operand::Constant(Constant(numbers)) => numbers,
        });
        let (activation, isa) = (self.activation, self.isa);
        let [_, _, channels] = self.output;
        let whole = self.shapes[0] == self.output;
        let repeated = self.shapes[1] == self.output || self.shapes[1] == [1, 1, channels];
        match self.arithmetic {
            Arithmetic::Add if whole && repeated => {
                return float::add(left, right, activation, output, isa);
            }
            Arithmetic::Mul if whole && repeated => {
                return float::mul(left, right, activation, output, isa);
            }
            Arithmetic::Add => self.each(left, right, output, |a, b| a + b),
            Arithmetic::Sub => self.each(left, right, output, |a, b| a - b),
            Arithmetic::Mul => self.each(left, right, output, |a, b| a * b),
            Arithmetic::Div => self.each(left, right, output, |a, b| a / b),
            Arithmetic::Max => self.each(left, right, output, f32::max),
            Arithmetic::Min => self.each(left, right, output, f32::min),
        }
        activation.apply(output, isa)
    }

    fn each(&self, left: &[f32], right: &[f32], output: &mut [f32], of: impl Fn(f32, f32) -> f32) {
        let [_, width, channels] = self.output;
        for (at, output) in output.chunks_exact_mut(channels).enumerate() {
            let place = [at / width, at % width];
            let left = pixel(left, self.shapes[0], place);
            let right = pixel(right, self.shapes[1], place);
            match (left, right) {
                ([left], right) => {
                    let pairs = output.iter_mut().zip(right);
                    pairs.for_each(|(output, right)| *output = of(*left, *right));
                }
                (left, [right]) => {
                    let pairs = output.iter_mut().zip(left);
                    pairs.for_each(|(output, left)| *output = of(*left, *right));
                }
                (left, right) => {
                    let pairs = output.iter_mut().zip(left.iter().zip(right));
                    pairs.for_each(|(output, (left, right))| *output = of(*left, *right));
                }
            }
        }
    }
}

/// The channels of a pixel; the same one everywhere along an extent of 1.
fn pixel(map: &[f32], [height, width, channels]: FrameShape, [y, x]: [usize; 2]) -> &[f32] {
    let y = if height == 1 { 0 } else { y };
    let x = if width == 1 { 0 } else { x };
    let start = (y * width + x) * channels;
    map.get(start..start + channels).unwrap_or_default()
}
