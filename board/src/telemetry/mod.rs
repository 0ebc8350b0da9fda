//! What the running pipeline tells of itself: counters, progress, and samples for whoever shows
//! them.
//!
//! The pipeline's threads write through a [`CaptureProbe`] and an [`InferenceProbe`]; the page, the
//! watchdog and the metrics read. A writer never waits for a reader: counters are atomic, and
//! samples that cannot be left at once stay with the writer until the next frame.
//!
//! ```text
//! capture   --CaptureProbe---\               /-- counts, progress --> guard
//! inference --InferenceProbe--> Telemetry --<
//!                                            \-- samples, picture --> page (through History)
//! ```

mod counts;
mod history;
mod inbox;
mod latency;
mod probe;
mod progress;
mod system;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use praxiscope_runtime::frame::Frame;

pub use counts::Counts;
pub use history::{Answer, History, Noted, StageTimes};
pub use inbox::Inbox;
pub use latency::Latency;
pub use probe::{CaptureProbe, InferenceProbe, Pulse, Step};
pub use progress::{Progress, Stage};
#[cfg(test)]
pub use system::{Governor, Throttling};
pub use system::{Sys, System};

/// One program's telemetry: shared by all threads, kept over restarts of the pipeline.
#[derive(Debug)]
pub struct Telemetry {
    began: Instant,
    /// Somebody takes samples; else none are left.
    watched: AtomicBool,
    counts: Counts,
    progress: Progress,
    latency: Latency,
    /// Capture threads so far.
    captures: AtomicU64,
    captured: Inbox<Duration>,
    steps: Inbox<Step>,
    picture: Mutex<Option<Frame>>,
    system: Mutex<System>,
}

impl Telemetry {
    /// Telemetry of a program that has done nothing yet. A stage that is at one piece of work for
    /// longer than `limit` [hangs](Progress::hangs).
    pub fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            watched: AtomicBool::new(false),
            counts: Counts::default(),
            progress: Progress::new(limit),
            latency: Latency::default(),
            captures: AtomicU64::new(0),
            captured: Inbox::default(),
            steps: Inbox::default(),
            picture: Mutex::default(),
            system: Mutex::default(),
        })
    }

    /// The capture thread's end. A live source owes a frame at any time.
    pub fn capture(self: &Arc<Self>, live: bool) -> CaptureProbe {
        CaptureProbe::new(Arc::clone(self), live)
    }

    /// The end of a source that recovers by itself.
    pub fn pulse(self: &Arc<Self>) -> Pulse {
        Pulse::new(Arc::clone(self))
    }

    /// The inference thread's end.
    pub fn inference(self: &Arc<Self>) -> InferenceProbe {
        InferenceProbe::new(Arc::clone(self))
    }

    /// From now on samples and pictures are left for [`History`] and [`picture`](Self::picture).
    pub fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    /// Whether somebody takes samples.
    fn watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// How long the program has been running.
    pub fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// A moment as the time since the program began.
    pub fn since_start(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.began)
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Where each stage stands.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// How long events take.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// The newest frame of the source; nothing before the first one.
    pub fn picture(&self) -> Option<Frame> {
        let picture = self.picture.lock();
        picture.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows `frame` as the newest, unless the reader is just looking.
    fn show(&self, frame: &Frame) {
        let older = self.picture.try_lock().ok().map(|mut picture| {
            let frame = frame.clone();
            picture.replace(frame)
        });
        // A large picture is freed after the lock is.
        drop(older);
    }

    /// The board's own state, as it was last read.
    pub fn system(&self) -> System {
        let system = self.system.lock();
        system.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the board's own state.
    pub fn set_system(&self, system: System) {
        *self.system.lock().unwrap_or_else(PoisonError::into_inner) = system;
    }
}
