//! `praxc compare`.

use anyhow::{Context, Result, bail};
use ndarray::ArrayD;
use praxiscope_models::SlowFrames;
use praxiscope_runtime::bundle::Mode;
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::{Model, Stream};
use praxiscope_tools::compare::difference;
use praxiscope_tools::frames::Frames;
use praxiscope_tools::import::{self, ImportError, Ports, Want};
use praxiscope_tools::reference::{Device, OnnxRuntime, Reference, saved_rows};
use praxiscope_tools::report::Side;
use praxiscope_tools::{npy, run as runner};

use super::compare_report::{self, Told};
use super::read_bundle;
use crate::Outcome;
use crate::cli::{Compare, FramesFrom, SideArg};

pub fn compare(arguments: &Compare, json: bool) -> Result<Outcome> {
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
    let Source {
        name,
        compared,
        rows: theirs,
        ports,
    } = reference(arguments, &model, slow, &frames.values)?;
    if compared == Compared::LastOfClip {
        let last: Vec<usize> = ours.nrows().checked_sub(1).into_iter().collect();
        ours = ours.select(ndarray::Axis(0), &last);
        answers.drain(..answers.len().saturating_sub(1));
    }
    let difference = difference(&ours, &theirs)?;
    let layers = match (arguments.demands.layers, ports) {
        (false, _) => None,
        (true, Some(ports)) => {
            let by_steps = compared == Compared::Steps;
            let (source, frames) = (&arguments.source, &frames.values);
            Some(compare_report::layers(
                &bundle, source, ports, frames, by_steps,
            )?)
        }
        (true, None) => bail!("saved rows have no layers: leave --layers away"),
    };
    let frames: Vec<u64> = answers.iter().map(|answer| answer.frame).collect();
    let told = Told {
        model: &model,
        side: Side {
            bundle: &arguments.bundle.display().to_string(),
            reference: &name,
            rows: compared.as_str(),
            ours: &ours,
            theirs: &theirs,
            frames: &frames,
            labels: &model.manifest().labels,
        },
        answers: &answers,
        difference: &difference,
        layers: layers.as_ref(),
        tolerance: arguments.tolerance,
        demands: &arguments.demands,
    };
    told.tell(json)
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
) -> Result<Source> {
    let manifest = model.manifest();
    let geometry = &manifest.input.geometry;
    let size = Some((geometry.height, geometry.width));
    let want = match manifest.clip {
        None => Want::Step,
        Some(clip) => Want::Clip {
            frames: Some(clip.frames),
        },
    };
    let device = match arguments.reference {
        SideArg::Onnxruntime => Device::Cpu,
        SideArg::OnnxruntimeCuda => Device::Cuda,
        SideArg::Tensors => {
            let rows = saved_rows(&arguments.source, manifest.labels.len())?;
            return Ok(Source {
                name: format!("the rows in {}", arguments.source.display()),
                compared: Compared::Saved,
                rows,
                ports: None,
            });
        }
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
    let mut reference = OnnxRuntime::load_on(&arguments.source, ports.clone(), device)?;
    let source = |name, compared, rows| Source {
        name,
        compared,
        rows,
        ports: Some(ports.clone()),
    };
    let rows = match (compared, manifest.clip) {
        (Compared::Steps, _) => reference.step_all(frames)?,
        (Compared::Windows, Some(clip)) => reference.windows(frames, clip.frames, clip.hop)?,
        _ => {
            let rows = reference.windows(frames, frames.len().max(1), 1)?;
            if rows.ncols() == manifest.labels.len() && frames.len() > 1 {
                return Ok(source(reference.name(), Compared::LastOfClip, rows));
            }
            let shape = (frames.len(), manifest.labels.len());
            rows.into_shape_with_order(shape).context(
                "the source does not give a row for each frame, so its rows cannot be compared \
                 with those of a stream",
            )?
        }
    };
    Ok(source(reference.name(), compared, rows))
}

/// What the reference said.
struct Source {
    name: String,
    compared: Compared,
    rows: ndarray::Array2<f32>,
    /// How its layers can be asked for.
    ports: Option<Ports>,
}

/// Which rows stand beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Steps,
    Windows,
    OneClip,
    LastOfClip,
    Saved,
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
            Compared::Saved => "every answer with the row of its number",
            Compared::OneClip => "every frame, against the whole recording as one clip",
        }
    }
}
