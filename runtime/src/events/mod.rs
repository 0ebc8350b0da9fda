//! From scores to debounced events.
//!
//! Everything goes by the times of the frames that answers speak of, so it does not matter how often a
//! network answers; averaging over less than the time between two answers is no averaging.

mod settings;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use settings::{EventSettings, EventSettingsError, Thresholds};

use crate::stream::Scores;

/// Whether something begins or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// The class became active.
    Start,
    /// The class is no longer active.
    End,
}

/// Something is being done in front of the camera, or no longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Start or end.
    pub kind: EventKind,
    /// The class.
    pub label: String,
    /// The number of the frame that the deciding scores speak of.
    pub frame: u64,
    /// That frame's time since the source began.
    pub time: Duration,
    /// The newest frame that had been seen when this was known.
    pub decided: u64,
    /// The averaged score at the start; at the end the highest one in between.
    pub score: f64,
}

/// A class that can give events: its members' scores are added up.
#[derive(Clone, Debug)]
struct Class {
    name: String,
    members: Vec<usize>,
    on: f64,
    off: f64,
    /// Gives events; the idle class and masked ones only compete.
    speaks: bool,
    quiet_until: Option<Duration>,
}

/// Turns the scores of one stream into events: at most one class is active at a time.
#[derive(Clone, Debug)]
pub struct EventDetector {
    classes: Vec<Class>,
    smoothing: Duration,
    min_duration: Duration,
    cool_down: Duration,
    window: VecDeque<Answer>,
    candidate: Option<(usize, Duration)>,
    active: Option<Active>,
}

#[derive(Clone, Debug)]
struct Answer {
    frame: u64,
    time: Duration,
    decided: u64,
    scores: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    class: usize,
    peak: f64,
}

impl EventDetector {
    /// A detector for scores over `labels`.
    ///
    /// # Errors
    /// When the settings do not fit the labels.
    pub fn new(
        settings: &EventSettings,
        labels: &[String],
        idle: Option<&str>,
    ) -> Result<EventDetector, EventSettingsError> {
        settings.check(labels)?;
        let merged_into = |label: &String| {
            settings
                .merged
                .iter()
                .find(|(_, members)| members.contains(label))
                .map(|(name, _)| name)
        };
        let alone = labels.iter().filter(|label| merged_into(label).is_none());
        let classes = alone.chain(settings.merged.keys()).map(|name| {
            let (on, off) = settings.thresholds_of(name);
            let is_member =
                |label: &String| merged_into(label).map_or(label == name, |into| into == name);
            let members = (0..labels.len())
                .filter(|&i| is_member(&labels[i]))
                .collect();
            let speaks = Some(name.as_str()) != idle && !settings.masked.contains(name);
            Class {
                name: name.clone(),
                members,
                on,
                off,
                speaks,
                quiet_until: None,
            }
        });
        Ok(EventDetector {
            classes: classes.collect(),
            smoothing: Duration::from_secs_f64(settings.smoothing),
            min_duration: Duration::from_secs_f64(settings.min_duration),
            cool_down: Duration::from_secs_f64(settings.cool_down),
            window: VecDeque::new(),
            candidate: None,
            active: None,
        })
    }

    /// Takes the next answer of the stream; gives the events that it decides, an end before a start.
    pub fn push(&mut self, scores: &Scores) -> Vec<Event> {
        let sum = |class: &Class| {
            class
                .members
                .iter()
                .filter_map(|&i| scores.probabilities.get(i))
                .map(|&p| f64::from(p))
                .sum()
        };
        self.window.push_back(Answer {
            frame: scores.frame,
            time: scores.time,
            decided: scores.decided,
            scores: self.classes.iter().map(sum).collect(),
        });
        while self.window.len() > 1
            && self.window[0].time + self.smoothing <= scores.time + Duration::from_micros(100)
        {
            self.window.pop_front();
        }
        let smoothed: Vec<f64> = (0..self.classes.len())
            .map(|class| {
                self.window
                    .iter()
                    .map(|answer| answer.scores[class])
                    .sum::<f64>()
                    / self.window.len() as f64
            })
            .collect();
        self.decide(&smoothed)
    }

    /// All events of a stream that is over.
    pub fn all_of<'a>(mut self, answers: impl IntoIterator<Item = &'a Scores>) -> Vec<Event> {
        let mut events: Vec<Event> = answers
            .into_iter()
            .flat_map(|scores| self.push(scores))
            .collect();
        events.extend(self.finish());
        events
    }

    /// Ends the stream: an active class ends at the last answer.
    pub fn finish(&mut self) -> Vec<Event> {
        let end = self.end_active();
        self.window.clear();
        self.candidate = None;
        for class in &mut self.classes {
            class.quiet_until = None;
        }
        end.into_iter().collect()
    }

    fn decide(&mut self, smoothed: &[f64]) -> Vec<Event> {
        let Some(now) = self.window.back().map(|answer| answer.time) else {
            return vec![];
        };
        let best = (0..smoothed.len()).fold(0, |best, i| {
            if smoothed[i] > smoothed[best] {
                i
            } else {
                best
            }
        });
        let active = self.active.map(|active| active.class);
        if let Some(active) = &mut self.active {
            active.peak = active.peak.max(smoothed[active.class]);
        }
        let class = &self.classes[best];
        let rises = class.speaks
            && Some(best) != active
            && smoothed[best] >= class.on
            && class.quiet_until.is_none_or(|until| now >= until);
        self.candidate = match self.candidate {
            Some((candidate, since)) if rises && candidate == best => Some((candidate, since)),
            _ => rises.then_some((best, now)),
        };
        let start = self
            .candidate
            .filter(|(_, since)| *since + self.min_duration <= now);
        let mut events = vec![];
        let fades = active.is_some_and(|active| smoothed[active] < self.classes[active].off);
        if fades || start.is_some() {
            events.extend(self.end_active());
        }
        if let Some((class, _)) = start {
            self.active = Some(Active {
                class,
                peak: smoothed[class],
            });
            self.candidate = None;
            events.extend(self.event(EventKind::Start, class, smoothed[class]));
        }
        events
    }

    fn end_active(&mut self) -> Option<Event> {
        let active = self.active.take()?;
        let event = self.event(EventKind::End, active.class, active.peak)?;
        self.classes[active.class].quiet_until = Some(event.time + self.cool_down);
        Some(event)
    }

    fn event(&self, kind: EventKind, class: usize, score: f64) -> Option<Event> {
        let Answer {
            frame,
            time,
            decided,
            ..
        } = *self.window.back()?;
        let label = self.classes[class].name.clone();
        Some(Event {
            kind,
            label,
            frame,
            time,
            decided,
            score,
        })
    }
}
