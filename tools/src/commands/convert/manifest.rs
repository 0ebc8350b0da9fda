//! What a new bundle says of its network.

use anyhow::{Context, Result, bail};
use praxiscope_runtime::bundle::{Clip, FORMAT, Input, Manifest, Origin, hex_digest};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::preprocess::{ColorOrder, Fit, InputGeometry};

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
        input: input(arguments, plan),
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

fn input(arguments: &Convert, plan: &mut Plan) -> Input {
    let (order, mean, std) = colours(arguments, plan);
    if arguments.fps.is_none() {
        plan.remarks.push(format!(
            "no --fps was given, so the network is taken to want {USUAL_FPS} frames a second"
        ));
    }
    let (height, width) = plan.network.size;
    let fit = match arguments.fit {
        FitArg::Stretch => Fit::Stretch,
        FitArg::Crop => Fit::Crop {
            shorter: arguments.shorter.unwrap_or(height.min(width)),
        },
    };
    Input {
        geometry: InputGeometry {
            width,
            height,
            fit,
            color: order,
        },
        mean,
        std,
        frame_rate: arguments.fps.unwrap_or(USUAL_FPS),
        max_gap: USUAL_MAX_GAP,
    }
}

/// The order, mean and std that were given, or else those that the network was trained with.
fn colours(arguments: &Convert, plan: &mut Plan) -> (ColorOrder, [f32; 3], [f32; 3]) {
    let trained = plan.colours;
    let trained_order = trained.map_or(ColorOrder::Rgb, |trained| trained.order);
    let order = match arguments.color {
        Some(ColorArg::Rgb) => ColorOrder::Rgb,
        Some(ColorArg::Bgr) => ColorOrder::Bgr,
        None => trained_order,
    };
    let given = |given: Option<Triple>| {
        let is_of_bytes = |values: [f32; 3]| values.iter().any(|value| *value > 1.0);
        given.map(|Triple(values)| match is_of_bytes(values) {
            true => values.map(|value| value / 255.0),
            false => values,
        })
    };
    let in_order = |[first, second, third]: [f32; 3]| match order == trained_order {
        true => [first, second, third],
        false => [third, second, first],
    };
    let mean = given(arguments.mean).or(trained.map(|trained| in_order(trained.mean)));
    let std = given(arguments.std).or(trained.map(|trained| in_order(trained.std)));
    let (mean, std) = (mean.unwrap_or([0.0; 3]), std.unwrap_or([1.0; 3]));
    let missing = match (arguments.mean.is_none(), arguments.std.is_none()) {
        (true, true) => "--mean and --std were",
        (true, false) => "--mean was",
        (false, true) => "--std was",
        (false, false) => return (order, mean, std),
    };
    let planes = match order {
        ColorOrder::Rgb => "red, green, blue",
        ColorOrder::Bgr => "blue, green, red",
    };
    plan.remarks.push(match trained {
        Some(trained) => format!(
            "no {missing} given, so {} are taken: mean {}, std {} ({planes})",
            trained.whose,
            triple(mean),
            triple(std)
        ),
        None => format!("no {missing} given, so values enter the network as 0..1"),
    });
    (order, mean, std)
}

fn triple(values: [f32; 3]) -> String {
    values.map(|value| format!("{value:.4}")).join(",")
}
