//! Which cameras there are, and how many frames one really gives.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use praxiscope_runtime::source::Source;

use super::Finding;
use crate::camera::{self, CameraSettings, Node};
use crate::config::SourceConfig;
use crate::stop::Stop;
use crate::telemetry::Pulse;

const CAMERA: &str = "camera";
const RATE: &str = "frames";
/// How long frames are counted, after the first ones: a camera settles its exposure then.
const SETTLES: Duration = Duration::from_secs(1);
const COUNTED: Duration = Duration::from_secs(2);
/// A camera that is silent for so long gives no frames.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A rate this much below what is wanted is no fault of the measurement.
const TOLERANCE: f64 = 0.9;

/// All cameras, and the rate of the one that is `wanted`, or else of the first.
pub fn look_at(
    wanted: Option<&PathBuf>,
    config: &SourceConfig,
    model_rate: Option<f64>,
) -> Vec<Finding> {
    let nodes = camera::survey();
    let mut findings: Vec<_> = nodes.iter().map(node).collect();
    let first = || nodes.iter().flatten().find(|node| node.simple);
    let path = wanted.cloned().or_else(|| Some(first()?.path.clone()));
    match path {
        Some(path) => findings.push(rate(&path, config, model_rate)),
        None if findings.is_empty() => findings.push(Finding::bad(
            CAMERA,
            "no camera is connected",
            "plug one in; a CSI camera comes through a pipe (see `praxiscope run --help`)",
        )),
        None => {}
    }
    findings
}

fn node(node: &Result<Node, String>) -> Finding {
    match node {
        Ok(node) => {
            let Node {
                path,
                card,
                formats,
                simple,
            } = node;
            let found = format!("{} ({card}): {}", path.display(), formats.join(" "));
            if *simple {
                Finding::good(CAMERA, found)
            } else {
                Finding::unknown(CAMERA, format!("{found}; only through a pipe"))
            }
        }
        Err(reason) => Finding::bad(
            CAMERA,
            reason,
            "as root: usermod -aG video USER, then log in again",
        ),
    }
}

fn rate(path: &Path, config: &SourceConfig, model_rate: Option<f64>) -> Finding {
    match measure(path, config) {
        Ok(measured) => measured.finding(model_rate),
        Err(error) => Finding::bad(
            RATE,
            format!("{error:#}"),
            "end other programs that use the camera, or plug it in again",
        ),
    }
}

struct Measured {
    name: String,
    rate: f64,
    broken: u64,
}

fn measure(path: &Path, config: &SourceConfig) -> Result<Measured> {
    let settings = CameraSettings {
        path: path.into(),
        size: config.size,
        rate: config.fps,
        format: config.format.clone(),
        timeout: TIMEOUT,
        give_up: TIMEOUT,
    };
    let stop = Stop::default();
    let Source {
        name, mut frames, ..
    } = camera::open(&settings, &stop, &Pulse::default())?;
    let started = Instant::now();
    let mut first = None;
    let mut count = 0_u32;
    loop {
        frames.next_frame()?.context("the camera gave no frame")?;
        let now = Instant::now();
        if now - started < SETTLES {
            continue;
        }
        let since = now - *first.get_or_insert(now);
        if since >= COUNTED {
            let rate = f64::from(count + 1) / since.as_secs_f64();
            let broken = frames.losses().broken;
            return Ok(Measured { name, rate, broken });
        }
        count += u32::from(!since.is_zero());
    }
}

impl Measured {
    fn finding(&self, model_rate: Option<f64>) -> Finding {
        let Self { name, rate, broken } = self;
        let mut found = format!("{rate:.1} a second from {name}");
        if let Some(model_rate) = model_rate {
            found += &format!("; the model wants {model_rate}");
        }
        if *broken > 0 {
            let found = format!("{found}; {broken} damaged");
            return Finding::bad(RATE, found, "try another cable or port, or a smaller size");
        }
        if model_rate.is_some_and(|wanted| *rate < wanted * TOLERANCE) {
            let advice = "give it more light (exposure slows a camera down), a smaller size, or \
                          a USB port of its own";
            return Finding::bad(RATE, found, advice);
        }
        Finding::good(RATE, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_held_against_the_model() {
        let measured = |rate, broken| Measured {
            name: "test".into(),
            rate,
            broken,
        };
        assert!(measured(11.9, 0).finding(Some(12.0)).is_good());
        assert!(measured(7.5, 0).finding(None).is_good());
        assert!(!measured(7.5, 0).finding(Some(12.0)).is_good());
        assert!(!measured(30.0, 1).finding(Some(12.0)).is_good());
    }

    #[test]
    fn a_camera_that_is_not_there_is_bad() {
        let none = PathBuf::from("/dev/video4321");
        let findings = look_at(Some(&none), &SourceConfig::default(), None);
        let last = findings.last().unwrap();
        assert!(!last.is_good());
        assert!(format!("{last:?}").contains("/dev/video4321"), "{last:?}");
    }

    #[test]
    fn a_node_that_may_not_be_opened_is_bad() {
        assert!(!node(&Err("the camera /dev/video0 may not be opened".into())).is_good());
    }
}
