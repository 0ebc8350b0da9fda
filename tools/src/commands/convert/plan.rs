//! From a source to a network, and how it shall be run.

use std::path::Path;

use anyhow::{Context, Result, bail};
use praxiscope_models::checkpoint::Checkpoint;
use praxiscope_models::{Attention, BuildOptions, Family, Lateral, Pathways, Rows, SlowFrames};
use praxiscope_runtime::bundle::Mode;
use praxiscope_runtime::ops::{Border, ShiftDirection};
use praxiscope_tools::import::{self, ImportError, Want};
use praxiscope_tools::network::Network;
use praxiscope_tools::streaming;
use tract_core::internal::TypedModel;

use crate::cli::{
    AttentionArg, BorderArg, Convert, DirectionArg, LateralArg, ModeArg, Size, SlowFramesArg,
    Strides,
};

/// A network, how it shall be run, and what a user must be told.
pub(super) struct Plan {
    pub network: Network,
    pub mode: Mode,
    /// The same network of whole clips for another length and size, where there is one.
    pub other: Option<TypedModel>,
    pub remarks: Vec<String>,
}

impl Plan {
    pub fn of(arguments: &Convert) -> Result<Plan> {
        match (&arguments.source, arguments.family) {
            (source, Some(family)) => from_family(arguments, source.as_deref(), family),
            (Some(source), None) => from_onnx(arguments, source),
            (None, None) => bail!("neither a file nor a family was given"),
        }
    }
}

fn from_onnx(arguments: &Convert, source: &Path) -> Result<Plan> {
    let size = arguments.size.map(|Size(height, width)| (height, width));
    let read = |want| import::onnx(source, want, size);
    let clip = Want::Clip {
        frames: arguments.frames,
    };
    let (imported, mode, remarks) = match arguments.mode {
        Some(ModeArg::Clip) => (read(clip)?, Mode::Clip, vec![]),
        Some(ModeArg::Stream) => (read(Want::Step)?, Mode::Stream, vec![]),
        None => match read(Want::Step) {
            Err(ImportError::ClipNetwork { frames }) => {
                let remark = format!(
                    "the network takes {frames} frames at once and frame-by-frame programs of ONNX \
                     clip networks are not built yet, so this bundle recomputes its window every \
                     {} frames (clip mode)",
                    arguments.hop
                );
                (read(clip)?, Mode::Clip, vec![remark])
            }
            imported => (imported?, Mode::Stream, vec![]),
        },
    };
    Ok(Plan {
        network: imported.network,
        mode,
        other: None,
        remarks,
    })
}

fn from_family(arguments: &Convert, source: Option<&Path>, family: Family) -> Result<Plan> {
    let published = BuildOptions::published(family);
    let mut options = BuildOptions {
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
        ..published
    };
    let build = |options: &BuildOptions| {
        let built = match source {
            Some(path) => praxiscope_models::build(family, Checkpoint::read(path)?, options),
            None => praxiscope_models::build_random(family, arguments.random.unwrap_or(0), options),
        };
        built.with_context(|| format!("cannot build {family}"))
    };
    let mut clip = build(&options)?;
    let mut remarks = vec![];
    if clip.graph.inputs.len() > 1 {
        options.pathways.slow = Some(SlowFrames::Packed);
        clip = build(&options)?;
        remarks.push(
            "a bundle has one input, so the slow pathway is given the frames that pytorchvideo's \
             PackPathway takes; --slow-frames says otherwise"
                .into(),
        );
    }
    let streams = clip.rows == Rows::PerFrame;
    let wraps = options.shift_border == Border::Circular && clip.direction.is_some();
    let causal = streams && !wraps && clip.direction != Some(ShiftDirection::TwoWay);
    let mode = match arguments.mode {
        Some(ModeArg::Clip) => Mode::Clip,
        Some(ModeArg::Stream) if !streams => bail!(
            "{family} is a network of whole clips, and frame-by-frame programs of such networks are \
             not built yet; leave --mode away to get clip mode"
        ),
        Some(ModeArg::Stream) if wraps => bail!(
            "circular shifts take the clip's last frame for the one before its first, which a \
             stream has not; leave --mode away to get clip mode"
        ),
        Some(ModeArg::Stream) => Mode::Stream,
        None if causal => Mode::Stream,
        None if !streams => {
            remarks.push(format!(
                "{family} is a network of whole clips, so this bundle recomputes its window of {} \
                 frames every {} frames (clip mode)",
                options.frames, arguments.hop
            ));
            Mode::Clip
        }
        None if wraps => {
            remarks.push(format!(
                "the shifts are circular, which no stream can be, so this bundle recomputes its \
                 window of {} frames every {} frames (clip mode)",
                options.frames, arguments.hop
            ));
            Mode::Clip
        }
        None => {
            remarks.push(format!(
                "the shifts go two ways and were trained on {0} frames with nothing before and \
                 behind, so this bundle recomputes its window of {0} frames every {1} frames (clip \
                 mode); --mode stream answers every frame from the endless stream instead, later",
                options.frames, arguments.hop
            ));
            Mode::Clip
        }
    };
    let other = match mode {
        Mode::Stream => None,
        Mode::Clip => build(&elsewhere(&options)).ok(),
    };
    let other = other.map(|clip| clip.with_consensus()).transpose()?;
    let network = match mode {
        Mode::Stream => {
            let one_frame = BuildOptions {
                frames: 1,
                ..options
            };
            Network::new(
                streaming::to_step(build(&one_frame)?.graph)?,
                1,
                options.size,
            )?
        }
        Mode::Clip => Network::as_built(clip.with_consensus()?, options.frames, options.size)?,
    };
    Ok(Plan {
        network,
        mode,
        other,
        remarks,
    })
}

/// Another length and size for the same network, even numbers as before, and no square.
fn elsewhere(options: &BuildOptions) -> BuildOptions {
    let (height, width) = options.size;
    BuildOptions {
        frames: 2 * options.frames,
        size: (height + 32, width + 64),
        ..*options
    }
}

fn pathways(arguments: &Convert, published: Pathways) -> Pathways {
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
