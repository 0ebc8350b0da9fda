//! GPIO lines that are read: a button that mutes or resets.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use embedded_hal::digital::InputPin;
use serde::Deserialize;

use super::gpio::lines::{self, LineName, Pull};
use super::{Message, Queue, Surroundings, Taken, Tally, Worker};
use crate::controls::Controls;
use crate::run::say;

/// How often a button is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// `[[outputs.button]]`: one line, and what it does.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ButtonConfig {
    /// The chip's path, name or label.
    pub chip: Option<String>,
    /// The line's number on the chip, or its name.
    pub line: LineName,
    /// What pressing it does.
    pub action: Action,
    /// Whether the line is low while it is pressed.
    #[serde(default = "yes")]
    pub active_low: bool,
    /// What keeps the line at its level while it is not pressed.
    #[serde(default)]
    pub pull: Pull,
    /// How long a level must hold to count, in seconds.
    #[serde(default = "three_hundredths")]
    pub debounce: f64,
}

fn yes() -> bool {
    true
}

fn three_hundredths() -> f64 {
    0.03
}

/// What a button does.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Events go to standard output alone, until it is pressed again.
    Mute,
    /// Active events end and the network starts afresh.
    Reset,
}

impl ButtonConfig {
    /// Refuses a time that nobody presses a button for.
    pub fn check(&self) -> Result<()> {
        if !(0.0..=10.0).contains(&self.debounce) {
            bail!(
                "a debounce of {} seconds: 0 to 10 is possible",
                self.debounce
            );
        }
        Ok(())
    }
}

/// The worker for these buttons; nothing where there is none.
pub fn worker(configs: &[ButtonConfig], around: &Surroundings) -> Result<Option<Worker>> {
    if configs.is_empty() {
        return Ok(None);
    }
    let mut buttons = vec![];
    for config in configs {
        let pin = lines::input(config.chip.as_deref(), &config.line, config.pull)?;
        buttons.push(Button::new(pin, config.clone()));
    }
    let controls = around.controls.clone();
    Ok(Some(Box::new(move |inbox| {
        watch(buttons, &controls, inbox)
    })))
}

fn watch<P: InputPin>(
    mut buttons: Vec<Button<P>>,
    controls: &Controls,
    inbox: &Queue<Message>,
) -> Tally {
    loop {
        let now = Instant::now();
        for button in &mut buttons {
            match (button.is_pressed_now(now), button.config.action) {
                (false, _) => {}
                (true, Action::Reset) => controls.reset(),
                (true, Action::Mute) => say(if controls.toggle_mute() {
                    "praxiscope: note: muted by the button"
                } else {
                    "praxiscope: note: no longer muted"
                }),
            }
        }
        if matches!(inbox.take(Some(now + LOOK)), Taken::Closed) {
            break;
        }
    }
    let mut tally = Tally::default();
    for button in buttons {
        tally.lost += button.failures;
        tally.fault = tally.fault.or(button.fault);
    }
    tally
}

/// A pin, and for how long it has been as it is.
#[derive(Debug)]
struct Button<P> {
    pin: P,
    config: ButtonConfig,
    pressed: bool,
    /// The level that is not yet believed, and since when it is there.
    doubt: Option<Instant>,
    failures: u64,
    fault: Option<String>,
}

impl<P: InputPin> Button<P> {
    fn new(pin: P, config: ButtonConfig) -> Self {
        Self {
            pin,
            config,
            pressed: false,
            doubt: None,
            failures: 0,
            fault: None,
        }
    }

    /// Whether this is the moment from which it counts as pressed.
    fn is_pressed_now(&mut self, now: Instant) -> bool {
        let pressed = match self.pin.is_high() {
            Ok(high) => high != self.config.active_low,
            Err(error) => {
                self.failures += 1;
                self.fault = Some(format!("line {} failed: {error:?}", self.config.line));
                return false;
            }
        };
        if pressed == self.pressed {
            self.doubt = None;
            return false;
        }
        let since = *self.doubt.get_or_insert(now);
        if now.saturating_duration_since(since) < Duration::from_secs_f64(self.config.debounce) {
            return false;
        }
        self.doubt = None;
        self.pressed = pressed;
        pressed
    }
}

#[cfg(test)]
mod tests {
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};

    use super::*;

    fn config(debounce: f64) -> ButtonConfig {
        let text = format!("line = 3\naction = 'mute'\ndebounce = {debounce}");
        toml::from_str(&text).unwrap()
    }

    /// Looks every 10 ms at a line of these levels; gives the looks at which it was pressed.
    fn presses(debounce: f64, levels: &[u8]) -> Vec<usize> {
        let state = |&level: &u8| if level == 0 { State::Low } else { State::High };
        let reads = levels.iter().map(|level| Transaction::get(state(level)));
        let mut pin = Mock::new(&reads.collect::<Vec<_>>());
        let mut button = Button::new(pin.clone(), config(debounce));
        let started = Instant::now();
        let pressed = (0..levels.len())
            .filter(|&look| button.is_pressed_now(started + LOOK * look as u32))
            .collect();
        pin.done();
        pressed
    }

    #[test]
    fn a_press_counts_once_when_it_has_held() {
        assert_eq!(
            presses(0.03, &[1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]),
            [4, 14]
        );
        assert_eq!(presses(0.0, &[1, 0, 0, 1, 0]), [1, 4]);
    }

    #[test]
    fn bouncing_does_not_count() {
        assert_eq!(
            presses(0.03, &[1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]),
            [14]
        );
    }

    #[test]
    fn a_line_that_fails_is_counted_and_not_taken_for_a_press() {
        let failing = Transaction::get(State::Low).with_error(
            embedded_hal_mock::eh1::MockError::Io(std::io::ErrorKind::Other),
        );
        let mut pin = Mock::new(&[failing]);
        let mut button = Button::new(pin.clone(), config(0.0));
        assert!(!button.is_pressed_now(Instant::now()));
        assert_eq!(button.failures, 1);
        pin.done();
    }

    #[test]
    fn pressing_mutes_and_resets() {
        let controls = Controls::default();
        let low = [Transaction::get(State::Low)];
        let mut pins = [Mock::new(&low), Mock::new(&low)];
        let mut reset = config(0.0);
        reset.action = Action::Reset;
        let buttons = vec![
            Button::new(pins[0].clone(), config(0.0)),
            Button::new(pins[1].clone(), reset),
        ];
        let inbox = Queue::new(1, super::super::Full::DropsOldest);
        inbox.close();
        watch(buttons, &controls, &inbox);
        assert!(controls.muted() && controls.take_reset());
        pins.iter_mut().for_each(Mock::done);
    }
}
