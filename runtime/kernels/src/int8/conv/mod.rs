//! Convolution over frames: one type for every kernel extent, stride, dilation and grouping.

mod portable;

use super::depthwise::Depthwise;
use super::gemm::Gemm;
use super::requantize::{Addend, OutputRange, check_multipliers};
use crate::error::{check_len, check_rows};
use crate::{Geometry, Isa, KernelError};
use portable::Direct;
use std::ops::Range;

/// The most products in one sum; what a strip of staged input has room for.
pub(super) const MAX_DEPTH: usize = 1 << 16;

/// A convolution with its weights packed for one instruction set.
///
/// Output value `[y, x, o]` is the rule of [`requantize`](super::requantize) applied to
/// `bias[o] + sum of (input - input_zero) * weight` over the taps and the channels of the group.
/// Padding and frames that are `None` hold the zero point and so add nothing.
#[derive(Debug)]
pub struct Conv {
    geometry: Geometry,
    isa: Isa,
    path: Path,
}

#[derive(Debug)]
enum Path {
    Direct(Direct),
    Gemm(Gemm),
    Depthwise(Depthwise),
}

/// What every path is built from.
pub(super) struct Parameters<'a> {
    pub geometry: &'a Geometry,
    /// `[O][I / groups][t][h][w]`.
    pub weights: &'a [i8],
    pub bias: &'a [i32],
    pub multipliers: &'a [f32],
    pub input_zero: i8,
    pub range: OutputRange,
}

impl Parameters<'_> {
    /// The weight of `output` for `channel` of its group at `tap` (`[t][h][w]`, flat).
    pub fn weight(&self, output: usize, channel: usize, tap: usize) -> i8 {
        let channels = self.geometry.in_channels() / self.geometry.groups();
        self.weights[(output * channels + channel) * self.geometry.taps() + tap]
    }

    /// The weights of one output channel.
    fn filter(&self, output: usize) -> &[i8] {
        let len = self.weights.len() / self.geometry.out_channels();
        &self.weights[output * len..(output + 1) * len]
    }

    /// What no sum times its multiplier exceeds in size.
    pub fn reach(&self) -> f32 {
        let outputs = 0..self.geometry.out_channels();
        let reach = outputs.map(|o| self.largest_sum(o) as f32 * self.multipliers[o].abs());
        reach.fold(0.0, f32::max)
    }

    /// What no sum of `output` exceeds in size.
    fn largest_sum(&self, output: usize) -> i64 {
        let zero = i64::from(self.input_zero);
        let farthest = (127 - zero).max(zero + 128);
        let weights: i64 = self
            .filter(output)
            .iter()
            .map(|&w| i64::from(w).abs())
            .sum();
        weights * farthest + i64::from(self.bias[output]).abs()
    }

    /// The bias of `output` for inputs that come `shift` above their value: with the input's zero
    /// point folded in, modulo 2^32.
    pub fn folded_bias(&self, output: usize, shift: i32) -> i32 {
        let sum: i32 = self.filter(output).iter().map(|&w| i32::from(w)).sum();
        let zero = i32::from(self.input_zero) + shift;
        self.bias[output].wrapping_sub(sum.wrapping_mul(zero))
    }
}

impl Conv {
    /// Packs a convolution.
    ///
    /// `weights` are `[O][I / groups][t][h][w]`, each within -127 ..= 127; `bias` and `multipliers`
    /// are `[O]`, the bias in steps of the input's scale times the channel's weight scale.
    ///
    /// # Errors
    /// [`KernelError::Length`] for slices of other lengths, [`KernelError::Parameter`] for a weight
    /// of -128, a multiplier that is not finite, an empty output range, more than 65,536 products
    /// in one sum, or a sum that could leave `i32`; [`KernelError::Unavailable`] for an instruction
    /// set that this CPU does not run.
    pub fn new(
        geometry: &Geometry,
        weights: &[i8],
        bias: &[i32],
        multipliers: &[f32],
        input_zero: i8,
        output: OutputRange,
        isa: Isa,
    ) -> Result<Conv, KernelError> {
        let parameters = Parameters {
            geometry,
            weights,
            bias,
            multipliers,
            input_zero,
            range: output,
        };
        check(&parameters)?;
        let isa = isa.checked()?;
        let path = if isa == Isa::Portable {
            Path::Direct(Direct::new(&parameters))
        } else if geometry.is_depthwise() {
            Path::Depthwise(Depthwise::new(&parameters, isa))
        } else {
            Path::Gemm(Gemm::new(&parameters, isa))
        };
        Ok(Conv {
            geometry: *geometry,
            isa,
            path,
        })
    }

    /// A matrix-vector or matrix-matrix product with constant weights `[outputs][inputs]`, over
    /// `rows` rows of input: a convolution of one tap over a map of one column.
    ///
    /// # Errors
    /// As [`Conv::new`] and [`Geometry::linear`].
    pub fn linear(
        rows: usize,
        weights: &[i8],
        bias: &[i32],
        multipliers: &[f32],
        input_zero: i8,
        output: OutputRange,
        isa: Isa,
    ) -> Result<Conv, KernelError> {
        if bias.is_empty() {
            return Err(KernelError::Geometry("a linear layer without outputs"));
        }
        let geometry = Geometry::linear(rows, weights.len() / bias.len(), bias.len())?;
        Conv::new(
            &geometry,
            weights,
            bias,
            multipliers,
            input_zero,
            output,
            isa,
        )
    }

    /// Computes output rows `rows` and allocates nothing.
    ///
    /// `frames` holds one `[H, W, C]` slice per temporal tap, oldest first; `None` is a frame of
    /// the zero point. `output` is `[rows, W', O]`: the rows asked for and no others, so that
    /// threads can be given disjoint parts of one map; `addend` holds the same rows.
    ///
    /// # Errors
    /// [`KernelError::Length`] and [`KernelError::Rows`] for slices and rows that do not fit the
    /// geometry, [`KernelError::Parameter`] for an addend's multiplier that is not finite.
    pub fn run(
        &self,
        frames: &[Option<&[i8]>],
        addend: Option<Addend>,
        output: &mut [i8],
        rows: Range<usize>,
    ) -> Result<(), KernelError> {
        let [height, width] = self.geometry.output();
        check_rows(&rows, height)?;
        check_len("frames", frames, self.geometry.frames())?;
        for frame in frames.iter().flatten() {
            check_len("a frame of the input", frame, self.geometry.input_len())?;
        }
        let len = rows.len() * width * self.geometry.out_channels();
        check_len("the output rows", output, len)?;
        if let Some(addend) = &addend {
            check_len("the addend", addend.values, len)?;
            addend.check()?;
        }
        if output.is_empty() {
            return Ok(());
        }
        let call = Call {
            geometry: &self.geometry,
            frames,
            addend,
            rows,
        };
        match &self.path {
            Path::Direct(path) => path.run(&call, output),
            Path::Gemm(path) => path.run(&call, output),
            Path::Depthwise(path) => path.run(&call, output),
        }
        Ok(())
    }

    /// The geometry.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The instruction set it was packed for.
    pub fn isa(&self) -> Isa {
        self.isa
    }
}

/// One run, its slices checked against the geometry.
pub(super) struct Call<'a> {
    pub geometry: &'a Geometry,
    pub frames: &'a [Option<&'a [i8]>],
    pub addend: Option<Addend<'a>>,
    pub rows: Range<usize>,
}

fn check(parameters: &Parameters) -> Result<(), KernelError> {
    let geometry = parameters.geometry;
    check_len("weights", parameters.weights, geometry.weights_len())?;
    check_len("biases", parameters.bias, geometry.out_channels())?;
    check_len(
        "multipliers",
        parameters.multipliers,
        geometry.out_channels(),
    )?;
    check_multipliers(parameters.multipliers)?;
    parameters.range.check()?;
    if parameters.weights.contains(&i8::MIN) {
        return Err(KernelError::Parameter("a weight of -128"));
    }
    if parameters.weights.len() / geometry.out_channels() > MAX_DEPTH {
        return Err(KernelError::Parameter(
            "more than 65536 products in one sum",
        ));
    }
    let fits = |output| parameters.largest_sum(output) <= i64::from(i32::MAX);
    if !(0..geometry.out_channels()).all(fits) {
        return Err(KernelError::Parameter("a sum that could leave 32 bits"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv(weights: &[i8], bias: i32, multiplier: f32) -> Result<Conv, KernelError> {
        let range = OutputRange::full(0);
        Conv::linear(2, weights, &[bias], &[multiplier], -128, range, Isa::best())
    }

    #[test]
    fn parameters_that_could_leave_the_rule_are_refused() {
        assert!(conv(&[127; 3], 0, 1.0).is_ok());
        assert!(conv(&[127; 3], i32::MAX - 3 * 127 * 255, 1.0).is_ok());
        let refused = |conv: Result<Conv, _>| matches!(conv, Err(KernelError::Parameter(_)));
        assert!(refused(conv(&[-128], 0, 1.0)));
        assert!(refused(conv(&[1], 0, f32::NAN)));
        assert!(refused(conv(&[0; MAX_DEPTH + 1], 0, 1.0)));
        assert!(refused(conv(&[127; 3], i32::MAX - 3 * 127 * 255 + 1, 1.0)));
        assert!(refused(conv(&[127; 3], i32::MIN, 1.0)));
    }

    #[test]
    fn slices_that_do_not_fit_are_refused() {
        let conv = conv(&[1; 4], 0, 1.0).unwrap();
        let (frame, mut output) = ([1; 8], [0; 2]);
        assert!(conv.run(&[Some(&frame)], None, &mut output, 0..2).is_ok());
        assert!(conv.run(&[], None, &mut output, 0..2).is_err());
        assert!(
            conv.run(&[Some(&frame[1..])], None, &mut output, 0..2)
                .is_err()
        );
        assert!(
            conv.run(&[Some(&frame)], None, &mut output[1..], 0..2)
                .is_err()
        );
        assert!(conv.run(&[Some(&frame)], None, &mut output, 0..3).is_err());
        let addend = Addend {
            values: &frame,
            zero: 0,
            multiplier: 1.0,
        };
        let refused = conv.run(&[Some(&frame)], Some(addend), &mut output, 0..2);
        assert!(matches!(refused, Err(KernelError::Length { .. })));
    }

    #[test]
    fn the_deepest_sum_is_exact() {
        let weights = [1; MAX_DEPTH];
        let frame = [127; MAX_DEPTH];
        for isa in Isa::available() {
            let range = OutputRange::full(0);
            let conv = Conv::linear(1, &weights, &[0], &[1e-5], 0, range, isa).unwrap();
            let mut output = [0];
            conv.run(&[Some(&frame)], None, &mut output, 0..1).unwrap();
            assert_eq!(output, [83], "{isa}"); // 65536 * 127 / 100000 = 83.23
        }
    }
}
