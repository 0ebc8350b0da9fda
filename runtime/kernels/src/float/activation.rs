//! Activations, fused behind convolutions or applied to a map in place.

use super::math;
use crate::vectorize::vectorize;
use crate::{Isa, KernelError};

/// A function of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// The value itself.
    Identity,
    /// The value, held within `low` and `high`.
    Clamp {
        /// Least result.
        low: f32,
        /// Greatest result.
        high: f32,
    },
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `clamp(slope * x + offset, 0, 1)`; PyTorch has slope 1/6 and offset 1/2, ONNX by default 0.2
    /// and 1/2.
    HardSigmoid {
        /// Rise between the ends.
        slope: f32,
        /// Value at zero.
        offset: f32,
    },
    /// `x * sigmoid(x)`, also called SiLU.
    Swish,
    /// `x * clamp(x / 6 + 1/2, 0, 1)`.
    HardSwish,
    /// The hyperbolic tangent.
    Tanh,
    /// `x * Φ(x)`.
    Gelu,
    /// GELU by its tanh approximation.
    GeluTanh,
}

impl Activation {
    /// `max(x, 0)`.
    pub const RELU: Activation = Activation::Clamp {
        low: 0.0,
        high: f32::INFINITY,
    };
    /// `clamp(x, 0, 6)`.
    pub const RELU6: Activation = Activation::Clamp {
        low: 0.0,
        high: 6.0,
    };

    /// The limits where the activation is a clamp; the identity has infinite ones.
    pub(crate) fn limits(self) -> Option<[f32; 2]> {
        match self {
            Activation::Identity => Some([f32::NEG_INFINITY, f32::INFINITY]),
            Activation::Clamp { low, high } => Some([low, high]),
            _ => None,
        }
    }

    /// The activation of one value.
    pub fn of(self, x: f32) -> f32 {
        let mut value = [x];
        self.apply_inline(&mut value);
        value[0]
    }

    /// Applies the activation to every value in place; the same bits on every CPU.
    ///
    /// # Errors
    /// [`KernelError::Unavailable`] where the CPU has no `isa`.
    pub fn apply(self, values: &mut [f32], isa: Isa) -> Result<(), KernelError> {
        vectorize(
            isa.checked()?,
            #[inline(always)]
            || self.apply_inline(values),
        );
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn apply_inline(self, values: &mut [f32]) {
        #[inline(always)]
        fn each(values: &mut [f32], f: impl Fn(f32) -> f32) {
            for value in values {
                *value = f(*value);
            }
        }
        match self {
            Activation::Identity => {}
            Activation::Clamp { low, high } => each(values, |x| hold(x, low, high)),
            Activation::Sigmoid => each(values, math::sigmoid),
            Activation::HardSigmoid { slope, offset } => {
                each(values, |x| hold(slope * x + offset, 0.0, 1.0));
            }
            Activation::Swish => each(values, |x| x * math::sigmoid(x)),
            Activation::HardSwish => each(values, |x| x * hold(x / 6.0 + 0.5, 0.0, 1.0)),
            Activation::Tanh => each(values, math::tanh),
            Activation::Gelu => each(values, math::gelu),
            Activation::GeluTanh => each(values, math::gelu_tanh),
        }
    }
}

/// `x` held within limits; not a number stays what it is.
#[inline(always)]
pub(crate) fn hold(x: f32, low: f32, high: f32) -> f32 {
    let x = if low > x { low } else { x };
    if high < x { high } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Activation; 9] = [
        Activation::Identity,
        Activation::RELU6,
        Activation::Sigmoid,
        Activation::HardSigmoid {
            slope: 0.2,
            offset: 0.5,
        },
        Activation::Swish,
        Activation::HardSwish,
        Activation::Tanh,
        Activation::Gelu,
        Activation::GeluTanh,
    ];

    #[test]
    fn values_at_chosen_points() {
        let close = |activation: Activation, x: f32, y: f32| {
            assert!((activation.of(x) - y).abs() < 1e-6, "{activation:?}({x})");
        };
        close(Activation::RELU, -3.0, 0.0);
        close(Activation::RELU6, 7.0, 6.0);
        close(Activation::Sigmoid, 1.0, 0.731_058_6);
        close(
            Activation::HardSigmoid {
                slope: 0.2,
                offset: 0.5,
            },
            1.0,
            0.7,
        );
        close(Activation::Swish, -1.0, -0.268_941_4);
        close(Activation::HardSwish, 1.0, 2.0 / 3.0);
        close(Activation::HardSwish, -4.0, 0.0);
        close(Activation::Tanh, 0.5, 0.462_117_16);
        assert!(Activation::RELU6.of(f32::NAN).is_nan());
    }

    #[test]
    fn every_isa_gives_the_same_bits() {
        let inputs: Vec<f32> = (-3000..3000)
            .map(|i| i as f32 * 0.037)
            .chain([f32::INFINITY, -0.0])
            .collect();
        for activation in ALL {
            let mut expected = inputs.clone();
            activation.apply(&mut expected, Isa::Portable).unwrap();
            for isa in Isa::available() {
                let mut values = inputs.clone();
                activation.apply(&mut values, isa).unwrap();
                let same = values
                    .iter()
                    .zip(&expected)
                    .all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{activation:?} on {isa}");
            }
        }
    }
}
