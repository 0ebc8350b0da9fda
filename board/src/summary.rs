//! What a person wants to know of a run when it is over.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::time::Duration;

use praxiscope_runtime::bundle::Manifest;
use praxiscope_runtime::timing::Timing;

use crate::outputs::Fared;
use crate::pipeline::Report;
use crate::recording::Kept;

/// The summary, as text of several lines.
pub struct Summary<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The model's manifest.
    pub manifest: &'a Manifest,
    /// What was done.
    pub report: &'a Report,
    /// From the deciding frame's time stamp to its event's line.
    pub latency: &'a Timing,
    /// How many events came of it.
    pub events: u64,
    /// How those fared who were told.
    pub fared: &'a [Fared],
    /// Where it was recorded, and how much of it.
    pub kept: Option<&'a (PathBuf, Kept)>,
    /// How long it took by the clock.
    pub took: Duration,
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            captures,
            replaced,
            stats,
            outputs_lost,
            ..
        } = self.report;
        let (width, height) = captures.size;
        let input = &self.manifest.input;
        writeln!(
            f,
            "source    {}: {} of {width}x{height}, {:.1} s; run in {:.1} s",
            self.source,
            counted(captures.frames, "frame"),
            captures.time.as_secs_f64(),
            self.took.as_secs_f64(),
        )?;
        writeln!(
            f,
            "model     {}: {}, {} a second",
            self.manifest.name,
            counted(self.manifest.labels.len() as u64, "label"),
            input.frame_rate,
        )?;
        writeln!(
            f,
            "frames    {} seen, {} stepped, {} skipped between the model's ticks",
            stats.frames, stats.steps, stats.skipped,
        )?;
        let losses = [
            (*replaced, "skipped for a newer one"),
            (
                stats.missed,
                "of the model's ticks missed: it is too slow here",
            ),
            (captures.losses.broken, "damaged"),
            (captures.losses.missed, "dropped by the camera"),
            (
                captures.losses.restarts,
                "times the source had to be started again",
            ),
            (stats.resets, "gaps, each a fresh start"),
            (*outputs_lost, "lines that nobody took in time"),
        ];
        for (count, what) in losses.into_iter().filter(|(count, _)| *count > 0) {
            writeln!(f, "          {count} {what}")?;
        }
        writeln!(f, "events    {}", self.events)?;
        for output in self.fared {
            let Fared {
                name,
                dropped,
                lost,
                fault,
            } = output;
            if *dropped > 0 {
                writeln!(
                    f,
                    "          {name}: {dropped} dropped, for it was too slow"
                )?;
            }
            if *lost > 0 {
                writeln!(f, "          {name}: {lost} could not be brought out")?;
            }
            if let Some(fault) = fault {
                writeln!(f, "          {name}: {fault}")?;
            }
        }
        if let Some((folder, kept)) = self.kept {
            writeln!(
                f,
                "recording {}, {:.1} MB in {}",
                counted(kept.frames, "frame"),
                kept.bytes as f64 / 1e6,
                folder.display(),
            )?;
            if let Some(fault) = &kept.fault {
                writeln!(f, "          it ended before the run did: {fault}")?;
            }
        }
        writeln!(f, "{:9} {:>12} {:>12}", "stage", "median", "99 %")?;
        let stages = [
            ("capture", &captures.took),
            ("convert", &stats.convert),
            ("infer", &stats.infer),
            ("to event", self.latency),
        ];
        for (name, timing) in stages {
            writeln!(
                f,
                "{name:9} {:>12} {:>12}",
                millis(timing, 0.5),
                millis(timing, 0.99)
            )?;
        }
        Ok(())
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn millis(timing: &Timing, quantile: f64) -> String {
    if timing.count() == 0 {
        return "-".into();
    }
    format!("{:.3} ms", timing.quantile(quantile).as_secs_f64() * 1e3)
}
