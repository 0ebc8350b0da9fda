//! `[outputs]` of the configuration.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Kind;
use super::buttons::ButtonConfig;
use super::clips::ClipsConfig;
use super::gpio::GpioConfig;
use super::mqtt::MqttConfig;

/// Which outputs there are. What is left out is off; only JSON lines are on by themselves.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct OutputsConfig {
    /// Events as lines on standard output.
    pub json_lines: bool,
    /// GPIO lines that follow classes.
    pub gpio: Vec<GpioConfig>,
    /// GPIO lines that are read.
    pub button: Vec<ButtonConfig>,
    /// A broker that is told.
    pub mqtt: Option<MqttConfig>,
    /// Short videos of what happened.
    pub clips: Option<ClipsConfig>,
}

impl Default for OutputsConfig {
    fn default() -> Self {
        Self {
            json_lines: true,
            gpio: vec![],
            button: vec![],
            mqtt: None,
            clips: None,
        }
    }
}

impl OutputsConfig {
    /// Makes relative paths those of `folder`.
    pub fn resolve(&mut self, folder: &Path) {
        let mqtt = self.mqtt.as_mut();
        let mqtt = mqtt.map(|mqtt| [mqtt.ca_file.as_mut(), mqtt.credentials_file.as_mut()]);
        let clips = self.clips.as_mut().map(|clips| &mut clips.folder);
        for path in mqtt.into_iter().flatten().flatten().chain(clips) {
            *path = folder.join(&*path);
        }
    }

    /// Holds the settings against the classes that can give events, and against themselves.
    pub(super) fn check(&self, classes: &[String]) -> Result<()> {
        let gpio = self.gpio.iter().map(|gpio| ("outputs.gpio", &gpio.labels));
        let mqtt = self.mqtt.iter().map(|mqtt| ("outputs.mqtt", &mqtt.lasting));
        let clips = self.clips.iter().map(|c| ("outputs.clips", &c.labels));
        for (section, labels) in gpio.chain(mqtt).chain(clips) {
            if let Some(unknown) = labels.iter().find(|label| !classes.contains(label)) {
                bail!(
                    "the configuration's {section} names the class {unknown:?}, which gives no events"
                );
            }
        }
        for gpio in &self.gpio {
            gpio.check().context("the configuration's outputs.gpio")?;
        }
        for button in &self.button {
            button
                .check()
                .context("the configuration's outputs.button")?;
        }
        if let Some(mqtt) = &self.mqtt {
            mqtt.check().context("the configuration's outputs.mqtt")?;
        }
        if let Some(clips) = &self.clips {
            clips.check().context("the configuration's outputs.clips")?;
        }
        Ok(())
    }

    /// Whether the outputs of this kind have to be replaced for `new`.
    pub(super) fn differs(&self, new: &Self, kind: Kind) -> bool {
        match kind {
            Kind::Lines => self.json_lines != new.json_lines,
            Kind::Gpio => self.gpio != new.gpio,
            Kind::Buttons => self.button != new.button,
            Kind::Mqtt => self.mqtt != new.mqtt,
            Kind::Clips => self.clips != new.clips,
        }
    }
}
