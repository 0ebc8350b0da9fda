//! The two commands: from settings to a pipeline, and from its report to an exit status.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::recognizer::{Recognizer, RecognizerOptions};
use praxiscope_runtime::source::{self, Liveness, Reading, Source};
use praxiscope_runtime::stream::Model;
use thiserror::Error;

use crate::camera::{self, CameraSettings};
use crate::cli;
use crate::command::{self, CommandSettings, PipeFormat};
use crate::config::Config;
use crate::controls::Controls;
use crate::demo::{self, DEMO_MODEL};
use crate::guard::{Guard, GuardSettings, Restarts, Systemd};
use crate::outputs::{Outputs, OutputsConfig, Surroundings};
use crate::pace::Pace;
use crate::page::{Card, Page, PageSettings, Subject};
use crate::pipeline::{self, Wiring};
use crate::reload::{self, Reloading};
use crate::stop::Stop;
use crate::summary::Summary;
use crate::telemetry::{Pulse, Stage, Telemetry};

/// What outputs have to bring themselves to safety when the program gives up.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
        paced: (arguments.pace || shown).then_some(1.0),
        scores: arguments.scores,
        outputs: OutputsConfig::default(),
        events: model.manifest().events.clone(),
        config: None,
        card,
        page: page_settings(arguments.page, None),
        guard: GuardSettings::default(),
        restartable: false,
    };
    watch.run(&Stop::default(), |_, _| {
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
    let events = config.events(&model.manifest().events)?;
    let options = RecognizerOptions {
        every_frame: arguments.every_frame || config.every_frame,
        events: events.clone(),
    };
    let watch = Watch {
        paced: (!arguments.no_pace)
            .then(|| config.source.scale())
            .transpose()?,
        scores: arguments.scores || config.scores,
        outputs: config.outputs.clone(),
        events: events.unwrap_or_else(|| model.manifest().events.clone()),
        config: arguments.config.clone().map(|path| (path, config.clone())),
        card,
        page: page_settings(arguments.page, config.page.as_ref()),
        guard: config.guard,
        // Standard input cannot be opened again.
        restartable: arguments.input.is_none() && config.source.input.is_none(),
    };
    watch.run(&Stop::default(), |stop, pulse| {
        let recognizer = Recognizer::new(&model, options.clone())
            .context("the model cannot be run with these settings")?;
        Ok((open(arguments, &config, stop, pulse)?, recognizer))
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
fn open(arguments: &cli::Run, config: &Config, stop: &Stop, pulse: &Pulse) -> Result<Source> {
    let mut wanted = config.source.clone();
    if arguments.camera.is_some() || arguments.input.is_some() {
        wanted.camera = arguments.camera.clone();
        wanted.input = arguments.input.clone();
        (wanted.command, wanted.rtsp) = (None, None);
    }
    let (timeout, give_up) = wanted.patience()?;
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
            };
            camera::open(&settings, stop, pulse)
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
            command::open(pipe(line.clone(), name, format), stop, pulse)
        }
        (None, None, None, Some(url)) => {
            let (line, name) = command::through_ffmpeg(url, wanted.size, wanted.fps)?;
            command::open(pipe(line, name, PipeFormat::Y4m), stop, pulse)
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
    /// The source is held to so many of its own seconds per second; else to nothing.
    paced: Option<f64>,
    /// Every answer's scores are written too.
    scores: bool,
    /// Who is told.
    outputs: OutputsConfig,
    /// How scores become events.
    events: EventSettings,
    /// The configuration and where it stands, to be read again.
    config: Option<(PathBuf, Config)>,
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
    /// Runs what `open` gives, tells the outputs, and writes the summary on standard error.
    fn run(
        mut self,
        stop: &Stop,
        mut open: impl FnMut(&Stop, &Pulse) -> Result<(Source, Recognizer)>,
    ) -> Result<()> {
        let telemetry = Telemetry::new(self.guard.limit());
        let pulse = telemetry.pulse();
        let mut run = stop.child();
        let (mut source, mut recognizer) = open(&run, &pulse)?;
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
        self.show(&telemetry, &name)?;
        stop.on_signals()?;
        let outputs = Arc::new(Outputs::start(&self.outputs, around)?);
        if let Some((path, config)) = self.config.take() {
            let reloading = Reloading {
                path,
                config,
                events: self.events.clone(),
                model: model.clone(),
                controls: Arc::clone(&controls),
                outputs: Arc::clone(&outputs),
            };
            reload::on_signal(reloading)?;
        }
        let systemd = Systemd::from_env();
        systemd.ready();
        let ending = stop.clone();
        let guard = Guard::start(&telemetry, systemd, move |stage| give_up(stage, &ending));
        let mut restarts = Restarts::new(self.guard.restarts);
        let started = Instant::now();
        let shown = Arc::clone(&outputs);
        let wiring = Wiring {
            controls,
            frames: Arc::new(move |frame| shown.frame(frame)),
            telemetry: Arc::clone(&telemetry),
        };
        let mut report = loop {
            let pace = match self.paced {
                Some(scale) => Pace::real_time(&source, scale),
                None => Pace::unbounded(),
            };
            guard.watch(&run);
            let mut report = pipeline::run(source, recognizer, pace, &run, &wiring, |output| {
                outputs.give(output);
                ControlFlow::Continue(())
            });
            let Some(stage) = guard.came_back() else {
                break report;
            };
            let hung = Hung::in_stage(stage, &telemetry);
            if stop.asked() || !self.restartable || !restarts.take() {
                report.failure = Some(hung.into());
                break report;
            }
            say(&format!("praxiscope: note: {hung}: it is started again"));
            telemetry.counts().restarts.add(1);
            run = stop.child();
            match open(&run, &pulse) {
                Ok(opened) => (source, recognizer) = opened,
                Err(error) => {
                    report.failure = Some(error.context(hung));
                    break report;
                }
            }
        };
        guard.stopping();
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
        report.failure.take().map_or(Ok(()), Err)
    }

    /// Opens the page, and says where it is.
    fn show(&self, telemetry: &Arc<Telemetry>, source: &str) -> Result<()> {
        let Some(settings) = &self.page else {
            return Ok(());
        };
        let page = Page::open(settings)?;
        say(&format!(
            "praxiscope: note: the page is at http://{}/",
            page.address
        ));
        if let Some(token) = &page.new_token {
            say(&format!(
                "praxiscope: note: beyond this machine it wants the token {token} (shown only this once)"
            ));
        }
        let subject = Subject {
            source: source.into(),
            card: self.card.clone(),
        };
        page.serve(Arc::clone(telemetry), subject)
    }
}

impl Hung {
    fn in_stage(stage: Stage, telemetry: &Telemetry) -> Self {
        Self {
            stage: stage.name(),
            seconds: telemetry.progress().limit(stage).as_secs_f64(),
        }
    }
}

/// The program's end when a run that was stopped does not come back: nothing else is left to do.
fn give_up(stage: Stage, stop: &Stop) {
    let stage = stage.name();
    say(&format!(
        "praxiscope: the {stage} stage hangs and cannot be stopped"
    ));
    // The outputs bring themselves to safety.
    stop.now();
    std::thread::sleep(LAST_WORDS);
    std::process::exit(i32::from(crate::HUNG));
}

/// Writes to standard error; when nobody reads it, there is nobody to tell.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
