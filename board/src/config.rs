//! `praxiscope.toml`: what a device is to do, where the command line does not say otherwise.
//!
//! ```toml
//! model = "gestures.prax"     # without one: the demo model
//!
//! [source]                    # one of camera, input, command and rtsp
//! camera = "/dev/video0"
//! size = "640x480"
//! fps = 30
//!
//! [events]                    # only what is to differ from the model's own settings
//! on = 0.7
//! masked = ["swipe_up"]
//! thresholds.swipe_left = { on = 0.8 }
//!
//! [page]                      # with this section there is a page
//! address = "127.0.0.1:8080"  # any other than loopback needs a token
//! token_file = "page-token"   # without one: the usual place for a program's state
//!
//! [guard]                     # what a stage that hangs means
//! stall = 30                  # seconds without a frame
//! restarts = 3                # in an hour, before the program gives up
//! ```
//!
//! `board/praxiscope.toml` shows every key, those of the sources and outputs too.
//!
//! Paths are relative to the file's folder. A key that is not known is refused by its name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::source::FrameRate;
use serde::Deserialize;
use toml::{Table, Value};

use crate::camera::PictureSize;
use crate::guard::GuardSettings;
use crate::outputs::OutputsConfig;
use crate::page::PageSettings;
use crate::threads::Threads;

/// The largest file that is read.
const BYTES_CAP: u64 = 1 << 20;

/// The file's content.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The model's bundle; without one, the model that was installed.
    pub model: Option<PathBuf>,
    /// The folder of installed models.
    pub models: Option<PathBuf>,
    /// Where frames come from.
    pub source: SourceConfig,
    /// Whether a line of scores is written for each answer.
    pub scores: bool,
    /// Whether every frame enters the network, whatever its time.
    pub every_frame: bool,
    /// Threads that share the network's work; without this, one for each big core.
    pub threads: Option<Threads>,
    /// The page, if there is to be one.
    pub page: Option<PageSettings>,
    /// When a stage hangs.
    pub guard: GuardSettings,
    /// Overrides of the model's event settings.
    events: Table,
    /// Who is told.
    pub outputs: OutputsConfig,
}

/// Where frames come from: one of camera, input, command and rtsp.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// A V4L2 device, or the name of its card.
    pub camera: Option<PathBuf>,
    /// A video file, or `-` for standard input.
    pub input: Option<PathBuf>,
    /// A program that writes frames, and its arguments.
    pub command: Option<Vec<String>>,
    /// A network camera's address.
    pub rtsp: Option<String>,
    /// What the camera is to send, or what the command writes.
    pub format: Option<String>,
    /// The picture size, `WIDTHxHEIGHT`.
    pub size: Option<PictureSize>,
    /// Frames per second of the camera, or of an input that does not say.
    pub fps: Option<FrameRate>,
    /// Whether a command that has ended is started again.
    pub restart: bool,
    /// How long a camera or command may be silent before it is started again, in seconds.
    pub timeout: f64,
    /// How long that is tried without one frame before the program gives up, in seconds.
    pub give_up: f64,
    /// Source seconds per second of the clock: below 1, everything is seen in slow motion.
    pub time_scale: f64,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            camera: None,
            input: None,
            command: None,
            rtsp: None,
            format: None,
            size: None,
            fps: None,
            restart: true,
            timeout: 5.0,
            give_up: 600.0,
            time_scale: 1.0,
        }
    }
}

impl SourceConfig {
    /// [`SourceConfig::time_scale`].
    ///
    /// # Errors
    ///
    /// When time would stand still or run away.
    pub fn scale(&self) -> Result<f64> {
        let scale = Some(self.time_scale).filter(|scale| (1e-4..=1e4).contains(scale));
        scale.with_context(|| {
            format!(
                "the configuration's source.time_scale is {}: from 0.0001 to 10000 it may be",
                self.time_scale
            )
        })
    }

    /// [`SourceConfig::timeout`] and [`SourceConfig::give_up`].
    ///
    /// # Errors
    ///
    /// When one of them is no time to wait.
    pub fn patience(&self) -> Result<(Duration, Duration)> {
        let time = |name: &str, seconds: f64| {
            let sound = (0.1..=1e9).contains(&seconds);
            sound.then(|| Duration::from_secs_f64(seconds)).with_context(|| {
                format!("the configuration's source.{name} is {seconds} seconds, which is no time to wait")
            })
        };
        Ok((
            time("timeout", self.timeout)?,
            time("give_up", self.give_up)?,
        ))
    }
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
        // A camera may be called by its card's name, and that is no path.
        let camera = camera
            .as_mut()
            .filter(|camera| camera.components().count() > 1);
        let page = config.page.as_mut();
        let token = page.and_then(|page| page.token_file.as_mut());
        let models = [config.model.as_mut(), config.models.as_mut()];
        let paths = models.into_iter().chain([camera, input.as_mut(), token]);
        for path in paths.flatten() {
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
                models,
                source,
                scores,
                every_frame,
                threads,
                page,
                guard,
                ..
            } = config;
            let watch = (*scores, *every_frame, *threads, *guard);
            (
                model.clone(),
                models.clone(),
                source.clone(),
                page.clone(),
                watch,
            )
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
        let card = parse("source.camera = 'HD Webcam'").unwrap();
        assert_eq!(card.source.camera.unwrap(), Path::new("HD Webcam"));
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

    const SAMPLE: &str = include_str!("../praxiscope.toml");

    #[test]
    fn the_sample_is_the_demo_on_the_first_camera() {
        let config = Config::parse(SAMPLE, Path::new("/etc")).unwrap();
        let wanted = SourceConfig {
            camera: Some("/dev/video0".into()),
            size: Some(PictureSize::USUAL),
            fps: FrameRate::try_from(30.0).ok(),
            ..SourceConfig::default()
        };
        let plain = Config {
            source: wanted,
            ..Config::default()
        };
        assert_eq!(config, plain);
    }

    /// With its examples uncommented, one of those that exclude each other at a time.
    #[test]
    fn every_example_of_the_sample_is_valid() {
        // An example stands right behind its `#`, a sentence behind a space.
        let uncommented = |line: &str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with("          ") => rest.to_owned(),
            Some(rest) if rest.starts_with(' ') => String::new(),
            rest => rest.unwrap_or(line).to_owned(),
        };
        let text: Vec<String> = SAMPLE.lines().map(uncommented).collect();
        let start = text.iter().position(|line| line == "[source]").unwrap();
        let end = text.iter().position(|line| line == "[events]").unwrap();
        let rest = [&text[..start], &text[end..]].concat().join("\n");
        let config = parse(&rest).unwrap_or_else(|error| panic!("{error:#}\n{rest}"));
        let labels = [
            "idle",
            "swipe_left",
            "swipe_right",
            "swipe_up",
            "swipe_down",
        ];
        let labels = labels.map(String::from);
        let events = config.events(&EventSettings::default()).unwrap().unwrap();
        events.check(&labels).unwrap();
        assert_eq!(
            (config.outputs.gpio.len(), config.outputs.button.len()),
            (2, 1)
        );
        assert!(config.outputs.mqtt.is_some() && config.outputs.clips.is_some());

        // Of several sources each is tried alone.
        let mut keys = std::collections::BTreeMap::<String, Vec<String>>::new();
        let mut newest = String::new();
        for line in &text[start + 1..end] {
            if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
                newest = key.into();
                keys.entry(newest.clone()).or_default().push(String::new());
            }
            if let Some(value) = keys.get_mut(&newest).and_then(|values| values.last_mut()) {
                value.push_str(line);
                value.push('\n');
            }
        }
        assert_eq!(keys["command"].len(), 2);
        for values in keys.values() {
            for value in values {
                parse(&format!("[source]\n{value}")).unwrap_or_else(|e| panic!("{e:#}\n{value}"));
            }
        }
        let SourceConfig { format, .. } = parse(&format!("[source]\n{}", keys["format"][2]))
            .unwrap()
            .source;
        assert!(
            format
                .unwrap()
                .parse::<crate::command::PipeFormat>()
                .is_ok()
        );
    }
}
