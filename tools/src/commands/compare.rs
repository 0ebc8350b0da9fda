//! `praxc compare`.

use anyhow::{Context, Result};
use ndarray::ArrayD;
use praxiscope_models::SlowFrames;
use praxiscope_runtime::bundle::Mode;
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::{Model, Stream};
use praxiscope_tools::compare::{Difference, difference};
use praxiscope_tools::frames::Frames;
use praxiscope_tools::import::{self, ImportError, Want};
use praxiscope_tools::reference::{OnnxRuntime, Reference};
use praxiscope_tools::{npy, run as runner};

use super::{print_json, read_bundle};
use crate::Outcome;
use crate::cli::{Compare, FramesFrom, ReferenceArg};

/// Rows of the table for people.
const ROWS_SHOWN: usize = 20;

pub fn compare(arguments: &Compare, json: bool) -> Result<Outcome> {
    let ReferenceArg::Onnxruntime = arguments.reference;
    let bundle = read_bundle(&arguments.bundle)?;
    let model = Model::load(&bundle)
        .with_context(|| format!("{} was refused", arguments.bundle.display()))?;
    let slow = import::picked_pathway(&bundle.graph()?).map(|(_, frames)| frames);
    let slow = slow.unwrap_or(SlowFrames::Strided);
    let frames = frames(&arguments.frames, &model)?;
    let mut stream = Stream::new(&model)?;
    let mut answers = runner::step_frames(&mut stream, &frames)?;
    answers.extend(stream.finish()?);
    let mut ours = runner::rows(&answers, model.manifest().labels.len());
    let (name, compared, theirs) = reference(arguments, &model, slow, &frames.values)?;
    if compared == Compared::LastOfClip {
        let last: Vec<usize> = ours.nrows().checked_sub(1).into_iter().collect();
        ours = ours.select(ndarray::Axis(0), &last);
        answers.drain(..answers.len().saturating_sub(1));
    }
    let difference = difference(&ours, &theirs)?;
    let good = difference.largest <= arguments.tolerance;
    let numbers: Vec<u64> = answers.iter().map(|answer| answer.frame).collect();
    if json {
        print_json(&serde_json::json!({
            "reference": name,
            "rows": compared.as_str(),
            "frames": numbers,
            "difference": difference,
            "tolerance": arguments.tolerance,
            "good": good,
        }))?;
    } else {
        print_table(&name, compared, &numbers, &difference);
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
    slow: SlowFrames,
    frames: &[ArrayD<f32>],
) -> Result<(String, Compared, ndarray::Array2<f32>)> {
    let manifest = model.manifest();
    let geometry = &manifest.input.geometry;
    let size = Some((geometry.height, geometry.width));
    let want = match manifest.clip {
        None => Want::Step,
        Some(clip) => Want::Clip {
            frames: Some(clip.frames),
        },
    };
    let (ports, compared) = match import::onnx(&arguments.source, want, size) {
        Ok(imported) if manifest.mode == Mode::Stream => (imported.ports, Compared::Steps),
        Ok(imported) => (imported.joined(slow)?.ports, Compared::Windows),
        Err(ImportError::ClipNetwork { .. }) => {
            let open = import::onnx(&arguments.source, Want::Clip { frames: None }, size);
            let whole = Want::Clip {
                frames: Some(frames.len()),
            };
            let clip = open.or_else(|_| import::onnx(&arguments.source, whole, size))?;
            (clip.joined(slow)?.ports, Compared::OneClip)
        }
        Err(error) => {
            let context = format!("{} cannot be the source", arguments.source.display());
            return Err(error).context(context);
        }
    };
    let mut reference = OnnxRuntime::load(&arguments.source, ports)?;
    let rows = match (compared, manifest.clip) {
        (Compared::Steps, _) => reference.step_all(frames)?,
        (Compared::Windows, Some(clip)) => reference.windows(frames, clip.frames, clip.hop)?,
        _ => {
            let rows = reference.windows(frames, frames.len().max(1), 1)?;
            if rows.ncols() == manifest.labels.len() && frames.len() > 1 {
                return Ok((reference.name(), Compared::LastOfClip, rows));
            }
            let shape = (frames.len(), manifest.labels.len());
            rows.into_shape_with_order(shape).context(
                "the source does not give a row for each frame, so its rows cannot be compared \
                 with those of a stream",
            )?
        }
    };
    Ok((reference.name(), compared, rows))
}

/// Which rows stand beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Steps,
    Windows,
    OneClip,
    LastOfClip,
}

impl Compared {
    fn as_str(self) -> &'static str {
        match self {
            Compared::Steps => "every frame, in order, caches carried along on both sides",
            Compared::Windows => "the same windows",
            Compared::LastOfClip => {
                "the last answer, against the whole recording as one clip (which sees what the answer \
                 sees if the bundle was made with --window all)"
            }
            Compared::OneClip => "every frame, against the whole recording as one clip",
        }
    }
}

fn print_table(name: &str, compared: Compared, numbers: &[u64], difference: &Difference) {
    println!(
        "ours against {name}\nrows compared: {}\n",
        compared.as_str()
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
