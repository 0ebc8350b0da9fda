//! `praxc run`.

use anyhow::{Context, Result, ensure};
use praxiscope_runtime::stream::Stream;
use praxiscope_tools::{npy, run as runner};

use super::{load, print_json, read_bundle};
use crate::Outcome;
use crate::cli::Run;

pub fn run(arguments: &Run, json: bool) -> Result<Outcome> {
    let [tensor] = &arguments.tensor[..] else {
        return run_pathways(arguments, json);
    };
    let model = load(&arguments.bundle)?;
    let frames = runner::frames(&npy::read(tensor)?)?;
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
        arguments.restore.is_none() && arguments.save.is_none(),
        "a network of several clips keeps no state; leave --save and --restore away"
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
