//! `manifest.toml`: what a bundle says of its network.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::BundleError;
use crate::events::EventSettings;
use crate::preprocess::InputGeometry;

/// The format version that this program reads and writes. In format 1 a network of frames was a graph of
/// tract's operators; since format 2 it is one of step operators.
pub const FORMAT: u32 = 2;
const LABEL_CAP: usize = 100_000;

/// All that is not weights: labels, input, clock, events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The bundle format.
    pub format: u32,
    /// A name for people.
    pub name: String,
    /// Frame by frame, or clip by clip.
    pub mode: Mode,
    /// One label for each logit, in order.
    pub labels: Vec<String>,
    /// The label that means "nothing is being done"; it gives no events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<String>,
    /// From a frame to the network's input.
    pub input: Input,
    /// Only in clip mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
    /// How scores become events.
    #[serde(default)]
    pub events: EventSettings,
    /// Where the network came from.
    #[serde(default)]
    pub origin: Origin,
}

/// How the graph is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The graph is a step program: one frame in, its own past kept.
    Stream,
    /// The graph is a clip graph, recomputed over a window of the last frames.
    Clip,
}

/// From a frame to the network's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Size, fit and colour order.
    #[serde(flatten)]
    pub geometry: InputGeometry,
    /// Subtracted from each colour channel, in the model's colour order, of values in 0..1.
    pub mean: [f32; 3],
    /// Divides each channel after the mean was subtracted.
    pub std: [f32; 3],
    /// Frames per second of the model's clock.
    pub frame_rate: f64,
    /// A longer pause between two frames, in seconds, starts the stream afresh.
    pub max_gap: f64,
}

impl Input {
    /// [`Input::max_gap`] as a duration.
    pub fn max_gap(&self) -> Duration {
        Duration::from_secs_f64(self.max_gap)
    }

    /// What the network is given for each of the 256 levels of each colour channel.
    pub fn levels(&self) -> [[f32; 256]; 3] {
        let level = |channel: usize, value: usize| {
            (value as f32 / 255.0 - self.mean[channel]) / self.std[channel]
        };
        [0, 1, 2].map(|channel| std::array::from_fn(|value| level(channel, value)))
    }
}

/// The window of clip mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// Frames in the window.
    pub frames: usize,
    /// Frames from one answer to the next.
    pub hop: usize,
    /// Whether the graph, wired again for other frames, is the network of that length and size:
    /// shown when the bundle was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rewires: bool,
}

/// Where a network came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The program that made the bundle, with its version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub made_by: String,
    /// The family whose wiring a checkpoint was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The source file's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The source file's SHA-256 digest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source_sha256: String,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`BundleError::Format`] for another format version, else [`BundleError::Manifest`].
    pub fn from_toml(text: &str) -> Result<Manifest, BundleError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let invalid = |error: toml::de::Error| BundleError::Manifest(one_line(&error.to_string()));
        let Version { format } = toml::from_str(text).map_err(invalid)?;
        if format != FORMAT {
            return Err(BundleError::Format {
                found: format,
                known: FORMAT,
            });
        }
        let manifest: Manifest = toml::from_str(text).map_err(invalid)?;
        manifest.check()?;
        manifest.check_input_keys(text)?;
        Ok(manifest)
    }

    /// A flattened table takes keys that nobody knows, so they are looked for here.
    fn check_input_keys(&self, text: &str) -> Result<(), BundleError> {
        let given: toml::Table =
            toml::from_str(text).map_err(|error| BundleError::Manifest(error.to_string()))?;
        let known = toml::Table::try_from(&self.input)
            .map_err(|error| BundleError::Manifest(error.to_string()))?;
        let given = given.get("input").and_then(toml::Value::as_table);
        match given
            .into_iter()
            .flat_map(toml::Table::keys)
            .find(|key| !known.contains_key(*key))
        {
            Some(key) => Err(BundleError::Manifest(format!(
                "unknown field `{key}` in [input]"
            ))),
            None => Ok(()),
        }
    }

    /// The manifest as it stands in a bundle.
    ///
    /// # Errors
    /// [`BundleError::Manifest`] if its values contradict each other.
    pub fn to_toml(&self) -> Result<String, BundleError> {
        self.check()?;
        toml::to_string(self).map_err(|error| BundleError::Manifest(error.to_string()))
    }

    fn check(&self) -> Result<(), BundleError> {
        let fail = |message: String| Err(BundleError::Manifest(message));
        if self.labels.is_empty() || self.labels.len() > LABEL_CAP {
            return fail(format!("it has {} labels", self.labels.len()));
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = self
            .labels
            .iter()
            .find(|label| !seen.insert(label.as_str()))
        {
            return fail(format!("the label {twice:?} stands twice"));
        }
        if let Some(idle) = self
            .idle
            .as_ref()
            .filter(|idle| !self.labels.contains(idle))
        {
            return fail(format!("the idle class {idle:?} is not among the labels"));
        }
        self.input
            .geometry
            .validate()
            .map_err(|e| BundleError::Manifest(e.to_string()))?;
        let Input {
            mean,
            std,
            frame_rate,
            max_gap,
            ..
        } = &self.input;
        if !mean.iter().all(|m| m.is_finite()) || !std.iter().all(|s| s.is_finite() && *s > 0.0) {
            return fail(format!("mean {mean:?} and std {std:?} do not normalise"));
        }
        if !(*frame_rate > 0.0 && *frame_rate <= 1000.0) {
            return fail(format!("a frame rate of {frame_rate} a second"));
        }
        if !(*max_gap > 0.0 && *max_gap <= 86_400.0) {
            return fail(format!("a largest gap of {max_gap} seconds"));
        }
        match (self.mode, self.clip) {
            (Mode::Stream, None) => {}
            (
                Mode::Clip,
                Some(Clip {
                    frames: 1..=4096,
                    hop: 1..=4096,
                    ..
                }),
            ) => {}
            (mode, clip) => return fail(format!("mode {mode:?} with the window {clip:?}")),
        }
        self.events
            .check(&self.labels)
            .map_err(|error| BundleError::Manifest(error.to_string()))
    }
}

fn one_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_bundles::brightness;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let manifest = brightness(None).manifest().clone();
        assert_eq!(
            Manifest::from_toml(&manifest.to_toml().unwrap()).unwrap(),
            manifest
        );
    }

    #[test]
    fn unknown_keys_are_named() {
        let text = brightness(None).manifest().to_toml().unwrap();
        for (table, key) in [
            ("[input]", "hight"),
            ("[events]", "onn"),
            ("[origin]", "by"),
        ] {
            let text = text.replace(table, &format!("{table}\n{key} = 1"));
            let refused = Manifest::from_toml(&text).unwrap_err().to_string();
            assert!(refused.contains(key), "{refused}");
        }
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        let refused = |change: fn(&mut Manifest)| {
            let mut manifest = brightness(None).manifest().clone();
            change(&mut manifest);
            manifest.to_toml().is_err()
        };
        assert!(!refused(|_| {}));
        assert!(refused(|m| m.labels.clear()));
        assert!(refused(|m| m.labels[1] = m.labels[0].clone()));
        assert!(refused(|m| m.idle = Some("asleep".into())));
        assert!(refused(|m| m.input.std[1] = 0.0));
        assert!(refused(|m| m.input.frame_rate = f64::NAN));
        assert!(refused(|m| m.input.max_gap = -1.0));
        assert!(refused(|m| m.mode = Mode::Clip));
        assert!(refused(|m| m.clip = Some(Clip {
            frames: 8,
            hop: 1,
            rewires: false
        })));
    }
}
