//! `praxc convert`.

mod certify;
mod manifest;
mod options;
mod plan;

use anyhow::Result;
use praxiscope_runtime::bundle::{Bundle, Clip, Manifest, Mode};
use praxiscope_runtime::self_test::SelfTest;
use praxiscope_runtime::step::Isa;
use praxiscope_runtime::stream::Model;
use praxiscope_tools::rewire;
use praxiscope_tools::streaming::frames_of;
use tract_core::internal::*;

use super::print_json;
use crate::Outcome;
use crate::cli::Convert;
use plan::Plan;

/// Whether the network's graph, as a bundle gives it back, becomes that of another length and size
/// when it is wired again.
fn rewires(manifest: &Manifest, graph: &TypedModel, other: &TypedModel) -> Result<bool> {
    let written = |graph: &TypedModel| Bundle::new(manifest.clone(), graph, None)?.graph();
    rewire::becomes(&written(graph)?, &written(other)?)
}

/// The built-in vector. Where every machine is to make the same bytes, it is computed by the plain
/// kernels; clip mode has none of those, and no vector then.
fn vector(bundle: &Bundle, model: &Model, reproducible: bool) -> Result<Option<SelfTest>> {
    let answers = match reproducible {
        false => SelfTest::record(model)?,
        true if model.program().is_none() => return Ok(None),
        true => SelfTest::record(&Model::load_for(bundle, Isa::Portable)?)?,
    };
    Ok(Some(answers))
}

pub fn convert(arguments: &Convert, json: bool) -> Result<Outcome> {
    let mut plan = Plan::of(arguments)?;
    let clip = (plan.mode == Mode::Clip).then_some(Clip {
        frames: plan.network.frames,
        hop: arguments.hop,
        rewires: false,
    });
    let mut manifest = manifest::of(arguments, &mut plan, clip)?;
    if let (Some(clip), Some(other)) = (clip, plan.other.take()) {
        let rewires = rewires(&manifest, &plan.network.graph, &other)?;
        manifest.clip = Some(Clip { rewires, ..clip });
    }
    // What a device would refuse is not written.
    let bundle = Bundle::new(manifest, &plan.network.graph, None)?;
    let model = Model::load(&bundle)?;
    let mut certificate = certify::certificate(arguments, &plan, clip)?;
    if let Some(video) = &arguments.video {
        certify::on_video(video, &plan, &model, &mut certificate)?;
    } else if plan.step.is_some() {
        let reason = "on video: no --video was given";
        certificate.not_run.push(reason.into());
    }
    let frames = frames_of(&plan.clip);
    if let Some(doubts) = certificate.doubts(frames).filter(|_| plan.step.is_some()) {
        plan.remarks.push(format!(
            "{doubts}; --mode clip --hop N runs the network over its own {frames} frames instead, \
             every N frames"
        ));
    }
    match vector(&bundle, &model, arguments.reproducible) {
        Ok(vector) => certificate.self_test = vector,
        Err(error) => certificate
            .not_run
            .push(format!("built-in vector: {error}")),
    }
    let is_good = certificate.is_good();
    let kept = match arguments.reproducible {
        true => certificate.clone().without_measures(),
        false => certificate.clone(),
    };
    let text = serde_json::to_vec_pretty(&kept)?;
    let bundle = bundle.with_certificate(text)?;
    if is_good {
        bundle.write(&arguments.output)?;
    }
    for remark in &plan.remarks {
        eprintln!("praxc: note: {remark}");
    }
    if json {
        print_json(&serde_json::json!({
            "bundle": is_good.then_some(&arguments.output),
            "digest": is_good.then(|| bundle.digest()),
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
        print!("\n{certificate}");
    }
    if is_good {
        return Ok(Outcome::Good);
    }
    eprintln!(
        "praxc: the program differs from its network, so {} was not written",
        arguments.output.display()
    );
    Ok(Outcome::ComparisonFailed)
}
