//! `praxc inspect`.

use anyhow::{Context, Result};
use praxiscope_runtime::bundle::hex_digest;
use praxiscope_runtime::stream::Model;
use praxiscope_tools::certificate::Certificate;
use praxiscope_tools::network;
use praxiscope_tools::quantize::is_bit_exact;
use serde::Serialize;

use super::{print_json, read_bundle};
use crate::Outcome;
use crate::cli::Inspect;

#[derive(Serialize)]
struct Member {
    name: String,
    bytes: usize,
    sha256: String,
}

pub fn inspect(arguments: &Inspect, json: bool) -> Result<Outcome> {
    let bundle = read_bundle(&arguments.bundle)?;
    let manifest = bundle.manifest();
    let refused = || format!("{} was refused", arguments.bundle.display());
    let model = Model::load(&bundle).with_context(refused)?;
    let graph = bundle.graph().with_context(refused)?;
    let operators = network::operators(&graph);
    let multiply_adds = match (model.program(), manifest.clip) {
        (Some(program), _) => program.facts().multiply_adds_per_frame() as u64,
        (None, clip) => network::multiply_adds(&graph)? / clip.map_or(1, |clip| clip.hop as u64),
    };
    let members: Vec<Member> = bundle
        .archive()
        .members()
        .map(|(name, content)| Member {
            name: name.into(),
            bytes: content.len(),
            sha256: hex_digest(content),
        })
        .collect();
    let bytes: usize = members.iter().map(|member| member.bytes).sum();
    let bit_exact = model.program().is_some() && is_bit_exact(&graph);
    let certificate: Option<serde_json::Value> = bundle
        .certificate()
        .and_then(|text| serde_json::from_slice(text).ok());
    if json {
        print_json(&serde_json::json!({
            "digest": bundle.digest(),
            "manifest": manifest,
            "operators": operators,
            "state_bytes": model.state_bytes(),
            "multiply_adds_per_frame": multiply_adds,
            "bytes": bytes,
            "members": members,
            "bit_exact": bit_exact,
            "certificate": certificate,
        }))?;
        return Ok(Outcome::Good);
    }
    let input = &manifest.input;
    let line = |name: &str, value: String| println!("{name:<22}{value}");
    line("name", manifest.name.clone());
    line(
        "mode",
        match manifest.clip {
            None => match model.program().map_or(1, |p| p.facts().answers.stride) {
                1 => "stream: every frame is answered".into(),
                stride => format!("stream: every {stride} frames are answered"),
            },
            Some(clip) => format!(
                "clip: {} frames, recomputed every {}",
                clip.frames, clip.hop
            ),
        },
    );
    line(
        "labels",
        format!(
            "{} ({})",
            manifest.labels.len(),
            shortened(&manifest.labels)
        ),
    );
    line(
        "idle class",
        manifest.idle.clone().unwrap_or_else(|| "none".into()),
    );
    line("input", format!("{:?}", input.geometry));
    line("mean, std", format!("{:?}, {:?}", input.mean, input.std));
    line("clock", format!("{} frames a second", input.frame_rate));
    line(
        "bits",
        match bit_exact {
            true => "integers: the same on every CPU".into(),
            false => "NOT bit-exact between CPUs: layers reckon in float".into(),
        },
    );
    line("state", format!("{} bytes a stream", model.state_bytes()));
    line(
        "multiply-adds",
        format!("{:.2} M a frame", multiply_adds as f64 / 1e6),
    );
    let operators: Vec<_> = operators
        .iter()
        .map(|(name, n)| format!("{name} x{n}"))
        .collect();
    line("operators", operators.join(", "));
    line(
        "size",
        format!("{bytes} bytes in {} members", members.len()),
    );
    line("digest", bundle.digest());
    let certificate = certificate.and_then(|value| serde_json::from_value(value).ok());
    if let Some(certificate) = certificate {
        let certificate: Certificate = certificate;
        print!("\ncertificate\n{certificate}");
    }
    println!();
    for member in members {
        println!(
            "{}  {:>9}  {}",
            &member.sha256[..16],
            member.bytes,
            member.name
        );
    }
    Ok(Outcome::Good)
}

fn shortened(labels: &[String]) -> String {
    let shown = labels
        .iter()
        .take(12)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if labels.len() > 12 {
        format!("{shown}, ...")
    } else {
        shown
    }
}
