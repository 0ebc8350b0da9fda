//! One run: a capture thread, an inference thread, and the caller, who takes what comes out.
//!
//! ```text
//! source -(capture)-> Handover -(inference)-> channel -(caller)-> outputs
//! ```
//!
//! A live source is never held up: the newest frame wins, and an output that hangs costs lines, not
//! frames. A recorded source waits for whatever is slower than it.

use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::recognizer::{Output, Recognizer, RecognizerError, Stats};
use praxiscope_runtime::source::{FrameSource, Liveness, Losses, Source};
use praxiscope_runtime::timing::Timing;

use crate::controls::Controls;
use crate::handover::{Handover, Keep};
use crate::pace::Pace;
use crate::recording::{Recorder, Tape};
use crate::stop::Stop;
use crate::telemetry::{CaptureProbe, InferenceProbe, Stage, Telemetry};

/// Outputs that may wait for a slow reader.
const OUTPUTS_WAITING: usize = 1024;

/// How long a source that hangs is waited for after the run was stopped.
const PATIENCE: Duration = Duration::from_millis(500);

/// How soon a network that hangs is noticed while nothing comes out.
const SLICE: Duration = Duration::from_millis(200);

/// What the capture thread did.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    /// Frames that the source gave.
    pub frames: u64,
    /// Width and height of the newest.
    pub size: (usize, usize),
    /// The newest frame's time.
    pub time: Duration,
    /// Reading and decoding one frame.
    pub took: Timing,
    /// What the source could not give.
    pub losses: Losses,
}

/// What a run did.
#[derive(Debug)]
pub struct Report {
    /// The capture thread's part.
    pub captures: Captures,
    /// Frames that were thrown away because a newer one had come.
    pub replaced: u64,
    /// The inference thread's part.
    pub stats: Stats,
    /// Outputs that were dropped because nobody took them.
    pub outputs_lost: u64,
    /// What ended the run before its source did.
    pub failure: Option<anyhow::Error>,
}

/// What reaches into a run from outside.
#[derive(Clone)]
pub struct Wiring {
    /// Wishes for the network and its events.
    pub controls: Arc<Controls>,
    /// Is shown every frame of the source, before the network is.
    pub frames: Arc<dyn Fn(&Frame) + Send + Sync>,
    /// Is told how the run goes.
    pub telemetry: Arc<Telemetry>,
    /// Takes down what the network is given and what it says.
    pub recorder: Option<Arc<Recorder>>,
}

impl Default for Wiring {
    fn default() -> Self {
        Self {
            controls: Arc::default(),
            frames: Arc::new(|_| {}),
            telemetry: Telemetry::new(Duration::MAX),
            recorder: None,
        }
    }
}

/// Runs until the source ends, something fails or `stop` asks. `take` is given every output in
/// order; when it breaks, nobody listens any more and the run ends. A stage that hangs after a stop
/// is left behind.
pub fn run(
    source: Source,
    recognizer: Recognizer,
    pace: Pace,
    stop: &Stop,
    wiring: &Wiring,
    mut take: impl FnMut(Output) -> ControlFlow<()>,
) -> Report {
    let live = source.liveness != Liveness::Recorded;
    let telemetry = &wiring.telemetry;
    let place = Arc::new(Handover::new(if live { Keep::Newest } else { Keep::All }));
    let captures = Arc::new(Mutex::new(Captures::default()));
    let (sender, outputs) = sync_channel(OUTPUTS_WAITING);
    let closing = Arc::clone(&place);
    stop.then(move || closing.close());

    let capture = {
        let (place, captures, stop) = (Arc::clone(&place), Arc::clone(&captures), stop.clone());
        let frames = Arc::clone(&wiring.frames);
        let show = move |frame: &Frame| frames(frame);
        let probe = telemetry.capture(live);
        std::thread::spawn(move || {
            capture(source.frames, pace, &place, &captures, probe, &stop, show)
        })
    };
    let inference = {
        let (place, controls) = (Arc::clone(&place), Arc::clone(&wiring.controls));
        let outbox = Outbox {
            sender,
            live,
            lost: 0,
        };
        let probe = telemetry.inference();
        let tape = wiring.recorder.as_ref().map(|recorder| recorder.tape());
        std::thread::spawn(move || infer(recognizer, &place, &controls, outbox, probe, tape))
    };
    let progress = telemetry.progress();
    let hung = loop {
        match outputs.recv_timeout(SLICE) {
            Ok(output) => {
                progress.begin(Stage::Output);
                let taken = take(output);
                progress.end(Stage::Output);
                if taken.is_break() {
                    stop.now();
                    break false;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout) => {
                if stop.asked() && progress.hangs(Stage::Inference) {
                    break true;
                }
            }
        }
    };
    drop(outputs);
    let (stats, outputs_lost, inferred) = if hung {
        (Stats::default(), 0, Ok(()))
    } else {
        joined(inference)
    };
    let interrupted = stop.asked();
    // Nobody takes frames any more: a capture thread that waits for one's time need not.
    stop.now();
    let captured = if has_ended(&capture) {
        joined(capture)
    } else {
        Ok(())
    };
    let captures = captures
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    // A source that was cut off by the stop (a child gets the signal too) did not fail.
    let captured = captured.or_else(|error| if interrupted { Ok(()) } else { Err(error) });
    let failure = inferred.and(captured).err();
    Report {
        captures,
        replaced: place.replaced(),
        stats,
        outputs_lost,
        failure,
    }
}

fn capture(
    mut source: Box<dyn FrameSource>,
    mut pace: Pace,
    place: &Handover<Frame>,
    captures: &Mutex<Captures>,
    mut probe: CaptureProbe,
    stop: &Stop,
    show: impl Fn(&Frame),
) -> Result<()> {
    let result = loop {
        let captured = match source.next_frame() {
            Ok(Some(captured)) => captured,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        };
        let began = Instant::now().checked_sub(captured.took);
        let Some(frame) = pace.hold(captured.frame, stop) else {
            break Ok(());
        };
        let taken = source.taken().or(began);
        probe.captured(&frame, taken, captured.took, source.losses());
        {
            let mut captures = captures.lock().unwrap_or_else(PoisonError::into_inner);
            captures.frames += 1;
            captures.size = (frame.width(), frame.height());
            captures.time = frame.time();
            captures.took.record(captured.took);
            captures.losses = source.losses();
        }
        show(&frame);
        if !place.give(frame) {
            break Ok(());
        }
    };
    captures
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .losses = source.losses();
    probe.lost(source.losses());
    place.close();
    result
}

fn infer(
    mut recognizer: Recognizer,
    place: &Handover<Frame>,
    controls: &Controls,
    mut outbox: Outbox,
    mut probe: InferenceProbe,
    mut tape: Option<Tape>,
) -> (Stats, u64, Result<()>) {
    let mut thrown_away = 0;
    let result = loop {
        let frame = place.take();
        let last = frame.is_none();
        let before = std::mem::replace(&mut thrown_away, place.replaced());
        let dropped = thrown_away - before;
        probe.begins(thrown_away);
        let outputs = match &frame {
            Some(frame) => {
                heed(&mut recognizer, controls, frame, &mut tape).and_then(|mut outputs| {
                    outputs.extend(if dropped > 0 {
                        recognizer.catch_up(frame)?
                    } else {
                        recognizer.push(frame)?
                    });
                    Ok(outputs)
                })
            }
            None => recognizer.finish(),
        };
        if let Ok(outputs) = &outputs {
            probe.ends(recognizer.stats(), outputs);
            let skipped = recognizer.stats().skipped;
            match (&mut tape, &frame) {
                (Some(tape), Some(frame)) => tape.gave(frame, dropped, skipped, outputs),
                (Some(tape), None) => tape.ended(skipped, outputs),
                (None, _) => {}
            }
        }
        match outputs.map(|outputs| outbox.send(outputs)) {
            Ok(true) if !last => {}
            Ok(_) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    place.close();
    (recognizer.stats().clone(), outbox.lost, result)
}

/// Does what was asked for since the last frame.
fn heed(
    recognizer: &mut Recognizer,
    controls: &Controls,
    next: &Frame,
    tape: &mut Option<Tape>,
) -> Result<Vec<Output>, RecognizerError> {
    let mut outputs = vec![];
    if let Some(settings) = controls.take_events() {
        outputs.extend(recognizer.set_events(&settings)?);
        tape.iter_mut().for_each(|tape| tape.settings(&settings));
    }
    if controls.take_reset() {
        outputs.extend(recognizer.restart(next)?);
        tape.iter_mut().for_each(Tape::afresh);
    }
    Ok(outputs)
}

struct Outbox {
    sender: SyncSender<Output>,
    live: bool,
    lost: u64,
}

impl Outbox {
    /// False when nobody listens any more.
    fn send(&mut self, outputs: Vec<Output>) -> bool {
        outputs.into_iter().all(|output| {
            if !self.live {
                return self.sender.send(output).is_ok();
            }
            match self.sender.try_send(output) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => {
                    self.lost += 1;
                    true
                }
                Err(TrySendError::Disconnected(_)) => false,
            }
        })
    }
}

/// Whether a thread ends in time. One that hangs in a read is left behind, for the program ends.
fn has_ended<T>(thread: &JoinHandle<T>) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !thread.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    thread.is_finished()
}

fn joined<T>(thread: JoinHandle<T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
#[path = "pipeline_tests.rs"]
mod tests;
