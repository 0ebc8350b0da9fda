//! From scores to debounced events.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::stream::Scores;

/// How scores become events. Stands in a bundle's manifest as `[events]`; a program's configuration
/// may override it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventSettings {
    /// Scores are averaged over the answers of this many seconds.
    pub smoothing: f64,
    /// A class becomes active at this averaged score, when no other class scores higher.
    pub on: f64,
    /// An active class ends below this averaged score.
    pub off: f64,
    /// A class must hold `on` for this many seconds before its event starts.
    pub min_duration: f64,
    /// After an event has ended, its class stays quiet for this many seconds.
    pub cool_down: f64,
    /// Classes that give no events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
    /// Classes that are reported as one: new name, and the labels whose scores are added up.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub merged: BTreeMap<String, Vec<String>>,
    /// Thresholds of single classes (merged ones by their new name).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, Thresholds>,
}

/// The thresholds of one class, where they differ from the general ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Replaces [`EventSettings::on`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<f64>,
    /// Replaces [`EventSettings::off`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<f64>,
}

impl Default for EventSettings {
    fn default() -> Self {
        EventSettings {
            smoothing: 0.25,
            on: 0.6,
            off: 0.35,
            min_duration: 0.0,
            cool_down: 0.5,
            masked: vec![],
            merged: BTreeMap::new(),
            thresholds: BTreeMap::new(),
        }
    }
}

/// Why event settings were refused.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EventSettingsError {
    /// A label that the model does not have.
    #[error("the event settings name the class {0:?}, which this model does not have")]
    UnknownClass(String),
    /// A label in two merged classes, or a merged class named as another label.
    #[error("the event settings merge the class {0:?} twice")]
    MergedTwice(String),
    /// A threshold outside 0..1, or `off` above `on`.
    #[error(
        "the thresholds of {class:?} are on = {on} and off = {off}; 0 <= off <= on <= 1 is needed"
    )]
    Thresholds {
        /// The class.
        class: String,
        /// Its threshold to start.
        on: f64,
        /// Its threshold to end.
        off: f64,
    },
    /// A duration that is negative or longer than an hour.
    #[error("the event setting {name} is {seconds} seconds; 0 to 3600 is possible")]
    Duration {
        /// The setting.
        name: &'static str,
        /// Its value.
        seconds: f64,
    },
}

impl EventSettings {
    /// Holds the settings against a model's labels.
    ///
    /// # Errors
    /// The first setting that cannot be meant.
    pub fn check(&self, labels: &[String]) -> Result<(), EventSettingsError> {
        use EventSettingsError::*;
        for (name, seconds) in [
            ("smoothing", self.smoothing),
            ("min_duration", self.min_duration),
            ("cool_down", self.cool_down),
        ] {
            if !(0.0..=3600.0).contains(&seconds) {
                return Err(Duration { name, seconds });
            }
        }
        let mut merged = std::collections::BTreeSet::new();
        for (name, members) in &self.merged {
            if let Some(unknown) = members.iter().find(|member| !labels.contains(member)) {
                return Err(UnknownClass(unknown.clone()));
            }
            if let Some(twice) = members
                .iter()
                .find(|member| !merged.insert(member.as_str()))
            {
                return Err(MergedTwice(twice.clone()));
            }
            if labels.contains(name) && !members.contains(name) {
                return Err(MergedTwice(name.clone()));
            }
        }
        let known = |class: &String| labels.contains(class) || self.merged.contains_key(class);
        if let Some(unknown) = self
            .masked
            .iter()
            .chain(self.thresholds.keys())
            .find(|c| !known(c))
        {
            return Err(UnknownClass(unknown.clone()));
        }
        let all = self
            .thresholds
            .keys()
            .map(String::as_str)
            .chain(["every class"]);
        for class in all {
            let (on, off) = self.thresholds_of(class);
            if !(0.0 <= off && off <= on && on <= 1.0) {
                return Err(Thresholds {
                    class: class.into(),
                    on,
                    off,
                });
            }
        }
        Ok(())
    }

    fn thresholds_of(&self, class: &str) -> (f64, f64) {
        let own = self.thresholds.get(class).copied().unwrap_or_default();
        (own.on.unwrap_or(self.on), own.off.unwrap_or(self.off))
    }
}

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

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
