//! What a new bundle's program is held against.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use ndarray::Array3;
use praxiscope_models::SlowFrames;
use praxiscope_runtime::bundle::Clip;
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::Model;
use praxiscope_tools::certificate::{self, Certificate, Subject};
use praxiscope_tools::frames::Frames;
use praxiscope_tools::import::one_line;
use praxiscope_tools::reference::{OnnxRuntime, ReferenceError};
use praxiscope_tools::rewire::concrete;
use praxiscope_tools::streaming::{Options, StepProgram, frames_of};

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
    let mut reference = match OnnxRuntime::load(source, ports.clone()) {
        Ok(reference) => reference,
        Err(ReferenceError::Absent(_)) => {
            found.not_run.push(not_run("ONNX Runtime is not installed"));
            return Ok(());
        }
        Err(error) => {
            found.not_run.push(not_run(&error.to_string()));
            return Ok(());
        }
    };
    let size = plan.network.size;
    let compared = match &plan.step {
        Some((step, _)) if !ports.carried.is_empty() => {
            certificate::steps_with_source(step, size, &mut reference)
        }
        _ => certificate::with_source(&plan.clip, size, &mut reference),
    };
    let mut compared = compared.context("the source was not compared")?;
    if let Some(slow) = &ports.slow {
        let which = match slow.frames {
            SlowFrames::Packed => "one in",
            _ => "the first of every",
        };
        compared.input = format!(
            "{}, {which} {} of them for the second clip",
            compared.input, slow.every
        );
    }
    if plan.is_quantized {
        found.not_run.push(not_run(&format!(
            "it is quantized and read in float, so that they differ (by {:.1e} here)",
            compared.largest_difference
        )));
        return Ok(());
    }
    found.comparisons.push(compared);
    if plan.step.is_some() && ports.carried.is_empty() {
        with_longer_source(plan, &mut reference, found);
    }
    Ok(())
}

/// The step program against the ONNX file over more frames than its own clip has, where it allows that.
fn with_longer_source(plan: &Plan, reference: &mut OnnxRuntime, found: &mut Certificate) {
    let frames = frames_of(&plan.clip);
    let reason = if !plan.is_open {
        format!("the source holds for clips of {frames} frames alone")
    } else if !found.changes.is_empty() {
        "what saw the whole clip sees the last frames, so that longer clips are answered otherwise"
            .into()
    } else {
        match certificate::with_longer_source(&plan.clip, plan.network.size, reference) {
            Ok(compared) => {
                found.comparisons.push(compared);
                return;
            }
            Err(error) => one_line(&error),
        }
    };
    found.not_run.push(format!(
        "beyond its own clip against the source: {reason}; there the program is held against our own \
         graph only"
    ));
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
    // What was not held against the clip graph is not called equal to it, and not written.
    let compared = certificate::over_a_recording(&subject).map_err(|error| {
        anyhow!(
            "the frame-by-frame program cannot be held against the network over a recording ({}), so \
             that nothing shows it to be the same; --mode clip --hop N recomputes the network over a \
             window every N frames instead",
            one_line(&error)
        )
    })?;
    found.comparisons.extend(compared);
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
