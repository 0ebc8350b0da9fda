//! One output pin and what it shows.

use std::time::Instant;

use embedded_hal::digital::{OutputPin, PinState};
use praxiscope_runtime::events::{Event, EventKind};

use super::{GpioConfig, Switch};

/// A pin that follows classes.
#[derive(Debug)]
pub struct Lamp<P: OutputPin> {
    pin: P,
    config: GpioConfig,
    on: bool,
    /// When a pulse is over.
    until: Option<Instant>,
    failures: u64,
    fault: Option<String>,
}

impl<P: OutputPin> Lamp<P> {
    /// A lamp on a pin that is in its safe state.
    pub fn new(pin: P, config: GpioConfig) -> Self {
        Self {
            pin,
            on: config.safe == Switch::On,
            config,
            until: None,
            failures: 0,
            fault: None,
        }
    }

    /// Shows an event, if it is about one of the lamp's classes.
    pub fn show(&mut self, event: &Event, now: Instant) {
        if !self.config.shows(&event.label) {
            return;
        }
        match (event.kind, self.config.pulse()) {
            (EventKind::Start, pulse) => {
                self.until = pulse.and_then(|pulse| now.checked_add(pulse));
                self.set(true);
            }
            (EventKind::End, None) => self.set(false),
            (EventKind::End, Some(_)) => {}
        }
    }

    /// Ends a pulse that is over; tells when the next one is.
    pub fn tick(&mut self, now: Instant) -> Option<Instant> {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            self.set(false);
        }
        self.until
    }

    /// Brings the pin into its safe state, whatever it showed.
    pub fn make_safe(&mut self) {
        self.until = None;
        self.set(self.config.safe == Switch::On);
    }

    /// How often the pin did not do what it was told.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Why, the last time.
    pub fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    fn set(&mut self, on: bool) {
        if self.on == on {
            return;
        }
        match self
            .pin
            .set_state(PinState::from(on != self.config.active_low))
        {
            Ok(()) => self.on = on,
            Err(error) => {
                self.failures += 1;
                self.fault = Some(format!("line {} failed: {error:?}", self.config.line));
            }
        }
    }
}
