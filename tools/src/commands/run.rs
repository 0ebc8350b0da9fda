//! `praxc run`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ndarray::{Array2, ArrayD};
use praxiscope_runtime::bundle::{Bundle, Clip, Manifest, hex_digest};
use praxiscope_runtime::step::Isa;
use praxiscope_runtime::stream::{Model, Scores, Stream};
use praxiscope_tools::noise::Noise;
use praxiscope_tools::{npy, run as runner};

use super::{print_json, read_bundle};
use crate::Outcome;
use crate::cli::Run;

pub fn run(arguments: &Run, json: bool) -> Result<Outcome> {
    let bundle = read_bundle(&arguments.bundle)?;
    let is_clip = bundle.manifest().clip.is_some();
    let mut frames = match arguments.tensor.len() {
        0 | 1 => frames(arguments, bundle.manifest())?,
        _ if is_clip => return run_pathways(arguments, &bundle, json),
        _ => Box::new(runner::fast_frames(&bundle.graph()?, &tensors(arguments)?)?.into_iter()),
    };
    let count = frames.len();
    let clip = bundle.manifest().clip;
    let as_windows = arguments.hop.is_some()
        || arguments.restore.is_some()
        || arguments.save.is_some()
        || arguments.digest;
    if clip.is_some() && !as_windows {
        let all: Vec<_> = frames.collect();
        if !runner::fill_a_window(&bundle, &all) {
            return one_clip(arguments, &bundle, &all, json);
        }
        frames = Box::new(all.into_iter());
    }
    let bundle = match (arguments.hop.map(usize::from), clip) {
        (None, _) => bundle,
        (Some(hop), Some(clip)) if hop == clip.hop => bundle,
        (Some(hop), Some(clip)) => every_so_many(&bundle, Clip { hop, ..clip })?,
        (Some(_), None) => bail!(
            "{} answers frame by frame and has no windows, which --hop is for",
            arguments.bundle.display()
        ),
    };
    let isa = arguments.isa.unwrap_or_else(Isa::best);
    let model = Model::load_for(&bundle, isa)
        .with_context(|| format!("{} was refused", arguments.bundle.display()))?;
    // The model holds all that it needs: a run takes no more memory than on the board.
    drop(bundle);
    let mut stream = Stream::new(&model)?;
    if let Some(path) = &arguments.restore {
        let saved = std::fs::read(path)
            .with_context(|| format!("cannot read the state {}", path.display()))?;
        stream.restore(&saved)?;
    }
    let mut answers = runner::step_all(&mut stream, frames, 0)?;
    let state = arguments.digest.then(|| stream.save()).transpose()?;
    match &arguments.save {
        Some(path) => std::fs::write(path, stream.save()?)
            .with_context(|| format!("cannot write the state {}", path.display()))?,
        None => answers.extend(stream.finish()?),
    }
    let rows = runner::rows(&answers, model.manifest().labels.len());
    write_rows(arguments, &rows)?;
    let digests = state.map(|state| [answers_digest(&answers), hex_digest(&state)]);
    if answers.is_empty() {
        let needed = model.manifest().clip.map_or(1, |clip| clip.frames);
        eprintln!("praxc: note: no answer from {count} frames; {needed} are needed");
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
fn run_pathways(arguments: &Run, bundle: &Bundle, json: bool) -> Result<Outcome> {
    let keeps = arguments.restore.is_some() || arguments.save.is_some() || arguments.digest;
    ensure!(
        arguments.hop.is_none() && !keeps,
        "a network of several clips is run once and keeps no state; leave --hop, --save, --restore \
         and --digest away"
    );
    let rows = runner::pathways(bundle.graph()?, tensors(arguments)?)?;
    write_rows(arguments, &rows)?;
    if json {
        print_json(&serde_json::json!({ "rows": rows.nrows(), "classes": rows.ncols() }))?;
    } else {
        println!("{} rows of {} logits", rows.nrows(), rows.ncols());
    }
    Ok(Outcome::Good)
}

fn tensors(arguments: &Run) -> Result<Vec<ArrayD<f32>>> {
    let clips = arguments.tensor.iter().map(|path| npy::read(path));
    Ok(clips.collect::<Result<_, _>>()?)
}

/// All frames as one clip.
fn one_clip(
    arguments: &Run,
    bundle: &Bundle,
    frames: &[ArrayD<f32>],
    json: bool,
) -> Result<Outcome> {
    if frames.is_empty() {
        let tensor = arguments
            .tensor
            .first()
            .map(|path| path.display().to_string());
        bail!("{} holds no frames", tensor.unwrap_or_default());
    }
    let rows = runner::whole(bundle, frames)?;
    write_rows(arguments, &rows)?;
    if json {
        print_json(&serde_json::json!({
            "rows": 1, "classes": rows.ncols(), "frames": [frames.len() - 1],
        }))?;
    } else {
        println!("1 row of {} logits", rows.ncols());
    }
    Ok(Outcome::Good)
}

/// The bundle with another hop.
fn every_so_many(bundle: &Bundle, clip: Clip) -> Result<Bundle> {
    let manifest = Manifest {
        clip: Some(clip),
        ..bundle.manifest().clone()
    };
    Ok(Bundle::new(manifest, &bundle.graph()?, None)?)
}

/// The tensor's frames; or noise, made as it is needed.
fn frames(
    arguments: &Run,
    manifest: &Manifest,
) -> Result<Box<dyn ExactSizeIterator<Item = ArrayD<f32>>>> {
    if let Some(path) = arguments.tensor.first() {
        return Ok(Box::new(runner::frames(&npy::read(path)?)?.into_iter()));
    }
    let geometry = &manifest.input.geometry;
    let shape = [3, geometry.height, geometry.width];
    let mut noise = Noise::new(&manifest.input, 1);
    let frame = move |_| {
        let frame = ArrayD::from_shape_vec(shape.as_slice(), noise.frame());
        // Noise fills the shape that it was made for.
        frame.unwrap_or_default()
    };
    Ok(Box::new((0..arguments.random.unwrap_or(0)).map(frame)))
}

fn write_rows(arguments: &Run, rows: &Array2<f32>) -> Result<()> {
    match &arguments.output {
        Some(path) => Ok(npy::write(Path::new(path), rows.view())?),
        None => Ok(()),
    }
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
    hex_digest(&bytes)
}
