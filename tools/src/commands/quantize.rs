//! `praxc quantize`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use praxiscope_runtime::bundle::{Bundle, Mode};
use praxiscope_runtime::self_test::SelfTest;
use praxiscope_runtime::step::Isa;
use praxiscope_runtime::stream::Model;
use praxiscope_tools::certificate::Certificate;
use praxiscope_tools::listing::{entries, is_recording, is_tensor, is_video};
use praxiscope_tools::quantize::{
    Files, Progress, RangeMethod, Recordings, Report, Settings, quantize as quantized,
};

use super::{print_json, progress_bar, read_bundle};
use crate::Outcome;
use crate::cli::Quantize;

/// Layers of the table for people.
const WORST_SHOWN: usize = 10;

pub fn quantize(arguments: &Quantize, json: bool) -> Result<Outcome> {
    let bundle = read_bundle(&arguments.bundle)?;
    let refused = || format!("{} was refused", arguments.bundle.display());
    if bundle.manifest().mode != Mode::Stream {
        bail!(
            "{} recomputes a window in clip mode; only step programs are quantized: convert it with \
             --mode stream",
            arguments.bundle.display()
        );
    }
    if bundle.quantization().is_some() {
        bail!(
            "{} is an integer program already",
            arguments.bundle.display()
        );
    }
    let model = Model::load(&bundle).with_context(refused)?;
    let graph = bundle.graph().with_context(refused)?;
    let paths = recordings(&arguments.calibration)?;
    let mut files = Files::new(paths, model, arguments.frames);
    let mut holdout = match arguments.holdout.as_slice() {
        [] => None,
        paths => Some(Files::new(
            recordings(paths)?,
            Model::load(&bundle).with_context(refused)?,
            usize::MAX,
        )),
    };
    let settings = Settings {
        method: arguments.range.map(RangeMethod::from),
        max_drop: arguments.max_drop / 100.0,
        equalize: !arguments.no_equalization,
        drift: arguments.drift,
        isa: arguments.isa.unwrap_or_else(Isa::best),
        floats: HashSet::from_iter(arguments.float.iter().cloned()),
    };
    let bar = progress_bar(json, "{msg:24} {wide_bar} {pos}/{len}");
    let holdout = holdout.as_mut().map(|files| files as &mut dyn Recordings);
    let made = quantized(&graph, &mut files, holdout, &settings, &mut |progress| {
        show(&bar, progress)
    })?;
    bar.finish_and_clear();
    let text = serde_json::to_vec_pretty(&made.report)?;
    let integer = Bundle::new(bundle.manifest().clone(), &made.graph, None)?;
    let mut integer = integer.with_quantization(text)?;
    // What a device would refuse is not written.
    let model = Model::load(&integer)?;
    if let Some(certificate) = bundle.certificate() {
        integer = integer.with_certificate(with_vector(certificate, &model)?)?;
    }
    integer.write(&arguments.output)?;
    if json {
        print_json(&serde_json::json!({
            "bundle": arguments.output,
            "digest": integer.digest(),
            "bytes": integer.to_bytes().len(),
            "quantization": made.report,
        }))?;
    } else {
        print_report(&arguments.output, &integer, &made.report);
    }
    Ok(Outcome::Good)
}

/// The certificate with the integer program's own answers as its built-in vector.
fn with_vector(text: &[u8], model: &Model) -> Result<Vec<u8>> {
    let Ok(mut certificate) = serde_json::from_slice::<Certificate>(text) else {
        return Ok(text.to_vec());
    };
    certificate.self_test = Some(SelfTest::record(model)?);
    Ok(serde_json::to_vec_pretty(&certificate)?)
}

/// Files, folders whose pictures are the frames of one recording, and the recordings that lie in other
/// folders, by name.
fn recordings(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut paths = vec![];
    for given in given {
        let read = || format!("cannot read the folder {}", given.display());
        if !given.is_dir() || is_recording(given).with_context(read)? {
            paths.push(given.clone());
            continue;
        }
        let before = paths.len();
        for path in entries(given).with_context(read)? {
            let is_one = match path.is_dir() {
                true => is_recording(&path).with_context(read)?,
                false => is_video(&path) || is_tensor(&path),
            };
            paths.extend(is_one.then_some(path));
        }
        if paths.len() == before {
            bail!(
                "{} holds no video, no .npy file and no folder of JPEG pictures",
                given.display()
            );
        }
    }
    Ok(paths)
}

fn show(bar: &ProgressBar, progress: Progress) {
    let (message, done, of) = match progress {
        Progress::Calibrating(done, of) => ("calibrating".to_owned(), done, of),
        Progress::Measuring { pass, done, of } => (format!("measuring, pass {pass}"), done, of),
        Progress::Weighing { done, of } => ("each node in float".to_owned(), done, of),
        Progress::Drifting { done, of } => ("drift".to_owned(), done, of),
    };
    bar.set_length(of as u64);
    bar.set_position(done as u64);
    bar.set_message(message);
}

fn print_report(path: &Path, bundle: &Bundle, report: &Report) {
    let decibels =
        |value: Option<f64>| value.map_or("equal".into(), |value| format!("{value:.1} dB"));
    println!(
        "{}: {} KiB, calibrated on {} frames of {} recordings",
        path.display(),
        bundle.to_bytes().len().div_ceil(1024),
        report.frames,
        report.recordings
    );
    println!(
        "against float: same first class in {:.2} % of {} answers, logits {}",
        100.0 * report.top1_agreement,
        report.answers,
        decibels(report.logits_decibels)
    );
    if let Some(holdout) = &report.holdout {
        println!(
            "on {} other recordings: same first class in {:.2} % of {} answers, logits {}",
            holdout.recordings,
            100.0 * holdout.top1_agreement,
            holdout.answers,
            decibels(holdout.logits_decibels)
        );
    }
    for fallback in &report.fallbacks {
        println!(
            "with {} nodes ({:.1} % of the multiply-adds) in float: {:.2} %, logits {}",
            fallback.nodes.len(),
            100.0 * fallback.float_share,
            100.0 * fallback.top1_agreement,
            decibels(fallback.logits_decibels)
        );
    }
    let bits = match report.bit_exact {
        true => "the same bits come out on every CPU",
        false => "NOT bit-exact between CPUs: some nodes reckon in float",
    };
    println!("{bits}");
    if !report.float_nodes.is_empty() {
        println!(
            "in float, {:.1} % of the multiply-adds:",
            100.0 * report.float_share
        );
    }
    for node in &report.float_nodes {
        let layer = report.layers.iter().find(|layer| layer.node == *node);
        match layer.and_then(|layer| layer.gain) {
            Some(gain) => println!("  {node}, which with what reads it gives back {gain:.1} dB"),
            None => println!("  {node}"),
        }
    }
    let mut layers: Vec<_> = report
        .layers
        .iter()
        .filter(|layer| layer.decibels.is_some())
        .collect();
    layers.sort_by(|a, b| {
        a.decibels
            .partial_cmp(&b.decibels)
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    println!(
        "\nlayers with the most noise:\n{:>9}  {:<18} node",
        "signal", "operator"
    );
    for layer in layers.iter().take(WORST_SHOWN) {
        println!(
            "{:>9}  {:<18} {}",
            decibels(layer.decibels),
            layer.operator,
            layer.node
        );
    }
    let drift = &report.drift;
    println!(
        "\nover one stream of {} frames, every {}:",
        drift.frames, drift.span
    );
    for (name, spans) in [("state", &drift.state), ("logits", &drift.logits)] {
        let spans: Vec<String> = spans.iter().map(|span| decibels(*span)).collect();
        println!("{name:>9}  {}", spans.join(", "));
    }
}
