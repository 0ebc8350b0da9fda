//! `praxc run`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ndarray::ArrayD;
use praxiscope_runtime::bundle::{Bundle, Clip, Manifest};
use praxiscope_runtime::stream::{Model, Stream};
use praxiscope_tools::{npy, run as runner};

use super::{print_json, read_bundle};
use crate::Outcome;
use crate::cli::Run;

pub fn run(arguments: &Run, json: bool) -> Result<Outcome> {
    let [tensor] = &arguments.tensor[..] else {
        return run_pathways(arguments, json);
    };
    let bundle = read_bundle(&arguments.bundle)?;
    let frames = runner::frames(&npy::read(tensor)?)?;
    let clip = bundle.manifest().clip;
    let as_windows =
        arguments.hop.is_some() || arguments.restore.is_some() || arguments.save.is_some();
    if clip.is_some() && !as_windows && !runner::fill_a_window(&bundle, &frames) {
        return one_clip(arguments, tensor, &bundle, &frames, json);
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
    let model = Model::load(&bundle)
        .with_context(|| format!("{} was refused", arguments.bundle.display()))?;
    let mut stream = Stream::new(&model)?;
    if let Some(path) = &arguments.restore {
        let saved = std::fs::read(path)
            .with_context(|| format!("cannot read the state {}", path.display()))?;
        stream.restore(&saved)?;
    }
    let mut answers = runner::step_all(&mut stream, &frames, 0)?;
    match &arguments.save {
        Some(path) => std::fs::write(path, stream.save()?)
            .with_context(|| format!("cannot write the state {}", path.display()))?,
        None => answers.extend(stream.finish()?),
    }
    let rows = runner::rows(&answers, model.manifest().labels.len());
    npy::write(&arguments.output, rows.view())?;
    if answers.is_empty() {
        let needed = model.manifest().clip.map_or(1, |clip| clip.frames);
        eprintln!(
            "praxc: note: no answer from {} frames; {needed} are needed",
            frames.len()
        );
    }
    if json {
        let answered: Vec<u64> = answers.iter().map(|answer| answer.frame).collect();
        print_json(&serde_json::json!({
            "rows": answers.len(), "classes": rows.ncols(), "frames": answered,
        }))?;
    } else {
        println!("{} rows of {} logits", rows.nrows(), rows.ncols());
    }
    Ok(Outcome::Good)
}

/// One window of a network that takes several clips at once.
fn run_pathways(arguments: &Run, json: bool) -> Result<Outcome> {
    ensure!(
        arguments.hop.is_none() && arguments.restore.is_none() && arguments.save.is_none(),
        "a network of several clips is run once and keeps no state; leave --hop, --save and \
         --restore away"
    );
    let bundle = read_bundle(&arguments.bundle)?;
    let clips = arguments.tensor.iter().map(|path| npy::read(path));
    let clips = clips.collect::<Result<Vec<_>, _>>()?;
    let rows = runner::pathways(bundle.graph()?, clips)?;
    npy::write(&arguments.output, rows.view())?;
    if json {
        print_json(&serde_json::json!({ "rows": rows.nrows(), "classes": rows.ncols() }))?;
    } else {
        println!("{} rows of {} logits", rows.nrows(), rows.ncols());
    }
    Ok(Outcome::Good)
}

/// All frames as one clip.
fn one_clip(
    arguments: &Run,
    tensor: &Path,
    bundle: &Bundle,
    frames: &[ArrayD<f32>],
    json: bool,
) -> Result<Outcome> {
    if frames.is_empty() {
        bail!("{} holds no frames", tensor.display());
    }
    let rows = runner::whole(bundle, frames)?;
    npy::write(&arguments.output, rows.view())?;
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
