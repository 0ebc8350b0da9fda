//! `praxc convert`.

mod manifest;
mod plan;

use anyhow::Result;
use praxiscope_runtime::bundle::{Bundle, Clip, Manifest, Mode};
use praxiscope_runtime::stream::Model;
use praxiscope_tools::certificate::Certificate;
use praxiscope_tools::rewire;
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
