//! Server-sent events: a greeting with the last minute, then what is new, ten times a second.
//!
//! A browser that takes nothing loses its stream when a few messages wait for it; it comes back by
//! itself and is greeted with what it missed.

use std::time::{Duration, UNIX_EPOCH};

use hyper::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::site::{Health, Site};
use crate::telemetry::{Answer, History, Noted, StageTimes, System, Telemetry};

/// Streams at the same time.
const STREAMS: usize = 12;
/// Messages that may wait for one browser.
const WAITING: usize = 32;
/// Something is said at least so often, or a browser could not tell silence from a lost connection.
const SILENCE: Duration = Duration::from_secs(1);

/// Who listens, and what they know.
#[derive(Debug, Default)]
pub struct Live {
    streams: Vec<mpsc::Sender<Bytes>>,
    /// The numbers of the first answer and the first event that are still to be sent.
    next: (u64, u64),
    sent: Duration,
}

impl Live {
    /// A stream for one more browser; nothing when there are too many.
    pub fn join(&mut self, site: &Site) -> Option<mpsc::Receiver<Bytes>> {
        self.streams.retain(|stream| !stream.is_closed());
        if self.streams.len() >= STREAMS {
            return None;
        }
        let (sender, receiver) = mpsc::channel(WAITING);
        sender
            .try_send(message("hello", &greeting(site, self.next)))
            .ok()?;
        sender
            .try_send(message("tick", &state(site, (u64::MAX, u64::MAX))))
            .ok()?;
        self.streams.push(sender);
        Some(receiver)
    }

    /// Sends what is new to everybody.
    pub fn push(&mut self, site: &Site) {
        let now = site.telemetry.uptime();
        let next = {
            let history = site.history.borrow();
            let answer = history.answers.back().map_or(0, |answer| answer.number + 1);
            let event = history.events.back().map_or(0, |event| event.number + 1);
            (answer.max(self.next.0), event.max(self.next.1))
        };
        let silent = now.saturating_sub(self.sent) < SILENCE;
        if next == self.next && silent {
            return;
        }
        if !self.streams.is_empty() {
            let message = message("tick", &state(site, self.next));
            self.streams
                .retain(|stream| stream.try_send(message.clone()).is_ok());
        }
        (self.next, self.sent) = (next, now);
    }
}

/// What does not change, and the last minute: answers and events before those numbered `next`.
fn greeting(site: &Site, next: (u64, u64)) -> Value {
    let history = site.history.borrow();
    let answers = history.answers.iter().filter(|a| a.number < next.0);
    let events = history.events.iter().filter(|e| e.number < next.1);
    json!({
        "now": millis(site.telemetry.uptime()),
        "version": env!("CARGO_PKG_VERSION"),
        "source": site.subject.source,
        "card": site.subject.card,
        "answers": answers.map(answer).collect::<Vec<_>>(),
        "events": events.map(event).collect::<Vec<_>>(),
    })
}

/// How things stand, with the answers and events from those numbered `next` on.
pub fn state(site: &Site, next: (u64, u64)) -> Value {
    let history = site.history.borrow();
    let telemetry = &site.telemetry;
    let now = telemetry.uptime();
    let answers = history.answers.iter().filter(|a| a.number >= next.0);
    let events = history.events.iter().filter(|e| e.number >= next.1);
    let (health, stage) = match site.health() {
        Health::Starting => ("starting", None),
        Health::Live => ("live", None),
        Health::Away => ("away", None),
        Health::Stalled(stage) => ("stalled", Some(stage.name())),
    };
    json!({
        "now": millis(now),
        "health": health,
        "stage": stage,
        "rate": tenth(history.rate(now)),
        "stages": stages(&history),
        "counts": counts(telemetry),
        "system": system(&telemetry.system()),
        "answers": answers.map(answer).collect::<Vec<_>>(),
        "events": events.map(event).collect::<Vec<_>>(),
    })
}

/// `[number, milliseconds, [[label's number, score], ...]]`
fn answer(answer: &Answer) -> Value {
    let round = |score: f32| f64::from((score * 1e4).round()) / 1e4;
    let best = answer.best.iter();
    let best: Vec<_> = best.map(|(label, score)| (label, round(*score))).collect();
    json!([answer.number, millis(answer.at), best])
}

/// An event as the JSON lines have it, with its number and when it was known.
pub fn event(noted: &Noted) -> Value {
    let wall = noted.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let event = &noted.event;
    json!({
        "number": noted.number,
        "at": millis(noted.at),
        "unix": wall.as_millis() as u64,
        "event": event.kind,
        "label": event.label,
        "t": (event.time.as_secs_f64() * 1e6).round() / 1e6,
        "frame": event.frame,
        "score": (event.score * 1e6).round() / 1e6,
        "decided": event.decided,
    })
}

fn stages(history: &History) -> Value {
    let times = |times: &StageTimes| {
        let (median, high) = times.recent();
        [median, high].map(|time| (time.as_secs_f64() * 1e6).round() / 1e3)
    };
    json!({
        "capture": times(&history.capture),
        "convert": times(&history.convert),
        "infer": times(&history.infer),
    })
}

fn counts(telemetry: &Telemetry) -> Value {
    let counts = telemetry.counts();
    json!({
        "frames": counts.frames.get(),
        "steps": counts.steps.get(),
        "skipped": counts.skipped.get(),
        "replaced": counts.replaced.get(),
        "late": counts.late.get(),
        "broken": counts.broken.get(),
        "dropped": counts.dropped.get(),
        "resets": counts.resets.get(),
        "reopened": counts.reopened.get(),
        "restarts": counts.restarts.get(),
        "events": counts.events.get(),
    })
}

fn system(system: &System) -> Value {
    let throttling = system.throttling.map(|found| {
        json!({
            "undervoltage": found.undervoltage(),
            "throttled": found.throttled(),
            "undervoltage_before": found.undervoltage_before(),
            "throttled_before": found.throttled_before(),
        })
    });
    let governor = system.governor.as_ref();
    json!({
        "celsius": system.celsius.map(tenth),
        "governor": governor.map(|governor| &governor.name),
        "clock": governor.and_then(|governor| governor.clock),
        "throttling": throttling,
    })
}

fn message(kind: &str, data: &impl Serialize) -> Bytes {
    // Text, numbers and maps with text for keys always serialise.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {kind}\ndata: {data}\n\n").into()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
