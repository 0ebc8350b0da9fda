//! `praxc bench`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use praxiscope_runtime::step::{Isa, Team};
use praxiscope_runtime::stream::Model;
use praxiscope_tools::bench::{Cycle, OperatorShare, Profile, Timed, Times};
use praxiscope_tools::import::{self, ImportError, Want};
use praxiscope_tools::reference::{OnnxRuntime, Timeable};
use serde::Serialize;

use super::{load_for, print_json};
use crate::Outcome;
use crate::cli::{Bench, ReferenceArg};

/// Nodes that are shown of a profile.
const SLOWEST: usize = 10;

#[derive(Serialize)]
struct Report {
    isa: &'static str,
    threads: usize,
    available: Vec<&'static str>,
    integer: bool,
    frames: usize,
    warmup: usize,
    answers: usize,
    milliseconds: Times,
    cycle: Option<Cycle>,
    multiply_adds_per_frame: Option<f64>,
    gmac_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Against>,
}

#[derive(Serialize)]
struct Against {
    name: String,
    what: String,
    milliseconds: Times,
    /// Ours by theirs: below 1 we are faster.
    ratio_of_medians: f64,
    ratio_of_minima: f64,
}

pub fn bench(arguments: &Bench, json: bool) -> Result<Outcome> {
    let model = load_for(&arguments.bundle, arguments.isa)?;
    if (arguments.profile || arguments.threads > 1) && model.program().is_none() {
        bail!(
            "{} recomputes a window in clip mode; only step programs have a profile or threads",
            arguments.bundle.display()
        );
    }
    let mut reference = arguments
        .source
        .as_ref()
        .map(|source| reference(arguments, source, &model))
        .transpose()?;
    let mut ours = Timed::new(&model)?;
    let team = Team::new(arguments.threads).context("the system gives no more threads")?;
    ours.share_work(&Arc::new(team));
    let warmup = arguments.warmup.unwrap_or_else(|| warmup(&model));
    let (mut times, mut theirs, mut answers) = (vec![], vec![], 0);
    for number in 0..warmup + arguments.frames {
        if number == warmup && arguments.profile {
            ours.start_profile();
        }
        let frame = reference.as_ref().map(|_| ours.next_frame().clone());
        let (time, answered) = ours.step()?;
        let their_time = match (&mut reference, frame) {
            (Some((reference, _)), Some(frame)) => {
                reference.prepare(&frame)?;
                let started = Instant::now();
                reference.step()?;
                Some(started.elapsed())
            }
            _ => None,
        };
        if number >= warmup {
            times.push(time);
            theirs.extend(their_time);
            answers += answered;
        }
    }
    let profile = arguments.profile.then(|| ours.profile());
    let mut report = report(&model, &times, warmup, answers)?;
    report.threads = arguments.threads;
    report.profile = profile.map(|nodes| Profile::new(&nodes, times.len()));
    if let Some((reference, what)) = reference {
        let milliseconds = Times::of(&theirs).context("no frame was timed")?;
        let (median, min) = report.cycle.map_or(
            (report.milliseconds.median, report.milliseconds.min),
            |cycle| (cycle.median, cycle.min),
        );
        report.against = Some(Against {
            name: reference.name(),
            what,
            ratio_of_medians: median / milliseconds.median,
            ratio_of_minima: min / milliseconds.min,
            milliseconds,
        });
    }
    if json {
        print_json(&report)?;
    } else {
        print_report(&report);
    }
    Ok(Outcome::Good)
}

/// The source in ONNX Runtime, and what it is given for each frame.
fn reference(
    arguments: &Bench,
    source: &std::path::Path,
    model: &Model,
) -> Result<(Timeable, String)> {
    let Some(ReferenceArg::Onnxruntime) = arguments.against else {
        bail!("--source needs --against");
    };
    let geometry = &model.manifest().input.geometry;
    let size = Some((geometry.height, geometry.width));
    let read = match import::onnx(source, Want::Step, size) {
        Err(ImportError::ClipNetwork { .. }) => {
            import::onnx(source, Want::Clip { frames: None }, size)
        }
        read => read,
    };
    let read = read.with_context(|| format!("{} cannot be timed", source.display()))?;
    let frames = read.network.frames;
    let what = match frames {
        1 => "one step for each frame".to_owned(),
        _ => format!("a window of {frames} frames for each frame"),
    };
    let session = OnnxRuntime::load_optimised(source, read.ports)?;
    Ok((Timeable::new(session, frames)?, what))
}

/// Frames until nothing changes any more: what an answer depends on, within reason.
fn warmup(model: &Model) -> usize {
    let facts = model.program().map(|program| *program.facts());
    let depends = facts.and_then(|facts| facts.receptive_field()).unwrap_or(0);
    depends.clamp(10, 64) as usize
}

fn report(model: &Model, times: &[Duration], warmup: usize, answers: usize) -> Result<Report> {
    let program = model.program();
    let stride = program.map_or_else(
        || model.manifest().clip.map_or(1, |clip| clip.hop),
        |program| program.facts().answers.stride as usize,
    );
    let cycle = Cycle::of(times, stride);
    let work = program.map(|program| program.facts().multiply_adds_per_frame());
    Ok(Report {
        isa: program.map_or("chosen by tract", |program| program.isa().name()),
        threads: 1,
        available: Isa::available().into_iter().map(Isa::name).collect(),
        integer: program.is_some_and(|program| program.input_quantization().is_some()),
        frames: times.len(),
        warmup,
        answers,
        milliseconds: Times::of(times).context("no frame was timed")?,
        cycle,
        multiply_adds_per_frame: work,
        gmac_per_second: work
            .zip(cycle)
            .map(|(work, cycle)| work / cycle.median / 1e6),
        profile: None,
        against: None,
    })
}

fn print_report(report: &Report) {
    let Times {
        min,
        median,
        mean,
        p99,
    } = report.milliseconds;
    println!(
        "{} of: {}; threads: {}\n{} frames behind {}, {:.3} answers each",
        report.isa,
        report.available.join(", "),
        report.threads,
        report.frames,
        report.warmup,
        report.answers as f64 / report.frames as f64
    );
    println!("ms a frame: min {min:.3}, median {median:.3}, mean {mean:.3}, p99 {p99:.3}");
    if let Some(cycle) = report.cycle.filter(|cycle| cycle.frames > 1) {
        println!(
            "on the average over cycles of {} frames: min {:.3}, median {:.3}",
            cycle.frames, cycle.min, cycle.median
        );
    }
    if let (Some(work), Some(rate)) = (report.multiply_adds_per_frame, report.gmac_per_second) {
        println!(
            "{:.1} million multiply-adds a frame, {rate:.1} G/s",
            work / 1e6
        );
    }
    if let Some(profile) = &report.profile {
        println!(
            "\n{:>9} {:>9} {:>6} {:>7}  operator",
            "ms", "least", "share", "GMAC/s"
        );
        profile.operators.iter().for_each(print_share);
        println!("\nslowest nodes:");
        profile.slowest.iter().take(SLOWEST).for_each(print_share);
    }
    if let Some(against) = &report.against {
        let Times {
            min, median, p99, ..
        } = against.milliseconds;
        println!(
            "\n{}, {}, in turn with ours:\nms: min {min:.3}, median {median:.3}, p99 {p99:.3}\n\
             ours / theirs: {:.3} of medians, {:.3} of minima",
            against.name, against.what, against.ratio_of_medians, against.ratio_of_minima
        );
    }
}

fn print_share(share: &OperatorShare) {
    let node = share
        .node
        .clone()
        .unwrap_or_else(|| format!("({} nodes)", share.nodes));
    println!(
        "{:>9.3} {:>9.3} {:>5.1}% {:>7.1}  {:<18} {node}",
        share.milliseconds,
        share.least,
        100.0 * share.share,
        share.gmac_per_second,
        share.operator
    );
}
