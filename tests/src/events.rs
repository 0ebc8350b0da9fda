//! Events: those that a program writes, and those that happen in the demo clip.

use serde_json::Value;

use crate::files;

/// How long after a gesture is over its start may still be reported, in seconds.
const LATENESS: f64 = 0.6;

/// A start or end that a program reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// `start` or `end`.
    pub event: String,
    /// What was done.
    pub label: String,
    /// Seconds since the clip began.
    pub t: f64,
    /// How sure the network was.
    pub score: f64,
}

/// A gesture in the demo clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Gesture {
    /// What is done.
    pub label: String,
    /// When the hand begins to move, in seconds.
    pub start: f64,
    /// When it is done.
    pub end: f64,
}

/// The events among the JSON lines of `stdout`.
#[track_caller]
pub fn reported(stdout: &str) -> Vec<Reported> {
    let lines = stdout.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error} in {line}"))
    });
    let events = lines.filter(|line| line["event"].is_string());
    events
        .map(|line| Reported {
            event: text(&line["event"]),
            label: text(&line["label"]),
            t: number(&line["t"]),
            score: number(&line["score"]),
        })
        .collect()
}

/// What happens in the demo clip, as `models/demo/clip.json` tells.
pub fn gestures() -> Vec<Gesture> {
    let about = std::fs::read_to_string(files::demo("clip.json")).expect("clip.json is there");
    let about: Value = serde_json::from_str(&about).expect("clip.json is JSON");
    let gestures = about["events"].as_array().expect("a list of events").iter();
    gestures
        .map(|gesture| Gesture {
            label: text(&gesture["label"]),
            start: number(&gesture["start"]),
            end: number(&gesture["end"]),
        })
        .collect()
}

/// Asserts that the starts of `events` are the `gestures`, in order and in time, and no others.
#[track_caller]
pub fn assert_starts(events: &[Reported], gestures: &[Gesture]) {
    let starts: Vec<&Reported> = events.iter().filter(|e| e.event == "start").collect();
    let labels = |events: &[&Reported]| events.iter().map(|e| e.label.clone()).collect::<Vec<_>>();
    let wanted: Vec<String> = gestures.iter().map(|g| g.label.clone()).collect();
    assert_eq!(labels(&starts), wanted, "{events:?}");
    for (start, gesture) in starts.iter().zip(gestures) {
        let window = gesture.start..=gesture.end + LATENESS;
        assert!(window.contains(&start.t), "{start:?} is not in {window:?}");
    }
}

#[track_caller]
fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .into()
}

#[track_caller]
fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}
