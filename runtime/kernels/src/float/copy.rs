//! Channels moved between maps: concatenation, splits and shifts.

use crate::KernelError;
use crate::error::check_len;

/// Copies `count` channels of every pixel, from channel `from` of `input` (`[pixels, in_channels]`)
/// to channel `to` of `output` (`[pixels, out_channels]`). Other channels of `output` stay.
///
/// # Errors
/// [`KernelError::Parameter`] where the channels do not exist on either side,
/// [`KernelError::Length`] where a slice is not a whole number of pixels or the pixels differ.
pub fn copy_channels<T: Copy>(
    input: &[T],
    in_channels: usize,
    from: usize,
    output: &mut [T],
    out_channels: usize,
    to: usize,
    count: usize,
) -> Result<(), KernelError> {
    let within = |start: usize, channels: usize| {
        channels > 0 && start.checked_add(count).is_some_and(|end| end <= channels)
    };
    if !within(from, in_channels) || !within(to, out_channels) {
        return Err(KernelError::Parameter("channels that do not exist"));
    }
    let pixels = input.len() / in_channels;
    check_len("input of a channel copy", input, pixels * in_channels)?;
    let expected = pixels
        .checked_mul(out_channels)
        .ok_or(KernelError::Parameter("more channels than memory holds"))?;
    check_len("output of a channel copy", output, expected)?;
    let pixels = output
        .chunks_exact_mut(out_channels)
        .zip(input.chunks_exact(in_channels));
    for (target, source) in pixels {
        target[to..to + count].copy_from_slice(&source[from..from + count]);
    }
    Ok(())
}

/// Concatenates maps of the same pixels along their channels; each input comes with its channels.
///
/// # Errors
/// As [`copy_channels`]; [`KernelError::Parameter`] where there is no channel at all.
pub fn concat<T: Copy>(inputs: &[(&[T], usize)], output: &mut [T]) -> Result<(), KernelError> {
    let channels = inputs
        .iter()
        .try_fold(0usize, |sum, (_, channels)| sum.checked_add(*channels))
        .filter(|channels| *channels > 0)
        .ok_or(KernelError::Parameter("a concatenation without channels"))?;
    let mut to = 0;
    for (input, count) in inputs {
        copy_channels(input, *count, 0, output, channels, to, *count)?;
        to += count;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concatenation_interleaves_pixels() {
        let mut out = [0; 6];
        concat(&[(&[1, 2, 3, 4][..], 2), (&[8, 9][..], 1)], &mut out).unwrap();
        assert_eq!(out, [1, 2, 8, 3, 4, 9]);
    }

    #[test]
    fn other_channels_stay() {
        let mut out = [0, 1, 2, 3, 4, 5];
        copy_channels(&[7, 8, 9, 10], 2, 1, &mut out, 3, 2, 1).unwrap();
        assert_eq!(out, [0, 1, 8, 3, 4, 10]);
    }

    #[test]
    fn channels_that_do_not_exist_are_refused() {
        let mut out = [0; 6];
        assert!(copy_channels(&[1, 2], 2, 1, &mut out, 3, 0, 2).is_err());
        assert!(copy_channels(&[1, 2], 2, 0, &mut out, 3, usize::MAX, 2).is_err());
        assert!(copy_channels(&[1, 2, 3], 2, 0, &mut out, 3, 0, 2).is_err());
        assert!(concat::<u8>(&[], &mut []).is_err());
    }
}
