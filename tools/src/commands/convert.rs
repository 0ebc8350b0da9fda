//! `praxc convert`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use praxiscope_models::checkpoint::Checkpoint;
use praxiscope_models::{Attention, BuildOptions, Family, Lateral, Pathways, Rows, SlowFrames};
use praxiscope_runtime::bundle::{Bundle, Clip, FORMAT, Input, Manifest, Mode, Origin, hex_digest};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::ops::ShiftDirection;
use praxiscope_runtime::preprocess::{ColorOrder, Fit, InputGeometry};
use praxiscope_runtime::stream::Model;
use praxiscope_tools::certificate::Certificate;
use praxiscope_tools::import::{self, ImportError, Want};
use praxiscope_tools::network::Network;
use praxiscope_tools::streaming;

use super::print_json;
use crate::Outcome;
use crate::cli::{
    AttentionArg, ColorArg, Convert, DirectionArg, FitArg, LateralArg, ModeArg, Size,
    SlowFramesArg, Strides,
};

const USUAL_FPS: f64 = 25.0;
const USUAL_MAX_GAP: f64 = 1.0;

/// A network, how it shall be run, and what a user must be told.
struct Plan {
    network: Network,
    mode: Mode,
    remarks: Vec<String>,
}

pub fn convert(arguments: &Convert, json: bool) -> Result<Outcome> {
    let mut plan = match (&arguments.source, arguments.family) {
        (source, Some(family)) => from_family(arguments, source.as_deref(), family)?,
        (Some(source), None) => from_onnx(arguments, source)?,
        (None, None) => bail!("neither a file nor a family was given"),
    };
    let clip = (plan.mode == Mode::Clip).then_some(Clip {
        frames: plan.network.frames,
        hop: arguments.hop,
    });
    let labels = labels(arguments, plan.network.classes, &mut plan.remarks)?;
    let manifest = Manifest {
        format: FORMAT,
        name: name(arguments),
        mode: plan.mode,
        idle: idle(arguments, &labels)?,
        labels,
        input: input(arguments, &plan.network, &mut plan.remarks),
        clip,
        events: EventSettings::default(),
        origin: origin(arguments)?,
    };
    let certificate = match clip {
        None => Certificate::of_step(&plan.network.graph),
        Some(clip) => Certificate::of_clip(&plan.network.graph, clip.frames, clip.hop),
    }?;
    let text = serde_json::to_vec_pretty(&certificate)?;
    let bundle = Bundle::new(manifest, &plan.network.graph, Some(text))?;
    // What a device would refuse is not written.
    Model::load(&bundle)?;
    bundle.write(&arguments.output)?;
    for remark in &plan.remarks {
        eprintln!("praxc: note: {remark}");
    }
    if json {
        print_json(&serde_json::json!({
            "bundle": arguments.output,
            "digest": bundle.digest(),
            "mode": bundle.manifest().mode,
            "remarks": plan.remarks,
            "certificate": certificate,
        }))?;
    } else {
        println!(
            "{}: {:?} mode, {} classes, {:.1} M multiply-adds a frame, {} state bytes",
            arguments.output.display(),
            plan.mode,
            plan.network.classes,
            certificate.multiply_adds_per_frame as f64 / 1e6,
            certificate.state_bytes
        );
    }
    Ok(Outcome::Good)
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
    let causal = streams && clip.direction != Some(ShiftDirection::TwoWay);
    let mode = match arguments.mode {
        Some(ModeArg::Clip) => Mode::Clip,
        Some(ModeArg::Stream) if !streams => bail!(
            "{family} is a network of whole clips, and frame-by-frame programs of such networks are \
             not built yet; leave --mode away to get clip mode"
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
    let (graph, frames) = match mode {
        Mode::Stream => {
            let one_frame = BuildOptions {
                frames: 1,
                ..options
            };
            (streaming::to_step(build(&one_frame)?.graph)?, 1)
        }
        Mode::Clip => (clip.with_consensus()?, options.frames),
    };
    Ok(Plan {
        network: Network::new(graph, frames, options.size)?,
        mode,
        remarks,
    })
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

fn name(arguments: &Convert) -> String {
    let stem = arguments.source.as_ref().and_then(|path| path.file_stem());
    let stem = stem.map(|stem| stem.to_string_lossy().into_owned());
    stem.or(arguments.family.map(|family| family.id().into()))
        .unwrap_or_default()
}

fn origin(arguments: &Convert) -> Result<Origin> {
    let (source, source_sha256) = match &arguments.source {
        Some(path) => {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            (
                path.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                hex_digest(&bytes),
            )
        }
        None => (
            format!("random weights, seed {}", arguments.random.unwrap_or(0)),
            String::new(),
        ),
    };
    Ok(Origin {
        made_by: format!("praxc {}", env!("CARGO_PKG_VERSION")),
        family: arguments.family.map(|family| family.id().into()),
        source,
        source_sha256,
    })
}

fn labels(arguments: &Convert, classes: usize, remarks: &mut Vec<String>) -> Result<Vec<String>> {
    let Some(path) = &arguments.labels else {
        remarks.push("no --labels were given, so classes are numbered".into());
        return Ok((0..classes).map(|class| class.to_string()).collect());
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the labels {}", path.display()))?;
    let labels: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(String::from)
        .collect();
    if labels.len() != classes {
        bail!(
            "{} has {} labels, but the network gives {classes} scores; one label a line is needed",
            path.display(),
            labels.len()
        );
    }
    Ok(labels)
}

fn idle(arguments: &Convert, labels: &[String]) -> Result<Option<String>> {
    match &arguments.idle {
        Some(idle) if !labels.contains(idle) => bail!("the idle class {idle:?} is no label"),
        Some(idle) => Ok(Some(idle.clone())),
        None => Ok(labels.iter().find(|label| *label == "idle").cloned()),
    }
}

fn input(arguments: &Convert, network: &Network, remarks: &mut Vec<String>) -> Input {
    let published = arguments.family.map(Family::published);
    let channels = |given: Option<crate::cli::Triple>| {
        given.map(|given| {
            given.0.map(|value| {
                if given.0.iter().any(|v| *v > 1.0) {
                    value / 255.0
                } else {
                    value
                }
            })
        })
    };
    let mean = channels(arguments.mean).or(published.map(|p| p.mean));
    let std = channels(arguments.std).or(published.map(|p| p.std));
    if arguments.mean.is_none() || arguments.std.is_none() {
        remarks.push(match published {
            Some(_) => {
                "no --mean and --std were given, so the family's published ones are taken".into()
            }
            None => "no --mean and --std were given, so values enter the network as 0..1".into(),
        });
    }
    if arguments.fps.is_none() {
        remarks.push(format!(
            "no --fps was given, so the network is taken to want {USUAL_FPS} frames a second"
        ));
    }
    let (height, width) = network.size;
    let fit = match arguments.fit {
        FitArg::Stretch => Fit::Stretch,
        FitArg::Crop => Fit::Crop {
            shorter: arguments.shorter.unwrap_or(height.min(width)),
        },
    };
    let color = match arguments.color {
        ColorArg::Rgb => ColorOrder::Rgb,
        ColorArg::Bgr => ColorOrder::Bgr,
    };
    Input {
        geometry: InputGeometry {
            width,
            height,
            fit,
            color,
        },
        mean: mean.unwrap_or([0.0; 3]),
        std: std.unwrap_or([1.0; 3]),
        frame_rate: arguments.fps.unwrap_or(USUAL_FPS),
        max_gap: USUAL_MAX_GAP,
    }
}
