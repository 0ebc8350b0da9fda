//! Events and scores as JSON lines.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use praxiscope_runtime::events::{Event, EventKind};
use praxiscope_runtime::recognizer::Output;
use praxiscope_runtime::stream::Scores;
use serde::{Serialize, Serializer};

use super::{Message, Surroundings, Taken, Tally, Worker};
use crate::run::say;

/// Lines that may wait while the output takes none (a full disk), in bytes.
const WAITING: usize = 1 << 20;

/// The worker for standard output. When its reader goes, the run ends, unless there are `others`.
pub fn worker(around: &Surroundings, others: Arc<AtomicBool>) -> Result<Worker> {
    // Not through `io::stdout`, whose buffer would hold back half a line from a full disk.
    let stdout = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .context("no standard output")?;
    let mut lines = JsonLines::new(File::from(stdout), &around.labels, around.scores);
    let (stop, telemetry) = (around.stop.clone(), Arc::clone(&around.telemetry));
    Ok(Box::new(move |inbox| {
        while let Taken::Thing(message) = inbox.take(None) {
            let Message::Output(output) = message else {
                continue;
            };
            let written = lines.write(&output, |fault| {
                say(&format!(
                    "events wait, for standard output takes none: {fault}"
                ));
            });
            if let Output::Event(event) = &*output
                && lines.is_written()
            {
                telemetry.latency().told(event.decided);
            }
            if written.is_break() {
                if others.load(Ordering::Relaxed) {
                    say("praxiscope: note: nobody reads standard output any more");
                } else {
                    stop.now();
                }
                break;
            }
        }
        let lost = lines.finish();
        let (lost, fault) = lost.map_or((0, None), |(lost, fault)| (lost, Some(fault)));
        Tally {
            lost,
            fault: fault.map(|fault| fault.to_string()),
        }
    }))
}

/// How outputs are put into lines.
#[derive(Debug)]
pub struct Wording {
    labels: Vec<String>,
}

impl Wording {
    /// Lines about a model with these labels.
    pub fn new(labels: &[String]) -> Self {
        Self {
            labels: labels.to_vec(),
        }
    }

    /// The line, with its end.
    pub fn line(&self, output: &Output) -> Vec<u8> {
        match output {
            Output::Scores(scores) => self.scores_line(scores),
            Output::Event(event) => json_bytes(&EventLine::of(event)),
            Output::Reset { frame, time, gap } => json_bytes(&ResetLine {
                event: "reset",
                t: seconds(*time),
                frame: *frame,
                gap: seconds(*gap),
            }),
        }
    }

    fn scores_line(&self, scores: &Scores) -> Vec<u8> {
        json_bytes(&ScoresLine {
            scores: ByLabel {
                labels: &self.labels,
                values: &scores.probabilities,
            },
            t: seconds(scores.time),
            frame: scores.frame,
            decided: scores.decided,
        })
    }
}

/// Writes each output as one line, at once.
#[derive(Debug)]
pub struct JsonLines<W> {
    output: W,
    wording: Wording,
    with_scores: bool,
    waiting: Vec<u8>,
    dropped: u64,
    fault: Option<io::Error>,
}

impl<W: Write> JsonLines<W> {
    /// Lines about a model with these labels; a line of scores for each answer only where they are
    /// wanted.
    pub fn new(output: W, labels: &[String], with_scores: bool) -> Self {
        Self {
            output,
            wording: Wording::new(labels),
            with_scores,
            waiting: vec![],
            dropped: 0,
            fault: None,
        }
    }

    /// Writes a line. When the output takes none, for want of space say, lines wait and are tried
    /// again with the next; `on_fault` hears of it once. Breaks when the reader has gone.
    pub fn write(&mut self, output: &Output, on_fault: impl FnOnce(&io::Error)) -> ControlFlow<()> {
        if matches!(output, Output::Scores(_)) && !self.with_scores {
            return ControlFlow::Continue(());
        }
        let line = self.wording.line(output);
        if self.waiting.len() + line.len() > WAITING {
            self.dropped += 1;
        } else {
            self.waiting.extend(line);
        }
        match self.flush() {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.waiting.clear();
                ControlFlow::Break(())
            }
            Err(error) => {
                if self.fault.is_none() {
                    on_fault(&error);
                }
                self.fault = Some(error);
                ControlFlow::Continue(())
            }
        }
    }

    /// Whether nothing waits.
    pub fn is_written(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Tries what still waits for the last time; gives the number of lines that could not be
    /// written, if there are any, and why.
    pub fn finish(mut self) -> Option<(u64, io::Error)> {
        let fault = self.flush().err().or(self.fault);
        let waiting = self.waiting.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let lost = self.dropped + waiting;
        fault.filter(|_| lost > 0).map(|error| (lost, error))
    }

    /// Writes as much as the output takes, and keeps the rest: a line is never written half and
    /// then begun again.
    fn flush(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            match self.output.write(&self.waiting) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.waiting.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.flush()
    }
}

/// An event as it is written.
#[derive(Serialize)]
pub struct EventLine<'a> {
    event: &'static str,
    label: &'a str,
    t: f64,
    frame: u64,
    score: f64,
    decided: u64,
}

impl<'a> EventLine<'a> {
    /// What is written of `event`.
    pub fn of(event: &'a Event) -> Self {
        Self {
            event: match event.kind {
                EventKind::Start => "start",
                EventKind::End => "end",
            },
            label: &event.label,
            t: seconds(event.time),
            frame: event.frame,
            score: millionths(event.score),
            decided: event.decided,
        }
    }
}

#[derive(Serialize)]
struct ResetLine {
    event: &'static str,
    t: f64,
    frame: u64,
    gap: f64,
}

#[derive(Serialize)]
struct ScoresLine<'a> {
    scores: ByLabel<'a>,
    t: f64,
    frame: u64,
    decided: u64,
}

/// A JSON object in the labels' order.
struct ByLabel<'a> {
    labels: &'a [String],
    values: &'a [f32],
}

impl Serialize for ByLabel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.labels.iter().zip(self.values))
    }
}

fn seconds(time: Duration) -> f64 {
    millionths(time.as_secs_f64())
}

/// As many digits as mean something.
fn millionths(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// A line of JSON, with its end.
pub fn json_bytes(line: &impl Serialize) -> Vec<u8> {
    // Text, numbers and maps with text for keys always serialise.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
