//! Events against what a long video shows.
//!
//! An event *hits* a span of its class that it overlaps, or behind whose end it starts within [`LATE`]
//! seconds: a short gesture is often known when it is over. A span is found by the first event that hits
//! it; more events that hit the same span are flicker. An event that hits no span is a false alarm.

use serde::{Deserialize, Serialize};

use super::dataset::Span;
use super::journal::Detection;

/// Seconds after the end of a span in which an event may still start and hit it.
pub const LATE: f64 = 1.0;

/// What was counted over all long videos.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Seconds of video.
    pub seconds: f64,
    /// Spans that are shown, the idle class aside.
    pub spans: usize,
    /// Spans that were found.
    pub found: usize,
    /// Events.
    pub events: usize,
    /// Events that hit a span.
    pub hits: usize,
    /// Events that hit none.
    pub false_alarms: usize,
    /// Events after the first that hit the same span.
    pub flicker: usize,
    /// For each span that was found, seconds from its start to when that was known.
    pub delays: Vec<f64>,
}

/// The counts as rates. What cannot be said (a precision without an event) is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Share of the events that hit a span.
    pub precision: Option<f64>,
    /// Share of the spans that were found.
    pub recall: Option<f64>,
    /// Events that hit no span, for each hour of video.
    pub false_alarms_per_hour: Option<f64>,
    /// Median seconds from a span's start to when that was known.
    pub median_delay: Option<f64>,
    /// Events after the first for each span that was found.
    pub flicker_per_span: Option<f64>,
}

impl Counts {
    /// Adds one video. `name_of` is the class of a span as events name it; `None` of the idle class.
    pub fn add(
        &mut self,
        seconds: f64,
        spans: &[(f64, f64, usize)],
        events: &[Detection],
        name_of: &dyn Fn(usize) -> Option<String>,
    ) {
        self.seconds += seconds;
        let shown = spans.iter().filter_map(|&(start, end, class)| {
            let label = name_of(class)?;
            Some((start, end, label))
        });
        let shown: Vec<(f64, f64, String)> = shown.collect();
        self.spans += shown.len();
        self.events += events.len();
        let hits = |event: &Detection, (start, end, label): &(f64, f64, String)| {
            event.label == *label && event.start < end + LATE && event.end > *start
        };
        for event in events {
            match shown.iter().any(|span| hits(event, span)) {
                true => self.hits += 1,
                false => self.false_alarms += 1,
            }
        }
        for span in &shown {
            let mut hitting = events.iter().filter(|event| hits(event, span));
            if let Some(first) = hitting.next() {
                self.found += 1;
                self.delays.push(first.known - span.0);
                self.flicker += hitting.count();
            }
        }
    }

    /// The counts as rates.
    pub fn rates(&self) -> Rates {
        let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
        let mut delays = self.delays.clone();
        delays.sort_by(f64::total_cmp);
        let hours = self.seconds / 3600.0;
        Rates {
            precision: share(self.hits, self.events),
            recall: share(self.found, self.spans),
            false_alarms_per_hour: (hours > 0.0).then(|| self.false_alarms as f64 / hours),
            median_delay: delays.get(delays.len() / 2).copied(),
            flicker_per_span: share(self.flicker, self.found),
        }
    }
}

/// Spans as they stand in a journal.
pub fn as_triples(spans: &[Span]) -> Vec<(f64, f64, usize)> {
    let triple = |span: &Span| (span.start, span.end, span.class);
    spans.iter().map(triple).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(label: &str, start: f64, end: f64) -> Detection {
        Detection {
            label: label.into(),
            start,
            end,
            known: start + 0.25,
        }
    }

    #[test]
    fn events_are_hits_flicker_or_false_alarms() {
        let spans = [(10.0, 20.0, 0), (30.0, 40.0, 1), (50.0, 60.0, 2)];
        let name_of = |class: usize| ["wave", "clap"].get(class).map(|name| (*name).to_owned());
        let events = [
            event("wave", 12.0, 14.0),
            event("wave", 15.0, 25.0),
            event("wave", 31.0, 33.0),
            event("clap", 41.0, 42.0),
        ];
        let mut counts = Counts::default();
        counts.add(1800.0, &spans, &events, &name_of);
        assert_eq!((counts.spans, counts.found), (2, 1));
        assert_eq!(
            (counts.hits, counts.false_alarms, counts.flicker),
            (2, 2, 1)
        );
        let rates = counts.rates();
        assert_eq!(rates.precision, Some(0.5));
        assert_eq!(rates.recall, Some(0.5));
        assert_eq!(rates.false_alarms_per_hour, Some(4.0));
        assert_eq!(rates.median_delay, Some(2.25));
        assert_eq!(rates.flicker_per_span, Some(1.0));
        assert_eq!(Counts::default().rates().precision, None);
    }
}
