//! Event settings that keep within a budget of false alarms.
//!
//! The recordings are streamed once; settings are tried on the answers. First the thresholds and the
//! duration of all classes together, then the threshold of each class by itself. Of those within the
//! budget the ones count that find most spans, then those with fewer false alarms, then the quicker.

use std::cmp::Ordering;

use praxiscope_runtime::events::{EventSettings, Thresholds};
use praxiscope_runtime::stream::Model;

use super::EvaluateError;
use super::column::event_names;
use super::recordings::{Recording, detections};
use super::spans::Counts;

/// Scores at which a class may become active.
const ON: [f64; 16] = [
    0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95,
];
/// Seconds that it must hold.
const DURATIONS: [f64; 5] = [0.0, 0.1, 0.25, 0.5, 1.0];

/// A long video with what it shows: start, end, class.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The answers over it.
    pub recording: Recording,
    /// What it shows.
    pub spans: Vec<(f64, f64, usize)>,
}

/// Settings, and what they give.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// The best that were found.
    pub settings: EventSettings,
    /// What they give on the recordings.
    pub counts: Counts,
    /// What the bundle's own gave.
    pub before: Counts,
    /// Settings that were tried.
    pub tried: usize,
    /// Whether they keep within the budget.
    pub is_within: bool,
}

/// Finds settings with at most `budget` false alarms an hour.
///
/// # Errors
/// [`EvaluateError::Events`] if the bundle's settings do not fit it.
pub fn tune(model: &Model, videos: &[Labelled], budget: f64) -> Result<Tuned, EvaluateError> {
    let start = &model.manifest().events;
    let mut tried = 0;
    let mut count = |settings: &EventSettings| {
        tried += 1;
        counts(model, videos, settings)
    };
    let before = count(start)?;
    let mut best = (start.clone(), before.clone());
    let mut consider = |best: &mut (EventSettings, Counts), settings: EventSettings| {
        let counts = count(&settings)?;
        if better(&counts, &best.1, budget) == Ordering::Greater {
            *best = (settings, counts);
        }
        Ok::<(), EvaluateError>(())
    };
    for min_duration in DURATIONS {
        for on in ON {
            let settings = EventSettings {
                on,
                off: off_of(start, on),
                min_duration,
                thresholds: Default::default(),
                ..start.clone()
            };
            consider(&mut best, settings)?;
        }
    }
    let manifest = model.manifest();
    for class in start.speaking(&manifest.labels, manifest.idle.as_deref()) {
        for on in ON {
            let mut settings = best.0.clone();
            let own = Thresholds {
                on: Some(on),
                off: Some(off_of(start, on)),
            };
            settings.thresholds.insert(class.clone(), own);
            consider(&mut best, settings)?;
        }
    }
    let (settings, counts) = best;
    let is_within = alarms(&counts) <= budget;
    Ok(Tuned {
        settings,
        counts,
        before,
        tried,
        is_within,
    })
}

/// The end's threshold in the same proportion to the start's as the bundle has it.
fn off_of(start: &EventSettings, on: f64) -> f64 {
    let proportion = match start.on > 0.0 {
        true => start.off / start.on,
        false => 0.0,
    };
    // Thousandths, as a person would write them.
    (on * proportion * 1000.0).floor() / 1000.0
}

fn counts(
    model: &Model,
    videos: &[Labelled],
    settings: &EventSettings,
) -> Result<Counts, EvaluateError> {
    let manifest = model.manifest();
    let names = event_names(manifest);
    let name_of = |class: usize| {
        let label = manifest.labels.get(class)?;
        names.get(label).cloned().unwrap_or(Some(label.clone()))
    };
    let mut counts = Counts::default();
    for video in videos {
        let events = detections(model, &video.recording, settings)?;
        counts.add(video.recording.seconds, &video.spans, &events, &name_of);
    }
    Ok(counts)
}

fn alarms(counts: &Counts) -> f64 {
    counts.rates().false_alarms_per_hour.unwrap_or(0.0)
}

/// Which of two is better, under the budget.
fn better(a: &Counts, b: &Counts, budget: f64) -> Ordering {
    let (within, other) = (alarms(a) <= budget, alarms(b) <= budget);
    let quickness = |counts: &Counts| -counts.rates().median_delay.unwrap_or(f64::INFINITY);
    let fewer = b.false_alarms.cmp(&a.false_alarms);
    match (within, other) {
        (true, true) => (a.found.cmp(&b.found))
            .then(fewer)
            .then(b.flicker.cmp(&a.flicker))
            .then(quickness(a).total_cmp(&quickness(b))),
        (false, false) => fewer.then(a.found.cmp(&b.found)),
        (within, other) => within.cmp(&other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(found: usize, false_alarms: usize) -> Counts {
        Counts {
            seconds: 3600.0,
            spans: 10,
            found,
            false_alarms,
            ..Counts::default()
        }
    }

    #[test]
    fn the_budget_goes_before_what_is_found() {
        let beats = |a: (usize, usize), b: (usize, usize)| {
            better(&counts(a.0, a.1), &counts(b.0, b.1), 2.0) == Ordering::Greater
        };
        assert!(beats((3, 2), (9, 3)));
        assert!(beats((4, 2), (3, 0)));
        assert!(beats((4, 1), (4, 2)));
        assert!(beats((1, 5), (9, 8)));
        assert!(!beats((4, 1), (4, 1)));
    }
}
