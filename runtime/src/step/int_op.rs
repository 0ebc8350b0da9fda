//! The operators of integer step programs.
//!
//! A wire of a step program carries numbers (`f32`), or 8-bit values that stand for numbers by a
//! [`Quantization`] of the wire's own. Operators that only move values or take the largest work on
//! both; those that reckon have an integer form here, computed exactly as
//! [`praxiscope_kernels::int8`] defines it, so that every CPU gives the same bits.

use praxiscope_kernels::int8::OutputRange;
use tract_core::internal::*;

use super::{Arithmetic, Pool, SpaceWindow, TimeWindow};

/// How the 8-bit values `q` of a wire stand for numbers: `scale * (q - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// Of one step; positive.
    pub scale: f32,
    /// The value that stands for zero.
    pub zero_point: i8,
}

impl Quantization {
    /// The type of a wire's values in a graph.
    pub fn datum_type(self) -> DatumType {
        DatumType::QI8(QParams::ZpScale {
            zero_point: i32::from(self.zero_point),
            scale: self.scale,
        })
    }

    /// The quantization of a wire; `None` if it carries numbers.
    pub fn of(datum_type: DatumType) -> Option<Quantization> {
        match datum_type {
            DatumType::QI8(QParams::ZpScale { zero_point, scale }) => Some(Quantization {
                scale,
                zero_point: i8::try_from(zero_point).ok()?,
            }),
            _ => None,
        }
    }

    /// The value that stands for what is nearest to a number, ties to even; for one out of range the
    /// smallest or the largest.
    pub fn value(self, number: f32) -> i8 {
        OutputRange::full(self.zero_point).quantize(number / self.scale)
    }

    pub(super) fn check(self) -> TractResult<()> {
        ensure!(
            self.scale.is_normal() && self.scale > 0.0,
            "a scale of {}",
            self.scale
        );
        Ok(())
    }
}

/// What the values of an integer operator's output are, and between which two they are kept: an
/// activation that is a clamp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntOutput {
    /// What they stand for.
    pub quantization: Quantization,
    /// The smallest value.
    pub low: i8,
    /// The largest.
    pub high: i8,
}

impl IntOutput {
    fn check(self) -> TractResult<()> {
        self.quantization.check()?;
        let (low, high) = (self.low, self.high);
        ensure!(low <= high, "values are kept from {low} to {high}");
        Ok(())
    }
}

/// A convolution of 8-bit values. Inputs: the stream; the weights `[O, C / groups, t, h, w]` as `i8` in
/// -127 ..= 127; the bias `[O]` as `i32`, in units of input scale times weight scale; the multipliers `[O]`
/// as `f32`; and perhaps a second stream of values that is added before the clamp.
///
/// The multiplier of channel c is `input scale * weight scale[c] / output scale`; where the output is
/// numbers, `input scale * weight scale[c]`. Padding stands for zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntConv {
    /// Over time.
    pub time: TimeWindow,
    /// Over the map.
    pub space: SpaceWindow,
    /// Groups of channels that are convolved apart.
    pub groups: usize,
    /// What comes out; `None`: numbers, one conversion and one product from the exact sum.
    pub output: Option<IntOutput>,
}

/// What a node of an integer step program does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IntOp {
    /// From numbers to values.
    Quantize(Quantization),
    /// From values to numbers.
    Dequantize,
    /// From values of one quantization to those of another.
    Rescale(Quantization),
    /// A convolution.
    Conv(IntConv),
    /// The sum or the product of two streams, either of which may be `[1, 1, C]`.
    Binary {
        /// [`Arithmetic::Add`] or [`Arithmetic::Mul`].
        arithmetic: Arithmetic,
        /// What comes out.
        output: IntOutput,
    },
    /// Any function of one number. Inputs: the stream, and the table `[256]` as `i8`: its entry
    /// `q + 128` is what `q` becomes.
    Lookup(Quantization),
    /// A pool that takes means.
    MeanPool {
        /// Its window.
        pool: Pool,
        /// What comes out.
        output: Quantization,
    },
    /// The mean over the map: `[1, 1, C]`.
    MeanOverMap(Quantization),
}

impl IntOp {
    /// The word for it in a bundle's graph and in lists of operators.
    pub fn word(&self) -> &'static str {
        match self {
            IntOp::Quantize(_) => "quantize",
            IntOp::Dequantize => "dequantize",
            IntOp::Rescale(_) => "rescale",
            IntOp::Conv(_) => "int_conv",
            IntOp::Binary { .. } => "int_binary",
            IntOp::Lookup(_) => "lookup",
            IntOp::MeanPool { .. } => "int_mean_pool",
            IntOp::MeanOverMap(_) => "int_mean_over_map",
        }
    }

    /// What its output's values stand for; `None`: they are numbers.
    pub fn output(&self) -> Option<Quantization> {
        match self {
            IntOp::Dequantize => None,
            IntOp::Quantize(output)
            | IntOp::Rescale(output)
            | IntOp::Lookup(output)
            | IntOp::MeanOverMap(output)
            | IntOp::MeanPool { output, .. } => Some(*output),
            IntOp::Conv(conv) => conv.output.map(|output| output.quantization),
            IntOp::Binary { output, .. } => Some(output.quantization),
        }
    }

    /// Refuses parameters that describe nothing; windows are the caller's to check.
    pub(super) fn check(&self) -> TractResult<()> {
        match self {
            IntOp::Conv(IntConv { output, .. }) => output.map_or(Ok(()), IntOutput::check),
            IntOp::Binary { arithmetic, output } => {
                ensure!(
                    matches!(arithmetic, Arithmetic::Add | Arithmetic::Mul),
                    "8-bit values are added or multiplied, not {arithmetic:?}"
                );
                output.check()
            }
            _ => self.output().map_or(Ok(()), Quantization::check),
        }
    }
}
