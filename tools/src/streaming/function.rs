//! Functions of one number, known by what they do.
//!
//! Exporters spell an activation in many ways: `x * sigmoid(x)`, `x * clip(x + 3, 0, 6) / 6`,
//! `x / 2 * (1 + erf(x / sqrt(2)))`. What is computed from one map by nodes that see each number alone
//! is therefore followed as a function, by its values at some places, and known again by these.

use praxiscope_runtime::step::Activation;
use tract_core::internal::*;

/// The values of a function at [`places`].
#[derive(Clone, Debug)]
pub(super) struct Function(Arc<Tensor>);

/// A function that a step program can compute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Known {
    Activation(Activation),
    Affine { scale: f32, offset: f32 },
}

/// Far enough out for every function that becomes flat or straight to have done so.
const FAR: f32 = 1000.0;
const TOLERANCE: f32 = 1e-5;

fn places() -> Vec<f32> {
    let near = (-96..=96).map(|eighth| eighth as f32 / 8.0);
    let odd = (-40..=40).map(|n| n as f32 * 0.173);
    near.chain(odd)
        .chain([-FAR, -FAR / 10.0, FAR / 10.0, FAR])
        .collect()
}

impl Function {
    pub fn identity() -> Function {
        Function(tensor1(&places()).into_arc_tensor())
    }

    /// What `op` makes of the values of functions and of numbers.
    pub fn behind(op: &dyn TypedOp, inputs: &[Input]) -> Option<Function> {
        let count = places().len();
        let values = inputs.iter().map(|input| match input {
            Input::Function(function) => (*function.0).clone(),
            Input::Number(number) => tensor1(&vec![*number; count]),
        });
        let values = values.map(IntoTValue::into_tvalue).collect();
        let value = op.eval_out_of_plan(values).ok()??.pop()?;
        (value.datum_type() == f32::datum_type() && value.len() == count)
            .then(|| Function(value.into_arc_tensor()))
    }

    /// `number` times the number.
    pub fn times(number: f32) -> Function {
        let values: Vec<f32> = places().iter().map(|x| x * number).collect();
        Function(tensor1(&values).into_arc_tensor())
    }

    /// Whether it is the number times itself.
    pub fn is_square(&self) -> bool {
        let Ok(found) = self.0.to_plain_array_view::<f32>() else {
            return false;
        };
        let near = |(x, found): (f32, &f32)| (x * x - found).abs() <= TOLERANCE * (1.0 + x * x);
        places().into_iter().zip(&found).all(near)
    }

    /// The function, if a step program has it.
    pub fn known(&self) -> Option<Known> {
        let places = places();
        let found = self.0.to_plain_array_view::<f32>().ok()?;
        let is = |wanted: &dyn Fn(f32) -> f32| {
            places.iter().zip(&found).all(|(&x, &found)| {
                let wanted = wanted(x);
                // Products with x are as exact as their other factor.
                (wanted - found).abs() <= TOLERANCE * (1.0 + x.abs())
            })
        };
        let at = |place: f32| {
            let index = places.iter().position(|x| *x == place)?;
            found.iter().nth(index).copied()
        };
        let (low, high) = (at(-FAR)?, at(FAR)?);
        let clamp = Activation::Clamp {
            low: if low == at(-FAR / 10.0)? {
                low
            } else {
                f32::NEG_INFINITY
            },
            high: if high == at(FAR / 10.0)? {
                high
            } else {
                f32::INFINITY
            },
        };
        let candidates = [
            Activation::Identity,
            clamp,
            Activation::Sigmoid,
            Activation::HardSigmoid,
            Activation::Swish,
            Activation::HardSwish,
            Activation::Tanh,
            Activation::Gelu,
        ];
        let known = candidates
            .into_iter()
            .find(|activation| is(&|x| value(*activation, x)));
        if let Some(activation) = known {
            return Some(Known::Activation(activation));
        }
        let offset = at(0.0)?;
        let scale = at(1.0)? - offset;
        is(&|x| scale * x + offset).then_some(Known::Affine { scale, offset })
    }
}

/// What an operator that sees each number alone is given.
pub(super) enum Input<'a> {
    Function(&'a Function),
    Number(f32),
}

fn value(activation: Activation, x: f32) -> f32 {
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    let hard_sigmoid = |x: f32| (x / 6.0 + 0.5).clamp(0.0, 1.0);
    match activation {
        Activation::Identity => x,
        Activation::Clamp { low, high } => x.max(low).min(high),
        Activation::Sigmoid => sigmoid(x),
        Activation::HardSigmoid => hard_sigmoid(x),
        Activation::Swish => x * sigmoid(x),
        Activation::HardSwish => x * hard_sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Gelu => {
            let erf = erf(x * std::f32::consts::FRAC_1_SQRT_2);
            x * 0.5 * (1.0 + erf)
        }
    }
}

/// By Abramowitz and Stegun's 7.1.26 the error is below 1.5e-7.
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let series = [
        1.061_405_4,
        -1.453_152,
        1.421_413_7,
        -0.284_496_74,
        0.254_829_6,
    ];
    let sum = series.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    (1.0 - sum * (-x * x).exp()).copysign(x)
}

#[cfg(test)]
mod tests {
    use tract_core::ops::math;
    use tract_core::ops::nn;

    use super::*;

    fn behind(op: impl Into<Box<dyn TypedOp>>, inputs: &[Input]) -> Function {
        Function::behind(&*op.into(), inputs).unwrap()
    }

    fn known(function: &Function) -> Activation {
        match function.known() {
            Some(Known::Activation(activation)) => activation,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn activations_are_known_in_every_spelling() {
        let x = Function::identity();
        let sigmoid = behind(nn::sigmoid(), &[Input::Function(&x)]);
        assert_eq!(known(&sigmoid), Activation::Sigmoid);
        let swish = [Input::Function(&x), Input::Function(&sigmoid)];
        assert_eq!(known(&behind(math::mul(), &swish)), Activation::Swish);

        let moved = behind(math::add(), &[Input::Function(&x), Input::Number(3.0)]);
        let low = behind(math::max(), &[Input::Function(&moved), Input::Number(0.0)]);
        let high = behind(math::min(), &[Input::Function(&low), Input::Number(6.0)]);
        let product = behind(math::mul(), &[Input::Function(&x), Input::Function(&high)]);
        let hard = behind(
            math::div(),
            &[Input::Function(&product), Input::Number(6.0)],
        );
        assert_eq!(known(&hard), Activation::HardSwish);

        let root = std::f32::consts::FRAC_1_SQRT_2;
        let scaled = behind(math::mul(), &[Input::Function(&x), Input::Number(root)]);
        let erf = behind(math::erf(), &[Input::Function(&scaled)]);
        let more = behind(math::add(), &[Input::Function(&erf), Input::Number(1.0)]);
        let half = behind(math::mul(), &[Input::Function(&x), Input::Number(0.5)]);
        let gelu = behind(
            math::mul(),
            &[Input::Function(&half), Input::Function(&more)],
        );
        assert_eq!(known(&gelu), Activation::Gelu);
    }

    #[test]
    fn clamps_are_known_with_their_ends() {
        let x = Function::identity();
        let relu = behind(math::max(), &[Input::Function(&x), Input::Number(0.0)]);
        assert_eq!(known(&relu), Activation::RELU);
        let relu6 = behind(math::min(), &[Input::Function(&relu), Input::Number(6.0)]);
        let ends = Activation::Clamp {
            low: 0.0,
            high: 6.0,
        };
        assert_eq!(known(&relu6), ends);
    }

    #[test]
    fn a_scale_and_an_offset_are_known_and_others_are_not() {
        let x = Function::identity();
        let scaled = behind(math::mul(), &[Input::Function(&x), Input::Number(2.5)]);
        let affine = behind(
            math::add(),
            &[Input::Function(&scaled), Input::Number(-1.0)],
        );
        let Some(Known::Affine { scale, offset }) = affine.known() else {
            panic!("{affine:?}")
        };
        assert!((scale - 2.5).abs() < 1e-5 && offset == -1.0);
        assert_eq!(behind(math::cos(), &[Input::Function(&x)]).known(), None);
    }
}
