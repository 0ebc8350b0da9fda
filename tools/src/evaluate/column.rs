//! What is evaluated side by side: bundles, and the source network in a reference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ndarray::ArrayD;
use praxiscope_models::SlowFrames;
use praxiscope_runtime::bundle::{Bundle, Clip, Input, Manifest, Mode, hex_digest};
use praxiscope_runtime::stream::{Model, ModelError, Scores, Stream, StreamError};
use serde::{Deserialize, Serialize};
use tract_core::internal::IntoTensor;

use super::EvaluateError;
use super::views::{Decoded, Spread};
use crate::import::{self, Ports, Want};
use crate::reference::{Device, OnnxRuntime, Reference};

/// What a column is, for people and to know it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The file's name.
    pub name: String,
    /// Clip mode, step mode, or a reference.
    pub mode: String,
    /// Float, or integers.
    pub arithmetic: String,
    /// The file's digest.
    pub digest: String,
    /// Labels that events have other names for, or never name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub event_names: BTreeMap<String, Option<String>>,
}

/// For each label that events do not call by its own name, what they call it: the name of the merged
/// class that it is in; nothing for the idle class and masked ones.
pub fn event_names(manifest: &Manifest) -> BTreeMap<String, Option<String>> {
    let events = &manifest.events;
    let merged = events.merged.iter();
    let merged = merged.flat_map(|(name, members)| {
        let name = Some(name).filter(|name| !events.masked.contains(name));
        members
            .iter()
            .map(move |label| (label.clone(), name.cloned()))
    });
    let silent = events.masked.iter().chain(&manifest.idle);
    let silent = silent.filter(|label| manifest.labels.contains(label));
    merged
        .chain(silent.map(|label| (label.clone(), None)))
        .collect()
}

/// One of those that are evaluated.
#[derive(Clone, Debug)]
pub struct Column {
    /// What it is.
    pub facts: Facts,
    kind: Kind,
    /// Which frames a second pathway of the bundle sees.
    slow: SlowFrames,
}

#[derive(Clone, Debug)]
enum Kind {
    Bundle(Model),
    Source {
        file: PathBuf,
        ports: Ports,
        clip: Clip,
        input: Box<Input>,
        device: Device,
    },
}

/// A view of a video: its frames by their numbers on the model's clock.
pub type Window = Vec<usize>;

/// One row of logits for each view; nothing where there is no answer.
pub type Rows = Vec<Option<Vec<f32>>>;

impl Column {
    /// A bundle.
    ///
    /// # Errors
    /// [`EvaluateError::Model`].
    pub fn of_bundle(path: &Path, bundle: &Bundle) -> Result<Column, EvaluateError> {
        let model = Model::load(bundle)?;
        let mode = match model.manifest().mode {
            Mode::Stream => "step",
            Mode::Clip => "clip",
        };
        let arithmetic = match bundle.quantization() {
            Some(_) => "int8",
            None => "float",
        };
        let facts = Facts {
            name: file_name(path),
            mode: mode.into(),
            arithmetic: arithmetic.into(),
            digest: bundle.digest(),
            event_names: event_names(model.manifest()),
        };
        let slow = match model.manifest().mode {
            Mode::Clip => {
                let graph = bundle.graph().map_err(ModelError::from)?;
                import::picked_pathway(&graph).map(|(_, frames)| frames)
            }
            Mode::Stream => None,
        };
        Ok(Column {
            facts,
            kind: Kind::Bundle(model),
            slow: slow.unwrap_or(SlowFrames::Strided),
        })
    }

    /// The ONNX file that a bundle in clip mode was made of, on the same windows.
    ///
    /// # Errors
    /// [`EvaluateError::Import`], [`EvaluateError::Reference`], or [`EvaluateError::Settings`] without a
    /// bundle in clip mode.
    pub fn of_source(
        file: &Path,
        like: &[Column],
        device: Device,
    ) -> Result<Column, EvaluateError> {
        let of_clips = like
            .iter()
            .find_map(|column| Some((column.clip()?, column)));
        let Some((clip, bundle)) = of_clips else {
            return Err(EvaluateError::Settings(
                "the source network is evaluated on the windows of a bundle in clip mode, and none was \
                 given: convert one with --mode clip"
                    .into(),
            ));
        };
        let (input, slow) = (bundle.input().clone(), bundle.slow);
        let size = (input.geometry.height, input.geometry.width);
        let frames = Some(clip.frames);
        let imported = import::onnx(file, Want::Clip { frames }, Some(size))?;
        let ports = imported.joined(slow)?.ports;
        let bytes = std::fs::read(file).map_err(|error| {
            EvaluateError::Settings(format!("cannot read {}: {error}", file.display()))
        })?;
        let reference = OnnxRuntime::load_on(file, ports.clone(), device)?;
        let facts = Facts {
            name: file_name(file),
            mode: reference.name(),
            arithmetic: "float".into(),
            digest: hex_digest(&bytes),
            event_names: BTreeMap::new(),
        };
        let input = Box::new(input);
        let file = file.into();
        let kind = Kind::Source {
            file,
            ports,
            clip,
            input,
            device,
        };
        Ok(Column { facts, kind, slow })
    }

    /// The window of clip mode.
    pub fn clip(&self) -> Option<Clip> {
        match &self.kind {
            Kind::Bundle(model) => model.manifest().clip,
            Kind::Source { clip, .. } => Some(*clip),
        }
    }

    /// From a frame to its input.
    pub fn input(&self) -> &Input {
        match &self.kind {
            Kind::Bundle(model) => &model.manifest().input,
            Kind::Source { input, .. } => input,
        }
    }

    /// The bundle's network; nothing for a reference.
    pub fn model(&self) -> Option<&Model> {
        match &self.kind {
            Kind::Bundle(model) => Some(model),
            Kind::Source { .. } => None,
        }
    }

    /// What one thread runs it with.
    ///
    /// # Errors
    /// [`EvaluateError::Reference`].
    pub fn runner(&self) -> Result<Runner, EvaluateError> {
        Ok(match &self.kind {
            Kind::Bundle(model) => Runner::Bundle(model.clone()),
            Kind::Source {
                file,
                ports,
                device,
                ..
            } => Runner::Source(Box::new(OnnxRuntime::load_on(
                file,
                ports.clone(),
                *device,
            )?)),
        })
    }
}

/// Runs a column's network, in one thread.
pub enum Runner {
    /// A bundle.
    Bundle(Model),
    /// The source network.
    Source(Box<dyn Reference>),
}

impl Runner {
    /// What it says of each view of one crop.
    ///
    /// In clip mode a view is the network's window. A step program streams over the whole video, as on
    /// the board, and what it says of the view's last frame (or last before) is its answer; of
    /// [segments](Spread::Segments) it gets the frames of the view alone, from a cold start to the end.
    ///
    /// # Errors
    /// [`EvaluateError::Stream`] or [`EvaluateError::Reference`].
    pub fn rows(
        &mut self,
        video: &Decoded,
        crop: usize,
        windows: &[Window],
        spread: Spread,
    ) -> Result<Rows, EvaluateError> {
        match self {
            Runner::Bundle(model) => match (model.manifest().clip, spread) {
                (None, Spread::Dense) => streamed(model, video, crop, windows),
                _ => windows
                    .iter()
                    .map(|window| {
                        let answers = step_through(model, video, crop, window)?;
                        Ok(answers.into_iter().next_back().map(|answer| answer.logits))
                    })
                    .collect(),
            },
            Runner::Source(reference) => windows
                .iter()
                .map(|window| {
                    let frames = window.iter().map(|&tick| video.frame(crop, tick));
                    let frames: Vec<ArrayD<f32>> = frames.collect();
                    let rows = reference.windows(&frames, frames.len(), 1)?;
                    Ok(rows.outer_iter().next().map(|row| row.to_vec()))
                })
                .collect(),
        }
    }
}

/// One stream over the whole video.
fn streamed(
    model: &Model,
    video: &Decoded,
    crop: usize,
    windows: &[Window],
) -> Result<Rows, EvaluateError> {
    let all: Window = (0..video.ticks()).collect();
    let answers = step_through(model, video, crop, &all)?;
    let standing = |window: &Window| {
        let end = window.last().copied().unwrap_or_default() as u64;
        let mut before = answers.iter().filter(|answer| answer.frame <= end);
        before.next_back().map(|answer| answer.logits.clone())
    };
    Ok(windows.iter().map(standing).collect())
}

/// A stream over these frames, to its end; numbers count the frames given.
fn step_through(
    model: &Model,
    video: &Decoded,
    crop: usize,
    ticks: &[usize],
) -> Result<Vec<Scores>, StreamError> {
    let mut stream = Stream::new(model)?;
    let rate = model.manifest().input.frame_rate;
    let mut answers = vec![];
    for (number, &tick) in ticks.iter().enumerate() {
        let frame = video.frame(crop, tick);
        let frame = frame
            .into_shape_with_order(model.frame_shape())
            .map_err(|error| StreamError::Network(error.to_string()))?;
        let time = Duration::from_secs_f64(number as f64 / rate);
        answers.extend(stream.step_tensor(frame.into_tensor(), number as u64, time)?);
    }
    answers.extend(stream.finish()?);
    Ok(answers)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
