use std::sync::mpsc::channel;

use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::frame::{FrameLayout, PixelFormat};
use praxiscope_runtime::recognizer::RecognizerOptions;
use praxiscope_runtime::source::{Captured, SourceError};
use praxiscope_runtime::stream::Model;

use super::*;
use crate::demo::DEMO_MODEL;

/// What a made-up source does after its frames.
enum End {
    Quietly,
    With(&'static str),
    /// It hangs, as a pipe does into which nobody writes.
    Never,
}

struct Frames {
    left: u64,
    next: u64,
    end: End,
}

impl FrameSource for Frames {
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        if self.next < self.left {
            let layout = FrameLayout::packed(PixelFormat::Grey, 64, 48);
            let time = Duration::from_millis(40 * self.next);
            let frame = Frame::new(layout, vec![99; 64 * 48])?.with_time(self.next, time);
            self.next += 1;
            return Ok(Some(Captured {
                frame,
                took: Duration::from_micros(5),
            }));
        }
        match self.end {
            End::Quietly => Ok(None),
            End::With(what) => Err(SourceError::Lost {
                name: "test".into(),
                what: what.into(),
            }),
            End::Never => loop {
                std::thread::park();
            },
        }
    }

    fn losses(&self) -> Losses {
        Losses {
            broken: 3,
            ..Losses::default()
        }
    }
}

fn source(left: u64, end: End, liveness: Liveness) -> Source {
    let frames = Box::new(Frames { left, next: 0, end });
    Source {
        name: "test".into(),
        frames,
        liveness,
        rate: None,
    }
}

fn recognizer() -> Recognizer {
    let bundle = Bundle::from_bytes(DEMO_MODEL).unwrap();
    let options = RecognizerOptions {
        every_frame: true,
        ..RecognizerOptions::default()
    };
    Recognizer::new(&Model::load(&bundle).unwrap(), options).unwrap()
}

/// Runs to the end and gives the numbers of the frames that were answered.
fn frames_of(source: Source, stop: &Stop) -> (Report, Vec<u64>) {
    let mut answered = vec![];
    let report = run(
        source,
        recognizer(),
        Pace::unbounded(),
        stop,
        &Wiring::default(),
        |output| {
            if let Output::Scores(scores) = output {
                answered.push(scores.frame);
            }
            ControlFlow::Continue(())
        },
    );
    (report, answered)
}

#[test]
fn every_recorded_frame_is_answered_in_order() {
    let (report, answered) = frames_of(
        source(30, End::Quietly, Liveness::Recorded),
        &Stop::default(),
    );
    assert_eq!(answered, (0..30).collect::<Vec<_>>());
    assert!(report.failure.is_none());
    assert_eq!(
        (report.captures.frames, report.replaced, report.stats.steps),
        (30, 0, 30)
    );
    assert_eq!(
        (report.captures.size, report.captures.losses.broken),
        ((64, 48), 3)
    );
    assert_eq!(report.captures.took.count(), 30);
}

#[test]
fn the_frames_before_a_failure_count() {
    let failing = source(7, End::With("cut off"), Liveness::Recorded);
    let (report, answered) = frames_of(failing, &Stop::default());
    assert_eq!(answered.len(), 7);
    assert_eq!(report.failure.unwrap().to_string(), "test cut off");
}

#[test]
fn every_skipped_live_frame_is_counted() {
    let (report, answered) = frames_of(source(500, End::Quietly, Liveness::Pipe), &Stop::default());
    assert_eq!(
        answered.len() as u64 + report.replaced + report.outputs_lost,
        500
    );
    assert_eq!(report.stats.frames + report.replaced, 500);
    assert!(answered.is_sorted() && answered.last() == Some(&499));
}

#[test]
fn a_stop_ends_a_source_that_hangs_and_what_is_owed_comes_out() {
    let (stop, (sender, seen)) = (Stop::default(), channel());
    let stopper = stop.clone();
    let watcher = std::thread::spawn(move || {
        (0..5).for_each(|_| seen.recv().unwrap());
        stopper.now();
    });
    let hanging = source(5, End::Never, Liveness::Recorded);
    let report = run(
        hanging,
        recognizer(),
        Pace::unbounded(),
        &stop,
        &Wiring::default(),
        |output| {
            if let Output::Scores(_) = output {
                sender.send(()).unwrap();
            }
            ControlFlow::Continue(())
        },
    );
    watcher.join().unwrap();
    assert!(report.failure.is_none());
    assert_eq!((report.captures.frames, report.stats.steps), (5, 5));
}

#[test]
fn a_reader_that_has_gone_ends_the_run() {
    let endless = source(u64::MAX, End::Quietly, Liveness::Recorded);
    let mut lines = 0;
    let report = run(
        endless,
        recognizer(),
        Pace::unbounded(),
        &Stop::default(),
        &Wiring::default(),
        |_| {
            lines += 1;
            if lines < 3 {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    assert!(report.failure.is_none());
    assert_eq!(lines, 3);
}

#[test]
fn the_telemetry_counts_what_the_report_does() {
    let wiring = Wiring::default();
    let losing = source(30, End::Quietly, Liveness::Recorded);
    let (pace, stop) = (Pace::unbounded(), Stop::default());
    let report = run(losing, recognizer(), pace, &stop, &wiring, |_| {
        ControlFlow::Continue(())
    });
    let counts = wiring.telemetry.counts();
    assert_eq!(counts.frames.get(), report.captures.frames);
    assert_eq!(counts.broken.get(), report.captures.losses.broken);
    assert_eq!(counts.processed.get(), report.stats.frames);
    assert_eq!(counts.steps.get(), report.stats.steps);
    let idle = |&stage: &Stage| wiring.telemetry.progress().busy_for(stage).is_none();
    assert!(Stage::ALL.iter().all(idle));
}

#[test]
fn only_a_live_source_owes_frames() {
    for (liveness, owes) in [(Liveness::Pipe, true), (Liveness::Recorded, false)] {
        let wiring = Wiring::default();
        let (stop, watched) = (Stop::default(), Arc::clone(&wiring.telemetry));
        let stopper = stop.clone();
        let mut seen = None;
        let hanging = source(1, End::Never, liveness);
        run(
            hanging,
            recognizer(),
            Pace::unbounded(),
            &stop,
            &wiring,
            |_| {
                seen = Some(watched.progress().busy_for(Stage::Capture).is_some());
                stopper.now();
                ControlFlow::Continue(())
            },
        );
        assert_eq!(seen, Some(owes), "{liveness:?}");
    }
}

#[test]
fn a_reset_that_was_asked_for_comes_before_the_next_frame() {
    let wiring = Wiring::default();
    wiring.controls.reset();
    let shown = Arc::new(Mutex::new(vec![]));
    let seen = Arc::clone(&shown);
    let frames = Arc::new(move |frame: &Frame| seen.lock().unwrap().push(frame.index()));
    let wiring = Wiring { frames, ..wiring };
    let mut outputs = vec![];
    run(
        source(3, End::Quietly, Liveness::Recorded),
        recognizer(),
        Pace::unbounded(),
        &Stop::default(),
        &wiring,
        |output| {
            outputs.push(output);
            ControlFlow::Continue(())
        },
    );
    assert!(matches!(outputs[0], Output::Reset { frame: 0, .. }));
    assert_eq!(outputs.len(), 4);
    assert_eq!(*shown.lock().unwrap(), [0, 1, 2]);
}

#[test]
fn events_are_made_with_the_newest_settings() {
    let wiring = Wiring::default();
    // Whatever the network says of grey frames, each of its answers is an event's start then.
    let settings = praxiscope_runtime::events::EventSettings {
        on: 0.0,
        off: 0.0,
        smoothing: 0.0,
        merged: [("all".into(), recognizer().model().manifest().labels.clone())].into(),
        ..Default::default()
    };
    wiring.controls.set_events(settings);
    let mut events = vec![];
    run(
        source(3, End::Quietly, Liveness::Recorded),
        recognizer(),
        Pace::unbounded(),
        &Stop::default(),
        &wiring,
        |output| {
            if let Output::Event(event) = output {
                events.push((event.label, event.frame));
            }
            ControlFlow::Continue(())
        },
    );
    assert_eq!(events, [("all".to_string(), 0), ("all".to_string(), 2)]);
}
