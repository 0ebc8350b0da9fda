//! The exponential and what is built of it: one routine, the same bits on every CPU.
//!
//! Only IEEE additions, multiplications, divisions and comparisons in a written order, never a
//! fused multiply-add and never the platform's `libm`. Each function is branchless, so that loops
//! over it become vector code.

/// Adding this rounds a float of at most 2^22 to an integer, which then stands in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// `e^x`, within 2 units in the last place; 0 below -104, infinite above 88.73.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // ln 2 in two parts: the first has few bits, so that its product with n is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-105.0, 89.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_2e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 5.000_000_3e-1;
    let p = p * (r * r) + r + 1.0;
    // 2^n in two factors: one alone would not reach the subnormals.
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let e = exp(-2.0 * size);
    let far = (1.0 - e) / (1.0 + e);
    // Near zero the difference above cancels; there a polynomial stands.
    let z = x * x;
    let mut p = -5.704_988_7e-3;
    p = p * z + 2.063_909e-2;
    p = p * z + -5.373_971_6e-2;
    p = p * z + 1.333_144_2e-1;
    p = p * z + -3.333_328e-1;
    let near = p * z * size + size;
    (if size < 0.625 { near } else { far }).copysign(x)
}

/// `x * Φ(x)`, the Gaussian error linear unit, within 3e-7 of its largest term.
///
/// The tail of Φ is approximation 7.1.26 of Abramowitz and Stegun.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let mut p = 1.061_405_4;
    p = p * t + -1.453_152;
    p = p * t + 1.421_413_8;
    p = p * t + -0.284_496_72;
    p = p * t + 0.254_829_6;
    let tail = 0.5 * x * (p * t * exp(-(z * z)));
    if x < 0.0 { tail } else { x - tail }
}

/// GELU by its tanh approximation.
#[inline(always)]
pub fn gelu_tanh(x: f32) -> f32 {
    let inner = 0.797_884_6 * (x + 0.044_715 * (x * x * x));
    0.5 * x * (1.0 + tanh(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> impl Iterator<Item = f32> {
        (-30_000..=30_000).map(|i| i as f32 * 0.003)
    }

    #[test]
    fn exp_is_close_to_the_true_one() {
        for x in grid() {
            let truth = f64::from(x).exp();
            let error = (f64::from(exp(x)) - truth).abs() / truth.max(1.2e-38);
            assert!(
                truth > f64::from(f32::MAX) || error < 2.5e-7,
                "exp({x}) off by {error:e}"
            );
        }
    }

    #[test]
    fn exp_at_its_ends() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1000.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(1000.0), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sigmoid_and_tanh_are_close_to_the_true_ones() {
        for x in grid() {
            let wide = f64::from(x);
            let error = f64::from(sigmoid(x)) - 1.0 / (1.0 + (-wide).exp());
            assert!(error.abs() < 1.5e-7, "sigmoid({x}) off by {error:e}");
            let error = f64::from(tanh(x)) - wide.tanh();
            assert!(error.abs() < 1.5e-7, "tanh({x}) off by {error:e}");
            assert_eq!(tanh(-x).to_bits(), (-tanh(x)).to_bits());
        }
    }

    #[test]
    fn gelu_is_close_to_its_tanh_form() {
        for x in grid().filter(|x| x.abs() < 8.0) {
            assert!((gelu(x) - gelu_tanh(x)).abs() < 5e-4, "gelu({x})");
        }
        // Φ(1) = 0.841344746 and Φ(-2) = 0.022750132.
        assert!((gelu(1.0) - 0.841_344_7).abs() < 3e-7);
        assert!((gelu(-2.0) + 0.045_500_264).abs() < 3e-7);
        assert_eq!(gelu(0.0), 0.0);
    }
}
