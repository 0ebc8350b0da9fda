//! The one rule by which 32-bit sums become 8-bit values.
//!
//! A value `q` of a tensor with scale `s` and zero point `z` stands for `s (q - z)`. A sum `acc` of
//! output channel `c` becomes
//!
//! ```text
//! q = zero + clamp(round(f32(acc) * m[c]), low - zero, high - zero)
//! ```
//!
//! with `m[c] = s_input s_weight[c] / s_output`, all of it in IEEE 754 single precision: the
//! conversion rounds to nearest with ties to even, so does the one product, and `round` takes the
//! nearest whole number with ties to even. With a residual `a` (its zero point `z_a`, its
//! multiplier `m_a = s_a / s_output`) the value under `round` is
//!
//! ```text
//! f32(acc) * m[c] + f32(a - z_a) * m_a
//! ```
//!
//! two products and one sum, each rounded on its own: no fused multiply-add.
//!
//! # Why every path gives the same bits
//!
//! 1. *The sum is exact.* Construction refuses weights and biases with which some input could leave
//!    `i32`, and no path saturates on the way. Additions modulo 2^32 may then be taken in any order
//!    and with any correction terms (a zero point folded into the bias, a shift by 128 to make
//!    bytes unsigned): the result is the one number congruent to the sum that fits.
//! 2. *The float steps are IEEE operations.* Conversion, product and sum are each rounded to
//!    nearest even, which `cvtdq2ps`, `mulps`, `addps` do under the default MXCSR and `scvtf`,
//!    `fmul`, `fadd` under the default FPCR, vectors or scalars alike, and Rust contracts none of
//!    them. Flushing subnormals to zero would change nothing: a product below 2^-126 rounds to 0,
//!    and leaves any addend that does not round to 0 as it is.
//! 3. *Nothing is infinite or NaN.* Multipliers are finite and at most 2^64 in size, so products
//!    stay below 2^95.
//! 4. *Rounding and clamping commute.* The bounds are whole numbers; rounding is monotone and keeps
//!    whole numbers. So a path may clamp before it converts or afterwards, and narrow with
//!    saturation in between: a saturation to a range that contains the bounds is undone by the
//!    clamp. NEON's conversion saturates too. That of x86 gives `i32::MIN` for whatever is out of
//!    range: right for values too low; where values too high are possible (a bound is computed at
//!    construction) they are clamped from above first.
//! 5. *The last step is exact.* A clamped value lies in -255 ..= 255, is whole, and `zero` plus it
//!    lies in `low ..= high`.

use crate::KernelError;

/// The largest size of a multiplier.
pub const MAX_MULTIPLIER: f32 = 18_446_744_073_709_551_616.0; // 2^64

/// Where output values may lie: the zero point and the activation's clamp, in output units.
///
/// A ReLU is `low = zero`, a ReLU6 also `high = zero + 6 / scale`, none is `-128 ..= 127`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OutputRange {
    /// The value that stands for 0.
    pub zero: i8,
    /// The smallest value.
    pub low: i8,
    /// The largest value.
    pub high: i8,
}

impl OutputRange {
    /// All 256 values around a zero point.
    pub const fn full(zero: i8) -> OutputRange {
        OutputRange {
            zero,
            low: i8::MIN,
            high: i8::MAX,
        }
    }

    /// The value nearest to `value` steps from the zero point; ties go to even, ends are clamped.
    ///
    /// A NaN, which no kernel produces, becomes the smallest.
    #[inline(always)]
    pub fn quantize(self, value: f32) -> i8 {
        let zero = i32::from(self.zero);
        let low = (i32::from(self.low) - zero) as f32;
        let high = (i32::from(self.high) - zero) as f32;
        let rounded = value.round_ties_even();
        // Comparisons that a NaN fails, and that compile to one instruction each.
        let raised = if rounded > low { rounded } else { low };
        let clamped = if raised < high { raised } else { high };
        // SAFETY: the first comparison drops a NaN; both bounds are whole and within -255 ..= 255.
        let steps: i32 = unsafe { clamped.to_int_unchecked() };
        (zero + steps) as i8
    }

    pub(crate) fn check(self) -> Result<(), KernelError> {
        if self.low <= self.high {
            Ok(())
        } else {
            Err(KernelError::Parameter(
                "an output range ends before it begins",
            ))
        }
    }
}

/// The rule: a sum, its channel's multiplier, the output's range.
#[inline(always)]
pub fn requantize(sum: i32, multiplier: f32, range: OutputRange) -> i8 {
    range.quantize(sum as f32 * multiplier)
}

/// Quantized values and their zero point.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The values.
    pub values: &'a [i8],
    /// The value that stands for 0.
    pub zero: i8,
}

impl Input<'_> {
    /// Steps of value `q` from the zero point.
    #[inline(always)]
    pub(crate) fn steps(&self, q: i8) -> i32 {
        i32::from(q) - i32::from(self.zero)
    }
}

/// Quantized values that are brought to an output's scale and added.
#[derive(Debug, Clone, Copy)]
pub struct Addend<'a> {
    /// The values.
    pub values: &'a [i8],
    /// Its zero point.
    pub zero: i8,
    /// Its scale divided by the output's.
    pub multiplier: f32,
}

impl Addend<'_> {
    /// The share of value `q`, in output steps.
    #[inline(always)]
    pub(crate) fn term(&self, q: i8) -> f32 {
        (i32::from(q) - i32::from(self.zero)) as f32 * self.multiplier
    }

    pub(crate) fn check(&self) -> Result<(), KernelError> {
        check_multipliers(&[self.multiplier])
    }
}

/// Refuses multipliers that are not finite or beyond [`MAX_MULTIPLIER`].
pub(crate) fn check_multipliers(multipliers: &[f32]) -> Result<(), KernelError> {
    if multipliers.iter().all(|m| m.abs() <= MAX_MULTIPLIER) {
        Ok(())
    } else {
        Err(KernelError::Parameter(
            "a multiplier is not finite or beyond 2^64",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_even() {
        let range = OutputRange::full(3);
        let halves = [-5, -3, -1, 1, 3, 5].map(|sum| requantize(sum, 0.5, range));
        assert_eq!(halves, [1, 1, 3, 3, 5, 5]);
    }

    #[test]
    fn ends_are_clamped_for_any_size() {
        let range = OutputRange {
            zero: -100,
            low: -100,
            high: 20,
        };
        for multiplier in [1.0, MAX_MULTIPLIER] {
            assert_eq!(requantize(i32::MAX, multiplier, range), 20);
            assert_eq!(requantize(i32::MIN, multiplier, range), -100);
        }
        assert_eq!(requantize(i32::MAX, f32::MIN_POSITIVE, range), -100);
    }

    #[test]
    fn every_whole_step_is_reached() {
        for zero in [-128, -1, 0, 127] {
            let range = OutputRange::full(zero);
            for q in i8::MIN..=i8::MAX {
                let steps = i32::from(q) - i32::from(zero);
                assert_eq!(requantize(steps, 1.0, range), q);
            }
        }
    }

    #[test]
    fn multipliers_without_a_size_are_refused() {
        for bad in [f32::NAN, f32::INFINITY, 2.0 * MAX_MULTIPLIER] {
            assert!(check_multipliers(&[1.0, bad]).is_err());
        }
        assert!(check_multipliers(&[0.0, -1.0, MAX_MULTIPLIER]).is_ok());
    }
}
