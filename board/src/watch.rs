//! One watch over a source: the pipeline with its outputs, page and guard, from start to summary.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::recognizer::{Output, Recognizer};
use praxiscope_runtime::source::{Liveness, Source};
use praxiscope_runtime::stream::Model;
use thiserror::Error;

use crate::config::Config;
use crate::controls::Controls;
use crate::guard::{Guard, GuardSettings, Restarts, Systemd};
use crate::models::Trial;
use crate::outputs::{Outputs, OutputsConfig, Surroundings};
use crate::pace::Pace;
use crate::page::{Card, Page, PageSettings, Subject};
use crate::pipeline::{self, Wiring};
use crate::recording::{About, AboutModel, RecordSettings, Recorder};
use crate::reload::{self, Reloading};
use crate::run::say;
use crate::stop::Stop;
use crate::summary::Summary;
use crate::telemetry::{Pulse, Stage, Telemetry};

/// What outputs have to bring themselves to safety when the program gives up.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a run shows itself.
pub struct Watch {
    /// The source is held to so many of its own seconds per second; else to nothing.
    pub paced: Option<f64>,
    /// Every answer's scores are written too.
    pub scores: bool,
    /// Who is told.
    pub outputs: OutputsConfig,
    /// How scores become events.
    pub events: EventSettings,
    /// The configuration and where it stands, to be read again.
    pub config: Option<(PathBuf, Config)>,
    /// What the page says of the model.
    pub card: Card,
    /// Where the page is, if there is one.
    pub page: Option<PageSettings>,
    /// When a stage hangs.
    pub guard: GuardSettings,
    /// The source can be opened again when a stage hung.
    pub restartable: bool,
    /// The model's first run, if this is that.
    pub trial: Option<Trial>,
    /// Where it is recorded, if it is.
    pub record: Option<RecordSettings>,
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
    ///
    /// # Errors
    ///
    /// What ended the run before its source did.
    pub fn run(
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
            page: self.page.is_some(),
            scores: self.scores,
            controls: Arc::clone(&controls),
            telemetry: Arc::clone(&telemetry),
            stop: stop.clone(),
        };
        let name = source.name.clone();
        let recorder = self.recorder(&model, &source)?.map(Arc::new);
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
            recorder: recorder.clone(),
        };
        let mut report = loop {
            let pace = match self.paced {
                Some(scale) => Pace::real_time(&source, scale),
                None => Pace::unbounded(),
            };
            guard.watch(&run);
            let mut report = pipeline::run(source, recognizer, pace, &run, &wiring, |output| {
                self.judge(&output);
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
        if let Some(trial) = self.trial.take() {
            let failure = report.failure.as_ref();
            let hung = failure.and_then(|failure| failure.downcast_ref());
            trial.over(failure, hung.is_some_and(Hung::is_the_models));
        }
        let fared = outputs.finish();
        let kept = recorder.map(|recorder| (recorder.folder().to_owned(), recorder.finish()));
        let took = started.elapsed();
        let summary = Summary {
            source: &name,
            manifest,
            report: &report,
            latency: &telemetry.latency().timing(),
            events: outputs.events(),
            fared: &fared,
            kept: kept.as_ref(),
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

    /// A model's first run is over when it has answered for long enough.
    fn judge(&mut self, output: &Output) {
        if let Output::Scores(scores) = output
            && let Some(trial) = self.trial.take_if(|trial| trial.answered(scores))
        {
            trial.passed();
        }
    }

    /// Begins to record what `model` will see of `source`.
    fn recorder(&self, model: &Model, source: &Source) -> Result<Option<Recorder>> {
        let Some(settings) = &self.record else {
            return Ok(None);
        };
        let seen_by = AboutModel {
            name: model.manifest().name.clone(),
            digest: model.digest().into(),
        };
        let (every_frame, events) = (settings.every_frame, self.events.clone());
        let about = About::new(seen_by, source.name.clone(), every_frame, events);
        let live = source.liveness != Liveness::Recorded;
        let labels = &model.manifest().labels;
        Recorder::start(settings, &about, labels, live).map(Some)
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
    /// Whether it was the network that hung.
    fn is_the_models(&self) -> bool {
        self.stage == Stage::Inference.name()
    }

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
