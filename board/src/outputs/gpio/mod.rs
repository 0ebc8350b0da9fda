//! GPIO lines that follow classes: a lamp, a relay, a buzzer.

mod lamp;
pub mod lines;
mod safety;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use embedded_hal::digital::OutputPin;
use praxiscope_runtime::recognizer::Output;
use serde::Deserialize;

use super::{Message, Queue, Taken, Tally, Worker};
use lamp::Lamp;
pub use lines::LineName;

/// `[[outputs.gpio]]`: one line, and what it shows.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct GpioConfig {
    /// The chip's path, name or label; where it is left out, the line's name is looked up in all.
    pub chip: Option<String>,
    /// The line's number on the chip, or its name.
    pub line: LineName,
    /// The classes that it shows; all, where none is named.
    #[serde(default)]
    pub labels: Vec<String>,
    /// On while a class is active, or for a moment when it starts.
    #[serde(default)]
    pub mode: Mode,
    /// How long a moment is, in seconds.
    #[serde(default = "half_a_second")]
    pub pulse: f64,
    /// Whether the line is low when it is on.
    #[serde(default)]
    pub active_low: bool,
    /// What it is when nothing may be relied on: before the start, at the end, when muted.
    #[serde(default)]
    pub safe: Switch,
}

fn half_a_second() -> f64 {
    0.5
}

/// How a line follows its classes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// On from the start of an event to its end.
    #[default]
    Level,
    /// On for a while when an event starts.
    Pulse,
}

/// On or off.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Off.
    #[default]
    Off,
    /// On.
    On,
}

impl GpioConfig {
    /// Refuses a pulse that ends never or at once.
    pub fn check(&self) -> Result<()> {
        if !(0.001..=3600.0).contains(&self.pulse) {
            bail!(
                "a pulse of {} seconds: 0.001 to 3600 is possible",
                self.pulse
            );
        }
        Ok(())
    }

    /// Whether the pin is high in its safe state.
    fn safe_is_high(&self) -> bool {
        (self.safe == Switch::On) != self.active_low
    }
}

/// The worker for these lines; nothing where there is none.
pub fn worker(configs: &[GpioConfig]) -> Result<Option<Worker>> {
    if configs.is_empty() {
        return Ok(None);
    }
    let mut lamps = vec![];
    for config in configs {
        let high = config.safe_is_high();
        let pin = lines::output(config.chip.as_deref(), &config.line, high)?;
        lamps.push(Lamp::new(pin, config.clone()));
    }
    Ok(Some(Box::new(move |inbox| follow(lamps, inbox))))
}

/// Lets the lamps follow what comes in, until the end; they are safe then, and at a panic too.
fn follow<P: OutputPin + Send + 'static>(lamps: Vec<Lamp<P>>, inbox: &Queue<Message>) -> Tally {
    let lamps = Arc::new(Mutex::new(lamps));
    safety::guard(&lamps);
    let with_all = |act: &mut dyn FnMut(&mut Lamp<P>)| {
        let mut lamps = lamps.lock().unwrap_or_else(PoisonError::into_inner);
        lamps.iter_mut().for_each(act);
    };
    loop {
        let mut next = None;
        with_all(&mut |lamp| next = next.into_iter().chain(lamp.tick(Instant::now())).min());
        match inbox.take(next) {
            Taken::Thing(Message::Output(output)) => {
                if let Output::Event(event) = &*output {
                    with_all(&mut |lamp| lamp.show(event, Instant::now()));
                }
            }
            Taken::Thing(Message::Muted(true)) => with_all(&mut Lamp::make_safe),
            Taken::Thing(_) | Taken::Late => {}
            Taken::Closed => break,
        }
    }
    let mut tally = Tally::default();
    with_all(&mut |lamp| {
        lamp.make_safe();
        tally.lost += lamp.failures();
        tally.fault = tally.fault.take().or_else(|| lamp.fault());
    });
    tally
}

impl GpioConfig {
    fn pulse(&self) -> Option<Duration> {
        (self.mode == Mode::Pulse).then(|| Duration::from_secs_f64(self.pulse))
    }

    fn shows(&self, label: &String) -> bool {
        self.labels.is_empty() || self.labels.contains(label)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
