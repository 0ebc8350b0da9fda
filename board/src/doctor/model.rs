//! Whether the model runs, and fast enough.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use praxiscope_runtime::frame::{Frame, FrameLayout, PixelFormat};
use praxiscope_runtime::recognizer::{Recognizer, RecognizerOptions};

use super::Finding;
use crate::models::{self, Loaded};
use crate::threads::{self, Threads};

const NAME: &str = "model";
/// Steps that are measured at most, and how long that may take.
const STEPS: u64 = 40;
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs the model for a moment; gives its frame rate too.
pub fn look_at(
    path: Option<&Path>,
    models: Option<&Path>,
    asked: Option<Threads>,
) -> (Finding, Option<f64>) {
    match measure(path, models, asked) {
        Ok(measured) => (measured.finding(), Some(measured.rate)),
        Err(error) => {
            let advice = "give another bundle with --model, or convert it again";
            (Finding::bad(NAME, format!("{error:#}"), advice), None)
        }
    }
}

struct Measured {
    name: String,
    /// Why this model runs and not the one that should.
    warning: Option<String>,
    rate: f64,
    /// Converting a frame, and a step of the network.
    took: Duration,
}

fn measure(path: Option<&Path>, models: Option<&Path>, asked: Option<Threads>) -> Result<Measured> {
    let Loaded { model, card, .. } = models::load(path, models, false)?;
    let rate = model.manifest().input.frame_rate;
    let options = RecognizerOptions {
        every_frame: true,
        team: threads::team(asked)?,
        ..RecognizerOptions::default()
    };
    let mut recognizer = Recognizer::new(&model, options)?;
    let layout = FrameLayout::packed(PixelFormat::Yuyv, 640, 480);
    let frame = Frame::new(layout, vec![128; layout.bytes()?])?;
    let started = Instant::now();
    for index in 0..STEPS {
        let time = Duration::from_secs_f64(index as f64 / rate);
        recognizer.push(&frame.clone().with_time(index, time))?;
        if started.elapsed() >= PATIENCE {
            break;
        }
    }
    let stats = recognizer.stats();
    Ok(Measured {
        name: card.name,
        warning: card.warning,
        rate,
        took: stats.convert.quantile(0.5) + stats.infer.quantile(0.5),
    })
}

impl Measured {
    fn finding(&self) -> Finding {
        let Self {
            name,
            warning,
            rate,
            took,
        } = self;
        let (took, budget) = (took.as_secs_f64() * 1e3, 1e3 / rate);
        let found = format!("{name}: {took:.1} ms of the {budget:.1} ms that a frame may take");
        if let Some(warning) = warning {
            let advice = "praxiscope install MODEL.prax";
            Finding::bad(NAME, format!("{warning} ({found})"), advice)
        } else if took <= budget {
            Finding::good(NAME, found)
        } else {
            let advice = "frames will be skipped: take a smaller model, or cool the board";
            Finding::bad(NAME, found, advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_model_is_measured() {
        let (finding, rate) = look_at(None, Some(Path::new("/none")), None);
        assert_eq!(rate, Some(12.0));
        let text = format!("{finding:?}");
        assert!(
            text.contains("demo: ") && text.contains("83.3 ms"),
            "{text}"
        );
    }

    #[test]
    fn a_model_that_is_too_slow_or_none_is_bad() {
        let slow = Measured {
            name: "slow".into(),
            warning: None,
            rate: 10.0,
            took: Duration::from_millis(101),
        };
        assert!(!slow.finding().is_good());
        let (finding, rate) = look_at(Some(Path::new("/none.prax")), None, None);
        assert!(!finding.is_good() && rate.is_none());
    }
}
