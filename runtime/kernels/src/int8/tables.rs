//! Functions of one 8-bit value, as tables of all 256 answers.

use super::requantize::OutputRange;
use crate::KernelError;
use crate::error::check_len;

/// An activation from one quantized tensor to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// By the input's bits.
    table: [i8; 256],
}

impl Lookup {
    /// The table of `function`: input `q` gives `function(input_scale * (q - input_zero))`, divided
    /// by `output_scale` and rounded to the nearest value of `range`, ties to even.
    ///
    /// The table has the same bits on every CPU if `function` has.
    ///
    /// # Errors
    /// [`KernelError::Parameter`] for scales that are not positive and finite or an empty range.
    pub fn new(
        function: impl Fn(f32) -> f32,
        input_scale: f32,
        input_zero: i8,
        output_scale: f32,
        range: OutputRange,
    ) -> Result<Lookup, KernelError> {
        check_scale(input_scale)?;
        check_scale(output_scale)?;
        range.check()?;
        let mut table = [0; 256];
        for q in i8::MIN..=i8::MAX {
            let steps = f32::from(q) - f32::from(input_zero);
            table[usize::from(q as u8)] =
                range.quantize(function(input_scale * steps) / output_scale);
        }
        Ok(Lookup { table })
    }

    /// `output = table[input]`.
    ///
    /// # Errors
    /// [`KernelError::Length`] where `output` is not as long as `input`.
    pub fn run(&self, input: &[i8], output: &mut [i8]) -> Result<(), KernelError> {
        check_len("the output", output, input.len())?;
        for (&q, out) in input.iter().zip(output) {
            *out = self.table[usize::from(q as u8)];
        }
        Ok(())
    }

    /// As [`Lookup::run`], within one slice.
    pub fn run_in_place(&self, values: &mut [i8]) {
        for q in values {
            *q = self.table[usize::from(*q as u8)];
        }
    }
}

/// Camera bytes to quantized values, by one table per channel: mean and deviation are folded in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PixelTables {
    tables: Vec<[i8; 256]>,
}

impl PixelTables {
    /// Tables of `normalize(channel, byte)`, divided by `scale` and rounded to the nearest value of
    /// `range`, ties to even.
    ///
    /// # Errors
    /// [`KernelError::Parameter`] for no channels, a scale that is not positive and finite or an
    /// empty range.
    pub fn new(
        channels: usize,
        normalize: impl Fn(usize, u8) -> f32,
        scale: f32,
        range: OutputRange,
    ) -> Result<PixelTables, KernelError> {
        check_scale(scale)?;
        range.check()?;
        if channels == 0 {
            return Err(KernelError::Parameter("pixels without channels"));
        }
        let table = |channel| {
            let mut table = [0; 256];
            for byte in 0..=u8::MAX {
                table[usize::from(byte)] = range.quantize(normalize(channel, byte) / scale);
            }
            table
        };
        Ok(PixelTables {
            tables: (0..channels).map(table).collect(),
        })
    }

    /// Looks up pixels `[.., C]`.
    ///
    /// # Errors
    /// [`KernelError::Length`] where `input` is not whole pixels or `output` not as long.
    pub fn run(&self, pixels: &[u8], output: &mut [i8]) -> Result<(), KernelError> {
        let channels = self.tables.len();
        check_len("pixels", pixels, pixels.len() / channels * channels)?;
        check_len("the output", output, pixels.len())?;
        let targets = output.chunks_exact_mut(channels);
        for (pixel, target) in pixels.chunks_exact(channels).zip(targets) {
            for ((&byte, q), table) in pixel.iter().zip(target).zip(&self.tables) {
                *q = table[usize::from(byte)];
            }
        }
        Ok(())
    }
}

pub(super) fn check_scale(scale: f32) -> Result<(), KernelError> {
    if scale > 0.0 && scale.is_finite() {
        Ok(())
    } else {
        Err(KernelError::Parameter(
            "a scale that is not positive and finite",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_tabulated_at_every_value() {
        let square = Lookup::new(|x| x * x, 0.5, -1, 2.0, OutputRange::full(-128)).unwrap();
        let mut output = [0; 4];
        square.run(&[-1, 0, 3, 127], &mut output).unwrap();
        // 0, 0.25 / 2, 4 / 2 and 4096 / 2 steps above -128.
        assert_eq!(output, [-128, -128, -126, 127]);
        let mut values = [3, -1];
        square.run_in_place(&mut values);
        assert_eq!(values, [-126, -128]);
    }

    #[test]
    fn each_channel_of_a_pixel_has_its_table() {
        let normalize = |channel, byte| f32::from(byte) - 100.0 * channel as f32;
        let tables = PixelTables::new(2, normalize, 1.0, OutputRange::full(0)).unwrap();
        let mut output = [0; 4];
        tables.run(&[5, 105, 255, 0], &mut output).unwrap();
        assert_eq!(output, [5, 5, 127, -100]);
        assert!(tables.run(&[1, 2, 3], &mut [0; 3]).is_err());
    }

    #[test]
    fn a_scale_of_nothing_is_refused() {
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(Lookup::new(|x| x, scale, 0, 1.0, OutputRange::full(0)).is_err());
            assert!(PixelTables::new(1, |_, _| 0.0, scale, OutputRange::full(0)).is_err());
        }
    }
}
