//! `praxiscope.toml`: what a device is to do, where the command line does not say otherwise.
//!
//! ```toml
//! model = "gestures.prax"     # without one: the demo model
//!
//! [source]                    # exactly one of camera and input
//! camera = "/dev/video0"
//! size = "640x480"
//! fps = 30
//!
//! [events]                    # only what is to differ from the model's own settings
//! on = 0.7
//! masked = ["swipe_up"]
//! thresholds.swipe_left = { on = 0.8 }
//! ```
//!
//! `board/praxiscope.toml` shows every key, those of the sources and outputs too.
//!
//! Paths are relative to the file's folder. A key that is not known is refused by its name.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::source::FrameRate;
use serde::Deserialize;
use toml::{Table, Value};

use crate::camera::PictureSize;
use crate::outputs::OutputsConfig;

/// The largest file that is read.
const BYTES_CAP: u64 = 1 << 20;

/// The file's content.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The model's bundle.
    pub model: Option<PathBuf>,
    /// Where frames come from.
    pub source: SourceConfig,
    /// Whether a line of scores is written for each answer.
    pub scores: bool,
    /// Whether every frame enters the network, whatever its time.
    pub every_frame: bool,
    /// Overrides of the model's event settings.
    events: Table,
    /// Who is told.
    pub outputs: OutputsConfig,
}

/// Where frames come from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// A V4L2 device.
    pub camera: Option<PathBuf>,
    /// A video file, or `-` for standard input.
    pub input: Option<PathBuf>,
    /// The camera's picture size, `WIDTHxHEIGHT`.
    pub size: Option<PictureSize>,
    /// Frames per second of the camera, or of an input that does not say.
    pub fps: Option<FrameRate>,
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no TOML, or has a key that is not known.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let size = std::fs::metadata(path).map(|found| found.len());
        let text = match size {
            Ok(size) if size > BYTES_CAP => Err(anyhow!("it has {size} bytes")),
            _ => std::fs::read_to_string(path).map_err(Into::into),
        };
        let text = text.with_context(|| format!("cannot read the configuration {shown}"))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder)
            .with_context(|| format!("the configuration {shown} is not valid"))
    }

    fn parse(text: &str, folder: &Path) -> Result<Self> {
        let mut config: Config = toml::from_str(text).map_err(|error| reason(&error, text))?;
        let SourceConfig { camera, input, .. } = &mut config.source;
        for path in [&mut config.model, camera, input].into_iter().flatten() {
            if path.as_os_str() != "-" {
                *path = folder.join(&*path);
            }
        }
        config.outputs.resolve(folder);
        Ok(config)
    }

    /// Whether something differs that a run cannot change under way.
    pub fn needs_restart_after(&self, old: &Self) -> bool {
        let fixed = |config: &Self| {
            let Self {
                model,
                source,
                scores,
                every_frame,
                ..
            } = config;
            (model.clone(), source.clone(), *scores, *every_frame)
        };
        fixed(self) != fixed(old)
    }

    /// A model's event settings with the overrides laid over them.
    ///
    /// # Errors
    ///
    /// When an override is not one of the settings, or not of its kind.
    pub fn events(&self, manifest: &EventSettings) -> Result<Option<EventSettings>> {
        if self.events.is_empty() {
            return Ok(None);
        }
        let mut settings = Table::try_from(manifest)?;
        overlay(&mut settings, &self.events);
        let settings = settings.try_into().map_err(|error: toml::de::Error| {
            anyhow!(
                "the configuration's [events] are not valid: {}",
                error.message()
            )
        })?;
        Ok(Some(settings))
    }
}

/// Tables are merged key by key; every other value is replaced.
fn overlay(settings: &mut Table, overrides: &Table) {
    for (key, value) in overrides {
        match (settings.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            _ => _ = settings.insert(key.clone(), value.clone()),
        }
    }
}

/// The parser's reason in one line, with the line that it is about.
fn reason(error: &toml::de::Error, text: &str) -> anyhow::Error {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| {
            let number = before.matches('\n').count() + 1;
            format!(" (line {number})")
        });
    let message = error
        .message()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    anyhow!("{message}{}", line.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("/etc/praxiscope"))
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let text = "model = 'm.prax'\nsource.input = '-'\nsource.camera = '/dev/video0'";
        let config = parse(text).unwrap();
        assert_eq!(config.model.unwrap(), Path::new("/etc/praxiscope/m.prax"));
        assert_eq!(config.source.input.unwrap(), Path::new("-"));
        assert_eq!(config.source.camera.unwrap(), Path::new("/dev/video0"));
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for (text, key) in [
            ("modle = 'm.prax'", "modle"),
            ("[source]\ncam = 1", "cam"),
            ("\n[camera]\nsize = 1", "camera"),
            ("model = ", "line 1"),
            ("model = 3", "line 1"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(key) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn events_override_only_what_they_name() {
        let mut manifest = EventSettings {
            smoothing: 0.5,
            ..EventSettings::default()
        };
        manifest.masked = vec!["idle".into()];
        assert_eq!(parse("").unwrap().events(&manifest).unwrap(), None);
        let text = "[events]\non = 1\nthresholds.wave.off = 0.2\nthresholds.nod.on = 0.9";
        let settings = parse(text).unwrap().events(&manifest).unwrap().unwrap();
        assert_eq!((settings.smoothing, settings.on), (0.5, 1.0));
        assert_eq!(settings.masked, ["idle"]);
        assert_eq!(settings.thresholds["wave"].off, Some(0.2));
        assert_eq!(settings.thresholds["nod"].on, Some(0.9));
    }

    #[test]
    fn unknown_event_settings_are_refused_by_name() {
        for text in [
            "events.onn = 0.5",
            "events.thresholds.wave.onn = 1",
            "events.onn = []",
        ] {
            let config = parse(text).unwrap();
            let error = format!(
                "{:#}",
                config.events(&EventSettings::default()).unwrap_err()
            );
            assert!(error.contains("onn") && !error.contains('\n'), "{error}");
        }
    }
}
