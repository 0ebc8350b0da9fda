//! `[outputs.mqtt]`: which broker, and how it is spoken to.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use mqtt_protocol_core::mqtt::Version;
use serde::Deserialize;

/// The largest file of credentials or certificates that is read.
const BYTES_CAP: u64 = 1 << 20;

/// The settings.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct MqttConfig {
    /// `mqtt://HOST[:PORT]`, or `mqtts://HOST[:PORT]` for TLS.
    pub broker: String,
    /// `3.1.1` or `5`.
    #[serde(default = "usual_version")]
    pub version: String,
    /// The device's name in topics and at the broker; the machine's own, where it is left out.
    pub id: Option<String>,
    /// The certificates that may vouch for the broker, as PEM; needed for TLS.
    pub ca_file: Option<PathBuf>,
    /// A file of two lines: user and password.
    pub credentials_file: Option<PathBuf>,
    /// Home Assistant's prefix for discovery; empty for none.
    #[serde(default = "usual_prefix")]
    pub discovery: String,
    /// Classes that last: each is a sensor that is on or off. All others are gestures.
    #[serde(default)]
    pub lasting: Vec<String>,
    /// How many events may wait for a connection.
    #[serde(default = "usual_queue")]
    pub queue: usize,
    /// How long the broker may take to answer, in seconds.
    #[serde(default = "usual_timeout")]
    pub timeout: f64,
}

fn usual_version() -> String {
    "3.1.1".into()
}

fn usual_prefix() -> String {
    "homeassistant".into()
}

fn usual_queue() -> usize {
    1000
}

fn usual_timeout() -> f64 {
    10.0
}

/// Where the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its name or number.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is spoken to through TLS.
    pub tls: bool,
}

impl MqttConfig {
    /// Refuses what no broker could be spoken to with.
    pub fn check(&self) -> Result<()> {
        let address = self.address()?;
        self.version()?;
        if address.tls && self.ca_file.is_none() {
            bail!(
                "{} needs `ca_file`, the certificates that vouch for it",
                self.broker
            );
        }
        if !address.tls && self.ca_file.is_some() {
            bail!("`ca_file` is for mqtts://, and {} is not", self.broker);
        }
        if let Some(id) = &self.id
            && (id.is_empty()
                || id
                    .chars()
                    .any(|c| !c.is_ascii_alphanumeric() && c != '-' && c != '_'))
        {
            bail!("the id {id:?} is not made of letters, digits, `-` and `_`");
        }
        if self.discovery.contains(['#', '+', '\0']) {
            bail!("the discovery prefix {:?} is no topic", self.discovery);
        }
        if !(1..=100_000).contains(&self.queue) {
            bail!("a queue of {}: 1 to 100000 is possible", self.queue);
        }
        if !(0.1..=600.0).contains(&self.timeout) {
            bail!(
                "a timeout of {} seconds: 0.1 to 600 is possible",
                self.timeout
            );
        }
        Ok(())
    }

    /// The protocol's version.
    pub fn version(&self) -> Result<Version> {
        match self.version.as_str() {
            "3.1.1" => Ok(Version::V3_1_1),
            "5" | "5.0" => Ok(Version::V5_0),
            other => bail!("MQTT {other} is not spoken here: `3.1.1` and `5` are"),
        }
    }

    /// The broker's address.
    pub fn address(&self) -> Result<Address> {
        let broker = &self.broker;
        let malformed = || anyhow!("{broker:?} is no broker such as mqtt://192.168.1.5:1883");
        let (tls, rest) = if let Some(rest) = broker.strip_prefix("mqtts://") {
            (true, rest)
        } else {
            (false, broker.strip_prefix("mqtt://").ok_or_else(malformed)?)
        };
        let usual = if tls { 8883 } else { 1883 };
        let (host, port) = match rest.rsplit_once(':') {
            // An IPv6 address stands in brackets.
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| malformed())?)
            }
            _ => (rest, usual),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        if host.is_empty()
            || host.contains(['/', '@', ' '])
            || (bare.is_none() && host.contains(':'))
        {
            return Err(malformed());
        }
        Ok(Address {
            host: host.into(),
            port,
            tls,
        })
    }

    /// User and password, where there is a file of them.
    pub fn credentials(&self) -> Result<Option<(String, String)>> {
        let Some(path) = &self.credentials_file else {
            return Ok(None);
        };
        let text = String::from_utf8(read(path)?)
            .with_context(|| format!("{} is no text", path.display()))?;
        let mut lines = text.lines();
        match (lines.next(), lines.next(), lines.next()) {
            (Some(user), Some(password), None) if !user.is_empty() => {
                Ok(Some((user.into(), password.into())))
            }
            _ => bail!(
                "{} does not hold two lines, user and password",
                path.display()
            ),
        }
    }

    /// The certificates that may vouch for the broker, as PEM.
    pub fn certificates(&self) -> Result<Vec<u8>> {
        self.ca_file.as_deref().map_or(Ok(vec![]), read)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_or(0, |found| found.len());
    if size > BYTES_CAP {
        bail!("{shown} has {size} bytes: too many for what it is to hold");
    }
    std::fs::read(path).with_context(|| format!("cannot read {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> MqttConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn addresses_are_read() {
        for (broker, host, port, tls) in [
            ("mqtt://localhost", "localhost", 1883, false),
            ("mqtt://10.0.0.2:2000", "10.0.0.2", 2000, false),
            ("mqtts://home.example", "home.example", 8883, true),
            ("mqtt://[::1]:99", "::1", 99, false),
            ("mqtt://[::1]", "::1", 1883, false),
        ] {
            let address = config(&format!("broker = '{broker}'")).address().unwrap();
            assert_eq!(
                (&*address.host, address.port, address.tls),
                (host, port, tls)
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "broker = 'localhost'",
            "broker = 'http://localhost'",
            "broker = 'mqtt://'",
            "broker = 'mqtt://a:b'",
            "broker = 'mqtt://a:99999'",
            "broker = 'mqtt://user@a'",
            "broker = 'mqtt://::1'",
            "broker = 'mqtts://a'",
            "broker = 'mqtt://a'\nca_file = 'ca.pem'",
            "broker = 'mqtt://a'\nversion = '4'",
            "broker = 'mqtt://a'\nid = 'a/b'",
            "broker = 'mqtt://a'\nqueue = 0",
            "broker = 'mqtt://a'\ntimeout = 0",
            "broker = 'mqtt://a'\ndiscovery = '#'",
        ] {
            assert!(config(text).check().is_err(), "{text}");
        }
        config("broker = 'mqtt://a'\nversion = '5'\nid = 'door-2'")
            .check()
            .unwrap();
    }

    #[test]
    fn credentials_are_two_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mqtt.secret");
        let mut config = config("broker = 'mqtt://a'");
        assert_eq!(config.credentials().unwrap(), None);
        config.credentials_file = Some(path.clone());
        assert!(config.credentials().is_err());
        for text in ["", "user", "\npassword", "a\nb\nc"] {
            std::fs::write(&path, text).unwrap();
            assert!(config.credentials().is_err(), "{text:?}");
        }
        std::fs::write(&path, "user\npass word\n").unwrap();
        let wanted = Some(("user".into(), "pass word".into()));
        assert_eq!(config.credentials().unwrap(), wanted);
    }
}
