//! `praxc convert`.

use anyhow::{Context, Result, bail};
use praxiscope_models::checkpoint::Checkpoint;
use praxiscope_models::{BuildOptions, Family};
use praxiscope_runtime::bundle::{Bundle, Clip, FORMAT, Input, Manifest, Mode, Origin, hex_digest};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::ops::{Form, ShiftDirection};
use praxiscope_runtime::preprocess::{ColorOrder, Fit, InputGeometry};
use praxiscope_runtime::stream::Model;
use praxiscope_tools::certificate::Certificate;
use praxiscope_tools::import::{self, ImportError, Want};
use praxiscope_tools::network::Network;

use super::print_json;
use crate::Outcome;
use crate::cli::{ColorArg, Convert, DirectionArg, FitArg, ModeArg, Size};

const USUAL_FPS: f64 = 25.0;
const USUAL_MAX_GAP: f64 = 1.0;

/// A network, how it shall be run, and what a user must be told.
struct Plan {
    network: Network,
    mode: Mode,
    remarks: Vec<String>,
}

pub fn convert(arguments: &Convert, json: bool) -> Result<Outcome> {
    let source = &arguments.source;
    let bytes =
        std::fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
    let mut plan = match arguments.family {
        Some(family) => from_checkpoint(arguments, family)?,
        None => from_onnx(arguments)?,
    };
    let clip = (plan.mode == Mode::Clip).then_some(Clip {
        frames: plan.network.frames,
        hop: arguments.hop,
    });
    let labels = labels(arguments, plan.network.classes, &mut plan.remarks)?;
    let manifest = Manifest {
        format: FORMAT,
        name: source
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        mode: plan.mode,
        idle: idle(arguments, &labels)?,
        labels,
        input: input(arguments, &plan.network, &mut plan.remarks),
        clip,
        events: EventSettings::default(),
        origin: Origin {
            made_by: format!("praxc {}", env!("CARGO_PKG_VERSION")),
            family: arguments.family.map(|family| family.id().into()),
            source: source
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            source_sha256: hex_digest(&bytes),
        },
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

fn from_onnx(arguments: &Convert) -> Result<Plan> {
    let size = arguments.size.map(|Size(height, width)| (height, width));
    let read = |want| import::onnx(&arguments.source, want, size);
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

fn from_checkpoint(arguments: &Convert, family: Family) -> Result<Plan> {
    let published = BuildOptions::published(family);
    let options = BuildOptions {
        frames: arguments.frames.unwrap_or(published.frames),
        size: arguments
            .size
            .map_or(published.size, |Size(height, width)| (height, width)),
        direction: arguments.direction.map(|direction| match direction {
            DirectionArg::OneWay => ShiftDirection::OneWay,
            DirectionArg::TwoWay => ShiftDirection::TwoWay,
        }),
        shift_divisor: arguments.shift_divisor,
        form: Form::Clip,
    };
    let build = |form| {
        let checkpoint = Checkpoint::read(&arguments.source)?;
        anyhow::Ok(praxiscope_models::build(
            family,
            checkpoint,
            &BuildOptions { form, ..options },
        )?)
    };
    let clip = build(Form::Clip)?;
    let causal = clip.direction == ShiftDirection::OneWay;
    let mut remarks = vec![];
    let mode = match arguments.mode {
        Some(ModeArg::Clip) => Mode::Clip,
        Some(ModeArg::Stream) if !causal => bail!(
            "this checkpoint's shifts go two ways, so an answer waits for later frames, and \
             frame-by-frame programs of such networks are not built yet; leave --mode away to get \
             clip mode, or say --direction one-way if it was trained so"
        ),
        None if !causal => {
            remarks.push(format!(
                "the shifts go two ways, so this bundle recomputes its window of {} frames every \
                 {} frames (clip mode)",
                options.frames, arguments.hop
            ));
            Mode::Clip
        }
        Some(ModeArg::Stream) | None => Mode::Stream,
    };
    let (graph, frames) = match mode {
        Mode::Stream => (build(Form::Step)?.graph, 1),
        Mode::Clip => (clip.with_consensus()?, options.frames),
    };
    Ok(Plan {
        network: Network::new(graph, frames, options.size)?,
        mode,
        remarks,
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
