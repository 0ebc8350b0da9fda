//! The command line as options for a builder.

use praxiscope_models::{Attention, BuildOptions, Family, Lateral, Pathways, SlowFrames};
use praxiscope_runtime::ops::{Border, ShiftDirection};

use crate::cli::{
    AttentionArg, BorderArg, Convert, DirectionArg, LateralArg, Size, SlowFramesArg, Strides,
};

pub(super) fn build_options(arguments: &Convert, family: Family) -> BuildOptions {
    let published = BuildOptions::published(family);
    BuildOptions {
        frames: arguments.frames.unwrap_or(published.frames),
        size: arguments
            .size
            .map_or(published.size, |Size(height, width)| (height, width)),
        direction: arguments.direction.map(|direction| match direction {
            DirectionArg::OneWay => ShiftDirection::OneWay,
            DirectionArg::TwoWay => ShiftDirection::TwoWay,
        }),
        shift_divisor: arguments.shift_divisor,
        shift_border: match arguments.shift_border {
            BorderArg::Zeros => Border::Zeros,
            BorderArg::Circular => Border::Circular,
        },
        attention: arguments.attention.map(|attention| match attention {
            AttentionArg::Embedded => Attention::EmbeddedGaussian,
            AttentionArg::Scaled => Attention::ScaledGaussian,
            AttentionArg::Gaussian => Attention::Gaussian,
            AttentionArg::Dot => Attention::DotProduct,
        }),
        epsilon: arguments.epsilon,
        stem_pool: arguments.stem_pool,
        pathways: pathways(arguments, published.pathways),
        stem_time_strides: arguments.stem_time_strides.map(|Strides(strides)| strides),
    }
}

/// Which frames the slow pathway is given where nobody says it, and why, in words.
pub(super) fn slow_frames(is_stream: bool) -> (SlowFrames, &'static str) {
    match is_stream {
        true => (
            SlowFrames::Strided,
            "a stream has one input, so the slow pathway is given the first of every so many frames; \
             pytorchvideo's PackPathway, with which such networks are trained there, takes frames that \
             are not evenly apart",
        ),
        false => (
            SlowFrames::Packed,
            "a bundle has one input, so the slow pathway is given the frames that pytorchvideo's \
             PackPathway takes, unless --slow-frames says otherwise",
        ),
    }
}

/// Another length and size for the same network, even numbers as before, and no square.
pub(super) fn elsewhere(options: &BuildOptions) -> BuildOptions {
    let (height, width) = options.size;
    BuildOptions {
        frames: 2 * options.frames,
        size: (height + 32, width + 64),
        ..*options
    }
}

pub(super) fn pathways(arguments: &Convert, published: Pathways) -> Pathways {
    let lateral = arguments.lateral.map(|lateral| match lateral {
        LateralArg::Convolution => Lateral::Convolution,
        LateralArg::Sampling => Lateral::Sampling,
        LateralArg::TimeToChannel => Lateral::TimeToChannel,
        LateralArg::Absent => Lateral::Absent,
    });
    let slow = arguments.slow_frames.map(|slow| match slow {
        SlowFramesArg::Strided => SlowFrames::Strided,
        SlowFramesArg::Packed => SlowFrames::Packed,
    });
    Pathways {
        lateral,
        slow,
        ..published
    }
}
