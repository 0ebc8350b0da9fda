//! How scores become events: thresholds, durations, classes left out or put together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

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

    /// The classes that can give events: labels and merged classes without the idle one and those
    /// that are masked, in the order of the labels.
    pub fn speaking(&self, labels: &[String], idle: Option<&str>) -> Vec<String> {
        let is_merged = |label: &&String| self.merged.values().any(|m| m.contains(label));
        let alone = labels.iter().filter(|label| !is_merged(label));
        alone
            .chain(self.merged.keys())
            .filter(|class| Some(class.as_str()) != idle && !self.masked.contains(class))
            .cloned()
            .collect()
    }

    pub(super) fn thresholds_of(&self, class: &str) -> (f64, f64) {
        let own = self.thresholds.get(class).copied().unwrap_or_default();
        (own.on.unwrap_or(self.on), own.off.unwrap_or(self.off))
    }
}
