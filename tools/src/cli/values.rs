//! The values that options take.

use std::str::FromStr;

use clap::ValueEnum;
use praxiscope_runtime::step::Isa;
use praxiscope_tools::quantize::RangeMethod;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    Stream,
    Clip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RangeArg {
    MinMax,
    Percentile,
    Mse,
    Entropy,
}

impl From<RangeArg> for RangeMethod {
    fn from(range: RangeArg) -> RangeMethod {
        match range {
            RangeArg::MinMax => RangeMethod::MinMax,
            RangeArg::Percentile => RangeMethod::Percentile,
            RangeArg::Mse => RangeMethod::Mse,
            RangeArg::Entropy => RangeMethod::Entropy,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    Rgb,
    Bgr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FitArg {
    Crop,
    Stretch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectionArg {
    OneWay,
    TwoWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BorderArg {
    Zeros,
    Circular,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AttentionArg {
    Embedded,
    Scaled,
    Gaussian,
    Dot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LateralArg {
    Convolution,
    Sampling,
    TimeToChannel,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SlowFramesArg {
    Strided,
    Packed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReferenceArg {
    Onnxruntime,
}

/// Height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize, pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let (height, width) = text.split_once(['x', 'X']).unwrap_or((text, text));
        let side = |side: &str| {
            side.parse()
                .map_err(|_| format!("{text:?} is no size like 224 or 224x320"))
        };
        Ok(Size(side(height)?, side(width)?))
    }
}

/// Strides over time of two layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strides(pub [usize; 2]);

impl FromStr for Strides {
    type Err = String;

    fn from_str(text: &str) -> Result<Strides, String> {
        let numbers: Result<Vec<usize>, _> = text.split(',').map(|n| n.trim().parse()).collect();
        numbers
            .ok()
            .and_then(|numbers| numbers.try_into().ok())
            .filter(|strides: &[usize; 2]| strides.iter().all(|stride| (1..=8).contains(stride)))
            .map(Strides)
            .ok_or_else(|| format!("{text:?} is not two strides like 2,2"))
    }
}

/// Frames of a window, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowArg {
    Frames(usize),
    All,
}

impl FromStr for WindowArg {
    type Err = String;

    fn from_str(text: &str) -> Result<WindowArg, String> {
        match text.parse() {
            _ if text == "all" => Ok(WindowArg::All),
            Ok(frames @ 1..=4096) => Ok(WindowArg::Frames(frames)),
            _ => Err(format!(
                "{text:?} is neither a number of frames up to 4096 nor `all`"
            )),
        }
    }
}

/// A number for each colour channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triple(pub [f32; 3]);

impl FromStr for Triple {
    type Err = String;

    fn from_str(text: &str) -> Result<Triple, String> {
        let numbers: Result<Vec<f32>, _> = text.split(',').map(|n| n.trim().parse()).collect();
        numbers
            .ok()
            .and_then(|numbers| numbers.try_into().ok())
            .map(Triple)
            .ok_or_else(|| format!("{text:?} is not three numbers like 0.485,0.456,0.406"))
    }
}

/// An instruction set that the CPU at hand has.
pub fn isa(name: &str) -> Result<Isa, String> {
    let available = Isa::available();
    let found = available.iter().find(|isa| isa.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = available.iter().map(|isa| isa.name()).collect();
        format!("this CPU has {}", names.join(", "))
    })
}

/// A number of frames that is not 0.
pub fn at_least_one(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(0) => Err("at least one is needed".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("a whole number is needed".into()),
    }
}
