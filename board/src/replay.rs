//! `praxiscope replay`: a recording shown to a network again, and what it says held against what was
//! said then.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Context, Result, bail};
use praxiscope_runtime::recognizer::{Output, Recognizer, RecognizerOptions};
use praxiscope_runtime::stream::Model;

use crate::cli;
use crate::models::{self, Loaded};
use crate::outputs::{JsonLines, Wording};
use crate::recording::{About, Given, Log, Record, RecordingError, Said};
use crate::run::say;

/// Replays a recording; whether every line is as it was recorded, or another model was asked.
///
/// # Errors
///
/// One sentence for the user; of a damaged recording, once what stands before the damage was replayed.
pub fn run(arguments: &cli::Replay) -> Result<bool> {
    let folder = &arguments.recording;
    let shown = folder.display();
    let refused = || format!("the recording {shown} is refused");
    let about = About::read(folder).with_context(refused)?;
    let mut log = Log::open(folder).with_context(refused)?;
    let Loaded { model, .. } = models::load(
        arguments.model.as_deref(),
        arguments.models.as_deref(),
        false,
    )?;
    let same_model = model.digest() == about.model.digest;
    if !same_model && !arguments.another_model {
        let (name, digest) = (&model.manifest().name, model.digest());
        bail!(
            "the recording {shown} was made with the model {} (digest {:.12}...), and {name} (digest \
             {digest:.12}...) is another one: give the first with --model, or ask the other with \
             --another-model",
            about.model.name,
            about.model.digest,
        );
    }
    let stdout = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .context("no standard output")?;
    let labels = &model.manifest().labels;
    let mut player = Player {
        same_model,
        options: RecognizerOptions {
            every_frame: about.every_frame,
            events: same_model.then(|| about.events.clone()),
            ..RecognizerOptions::default()
        },
        recognizer: None,
        lines: JsonLines::new(File::from(stdout), labels, arguments.scores),
        wording: Wording::new(labels),
        said: Said::open(folder).with_context(refused)?,
        model,
        frames: 0,
    };
    let end = loop {
        match log.next() {
            Ok(Some(Record::Closed { lines, why })) => break End::Closed(lines, why),
            Ok(Some(record)) => {
                let heard = player
                    .play(record)
                    .context("the recording cannot be replayed")?;
                if heard.is_break() {
                    return Ok(true);
                }
            }
            Ok(None) | Err(RecordingError::CutOff(_)) => break End::CutOff,
            Err(error) => break End::Damaged(error),
        }
    };
    player.verdict(end, folder)
}

/// What stands at a log's end.
enum End {
    /// How many lines there are, and why it is over.
    Closed(u64, String),
    CutOff,
    Damaged(RecordingError),
}

struct Player {
    same_model: bool,
    options: RecognizerOptions,
    recognizer: Option<Recognizer>,
    lines: JsonLines<File>,
    wording: Wording,
    said: Said,
    model: Model,
    frames: u64,
}

impl Player {
    /// Breaks when nobody reads the lines any more.
    fn play(&mut self, record: Record) -> Result<ControlFlow<()>> {
        let recognizer = match (&mut self.recognizer, &record) {
            (Some(recognizer), Record::Frame(_) | Record::Settings(_) | Record::Ended) => {
                recognizer
            }
            (network, _) => network.insert(Recognizer::new(&self.model, self.options.clone())?),
        };
        let outputs = match record {
            Record::New | Record::Closed { .. } => vec![],
            // Another model has thresholds of its own.
            Record::Settings(_) if !self.same_model => vec![],
            Record::Settings(settings) => recognizer.set_events(&settings)?,
            // Which frames its clock takes, another model says itself.
            Record::Frame(given) if !given.used && !self.same_model => vec![],
            Record::Frame(given) => {
                self.frames += 1;
                give(recognizer, &given)?
            }
            Record::Ended => recognizer.finish()?,
        };
        for output in outputs {
            self.said.hold_against(&self.wording.line(&output))?;
            let complain = |fault: &io::Error| {
                say(&format!(
                    "lines wait, for standard output takes none: {fault}"
                ));
            };
            if self.lines.write(&output, complain).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Says how it went.
    fn verdict(mut self, end: End, folder: &Path) -> Result<bool> {
        if let Some((lost, fault)) = self.lines.finish() {
            bail!("{lost} lines could not be written to standard output: {fault}");
        }
        let shown = folder.display();
        let (frames, name) = (self.frames, &self.model.manifest().name);
        let whole = match &end {
            End::Closed(lines, why) => {
                say(&format!(
                    "praxiscope: note: {frames} frames of {shown}, recorded until {why}"
                ));
                Some(*lines)
            }
            End::CutOff => {
                say(&format!(
                    "praxiscope: note: the recording {shown} is cut off: its {frames} whole frames count"
                ));
                None
            }
            End::Damaged(_) => None,
        };
        let differs = self.said.difference(whole)?;
        if let End::Damaged(error) = end {
            let what = format!("the {frames} frames before the damage were replayed from {shown}");
            return Err(anyhow::Error::from(error).context(what));
        }
        let (same, count) = self.said.counts();
        if !self.same_model {
            say(&format!(
                "praxiscope: note: {same} of {name}'s {count} lines are as they were recorded"
            ));
            return Ok(true);
        }
        match differs {
            None => {
                say(&format!(
                    "praxiscope: note: all {count} lines are as they were recorded"
                ));
                Ok(true)
            }
            Some(difference) => {
                say(&format!(
                    "praxiscope: {shown} gives other lines than were recorded: {difference}"
                ));
                Ok(false)
            }
        }
    }
}

fn give(recognizer: &mut Recognizer, given: &Given) -> Result<Vec<Output>> {
    let mut outputs = vec![];
    if given.afresh {
        outputs.extend(recognizer.restart(&given.frame)?);
    }
    outputs.extend(match given.dropped {
        0 => recognizer.push(&given.frame)?,
        _ => recognizer.catch_up(&given.frame)?,
    });
    Ok(outputs)
}
