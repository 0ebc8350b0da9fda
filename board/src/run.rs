//! The two commands: from settings to a pipeline, and from its report to an exit status.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::recognizer::{Recognizer, RecognizerOptions};
use praxiscope_runtime::source::{self, Reading, Source};
use praxiscope_runtime::stream::Model;

use crate::camera::{self, CameraSettings};
use crate::cli;
use crate::config::Config;
use crate::demo::{self, DEMO_MODEL};
use crate::output::JsonLines;
use crate::pace::Pace;
use crate::pipeline;
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
    let options = RecognizerOptions {
        every_frame: arguments.every_frame || config.every_frame,
        events: config.events(&model.manifest().events)?,
    };
    let recognizer =
        Recognizer::new(&model, options).context("the model cannot be run with these settings")?;
    let stop = Stop::default();
    let source = open(arguments, &config, &stop)?;
    let watch = Watch {
        paced: !arguments.no_pace,
        scores: arguments.scores || config.scores,
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
    let (camera, input) = match (&arguments.camera, &arguments.input) {
        (None, None) => (
            config.source.camera.as_deref(),
            config.source.input.as_deref(),
        ),
        (camera, input) => (camera.as_deref(), input.as_deref()),
    };
    match (camera, input) {
        (Some(path), None) => {
            let settings = CameraSettings {
                path: path.into(),
                size: arguments.camera_size.or(config.source.size),
                rate: arguments.camera_fps.or(config.source.fps),
            };
            camera::open(&settings, stop)
        }
        (None, Some(path)) => {
            let reading = Reading {
                rate: arguments.input_fps.or(config.source.fps),
                every_frame: arguments.no_pace,
            };
            if path == Path::new("-") {
                Ok(source::standard_input(reading)?)
            } else {
                Ok(source::file(path, reading)?)
            }
        }
        (None, None) => {
            bail!("nothing to watch: give --camera /dev/videoN, --input FILE or --input -")
        }
        (Some(_), Some(_)) => bail!("the configuration names a camera and an input: leave one out"),
    }
}

/// How a run shows itself.
struct Watch {
    /// The source is held to its own speed.
    paced: bool,
    /// Every answer's scores are written too.
    scores: bool,
}

impl Watch {
    /// Runs, writes events on standard output and the summary on standard error.
    fn run(&self, source: Source, recognizer: Recognizer, stop: &Stop) -> Result<()> {
        let pace = if self.paced {
            Pace::real_time(&source)
        } else {
            Pace::unbounded()
        };
        // Not through `io::stdout`, whose buffer would hold back half a line from a full disk.
        let stdout = io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .context("no standard output")?;
        let model = recognizer.model().clone();
        let manifest = model.manifest();
        let mut lines = JsonLines::new(File::from(stdout), &manifest.labels, self.scores);
        let name = source.name.clone();
        stop.on_signals()?;
        let started = Instant::now();
        let report = pipeline::run(source, recognizer, pace, stop, |output| {
            lines.write(&output, |fault| {
                say(&format!(
                    "events wait, for standard output takes none: {fault}"
                ));
            })
        });
        let written = lines.finish();
        let took = started.elapsed();
        let summary = Summary {
            source: &name,
            manifest,
            report: &report,
            written: &written,
            took,
        };
        say(summary.to_string().trim_end());
        if let Some((count, fault)) = written.lost {
            bail!("{count} lines could not be written to standard output: {fault}");
        }
        report.failure.map_or(Ok(()), Err)
    }
}

/// Writes to standard error; when nobody reads it, there is nobody to tell.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
