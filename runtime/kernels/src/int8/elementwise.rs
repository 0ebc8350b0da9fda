//! Operators value by value: sums, products, other scales.

use super::requantize::{Addend, Input, OutputRange, check_multipliers};
use crate::error::check_len;
use crate::vectorize::vectorize;
use crate::{Isa, KernelError};

/// `output = a + b`, each brought to the output's scale: the rule of
/// [`requantize`](super::requantize) for `f32(a - z_a) * m_a + f32(b - z_b) * m_b`.
///
/// `b` is as long as `a`, or is repeated: one value per channel, the same for every pixel.
///
/// # Errors
/// [`KernelError::Length`] where `output` is not as long as `a` or `b` does not repeat to it,
/// [`KernelError::Parameter`] for a multiplier that is not finite or an empty range,
/// [`KernelError::Unavailable`] where the CPU has no `isa`.
pub fn add(
    a: Addend,
    b: Addend,
    range: OutputRange,
    output: &mut [i8],
    isa: Isa,
) -> Result<(), KernelError> {
    a.check()?;
    b.check()?;
    range.check()?;
    combine(
        a.values,
        b.values,
        output,
        isa,
        #[inline(always)]
        |x, y| range.quantize(a.term(x) + b.term(y)),
    )
}

/// `output = a * b`, a gate or squeeze-excite's factors: the rule for
/// `f32((a - z_a) (b - z_b)) * multiplier`, with `multiplier = s_a s_b / s_output`.
///
/// `b` is as for [`add`].
///
/// # Errors
/// As [`add`].
pub fn mul(
    a: Input,
    b: Input,
    multiplier: f32,
    range: OutputRange,
    output: &mut [i8],
    isa: Isa,
) -> Result<(), KernelError> {
    check_multipliers(&[multiplier])?;
    range.check()?;
    combine(
        a.values,
        b.values,
        output,
        isa,
        #[inline(always)]
        |x, y| range.quantize((a.steps(x) * b.steps(y)) as f32 * multiplier),
    )
}

/// `output = input` at another scale and zero point: the rule for `f32(q - zero) * multiplier`.
///
/// A multiplier of 1 between equal zero points copies, whatever the clamp leaves.
///
/// # Errors
/// As [`add`].
pub fn rescale(
    input: Addend,
    range: OutputRange,
    output: &mut [i8],
    isa: Isa,
) -> Result<(), KernelError> {
    concat(&[(input, 1)], range, output, isa)
}

/// Joins maps along their channels, each brought to the output's scale as by [`rescale`].
///
/// `inputs` are maps of as many pixels, with their channels.
///
/// # Errors
/// As [`add`]; [`KernelError::Length`] for maps of different numbers of pixels.
pub fn concat(
    inputs: &[(Addend, usize)],
    range: OutputRange,
    output: &mut [i8],
    isa: Isa,
) -> Result<(), KernelError> {
    range.check()?;
    let isa = isa.checked()?;
    let channels = inputs
        .iter()
        .try_fold(0usize, |sum, (_, channels)| sum.checked_add(*channels))
        .filter(|channels| *channels > 0)
        .ok_or(KernelError::Parameter("a concatenation without channels"))?;
    let pixels = output.len() / channels;
    check_len("the output of a concatenation", output, pixels * channels)?;
    let mut first = 0;
    for (input, count) in inputs {
        input.check()?;
        check_len("a part of a concatenation", input.values, pixels * count)?;
        if *count == 0 {
            continue;
        }
        let same = input.multiplier == 1.0
            && input.zero == range.zero
            && range == OutputRange::full(range.zero);
        vectorize(
            isa,
            #[inline(always)]
            || {
                let targets = output.chunks_exact_mut(channels);
                for (source, target) in input.values.chunks_exact(*count).zip(targets) {
                    let target = &mut target[first..first + count];
                    if same {
                        target.copy_from_slice(source);
                        continue;
                    }
                    for (&q, out) in source.iter().zip(target) {
                        *out = range.quantize(input.term(q));
                    }
                }
            },
        );
        first += count;
    }
    Ok(())
}

/// Applies `value` to `a` and `b`, `b` repeated as often as needed.
#[inline(always)]
fn combine(
    a: &[i8],
    b: &[i8],
    output: &mut [i8],
    isa: Isa,
    value: impl Fn(i8, i8) -> i8,
) -> Result<(), KernelError> {
    check_len("the output", output, a.len())?;
    let isa = isa.checked()?;
    if a.is_empty() {
        return Ok(());
    }
    if b.is_empty() || !a.len().is_multiple_of(b.len()) {
        return Err(KernelError::Length {
            what: "the second operand",
            expected: a.len(),
            got: b.len(),
        });
    }
    vectorize(
        isa,
        #[inline(always)]
        || {
            for (a, output) in a
                .chunks_exact(b.len())
                .zip(output.chunks_exact_mut(b.len()))
            {
                for ((&x, &y), q) in a.iter().zip(b).zip(output) {
                    *q = value(x, y);
                }
            }
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn everywhere(run: impl Fn(&mut [i8], Isa) -> Result<(), KernelError>, len: usize) -> Vec<i8> {
        let mut expected = vec![0; len];
        run(&mut expected, Isa::Portable).unwrap();
        for isa in Isa::available() {
            let mut output = vec![0; len];
            run(&mut output, isa).unwrap();
            assert_eq!(output, expected, "{isa}");
        }
        expected
    }

    proptest! {
        #[test]
        fn every_path_adds_multiplies_and_rescales_alike(
            a in prop::collection::vec(any::<i8>(), 1..200),
            seed in any::<i8>(),
            zeros in any::<[i8; 3]>(),
            thousandths in [1u16..3000, 1u16..3000],
        ) {
            let multipliers = thousandths.map(|m| f32::from(m) * 1e-3);
            let b: Vec<i8> = a.iter().map(|q| q.wrapping_mul(seed).wrapping_add(7)).collect();
            let range = OutputRange::full(zeros[2]);
            let addend = |values, i: usize| Addend {
                values,
                zero: zeros[i],
                multiplier: multipliers[i],
            };
            let input = |values, i: usize| Input { values, zero: zeros[i] };
            everywhere(|o, isa| add(addend(&a, 0), addend(&b, 1), range, o, isa), a.len());
            let factor = multipliers[0] / 50.0;
            everywhere(|o, isa| mul(input(&a, 0), input(&b, 1), factor, range, o, isa), a.len());
            everywhere(|o, isa| rescale(addend(&a, 0), range, o, isa), a.len());
        }
    }

    #[test]
    fn a_gate_is_repeated_over_the_map() {
        let a = Input {
            values: &[10, 20, 30, 40],
            zero: 0,
        };
        let gate = Input {
            values: &[0, 1],
            zero: -1,
        };
        let run = |o: &mut [i8], isa| mul(a, gate, 0.5, OutputRange::full(0), o, isa);
        assert_eq!(everywhere(run, 4), [5, 20, 15, 40]);
    }

    #[test]
    fn parts_stand_side_by_side_at_one_scale() {
        let part = |values, zero, multiplier| Addend {
            values,
            zero,
            multiplier,
        };
        let inputs = [
            (part(&[1, 2, 3, 4], 0, 1.0), 2),
            (part(&[10, 20], 10, 0.5), 1),
        ];
        let run = |o: &mut [i8], isa| concat(&inputs, OutputRange::full(0), o, isa);
        assert_eq!(everywhere(run, 6), [1, 2, 0, 3, 4, 5]);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let a = Input {
            values: &[1, 2, 3],
            zero: 0,
        };
        let b = Input {
            values: &[1, 2],
            zero: 0,
        };
        let range = OutputRange::full(0);
        assert!(mul(a, b, 1.0, range, &mut [0; 3], Isa::Portable).is_err());
        assert!(mul(a, a, 1.0, range, &mut [0; 2], Isa::Portable).is_err());
        assert!(mul(a, a, f32::NAN, range, &mut [0; 3], Isa::Portable).is_err());
    }
}
