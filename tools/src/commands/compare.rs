//! `praxc compare`.

use anyhow::{Context, Result};
use ndarray::ArrayD;
use praxiscope_runtime::bundle::Mode;
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::{Model, Stream};
use praxiscope_tools::compare::{Difference, difference};
use praxiscope_tools::frames::Frames;
use praxiscope_tools::import::{self, Want};
use praxiscope_tools::reference::{OnnxRuntime, Reference};
use praxiscope_tools::{npy, run as runner};

use super::{load, print_json};
use crate::Outcome;
use crate::cli::{Compare, FramesFrom, ReferenceArg};

/// Rows of the table for people.
const ROWS_SHOWN: usize = 20;

pub fn compare(arguments: &Compare, json: bool) -> Result<Outcome> {
    let ReferenceArg::Onnxruntime = arguments.reference;
    let model = load(&arguments.bundle)?;
    let frames = frames(&arguments.frames, &model)?;
    let mut stream = Stream::new(&model)?;
    let mut answers = runner::step_frames(&mut stream, &frames)?;
    answers.extend(stream.finish()?);
    let ours = runner::rows(&answers, model.manifest().labels.len());
    let (name, theirs) = reference(arguments, &model, &frames.values)?;
    let difference = difference(&ours, &theirs)?;
    let good = difference.largest <= arguments.tolerance;
    let numbers: Vec<u64> = answers.iter().map(|answer| answer.frame).collect();
    if json {
        print_json(&serde_json::json!({
            "reference": name,
            "rows": rows_compared(&model),
            "frames": numbers,
            "difference": difference,
            "tolerance": arguments.tolerance,
            "good": good,
        }))?;
    } else {
        print_table(&name, &model, &numbers, &difference);
        let verdict = if good { "within" } else { "BEYOND" };
        println!(
            "largest {:.3e}: {verdict} the tolerance of {:e}",
            difference.largest, arguments.tolerance
        );
    }
    Ok(if good {
        Outcome::Good
    } else {
        Outcome::ComparisonFailed
    })
}

/// The frames that both sides are given.
fn frames(from: &FramesFrom, model: &Model) -> Result<Frames> {
    if let Some(path) = &from.input {
        let reading = Reading {
            rate: from.input_fps,
            ..Reading::default()
        };
        return Ok(Frames::of_video(path, reading, model)?);
    }
    let path = from
        .tensor
        .as_ref()
        .context("neither a tensor nor a video")?;
    let rate = model.manifest().input.frame_rate;
    Ok(Frames::of_tensor(&npy::read(path)?, rate)?)
}

fn reference(
    arguments: &Compare,
    model: &Model,
    frames: &[ArrayD<f32>],
) -> Result<(String, ndarray::Array2<f32>)> {
    let manifest = model.manifest();
    let geometry = &manifest.input.geometry;
    let size = Some((geometry.height, geometry.width));
    let want = match manifest.clip {
        None => Want::Step,
        Some(clip) => Want::Clip {
            frames: Some(clip.frames),
        },
    };
    let imported = import::onnx(&arguments.source, want, size)
        .with_context(|| format!("{} cannot be the source", arguments.source.display()))?;
    let mut reference = OnnxRuntime::load(&arguments.source, imported.ports)?;
    let rows = match manifest.clip {
        None => reference.step_all(frames)?,
        Some(clip) => reference.windows(frames, clip.frames, clip.hop)?,
    };
    Ok((reference.name(), rows))
}

fn rows_compared(model: &Model) -> &'static str {
    match model.manifest().mode {
        Mode::Stream => "every frame, in order, from the first; caches carried along on both sides",
        Mode::Clip => "the same windows",
    }
}

fn print_table(name: &str, model: &Model, numbers: &[u64], difference: &Difference) {
    println!(
        "ours against {name}\nrows compared: {}\n",
        rows_compared(model)
    );
    println!("{:>8}  {:>12}", "frame", "difference");
    for (number, row) in numbers.iter().zip(&difference.by_row).take(ROWS_SHOWN) {
        println!("{number:>8}  {row:>12.3e}");
    }
    if difference.rows > ROWS_SHOWN {
        println!("{:>8}  ({} more rows)", "...", difference.rows - ROWS_SHOWN);
    }
    println!(
        "\n{} rows, same first class in {}; mean {:.3e}, largest logit {:.3}",
        difference.rows, difference.same_top, difference.mean, difference.scale
    );
}
