//! How long an event takes: from the time stamp of the frame that decides it to its line.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use praxiscope_runtime::timing::Timing;

/// Frames whose time stamps are kept: more than may wait between a camera and a line.
const FRAMES: usize = 256;

/// Time stamps of the newest frames, and what was measured by them.
#[derive(Debug, Default)]
pub struct Latency(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    stamps: VecDeque<(u64, Instant)>,
    timing: Timing,
}

impl Latency {
    /// Frame number `frame` was taken at this moment.
    pub fn taken(&self, frame: u64, at: Instant) {
        let mut state = self.lock();
        if state.stamps.len() == FRAMES {
            state.stamps.pop_front();
        }
        state.stamps.push_back((frame, at));
    }

    /// The line of an event that was decided by frame number `decided` is written. A frame whose
    /// stamp is no longer known is passed over.
    pub fn told(&self, decided: u64) {
        let now = Instant::now();
        let mut state = self.lock();
        let mut newest = state.stamps.iter().rev();
        if let Some(&(_, at)) = newest.find(|(frame, _)| *frame == decided) {
            state.timing.record(now.saturating_duration_since(at));
        }
    }

    /// What was measured so far.
    pub fn timing(&self) -> Timing {
        self.lock().timing.clone()
    }

    /// No code that could panic runs under the lock, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_event_takes_as_long_as_its_frame_is_old() {
        let (latency, now) = (Latency::default(), Instant::now());
        let old = Duration::from_secs(100);
        latency.taken(7, now.checked_sub(old).unwrap());
        latency.taken(8, now);
        latency.told(7);
        let timing = latency.timing();
        assert_eq!(timing.count(), 1);
        assert!(timing.longest() >= old && timing.longest() < 2 * old);
    }

    #[test]
    fn a_frame_that_is_not_known_is_passed_over_and_memory_does_not_grow() {
        let latency = Latency::default();
        for frame in 0..=FRAMES as u64 {
            latency.taken(frame, Instant::now());
        }
        latency.told(0);
        assert_eq!(latency.timing().count(), 0);
        latency.told(1);
        assert_eq!(latency.timing().count(), 1);
        assert_eq!(latency.lock().stamps.len(), FRAMES);
    }

    #[test]
    fn a_source_that_began_again_is_measured_by_its_new_frames() {
        let (latency, now) = (Latency::default(), Instant::now());
        latency.taken(0, now.checked_sub(Duration::from_secs(100)).unwrap());
        latency.taken(0, now);
        latency.told(0);
        assert!(latency.timing().longest() < Duration::from_secs(50));
    }
}
