//! The whole way of a frame: clock, network, events.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::clock::{Clock, Ticks};
use crate::events::{Event, EventDetector, EventSettings, EventSettingsError};
use crate::frame::Frame;
use crate::step::Team;
use crate::stream::{Model, Scores, Stream, StreamError};
use crate::timing::Timing;

/// How a [`Recognizer`] departs from its model's manifest.
#[derive(Clone, Debug, Default)]
pub struct RecognizerOptions {
    /// Every frame of the source enters the network, whatever its time.
    pub every_frame: bool,
    /// Instead of the manifest's event settings.
    pub events: Option<EventSettings>,
    /// The threads that share the network's work; the default is the calling one alone.
    pub team: Arc<Team>,
}

/// What comes out, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The network's answer for one frame.
    Scores(Scores),
    /// A class became active or is over.
    Event(Event),
    /// The stream was started afresh because no frame came for too long.
    Reset {
        /// The first frame after the gap.
        frame: u64,
        /// Its time since the source began.
        time: Duration,
        /// How long no frame had come.
        gap: Duration,
    },
}

/// Why a recognizer was not made, or did not answer.
#[derive(Debug, Error)]
pub enum RecognizerError {
    /// The network or the frame.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The event settings.
    #[error(transparent)]
    Events(#[from] EventSettingsError),
}

/// What a recognizer has done so far.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Frames that came.
    pub frames: u64,
    /// Times that the network stepped.
    pub steps: u64,
    /// Frames that the model's clock passed over.
    pub skipped: u64,
    /// Ticks of the model's clock that a live source's network was too slow for.
    pub missed: u64,
    /// Times that a gap started the stream afresh.
    pub resets: u64,
    /// From a frame to the network's input.
    pub convert: Timing,
    /// One step of the network.
    pub infer: Timing,
}

/// Frames in; scores and events out.
#[derive(Debug)]
pub struct Recognizer {
    stream: Stream,
    clock: Option<Clock>,
    newest: Option<Duration>,
    detector: EventDetector,
    stats: Stats,
}

impl Recognizer {
    /// A recognizer that has seen nothing yet.
    ///
    /// # Errors
    /// [`RecognizerError::Events`] if the event settings do not fit the model's labels.
    pub fn new(model: &Model, options: RecognizerOptions) -> Result<Self, RecognizerError> {
        let manifest = model.manifest();
        let events = options.events.as_ref().unwrap_or(&manifest.events);
        let mut stream = Stream::new(model)?;
        stream.share_work(&options.team);
        Ok(Recognizer {
            stream,
            clock: (!options.every_frame).then(|| Clock::new(manifest.input.frame_rate)),
            newest: None,
            detector: EventDetector::new(events, &manifest.labels, manifest.idle.as_deref())?,
            stats: Stats::default(),
        })
    }

    /// Takes the next frame of the source.
    ///
    /// A frame that is older than the one before, or that comes after a longer gap than the manifest
    /// allows, starts the stream afresh: what was owed comes first, then [`Output::Reset`].
    ///
    /// # Errors
    /// [`RecognizerError::Stream`] if the frame cannot be used or the network fails.
    pub fn push(&mut self, frame: &Frame) -> Result<Vec<Output>, RecognizerError> {
        self.push_or_catch_up(frame, false)
    }

    /// Takes the next frame of a live source that threw frames away before it, because the network
    /// was not ready for them.
    ///
    /// The ticks in between are given up and counted, where [`push`](Recognizer::push) would take the
    /// nearest frame for each: a network that is too slow would fall further behind with every frame.
    ///
    /// # Errors
    /// As [`push`](Recognizer::push).
    pub fn catch_up(&mut self, frame: &Frame) -> Result<Vec<Output>, RecognizerError> {
        self.push_or_catch_up(frame, true)
    }

    fn push_or_catch_up(
        &mut self,
        frame: &Frame,
        late: bool,
    ) -> Result<Vec<Output>, RecognizerError> {
        self.stats.frames += 1;
        let mut outputs = vec![];
        if let Some(gap) = self.gap_before(frame) {
            outputs = self.finish()?;
            self.stats.resets += 1;
            outputs.push(Output::Reset {
                frame: frame.index(),
                time: frame.time(),
                gap,
            });
        }
        self.newest = Some(frame.time());
        let mut ticks = match &mut self.clock {
            Some(clock) if late => clock.push_after_others(frame),
            Some(clock) => clock.push(frame),
            None => Ticks {
                frames: vec![(frame.clone(), 1)],
                skipped: 0,
            },
        };
        if late {
            self.stats.missed += ticks.keep_newest();
        }
        self.take(ticks, &mut outputs)?;
        Ok(outputs)
    }

    /// Ends the recording: gives all that is still owed. The recognizer is as new then.
    ///
    /// # Errors
    /// [`RecognizerError::Stream`] if the network fails.
    pub fn finish(&mut self) -> Result<Vec<Output>, RecognizerError> {
        let mut outputs = vec![];
        if let Some(clock) = &mut self.clock {
            let ticks = clock.finish();
            self.take(ticks, &mut outputs)?;
        }
        for scores in self.stream.finish()? {
            self.answer(scores, &mut outputs);
        }
        outputs.extend(self.detector.finish().into_iter().map(Output::Event));
        self.newest = None;
        Ok(outputs)
    }

    /// Starts the stream afresh at `frame`, which is yet to come: gives what was owed, then
    /// [`Output::Reset`].
    ///
    /// # Errors
    /// [`RecognizerError::Stream`] if the network fails.
    pub fn restart(&mut self, frame: &Frame) -> Result<Vec<Output>, RecognizerError> {
        let mut outputs = self.finish()?;
        self.stats.resets += 1;
        outputs.push(Output::Reset {
            frame: frame.index(),
            time: frame.time(),
            gap: Duration::ZERO,
        });
        Ok(outputs)
    }

    /// Makes events with other settings from the next answer on. An active class ends at the last
    /// one.
    ///
    /// # Errors
    /// [`RecognizerError::Events`] if the settings do not fit the model's labels; nothing is changed
    /// then.
    pub fn set_events(&mut self, settings: &EventSettings) -> Result<Vec<Output>, RecognizerError> {
        let manifest = self.model().manifest();
        let detector = EventDetector::new(settings, &manifest.labels, manifest.idle.as_deref())?;
        let ended = std::mem::replace(&mut self.detector, detector).finish();
        Ok(ended.into_iter().map(Output::Event).collect())
    }

    /// What was done so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The model that is run.
    pub fn model(&self) -> &Model {
        self.stream.model()
    }

    fn gap_before(&self, frame: &Frame) -> Option<Duration> {
        let newest = self.newest?;
        match frame.time().checked_sub(newest) {
            Some(gap) if gap <= self.model().manifest().input.max_gap() => None,
            Some(gap) => Some(gap),
            None => Some(Duration::ZERO),
        }
    }

    fn take(&mut self, ticks: Ticks, outputs: &mut Vec<Output>) -> Result<(), RecognizerError> {
        self.stats.skipped += ticks.skipped;
        for (frame, times) in ticks.frames {
            for _ in 0..times {
                let started = Instant::now();
                let scores = self.stream.step(&frame)?;
                let convert = self.stream.preprocess_time();
                self.stats.convert.record(convert);
                self.stats
                    .infer
                    .record(started.elapsed().saturating_sub(convert));
                self.stats.steps += 1;
                if let Some(scores) = scores {
                    self.answer(scores, outputs);
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, scores: Scores, outputs: &mut Vec<Output>) {
        let events = self.detector.push(&scores);
        outputs.push(Output::Scores(scores));
        outputs.extend(events.into_iter().map(Output::Event));
    }
}
