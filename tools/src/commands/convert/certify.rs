//! What a new bundle's program is held against.

use std::path::Path;

use anyhow::{Context, Result};
use ndarray::Array3;
use praxiscope_runtime::bundle::Clip;
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::Model;
use praxiscope_tools::certificate::{self, Certificate, Subject};
use praxiscope_tools::frames::Frames;
use praxiscope_tools::reference::{OnnxRuntime, ReferenceError};
use praxiscope_tools::rewire::concrete;
use praxiscope_tools::streaming::{Options, StepProgram};

use super::plan::Plan;
use crate::cli::Convert;

/// The certificate of a plan, without what is measured on a video.
pub(super) fn certificate(
    arguments: &Convert,
    plan: &Plan,
    clip: Option<Clip>,
) -> Result<Certificate> {
    let mut found = match (&plan.step, clip) {
        (Some((step, _)), _) => Certificate::of_step(step)?,
        (None, clip) => {
            let hop = clip.map_or(1, |clip| clip.hop);
            Certificate::of_clip(&concrete(&plan.network.graph)?, plan.network.frames, hop)?
        }
    };
    with_source(arguments, plan, &mut found)?;
    if let Some((step, options)) = &plan.step {
        over_a_recording(plan, (step, *options), &mut found)?;
    }
    Ok(found)
}

/// The clip graph against the ONNX file that it was made of.
fn with_source(arguments: &Convert, plan: &Plan, found: &mut Certificate) -> Result<()> {
    let not_run = |reason: &str| format!("clip graph against the source: {reason}");
    let (Some(source), Some(ports)) = (&arguments.source, &plan.ports) else {
        found.not_run.push(not_run(
            "a checkpoint does not run by itself; `praxc run` beside PyTorch shows it",
        ));
        return Ok(());
    };
    if plan.clip.inputs.len() > 1 {
        found
            .not_run
            .push(not_run("the network takes several clips"));
        return Ok(());
    }
    match OnnxRuntime::load(source, ports.clone()) {
        Ok(mut reference) => {
            let size = plan.network.size;
            let compared = match &plan.step {
                Some((step, _)) if !ports.carried.is_empty() => {
                    certificate::steps_with_source(step, size, &mut reference)
                }
                _ => certificate::with_source(&plan.clip, size, &mut reference),
            };
            let compared = compared.context("the source was not compared")?;
            match plan.is_quantized {
                true => found.not_run.push(not_run(&format!(
                    "it is quantized and read in float, so that they differ (by {:.1e} here)",
                    compared.largest_difference
                ))),
                false => found.comparisons.push(compared),
            }
        }
        Err(ReferenceError::Absent(_)) => {
            found.not_run.push(not_run("ONNX Runtime is not installed"));
        }
        Err(error) => found.not_run.push(not_run(&error.to_string())),
    }
    Ok(())
}

fn over_a_recording(
    plan: &Plan,
    (step, options): (&StepProgram, Options),
    found: &mut Certificate,
) -> Result<()> {
    let subject = Subject {
        clip: &plan.clip,
        options,
        size: plan.network.size,
        resized: &*plan.resized,
    };
    match certificate::over_a_recording(&subject) {
        Ok(comparisons) => found.comparisons.extend(comparisons),
        Err(error) => {
            let error = format!("{error:#}").lines().collect::<Vec<_>>().join(" ");
            found.not_run.push(format!(
                "step program against the clip graph over a recording: it cannot be made longer ({error})"
            ));
        }
    }
    found.cost = Some(certificate::cost(&plan.clip, step)?);
    Ok(())
}

/// Adds what is measured on the video that was given.
pub(super) fn on_video(
    video: &Path,
    plan: &Plan,
    model: &Model,
    found: &mut Certificate,
) -> Result<()> {
    let Some((_, options)) = &plan.step else {
        found
            .not_run
            .push("on video: clip mode runs the network itself".into());
        return Ok(());
    };
    let frames = Frames::of_video(video, Reading::default(), model)?;
    let frames: Vec<Array3<f32>> = frames
        .values
        .iter()
        .map(|frame| {
            let pixels = frame.view().permuted_axes(vec![1, 2, 0]);
            let pixels = pixels.as_standard_layout().into_owned();
            pixels.into_dimensionality().context("a frame is a picture")
        })
        .collect::<Result<_>>()?;
    let name = video.file_name().unwrap_or_default().to_string_lossy();
    match certificate::on_video(&plan.clip, options, &name, &frames)? {
        Some(measured) => found.video = Some(measured),
        None => found.not_run.push(format!(
            "on video: {name} gives {} frames, too few for a window",
            frames.len()
        )),
    }
    Ok(())
}
