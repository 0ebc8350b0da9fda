//! What a new bundle says of its network.

use anyhow::{Context, Result, bail};
use praxiscope_models::Family;
use praxiscope_runtime::bundle::{Clip, FORMAT, Input, Manifest, Origin, hex_digest};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::preprocess::{ColorOrder, Fit, InputGeometry};
use praxiscope_tools::network::Network;

use super::plan::Plan;
use crate::cli::{ColorArg, Convert, FitArg, Triple};

const USUAL_FPS: f64 = 25.0;
const USUAL_MAX_GAP: f64 = 1.0;

pub(super) fn of(arguments: &Convert, plan: &mut Plan, clip: Option<Clip>) -> Result<Manifest> {
    let labels = labels(arguments, plan.network.classes, &mut plan.remarks)?;
    Ok(Manifest {
        format: FORMAT,
        name: name(arguments),
        mode: plan.mode,
        idle: idle(arguments, &labels)?,
        labels,
        input: input(arguments, &plan.network, &mut plan.remarks),
        clip,
        events: EventSettings::default(),
        origin: origin(arguments)?,
    })
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
    let channels = |given: Option<Triple>| {
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
