//! The last minute of samples, kept by whoever shows them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use praxiscope_runtime::events::{Event, EventKind};
use praxiscope_runtime::recognizer::Output;
use praxiscope_runtime::timing::Timing;

use super::Telemetry;

/// How far back answers reach.
pub const SPAN: Duration = Duration::from_secs(60);
/// Answers that are kept at most, at whatever rate they come.
const ANSWERS: usize = 1800;
/// Events that are kept.
const EVENTS: usize = 256;
/// Classes of an answer that are kept: the likeliest.
pub const BEST: usize = 8;
/// Durations of a stage that "now" means.
const RECENT: usize = 120;

/// The likeliest classes of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// A number of its own, from 0.
    pub number: u64,
    /// When it was given, since the program began.
    pub at: Duration,
    /// The frame that it speaks of.
    pub frame: u64,
    /// Labels by number, with their scores, the likeliest first.
    pub best: Vec<(usize, f32)>,
}

/// An event, and when it was known.
#[derive(Clone, Debug, PartialEq)]
pub struct Noted {
    /// A number of its own, from 0.
    pub number: u64,
    /// When it was known, since the program began.
    pub at: Duration,
    /// The same by the wall clock, for people: it may jump.
    pub wall: SystemTime,
    /// The event.
    pub event: Event,
}

/// How long one stage takes.
#[derive(Clone, Debug, Default)]
pub struct StageTimes {
    /// From the start of the program.
    pub all: Timing,
    recent: VecDeque<Duration>,
}

impl StageTimes {
    fn record(&mut self, duration: Duration) {
        self.all.record(duration);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(duration);
    }

    /// Median and 99th percentile of the last few seconds; zero when nothing was recorded.
    pub fn recent(&self) -> (Duration, Duration) {
        let mut sorted: Vec<_> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(index).copied().unwrap_or_default()
        };
        (at(50), at(99))
    }
}

/// The last minute.
#[derive(Debug, Default)]
pub struct History {
    /// Answers of the last minute, oldest first.
    pub answers: VecDeque<Answer>,
    /// The last events, oldest first.
    pub events: VecDeque<Noted>,
    /// How often each action began.
    pub starts: BTreeMap<String, u64>,
    /// Reading and decoding a frame.
    pub capture: StageTimes,
    /// From a frame to the network's input.
    pub convert: StageTimes,
    /// One step of the network.
    pub infer: StageTimes,
    next_answer: u64,
    next_event: u64,
}

impl History {
    /// Takes in what was left in the telemetry since the last time.
    pub fn update(&mut self, telemetry: &Telemetry) {
        for took in telemetry.captured.take() {
            self.capture.record(took);
        }
        for step in telemetry.steps.take() {
            let at = telemetry.since_start(step.at);
            if let Some(took) = step.convert {
                self.convert.record(took);
            }
            if let Some(took) = step.infer {
                self.infer.record(took);
            }
            for output in step.outputs {
                self.note(output, at);
            }
        }
        let oldest = telemetry.uptime().saturating_sub(SPAN);
        while self.answers.front().is_some_and(|a| a.at < oldest) {
            self.answers.pop_front();
        }
    }

    /// The rate of the answers of the last few seconds, in answers a second.
    pub fn rate(&self, now: Duration) -> f64 {
        const OVER: Duration = Duration::from_secs(5);
        let since = now.saturating_sub(OVER);
        let newest = self.answers.iter().rev().take_while(|a| a.at >= since);
        newest.count() as f64 / OVER.min(now).as_secs_f64().max(1.0)
    }

    /// The number of the newest answer; 0 before the first one.
    pub fn newest_answer(&self) -> u64 {
        self.answers.back().map_or(0, |answer| answer.number)
    }

    fn note(&mut self, output: Output, at: Duration) {
        match output {
            Output::Scores(scores) => {
                push_bounded(
                    &mut self.answers,
                    ANSWERS,
                    Answer {
                        number: self.next_answer,
                        at,
                        frame: scores.frame,
                        best: best(&scores.probabilities),
                    },
                );
                self.next_answer += 1;
            }
            Output::Event(event) => {
                let wall = SystemTime::now();
                if event.kind == EventKind::Start {
                    *self.starts.entry(event.label.clone()).or_default() += 1;
                }
                let number = self.next_event;
                push_bounded(
                    &mut self.events,
                    EVENTS,
                    Noted {
                        number,
                        at,
                        wall,
                        event,
                    },
                );
                self.next_event += 1;
            }
            Output::Reset { .. } => {}
        }
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, cap: usize, thing: T) {
    if queue.len() == cap {
        queue.pop_front();
    }
    queue.push_back(thing);
}

/// The likeliest classes, the likeliest first.
fn best(probabilities: &[f32]) -> Vec<(usize, f32)> {
    let mut ranked: Vec<_> = probabilities.iter().copied().enumerate().collect();
    let likelier = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if ranked.len() > BEST {
        ranked.select_nth_unstable_by(BEST - 1, likelier);
        ranked.truncate(BEST);
    }
    ranked.sort_unstable_by(likelier);
    ranked
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::frame::{Frame, FrameLayout, PixelFormat};
    use praxiscope_runtime::recognizer::Stats;
    use praxiscope_runtime::source::Losses;
    use praxiscope_runtime::stream::Scores;

    use super::super::Stage;
    use super::*;

    fn scores(frame: u64) -> Output {
        Output::Scores(Scores {
            frame,
            time: Duration::ZERO,
            decided: frame,
            logits: vec![],
            probabilities: vec![0.25, 0.75],
        })
    }

    fn event() -> Output {
        Output::Event(Event {
            kind: EventKind::Start,
            label: "wave".into(),
            frame: 3,
            time: Duration::ZERO,
            decided: 3,
            score: 0.75,
        })
    }

    #[test]
    fn what_the_pipeline_does_is_counted_and_shown() {
        let telemetry = Telemetry::new(Duration::MAX);
        telemetry.watch();
        let mut capture = telemetry.capture(true);
        let layout = FrameLayout::packed(PixelFormat::Grey, 2, 2);
        let frame = Frame::new(layout, vec![0; 4]).unwrap();
        let losses = Losses {
            broken: 2,
            missed: 5,
            restarts: 1,
        };
        telemetry.pulse().trying();
        assert!(telemetry.progress().is_away());
        capture.captured(&frame, None, Duration::from_millis(4), losses);
        capture.captured(&frame, None, Duration::from_millis(4), losses);
        let mut inference = telemetry.inference();
        let mut stats = Stats::default();
        for step in 1..=3 {
            inference.begins(step);
            stats.frames += 2;
            stats.steps += 1;
            stats.skipped += 1;
            stats.infer.record(Duration::from_millis(10 * step));
            inference.ends(&stats, &[scores(step), event()]);
        }
        let mut history = History::default();
        history.update(&telemetry);
        let counts = telemetry.counts();
        assert_eq!((counts.frames.get(), counts.broken.get()), (2, 2));
        assert_eq!((counts.dropped.get(), counts.replaced.get()), (5, 3));
        assert_eq!(counts.reopened.get(), 1);
        assert!(!telemetry.progress().is_away());
        assert_eq!((counts.processed.get(), counts.steps.get()), (6, 3));
        assert_eq!((counts.skipped.get(), counts.events.get()), (3, 3));
        assert_eq!(telemetry.picture().unwrap().width(), 2);
        assert_eq!(history.capture.all.count(), 2);
        assert_eq!(history.convert.all.count(), 0);
        let took = [10, 20, 30].map(Duration::from_millis);
        assert_eq!(history.infer.recent, took);
        assert_eq!(history.infer.recent(), (took[1], took[2]));
        assert_eq!(history.answers[2].best, [(1, 0.75), (0, 0.25)]);
        assert_eq!(history.answers[2].number, 2);
        assert_eq!((history.events.len(), history.events[1].number), (3, 1));
        assert_eq!(history.starts["wave"], 3);
    }

    #[test]
    fn a_second_run_goes_on_counting() {
        let telemetry = Telemetry::new(Duration::MAX);
        for _ in 0..2 {
            let mut stats = Stats::default();
            stats.steps += 7;
            telemetry.inference().ends(&stats, &[]);
        }
        assert_eq!(telemetry.counts().steps.get(), 14);
    }

    #[test]
    fn a_capture_that_hung_and_ends_late_does_not_speak_for_the_next_one() {
        let telemetry = Telemetry::new(Duration::MAX);
        let hung = telemetry.capture(true);
        let next = telemetry.capture(true);
        drop(hung);
        assert!(telemetry.progress().busy_for(Stage::Capture).is_some());
        drop(next);
        assert!(telemetry.progress().busy_for(Stage::Capture).is_none());
    }

    #[test]
    fn nothing_is_left_while_nobody_watches() {
        let telemetry = Telemetry::new(Duration::MAX);
        telemetry.inference().ends(&Stats::default(), &[scores(0)]);
        let mut history = History::default();
        history.update(&telemetry);
        assert!(history.answers.is_empty() && telemetry.picture().is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let mut history = History::default();
        for number in 0..3000 {
            history.note(scores(number), Duration::ZERO);
            history.note(event(), Duration::ZERO);
        }
        assert_eq!(history.answers.len(), ANSWERS);
        assert_eq!(history.answers.back().unwrap().number, 2999);
        assert_eq!(history.events.len(), EVENTS);
    }

    #[test]
    fn the_likeliest_classes_are_kept() {
        let many: Vec<f32> = (0..100).map(|i| (i * 37 % 100) as f32).collect();
        let kept = best(&many);
        assert_eq!(kept.len(), BEST);
        let values: Vec<f32> = kept.iter().map(|(_, score)| *score).collect();
        assert_eq!(values, [99., 98., 97., 96., 95., 94., 93., 92.]);
        assert_eq!(best(&[f32::NAN, 1.0]).len(), 2);
        assert!(best(&[]).is_empty());
    }
}
