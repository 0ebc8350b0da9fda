//! Where each stage of the pipeline stands, so that one that hangs is found.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A network may be slow and sound: a whole clip on a small board takes seconds.
const SLOW_NETWORK: u32 = 4;

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for a frame of the source, and decoding it.
    Capture,
    /// A frame's way through the network.
    Inference,
    /// Handing scores and events on.
    Output,
}

impl Stage {
    /// All stages, in a frame's order.
    pub const ALL: [Stage; 3] = [Stage::Capture, Stage::Inference, Stage::Output];

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Capture => "capture",
            Stage::Inference => "inference",
            Stage::Output => "output",
        }
    }
}

/// Since when each stage has been at its present piece of work, on the monotonic clock.
#[derive(Debug)]
pub struct Progress {
    origin: Instant,
    limit: Duration,
    /// Milliseconds since `origin`, plus one; 0 while a stage has no work.
    busy_since: [AtomicU64; 3],
    away: AtomicBool,
}

impl Progress {
    /// No stage has work yet; one that is at it for longer than `limit` hangs.
    pub fn new(limit: Duration) -> Self {
        Self {
            origin: Instant::now(),
            limit,
            busy_since: Default::default(),
            away: AtomicBool::new(false),
        }
    }

    /// How long a stage may be at one piece of work.
    pub fn limit(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Inference => self.limit.saturating_mul(SLOW_NETWORK),
            Stage::Capture | Stage::Output => self.limit,
        }
    }

    /// Whether a stage has been at its present piece of work for too long.
    pub fn hangs(&self, stage: Stage) -> bool {
        let limit = self.limit(stage);
        self.busy_for(stage).is_some_and(|busy| busy >= limit)
    }

    /// A stage begins a piece of work. The capture stage does with every frame that came, for it
    /// waits for the next one then.
    pub fn begin(&self, stage: Stage) {
        let now = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.busy_since[stage as usize].store(now + 1, Ordering::Relaxed);
    }

    /// A stage has no work.
    pub fn end(&self, stage: Stage) {
        self.busy_since[stage as usize].store(0, Ordering::Relaxed);
    }

    /// Whether the source failed, and is being tried again.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// How long a stage has been at its present piece of work; nothing when it has none.
    pub fn busy_for(&self, stage: Stage) -> Option<Duration> {
        let since = self.busy_since[stage as usize].load(Ordering::Relaxed);
        let since = Duration::from_millis(since.checked_sub(1)?);
        Some(self.origin.elapsed().saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_busy_from_its_beginning_to_its_end() {
        let progress = Progress::new(Duration::from_millis(1));
        assert!(Stage::ALL.iter().all(|&s| progress.busy_for(s).is_none()));
        progress.begin(Stage::Inference);
        std::thread::sleep(Duration::from_millis(5));
        let busy = progress.busy_for(Stage::Inference).unwrap();
        assert!(busy >= Duration::from_millis(4), "{busy:?}");
        assert!(progress.hangs(Stage::Inference));
        assert!(!progress.hangs(Stage::Output));
        progress.end(Stage::Inference);
        assert!(progress.busy_for(Stage::Inference).is_none());
    }
}
