//! Long videos: what a bundle's stream says over them, and the events that are made of it.

use std::path::Path;
use std::time::Duration;

use praxiscope_runtime::events::{EventDetector, EventKind, EventSettings};
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::{Model, Scores, Stream};

use super::EvaluateError;
use super::journal::Detection;
use crate::frames::each_tick;

/// All answers of one stream over a video. Frames are counted on the model's clock.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The answers, in order.
    pub scores: Vec<Scores>,
    /// Its length.
    pub seconds: f64,
}

impl Recording {
    /// Streams a video as the board would.
    ///
    /// # Errors
    /// [`EvaluateError::Frames`] or [`EvaluateError::Stream`].
    pub fn run(model: &Model, path: &Path, reading: Reading) -> Result<Recording, EvaluateError> {
        let rate = model.manifest().input.frame_rate;
        let mut stream = Stream::new(model)?;
        let mut scores = vec![];
        let mut ticks = 0u64;
        each_tick(path, reading, &model.manifest().input, |frame, times| {
            for _ in 0..times {
                let time = Duration::from_secs_f64(ticks as f64 / rate);
                scores.extend(stream.step(&frame.clone().with_time(ticks, time))?);
                ticks += 1;
            }
            Ok(())
        })?;
        scores.extend(stream.finish()?);
        Ok(Recording {
            scores,
            seconds: ticks as f64 / rate,
        })
    }
}

/// The events that the settings make of a recording's answers.
///
/// # Errors
/// [`EvaluateError::Events`].
pub fn detections(
    model: &Model,
    recording: &Recording,
    settings: &EventSettings,
) -> Result<Vec<Detection>, EvaluateError> {
    let manifest = model.manifest();
    let rate = manifest.input.frame_rate;
    let detector = EventDetector::new(settings, &manifest.labels, manifest.idle.as_deref())?;
    let mut found: Vec<Detection> = vec![];
    for event in detector.all_of(&recording.scores) {
        let time = event.time.as_secs_f64();
        match event.kind {
            EventKind::Start => found.push(Detection {
                label: event.label,
                start: time,
                end: recording.seconds,
                known: event.decided as f64 / rate,
            }),
            // At most one class is active at a time.
            EventKind::End => {
                if let Some(last) = found.last_mut() {
                    last.end = time;
                }
            }
        }
    }
    Ok(found)
}
