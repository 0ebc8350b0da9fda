//! What a button or a signal asks of a run that is under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use praxiscope_runtime::events::EventSettings;

/// Wishes that the pipeline's threads look for from frame to frame.
#[derive(Debug, Default)]
pub struct Controls {
    muted: AtomicBool,
    reset: AtomicBool,
    events: Mutex<Option<EventSettings>>,
}

impl Controls {
    /// Turns muting on or off; gives the new state.
    pub fn toggle_mute(&self) -> bool {
        !self.muted.fetch_xor(true, Ordering::Relaxed)
    }

    /// Whether events go to standard output alone.
    pub fn muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    /// The network is to start afresh with the next frame.
    pub fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked for since the last look.
    pub fn take_reset(&self) -> bool {
        self.reset.swap(false, Ordering::Relaxed)
    }

    /// From the next frame on events are made with these settings, which fit the model.
    pub fn set_events(&self, settings: EventSettings) {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
    }

    /// The settings that were given since the last look.
    pub fn take_events(&self) -> Option<EventSettings> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_taken_once() {
        let controls = Controls::default();
        assert!(!controls.take_reset() && controls.take_events().is_none());
        controls.reset();
        controls.set_events(EventSettings::default());
        assert!(controls.take_reset() && controls.take_events().is_some());
        assert!(!controls.take_reset() && controls.take_events().is_none());
    }

    #[test]
    fn muting_goes_on_and_off() {
        let controls = Controls::default();
        assert!(controls.toggle_mute() && controls.muted());
        assert!(!controls.toggle_mute() && !controls.muted());
    }
}
