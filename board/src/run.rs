//! The two commands: from settings to a pipeline, and from its report to an exit status.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::recognizer::{Recognizer, RecognizerOptions};
use praxiscope_runtime::source::{self, Liveness, Reading, Source};
use praxiscope_runtime::stream::Model;

use crate::camera::{self, CameraSettings};
use crate::cli;
use crate::command::{self, CommandSettings, PipeFormat};
use crate::config::Config;
use crate::controls::Controls;
use crate::demo::{self, DEMO_MODEL};
use crate::heartbeat::Heartbeat;
use crate::outputs::{Outputs, OutputsConfig, Surroundings};
use crate::pace::Pace;
use crate::pipeline::{self, Wiring};
use crate::reload::{self, Reloading};
use crate::stop::Stop;
use crate::summary::Summary;

/// `praxiscope demo`
///
/// # Errors
///
/// One sentence for the user.
pub fn demo(arguments: &cli::Demo) -> Result<()> {
    if let Some(path) = &arguments.write {
        demo::write_clip(path)?;
        say(&format!("the clip is in {}", path.display()));
    }
    let recognizer = Recognizer::new(&load_model(None)?, RecognizerOptions::default())?;
    let watch = Watch {
        paced: arguments.pace,
        scores: arguments.scores,
        outputs: OutputsConfig::default(),
        events: recognizer.model().manifest().events.clone(),
        config: None,
    };
    watch.run(demo::clip()?, recognizer, &Stop::default())
}

/// `praxiscope run`
///
/// # Errors
///
/// One sentence for the user.
pub fn run(arguments: &cli::Run) -> Result<()> {
    let config = arguments
        .config
        .as_deref()
        .map(Config::read)
        .transpose()?
        .unwrap_or_default();
    let model = load_model(arguments.model.as_deref().or(config.model.as_deref()))?;
    let events = config.events(&model.manifest().events)?;
    let options = RecognizerOptions {
        every_frame: arguments.every_frame || config.every_frame,
        events: events.clone(),
    };
    let recognizer =
        Recognizer::new(&model, options).context("the model cannot be run with these settings")?;
    let stop = Stop::default();
    let source = open(arguments, &config, &stop)?;
    let watch = Watch {
        paced: !arguments.no_pace,
        scores: arguments.scores || config.scores,
        outputs: config.outputs.clone(),
        events: events.unwrap_or_else(|| model.manifest().events.clone()),
        config: arguments.config.clone().map(|path| (path, config)),
    };
    watch.run(source, recognizer, &stop)
}

fn load_model(path: Option<&Path>) -> Result<Model> {
    match path {
        None => {
            let bundle = Bundle::from_bytes(DEMO_MODEL).context("the demo model is damaged")?;
            Model::load(&bundle).context("the demo model is damaged")
        }
        Some(path) => {
            let refused = || format!("the model {} is refused", path.display());
            let bundle = Bundle::read(path).with_context(refused)?;
            Model::load(&bundle).with_context(refused)
        }
    }
}

/// The source that the command line names, or else the configuration.
fn open(arguments: &cli::Run, config: &Config, stop: &Stop) -> Result<Source> {
    let mut wanted = config.source.clone();
    if arguments.camera.is_some() || arguments.input.is_some() {
        wanted.camera = arguments.camera.clone();
        wanted.input = arguments.input.clone();
        (wanted.command, wanted.rtsp) = (None, None);
    }
    let (timeout, give_up) = wanted.patience()?;
    let heartbeat = Heartbeat::default();
    let pipe = |command, name, format| CommandSettings {
        command,
        name,
        format,
        size: wanted.size,
        rate: arguments.input_fps.or(wanted.fps),
        restart: wanted.restart,
        timeout,
        give_up,
        every_frame: arguments.no_pace,
        heartbeat: heartbeat.clone(),
    };
    match (&wanted.camera, &wanted.input, &wanted.command, &wanted.rtsp) {
        (Some(path), None, None, None) => {
            let settings = CameraSettings {
                path: path.clone(),
                size: arguments.camera_size.or(wanted.size),
                rate: arguments.camera_fps.or(wanted.fps),
                format: wanted.format,
                timeout,
                give_up,
                heartbeat: heartbeat.clone(),
            };
            camera::open(&settings, stop)
        }
        (None, Some(path), None, None) => {
            let reading = Reading {
                rate: arguments.input_fps.or(wanted.fps),
                every_frame: arguments.no_pace,
            };
            if path == Path::new("-") {
                Ok(source::standard_input(reading)?)
            } else {
                Ok(source::file(path, reading)?)
            }
        }
        (None, None, Some(line), None) => {
            let format = wanted.format.as_deref().unwrap_or("mjpeg");
            let format = format.parse().map_err(|why: String| anyhow!(why))?;
            let name = line.first().cloned().unwrap_or_default();
            command::open(pipe(line.clone(), name, format), stop)
        }
        (None, None, None, Some(url)) => {
            let (line, name) = command::through_ffmpeg(url, wanted.size, wanted.fps)?;
            command::open(pipe(line, name, PipeFormat::Y4m), stop)
        }
        (None, None, None, None) => {
            bail!("nothing to watch: give --camera /dev/videoN, --input FILE or --input -")
        }
        _ => bail!(
            "the configuration's source names more than one of camera, input, command and rtsp: \
             leave one"
        ),
    }
}

/// How a run shows itself.
struct Watch {
    /// The source is held to its own speed.
    paced: bool,
    /// Every answer's scores are written too.
    scores: bool,
    /// Who is told.
    outputs: OutputsConfig,
    /// How scores become events.
    events: EventSettings,
    /// The configuration and where it stands, to be read again.
    config: Option<(PathBuf, Config)>,
}

impl Watch {
    /// Runs, tells the outputs, and writes the summary on standard error.
    fn run(self, source: Source, recognizer: Recognizer, stop: &Stop) -> Result<()> {
        let pace = if self.paced {
            Pace::real_time(&source)
        } else {
            Pace::unbounded()
        };
        let model = recognizer.model().clone();
        let manifest = model.manifest();
        let controls = Arc::new(Controls::default());
        let around = Surroundings {
            labels: manifest.labels.clone(),
            classes: self
                .events
                .speaking(&manifest.labels, manifest.idle.as_deref()),
            model: manifest.name.clone(),
            live: source.liveness != Liveness::Recorded,
            scores: self.scores,
            controls: Arc::clone(&controls),
            stop: stop.clone(),
        };
        let name = source.name.clone();
        stop.on_signals()?;
        let outputs = Arc::new(Outputs::start(&self.outputs, around)?);
        if let Some((path, config)) = self.config {
            let reloading = Reloading {
                path,
                config,
                events: self.events,
                model: model.clone(),
                controls: Arc::clone(&controls),
                outputs: Arc::clone(&outputs),
            };
            reload::on_signal(reloading)?;
        }
        let started = Instant::now();
        let shown = Arc::clone(&outputs);
        let wiring = Wiring {
            controls,
            frames: Arc::new(move |frame| shown.frame(frame)),
        };
        let report = pipeline::run(source, recognizer, pace, stop, &wiring, |output| {
            outputs.give(output);
            ControlFlow::Continue(())
        });
        let fared = outputs.finish();
        let took = started.elapsed();
        let summary = Summary {
            source: &name,
            manifest,
            report: &report,
            events: outputs.events(),
            fared: &fared,
            took,
        };
        say(summary.to_string().trim_end());
        let lines = fared
            .iter()
            .find(|output| output.is_lines() && output.lost > 0);
        if let Some(lines) = lines {
            let (count, fault) = (lines.lost, lines.fault.as_deref().unwrap_or("it failed"));
            bail!("{count} lines could not be written to standard output: {fault}");
        }
        report.failure.map_or(Ok(()), Err)
    }
}

/// Writes to standard error; when nobody reads it, there is nobody to tell.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
