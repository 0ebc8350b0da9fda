use embedded_hal_mock::eh1::MockError;
use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};
use praxiscope_runtime::events::{Event, EventKind};

use super::super::Full;
use super::*;
use crate::absent::Absent;

fn config(text: &str) -> GpioConfig {
    toml::from_str(&format!("line = 'GPIO17'\n{text}")).unwrap()
}

fn event(kind: EventKind, label: &str) -> Message {
    Message::Output(Arc::new(Output::Event(Event {
        kind,
        label: label.into(),
        frame: 0,
        time: Duration::ZERO,
        decided: 0,
        score: 1.0,
    })))
}

fn pin(states: &[State]) -> Mock {
    let sets = states.iter().map(|&state| Transaction::set(state));
    Mock::new(&sets.collect::<Vec<_>>())
}

/// Runs the worker over the messages; the pin must have been set to exactly these states.
fn shown(text: &str, messages: Vec<Message>, states: &[State]) -> Tally {
    let mut pin = pin(states);
    let inbox = Queue::new(100, Full::DropsOldest);
    messages.into_iter().for_each(|message| inbox.give(message));
    inbox.close();
    let tally = follow(vec![Lamp::new(pin.clone(), config(text))], &inbox);
    pin.done();
    tally
}

use EventKind::{End, Start};
use State::{High, Low};

#[test]
fn a_level_lasts_from_the_start_to_the_end_of_its_classes() {
    let messages = || {
        vec![
            event(Start, "wave"),
            event(End, "wave"),
            event(Start, "nod"),
            event(End, "nod"),
        ]
    };
    shown("labels = ['wave']", messages(), &[High, Low]);
    shown("", messages(), &[High, Low, High, Low]);
    shown(
        "labels = ['nod']\nactive_low = true",
        messages(),
        &[Low, High],
    );
}

#[test]
fn at_the_end_the_line_is_safe() {
    shown("", vec![event(Start, "wave")], &[High, Low]);
    shown(
        "safe = 'on'",
        vec![event(Start, "wave"), event(End, "wave")],
        &[Low, High],
    );
    shown(
        "active_low = true",
        vec![event(Start, "wave")],
        &[Low, High],
    );
}

#[test]
fn muting_makes_it_safe_until_the_next_event() {
    let messages = vec![
        event(Start, "wave"),
        Message::Muted(true),
        Message::Muted(false),
        event(End, "wave"),
        event(Start, "wave"),
    ];
    shown("", messages, &[High, Low, High, Low]);
}

#[test]
fn a_pulse_ends_by_itself_and_a_new_start_prolongs_it() {
    let mut pin = pin(&[High, Low]);
    let mut lamp = Lamp::new(pin.clone(), config("mode = 'pulse'\npulse = 2.0"));
    let start = Event {
        kind: Start,
        label: "wave".into(),
        frame: 0,
        time: Duration::ZERO,
        decided: 0,
        score: 1.0,
    };
    let now = Instant::now();
    let at = |seconds| now + Duration::from_secs(seconds);
    lamp.show(&start, now);
    assert_eq!(lamp.tick(at(1)), Some(at(2)));
    lamp.show(
        &Event {
            kind: End,
            ..start.clone()
        },
        at(1),
    );
    lamp.show(&start, at(1));
    assert_eq!(lamp.tick(at(2)), Some(at(3)));
    assert_eq!(lamp.tick(at(3)), None);
    pin.done();
}

#[test]
fn the_worker_ends_a_pulse_without_another_message() {
    let mut pin = pin(&[High, Low]);
    let watched = pin.clone();
    let inbox = Arc::new(Queue::new(1, Full::DropsOldest));
    let taker = Arc::clone(&inbox);
    let lamp = Lamp::new(pin.clone(), config("mode = 'pulse'\npulse = 0.01"));
    let thread = std::thread::spawn(move || follow(vec![lamp], &taker));
    inbox.give(event(Start, "wave"));
    // The mock keeps what is still expected of it to itself; its end is what can be seen.
    std::thread::sleep(Duration::from_millis(100));
    inbox.close();
    assert_eq!(thread.join().unwrap().lost, 0);
    drop(watched);
    pin.done();
}

#[test]
fn a_pin_that_fails_is_counted_and_tried_again() {
    let broken = Transaction::set(High).with_error(MockError::Io(std::io::ErrorKind::Other));
    let mut pin = Mock::new(&[broken, Transaction::set(High), Transaction::set(Low)]);
    let inbox = Queue::new(9, Full::DropsOldest);
    inbox.give(event(Start, "wave"));
    inbox.give(event(Start, "wave"));
    inbox.close();
    let tally = follow(vec![Lamp::new(pin.clone(), config(""))], &inbox);
    assert_eq!(tally.lost, 1);
    assert!(tally.fault.unwrap().contains("GPIO17"));
    pin.done();
}

#[test]
fn a_panic_anywhere_makes_the_lines_safe() {
    let mut pin = pin(&[High, Low]);
    let lamps = Arc::new(Mutex::new(vec![Lamp::new(pin.clone(), config(""))]));
    safety::guard(&lamps);
    if let Message::Output(output) = event(Start, "wave")
        && let Output::Event(event) = &*output
    {
        lamps.lock().unwrap()[0].show(event, Instant::now());
    }
    let panicked = std::thread::spawn(|| std::panic::panic_any("for the test")).join();
    assert!(panicked.is_err());
    pin.done();
}

#[test]
fn a_chip_or_line_that_is_not_there_is_refused_in_one_sentence() {
    for text in ["chip = 'no-such-chip'", ""] {
        let mut config = config(text);
        config.line = LineName::Name("NO-SUCH-LINE".into());
        let error = worker(&[config]).err().unwrap();
        assert!(text.is_empty() || error.is::<Absent>());
        let error = format!("{error:#}");
        assert!(error.contains("GPIO") && !error.contains('\n'), "{error}");
    }
    assert!(config("pulse = 0").check().is_err());
}
