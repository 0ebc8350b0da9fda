//! `praxc convert`.

mod manifest;
mod plan;

use anyhow::Result;
use praxiscope_runtime::bundle::{Bundle, Clip, Mode};
use praxiscope_runtime::stream::Model;
use praxiscope_tools::certificate::Certificate;

use super::print_json;
use crate::Outcome;
use crate::cli::Convert;
use plan::Plan;

pub fn convert(arguments: &Convert, json: bool) -> Result<Outcome> {
    let mut plan = Plan::of(arguments)?;
    let clip = (plan.mode == Mode::Clip).then_some(Clip {
        frames: plan.network.frames,
        hop: arguments.hop,
    });
    let manifest = manifest::of(arguments, &mut plan, clip)?;
    let certificate = match clip {
        None => Certificate::of_step(&plan.network.graph),
        Some(clip) => Certificate::of_clip(&plan.network.graph, clip.frames, clip.hop),
    }?;
    let text = serde_json::to_vec_pretty(&certificate)?;
    let bundle = Bundle::new(manifest, &plan.network.graph, Some(text))?;
    // What a device would refuse is not written. Several clips at once are for the desktop alone.
    if plan.network.graph.inputs.len() == 1 {
        Model::load(&bundle)?;
    }
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
