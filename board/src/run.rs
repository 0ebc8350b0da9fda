//! The two commands: from settings to a pipeline, and from its report to an exit status.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::recognizer::{Recognizer, RecognizerOptions};
use praxiscope_runtime::source::{self, Reading, Source};
use praxiscope_runtime::stream::Model;
use thiserror::Error;

use crate::camera::{self, CameraSettings};
use crate::cli;
use crate::config::Config;
use crate::demo::{self, DEMO_MODEL};
use crate::guard::{Guard, GuardSettings, Restarts, Systemd};
use crate::output::JsonLines;
use crate::pace::Pace;
use crate::page::{Card, Page, PageSettings, Subject};
use crate::pipeline;
use crate::stop::Stop;
use crate::summary::Summary;
use crate::telemetry::{Stage, Telemetry};

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
    let (model, card) = load_model(None)?;
    let shown = arguments.page.is_some();
    let watch = Watch {
        paced: arguments.pace || shown,
        scores: arguments.scores,
        card,
        page: page_settings(arguments.page, None),
        guard: GuardSettings::default(),
        restartable: false,
    };
    watch.run(&Stop::default(), |_| {
        let recognizer = Recognizer::new(&model, RecognizerOptions::default())?;
        let clip = if shown {
            demo::endless()?
        } else {
            demo::clip()?
        };
        Ok((clip, recognizer))
    })
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
    let (model, card) = load_model(arguments.model.as_deref().or(config.model.as_deref()))?;
    let options = RecognizerOptions {
        every_frame: arguments.every_frame || config.every_frame,
        events: config.events(&model.manifest().events)?,
    };
    let watch = Watch {
        paced: !arguments.no_pace,
        scores: arguments.scores || config.scores,
        card,
        page: page_settings(arguments.page, config.page.as_ref()),
        guard: config.guard,
        // Standard input cannot be opened again.
        restartable: arguments.input.is_none() && config.source.input.is_none(),
    };
    watch.run(&Stop::default(), |stop| {
        let recognizer = Recognizer::new(&model, options.clone())
            .context("the model cannot be run with these settings")?;
        Ok((open(arguments, &config, stop)?, recognizer))
    })
}

/// Where the page is to be, if there is one: the command line wins.
fn page_settings(
    asked: Option<Option<SocketAddr>>,
    config: Option<&PageSettings>,
) -> Option<PageSettings> {
    let mut settings = config.cloned();
    if let Some(address) = asked {
        let settings = settings.get_or_insert_default();
        settings.address = address.unwrap_or(settings.address);
    }
    settings
}

pub(crate) fn load_model(path: Option<&Path>) -> Result<(Model, Card)> {
    let refused = || match path {
        None => "the demo model is damaged".into(),
        Some(path) => format!("the model {} is refused", path.display()),
    };
    let bundle = match path {
        None => Bundle::from_bytes(DEMO_MODEL),
        Some(path) => Bundle::read(path),
    };
    let bundle = bundle.with_context(refused)?;
    let model = Model::load(&bundle).with_context(refused)?;
    Ok((model, Card::of(&bundle)))
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
    /// What the page says of the model.
    card: Card,
    /// Where the page is, if there is one.
    page: Option<PageSettings>,
    /// When a stage hangs.
    guard: GuardSettings,
    /// The source can be opened again when a stage hung.
    restartable: bool,
}

/// A stage of the pipeline hung, and starting again did not help or was not possible.
#[derive(Debug, Error)]
#[error("nothing came through the {stage} stage for {seconds} seconds")]
pub struct Hung {
    /// The stage.
    pub stage: &'static str,
    /// How long it was waited for.
    pub seconds: f64,
}

impl Watch {
    /// Runs what `open` gives, writes events on standard output and the summary on standard error.
    fn run(
        &self,
        stop: &Stop,
        mut open: impl FnMut(&Stop) -> Result<(Source, Recognizer)>,
    ) -> Result<()> {
        let mut run = stop.child();
        let (mut source, mut recognizer) = open(&run)?;
        // Not through `io::stdout`, whose buffer would hold back half a line from a full disk.
        let stdout = io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .context("no standard output")?;
        let model = recognizer.model().clone();
        let manifest = model.manifest();
        let mut lines = JsonLines::new(File::from(stdout), &manifest.labels, self.scores);
        let name = source.name.clone();
        let telemetry = Telemetry::new(self.guard.limit());
        self.show(&telemetry, &name)?;
        stop.on_signals()?;
        let systemd = Systemd::from_env();
        systemd.ready();
        let guard = Guard::start(&telemetry, systemd, give_up);
        let mut restarts = Restarts::new(self.guard.restarts);
        let started = Instant::now();
        let mut report = loop {
            let pace = if self.paced {
                Pace::real_time(&source)
            } else {
                Pace::unbounded()
            };
            guard.watch(&run);
            let mut report = pipeline::run(source, recognizer, pace, &run, &telemetry, |output| {
                lines.write(&output, |fault| {
                    say(&format!(
                        "events wait, for standard output takes none: {fault}"
                    ));
                })
            });
            let Some(stage) = guard.came_back() else {
                break report;
            };
            let hung = self.hung(&telemetry, stage);
            if stop.asked() || !self.restartable || !restarts.take() {
                report.failure = Some(hung.into());
                break report;
            }
            say(&format!("note: {hung}: it is started again"));
            telemetry.counts().restarts.add(1);
            run = stop.child();
            (source, recognizer) = open(&run)?;
        };
        guard.stopping();
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
        report.failure.take().map_or(Ok(()), Err)
    }

    /// Opens the page, and says where it is.
    fn show(&self, telemetry: &Arc<Telemetry>, source: &str) -> Result<()> {
        let Some(settings) = &self.page else {
            return Ok(());
        };
        let page = Page::open(settings)?;
        say(&format!("note: the page is at http://{}/", page.address));
        if let Some(token) = &page.new_token {
            say(&format!(
                "note: beyond this machine it wants the token {token} (shown only this once)"
            ));
        }
        let subject = Subject {
            source: source.into(),
            card: self.card.clone(),
        };
        page.serve(Arc::clone(telemetry), subject)
    }

    fn hung(&self, telemetry: &Telemetry, stage: Stage) -> Hung {
        Hung {
            stage: stage.name(),
            seconds: telemetry.progress().limit(stage).as_secs_f64(),
        }
    }
}

/// The program's end when a run that was stopped does not come back: nothing else is left to do.
fn give_up(stage: Stage) {
    say(&format!(
        "praxiscope: the {} stage hangs and cannot be stopped",
        stage.name()
    ));
    std::process::exit(i32::from(crate::HUNG));
}

/// Writes to standard error; when nobody reads it, there is nobody to tell.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
