//! `praxc run`.

use anyhow::{Context, Result, ensure};
use ndarray::ArrayD;
use praxiscope_runtime::stream::{Model, Scores, Stream};
use praxiscope_tools::noise::Noise;
use praxiscope_tools::{npy, run as runner};
use sha2::{Digest, Sha256};

use super::{load_for, print_json, read_bundle};
use crate::Outcome;
use crate::cli::Run;

pub fn run(arguments: &Run, json: bool) -> Result<Outcome> {
    if arguments.tensor.len() > 1 {
        return run_pathways(arguments, json);
    }
    let model = load_for(&arguments.bundle, arguments.isa)?;
    let frames = frames(arguments, &model)?;
    let mut stream = Stream::new(&model)?;
    if let Some(path) = &arguments.restore {
        let saved = std::fs::read(path)
            .with_context(|| format!("cannot read the state {}", path.display()))?;
        stream.restore(&saved)?;
    }
    let mut answers = runner::step_all(&mut stream, &frames, 0)?;
    let state = arguments.digest.then(|| stream.save()).transpose()?;
    match &arguments.save {
        Some(path) => std::fs::write(path, stream.save()?)
            .with_context(|| format!("cannot write the state {}", path.display()))?,
        None => answers.extend(stream.finish()?),
    }
    let rows = runner::rows(&answers, model.manifest().labels.len());
    if let Some(path) = &arguments.output {
        npy::write(path, rows.view())?;
    }
    let digests = state.map(|state| [answers_digest(&answers), hexadecimal(&state)]);
    if answers.is_empty() {
        let needed = model.manifest().clip.map_or(1, |clip| clip.frames);
        eprintln!(
            "praxc: note: no answer from {} frames; {needed} are needed",
            frames.len()
        );
    }
    if json {
        let answered: Vec<u64> = answers.iter().map(|answer| answer.frame).collect();
        let mut report = serde_json::json!({
            "rows": answers.len(), "classes": rows.ncols(), "frames": answered,
        });
        if let Some([answers, state]) = digests {
            report["digests"] = serde_json::json!({ "answers": answers, "state": state });
        }
        print_json(&report)?;
    } else {
        println!("{} rows of {} logits", rows.nrows(), rows.ncols());
        if let Some([answers, state]) = digests {
            println!("answers {answers}\nstate   {state}");
        }
    }
    Ok(Outcome::Good)
}

/// One window of a network that takes several clips at once.
fn run_pathways(arguments: &Run, json: bool) -> Result<Outcome> {
    ensure!(
        arguments.restore.is_none() && arguments.save.is_none(),
        "a network of several clips keeps no state; leave --save and --restore away"
    );
    let bundle = read_bundle(&arguments.bundle)?;
    let clips = arguments.tensor.iter().map(|path| npy::read(path));
    let clips = clips.collect::<Result<Vec<_>, _>>()?;
    let rows = runner::pathways(bundle.graph()?, clips)?;
    let output = arguments.output.as_ref();
    npy::write(
        output.context("--output says where the rows go")?,
        rows.view(),
    )?;
    if json {
        print_json(&serde_json::json!({ "rows": rows.nrows(), "classes": rows.ncols() }))?;
    } else {
        println!("{} rows of {} logits", rows.nrows(), rows.ncols());
    }
    Ok(Outcome::Good)
}

/// The tensor's frames, or noise.
fn frames(arguments: &Run, model: &Model) -> Result<Vec<ArrayD<f32>>> {
    if let Some(path) = arguments.tensor.first() {
        return Ok(runner::frames(&npy::read(path)?)?);
    }
    let geometry = &model.manifest().input.geometry;
    let shape = [3, geometry.height, geometry.width];
    let mut noise = Noise::new(model, 1);
    let frames = (0..arguments.random.unwrap_or(0))
        .map(|_| ArrayD::from_shape_vec(shape.as_slice(), noise.frame()));
    Ok(frames.collect::<Result<_, _>>()?)
}

/// Of each answer its frame, its logits and its probabilities, all bits of them.
fn answers_digest(answers: &[Scores]) -> String {
    let mut bytes = vec![];
    for answer in answers {
        bytes.extend(answer.frame.to_le_bytes());
        for number in answer.logits.iter().chain(&answer.probabilities) {
            bytes.extend(number.to_le_bytes());
        }
    }
    hexadecimal(&bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
