//! Sums and products of maps, value by value; the same bits on every CPU.

use super::Activation;
use crate::error::check_len;
use crate::vectorize::vectorize;
use crate::{Isa, KernelError};

/// `output = activation(a + b)`; `b` is as long as `a`, or one value per channel (the innermost
/// axis), repeated for every pixel.
///
/// # Errors
/// [`KernelError::Length`] where `output` is not as long as `a`, or `b` neither as long nor a
/// divisor; [`KernelError::Unavailable`] where the CPU has no `isa`.
pub fn add(
    a: &[f32],
    b: &[f32],
    activation: Activation,
    output: &mut [f32],
    isa: Isa,
) -> Result<(), KernelError> {
    combine(a, b, output, isa.checked()?, activation, |a, b| a + b)
}

/// `output = activation(a * b)`, with `b` as for [`add`]: a gate, or squeeze-excite's factors.
///
/// # Errors
/// As [`add`].
pub fn mul(
    a: &[f32],
    b: &[f32],
    activation: Activation,
    output: &mut [f32],
    isa: Isa,
) -> Result<(), KernelError> {
    combine(a, b, output, isa.checked()?, activation, |a, b| a * b)
}

/// `output = activation(input * scale + bias)`, per channel, rounded after the product: a batch
/// normalisation that could not be folded away.
///
/// # Errors
/// [`KernelError::Length`] where `bias` is not as long as `scale`, `output` not as long as `input`,
/// or the channels do not divide the input; [`KernelError::Unavailable`] where the CPU has no
/// `isa`.
pub fn affine(
    input: &[f32],
    scale: &[f32],
    bias: &[f32],
    activation: Activation,
    output: &mut [f32],
    isa: Isa,
) -> Result<(), KernelError> {
    check_len("output", output, input.len())?;
    check_len("bias", bias, scale.len())?;
    check_repeats("scale", scale.len(), input.len())?;
    if input.is_empty() {
        return Ok(());
    }
    let channels = scale.len();
    vectorize(
        isa.checked()?,
        #[inline(always)]
        || {
            for (to, from) in output
                .chunks_exact_mut(channels)
                .zip(input.chunks_exact(channels))
            {
                for (((to, x), scale), bias) in to.iter_mut().zip(from).zip(scale).zip(bias) {
                    *to = x * scale + bias;
                }
                activation.apply_inline(to);
            }
        },
    );
    Ok(())
}

/// Values that are combined before the activation runs over them: they are still in the first
/// cache then.
const RUN: usize = 2048;

#[inline(always)]
fn combine(
    a: &[f32],
    b: &[f32],
    output: &mut [f32],
    isa: Isa,
    activation: Activation,
    f: impl Fn(f32, f32) -> f32 + Copy,
) -> Result<(), KernelError> {
    check_len("output", output, a.len())?;
    check_repeats("second operand", b.len(), a.len())?;
    if a.is_empty() {
        return Ok(());
    }
    vectorize(
        isa,
        #[inline(always)]
        || {
            for (to, a) in output
                .chunks_exact_mut(b.len())
                .zip(a.chunks_exact(b.len()))
            {
                for ((to, a), b) in to.chunks_mut(RUN).zip(a.chunks(RUN)).zip(b.chunks(RUN)) {
                    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
                        *to = f(*a, *b);
                    }
                    activation.apply_inline(to);
                }
            }
        },
    );
    Ok(())
}

fn check_repeats(what: &'static str, len: usize, total: usize) -> Result<(), KernelError> {
    if total == 0 || (len > 0 && total.is_multiple_of(len)) {
        Ok(())
    } else {
        Err(KernelError::Length {
            what,
            expected: total,
            got: len,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_may_be_one_value_per_channel() {
        for isa in Isa::available() {
            let a: Vec<f32> = (0..6).map(|x| x as f32).collect();
            let mut out = vec![0.0; 6];
            add(&a, &[10.0, 0.5], Activation::Identity, &mut out, isa).unwrap();
            assert_eq!(out, [10.0, 1.5, 12.0, 3.5, 14.0, 5.5]);
            mul(&a, &a.clone(), Activation::RELU6, &mut out, isa).unwrap();
            assert_eq!(out, [0.0, 1.0, 4.0, 6.0, 6.0, 6.0]);
            affine(
                &a,
                &[2.0, -1.0],
                &[1.0, 0.0],
                Activation::RELU,
                &mut out,
                isa,
            )
            .unwrap();
            assert_eq!(out, [1.0, 0.0, 5.0, 0.0, 9.0, 0.0]);
        }
    }

    #[test]
    fn every_isa_gives_the_same_bits_over_long_maps() {
        let a: Vec<f32> = (0..9000).map(|x| (x as f32 * 0.7).sin()).collect();
        let b: Vec<f32> = (0..3000).map(|x| (x as f32 * 1.3).cos()).collect();
        let run = |isa| {
            let mut out = vec![0.0; a.len()];
            affine(&a, &b, &b, Activation::Swish, &mut out, isa).unwrap();
            out
        };
        for isa in Isa::available() {
            assert_eq!(run(isa), run(Isa::Portable), "{isa}");
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let mut out = [0.0; 4];
        let identity = Activation::Identity;
        assert!(add(&[0.0; 4], &[0.0; 3], identity, &mut out, Isa::Portable).is_err());
        assert!(add(&[0.0; 4], &[], identity, &mut out, Isa::Portable).is_err());
        assert!(mul(&[0.0; 5], &[0.0; 5], identity, &mut out, Isa::Portable).is_err());
        assert!(
            affine(
                &[0.0; 4],
                &[0.0; 2],
                &[0.0],
                identity,
                &mut out,
                Isa::Portable
            )
            .is_err()
        );
        assert!(add(&[], &[], identity, &mut [], Isa::Portable).is_ok());
    }
}
