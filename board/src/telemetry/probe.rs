//! The pipeline's ends of the telemetry, one for each thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::recognizer::{Output, Stats};
use praxiscope_runtime::source::Losses;
use praxiscope_runtime::timing::Timing;

use super::{Stage, Telemetry};

/// What one frame did in the inference thread.
#[derive(Clone, Debug)]
pub struct Step {
    /// When it was done.
    pub at: Instant,
    /// From the frame to the network's input; nothing when the model's clock passed the frame over.
    pub convert: Option<Duration>,
    /// One step of the network.
    pub infer: Option<Duration>,
    /// Scores, events and resets.
    pub outputs: Vec<Output>,
}

/// The end of a source that recovers by itself: what it does while it gives no frame.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<Telemetry>);

impl Pulse {
    pub(super) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self(telemetry)
    }

    /// The source failed and is about to be tried again: it is away, and it does not hang.
    pub fn trying(&self) {
        self.0.progress.set_away(true);
        self.0.progress.begin(Stage::Capture);
    }
}

impl Default for Pulse {
    /// Nobody feels it.
    fn default() -> Self {
        Self(Telemetry::new(Duration::MAX))
    }
}

/// The capture thread's end.
#[derive(Debug)]
pub struct CaptureProbe {
    telemetry: Arc<Telemetry>,
    /// The number of this capture, for one that hung may end when the next one runs.
    number: u64,
    live: bool,
    losses: Losses,
    pending: VecDeque<Duration>,
}

impl CaptureProbe {
    pub(super) fn new(telemetry: Arc<Telemetry>, live: bool) -> Self {
        if live {
            telemetry.progress.begin(Stage::Capture);
        }
        Self {
            number: telemetry.captures.fetch_add(1, Ordering::Relaxed) + 1,
            telemetry,
            live,
            losses: Losses::default(),
            pending: VecDeque::new(),
        }
    }

    /// A frame came that was `taken` then; its source worked on it for `took` and has lost `losses`
    /// so far. A recorded frame is taken when it is due: before, it only waited to be read.
    pub fn captured(
        &mut self,
        frame: &Frame,
        taken: Option<Instant>,
        took: Duration,
        losses: Losses,
    ) {
        self.lost(losses);
        let telemetry = &self.telemetry;
        let taken = taken.filter(|_| self.live).unwrap_or_else(Instant::now);
        telemetry.latency.taken(frame.index(), taken);
        telemetry.counts.frames.add(1);
        telemetry.progress.set_away(false);
        if self.live {
            telemetry.progress.begin(Stage::Capture);
        } else {
            telemetry.progress.end(Stage::Capture);
        }
        if telemetry.watched() {
            telemetry.show(frame);
            self.pending.push_back(took);
            telemetry.captured.leave(&mut self.pending);
        }
    }

    /// What the source has lost so far.
    pub fn lost(&mut self, losses: Losses) {
        let counts = &self.telemetry.counts;
        let before = std::mem::replace(&mut self.losses, losses);
        counts
            .broken
            .add(losses.broken.saturating_sub(before.broken));
        counts
            .dropped
            .add(losses.missed.saturating_sub(before.missed));
        let again = losses.restarts.saturating_sub(before.restarts);
        counts.reopened.add(again);
    }
}

impl Drop for CaptureProbe {
    /// A source that has ended is not waited for.
    fn drop(&mut self) {
        if self.telemetry.captures.load(Ordering::Relaxed) == self.number {
            self.telemetry.progress.end(Stage::Capture);
        }
    }
}

/// What the statistics said at the frame before: all but the histograms.
#[derive(Debug, Default)]
struct Seen {
    frames: u64,
    steps: u64,
    skipped: u64,
    missed: u64,
    resets: u64,
    convert: (u64, Duration),
    infer: (u64, Duration),
}

impl Seen {
    fn of(stats: &Stats) -> Self {
        let sum = |timing: &Timing| (timing.count(), timing.total());
        Self {
            frames: stats.frames,
            steps: stats.steps,
            skipped: stats.skipped,
            missed: stats.missed,
            resets: stats.resets,
            convert: sum(&stats.convert),
            infer: sum(&stats.infer),
        }
    }
}

/// The inference thread's end.
#[derive(Debug)]
pub struct InferenceProbe {
    telemetry: Arc<Telemetry>,
    seen: Seen,
    replaced: u64,
    pending: VecDeque<Step>,
}

impl InferenceProbe {
    pub(super) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            telemetry,
            seen: Seen::default(),
            replaced: 0,
            pending: VecDeque::new(),
        }
    }

    /// The network begins with a frame; `replaced` frames were thrown away so far.
    pub fn begins(&mut self, replaced: u64) {
        let before = std::mem::replace(&mut self.replaced, replaced);
        self.telemetry.counts.replaced.add(replaced - before);
        self.telemetry.progress.begin(Stage::Inference);
    }

    /// The frame is done; `stats` tell of the run so far, `outputs` of this frame.
    pub fn ends(&mut self, stats: &Stats, outputs: &[Output]) {
        let telemetry = &self.telemetry;
        telemetry.progress.end(Stage::Inference);
        let now = Seen::of(stats);
        let before = std::mem::replace(&mut self.seen, now);
        let (counts, now) = (&telemetry.counts, &self.seen);
        counts.processed.add(now.frames - before.frames);
        counts.steps.add(now.steps - before.steps);
        counts.skipped.add(now.skipped - before.skipped);
        counts.late.add(now.missed - before.missed);
        counts.resets.add(now.resets - before.resets);
        let events = outputs.iter().filter(|o| matches!(o, Output::Event(_)));
        counts.events.add(events.count() as u64);
        if telemetry.watched() {
            self.pending.push_back(Step {
                at: Instant::now(),
                convert: one_of(now.convert, before.convert),
                infer: one_of(now.infer, before.infer),
                outputs: outputs.to_vec(),
            });
            telemetry.steps.leave(&mut self.pending);
        }
    }
}

impl Drop for InferenceProbe {
    /// A network that failed is not busy.
    fn drop(&mut self) {
        self.telemetry.progress.end(Stage::Inference);
    }
}

/// The mean of what was recorded since `before`: nearly always one duration.
fn one_of(now: (u64, Duration), before: (u64, Duration)) -> Option<Duration> {
    let count = u32::try_from(now.0 - before.0).ok()?;
    (now.1 - before.1).checked_div(count)
}
