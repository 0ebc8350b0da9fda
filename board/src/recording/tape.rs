//! The inference thread's end of a recording.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::recognizer::Output;

use super::record::{Given, Record};
use super::recorder::{Entry, Shared, Step};

/// Takes down what one network is given and what it says.
///
/// Whether a tick of the model's clock takes a frame is known when the next one has come: until then
/// it waits here, with all that belongs to it.
pub struct Tape {
    /// Which of the run's networks this is.
    generation: u64,
    sender: SyncSender<Entry>,
    shared: Arc<Shared>,
    waits: Option<Step>,
    /// What is to stand before the next frame.
    settings: Option<EventSettings>,
    afresh: bool,
    /// Frames that no tick took so far.
    skipped: u64,
}

impl Tape {
    pub(super) fn new(generation: u64, sender: SyncSender<Entry>, shared: Arc<Shared>) -> Self {
        let tape = Self {
            generation,
            sender,
            shared,
            waits: None,
            settings: None,
            afresh: false,
            skipped: 0,
        };
        tape.send(Step {
            records: vec![Record::New],
            outputs: vec![],
        });
        tape
    }

    /// Events are made with other settings from the next frame on.
    pub fn settings(&mut self, settings: &EventSettings) {
        self.settings = Some(settings.clone());
    }

    /// The network is started afresh at the next frame.
    pub fn afresh(&mut self) {
        self.afresh = true;
    }

    /// The network was given `frame`, before which `dropped` were thrown away, and said `outputs`.
    /// `skipped` frames were taken by no tick so far.
    pub fn gave(&mut self, frame: &Frame, dropped: u64, skipped: u64, outputs: &[Output]) {
        self.resolve(skipped);
        let settings = self.settings.take().map(Box::new).map(Record::Settings);
        let given = Given {
            frame: frame.clone(),
            used: true,
            dropped: u32::try_from(dropped).unwrap_or(u32::MAX),
            afresh: std::mem::take(&mut self.afresh),
        };
        self.waits = Some(Step {
            records: settings.into_iter().chain([Record::Frame(given)]).collect(),
            outputs: outputs.to_vec(),
        });
    }

    /// The source ended, and `outputs` were still owed.
    pub fn ended(&mut self, skipped: u64, outputs: &[Output]) {
        self.resolve(skipped);
        self.send(Step {
            records: vec![Record::Ended],
            outputs: outputs.to_vec(),
        });
    }

    fn resolve(&mut self, skipped: u64) {
        let used = std::mem::replace(&mut self.skipped, skipped) == skipped;
        if let Some(mut step) = self.waits.take() {
            if let Some(Record::Frame(given)) = step.records.last_mut() {
                given.used = used;
            }
            self.send(step);
        }
    }

    /// A recording with a hole would not give the same events: when a live source's frames come
    /// faster than they are written, it is over.
    fn send(&self, step: Step) {
        if self.shared.is_over() {
            return;
        }
        let entry = Entry::Step(self.generation, step);
        if !self.shared.live {
            // Fails only when the recording has just ended.
            let _ = self.sender.send(entry);
        } else if let Err(TrySendError::Full(_)) = self.sender.try_send(entry) {
            self.shared.overrun();
        }
    }
}

impl Drop for Tape {
    /// The run was stopped before its source ended; whether the last frame was used is not known.
    fn drop(&mut self) {
        self.resolve(self.skipped);
    }
}
