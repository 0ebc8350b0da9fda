use std::fs;

use praxiscope_runtime::events::EventSettings;

use super::super::record::Given;
use super::super::{AboutModel, FRAMES, LINES, Log, Said};
use super::*;
use crate::outputs::Wording;

fn recorder(folder: &Path, limit: u64, live: bool) -> Result<Recorder> {
    let model = AboutModel {
        name: "test".into(),
        digest: "00".repeat(32),
    };
    let about = About::new(model, "test".into(), false, EventSettings::default());
    let settings = RecordSettings {
        folder: folder.into(),
        limit,
        every_frame: false,
    };
    Recorder::start(&settings, &about, &[], live)
}

fn reset(frame: u64) -> Output {
    Output::Reset {
        frame,
        time: Duration::from_secs(frame),
        gap: Duration::ZERO,
    }
}

/// The records, short: a frame by its number, with `-` where it has no picture.
fn records(folder: &Path) -> Vec<String> {
    let mut log = Log::open(folder).unwrap();
    let mut all = vec![];
    while let Some(record) = log.next().unwrap() {
        all.push(match record {
            Record::New => "new".into(),
            Record::Settings(settings) => format!("on {}", settings.on),
            Record::Frame(Given {
                frame,
                used,
                dropped,
                afresh,
            }) => {
                let mark = |is: bool, mark: &str| if is { mark.to_owned() } else { String::new() };
                let dropped_mark = mark(dropped > 0, &format!(" {dropped} dropped"));
                format!(
                    "{}{}{}{dropped_mark}",
                    frame.index(),
                    mark(!used, "-"),
                    mark(afresh, "!")
                )
            }
            Record::Ended => "ended".into(),
            Record::Closed { lines, why } => format!("{lines} lines until {why}"),
        });
    }
    all
}

#[test]
fn a_frame_keeps_its_picture_if_a_tick_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1 << 20, false).unwrap();
    let mut tape = recorder.tape();
    let frame = |index| Given::of_test(index).frame;
    tape.gave(&frame(0), 0, 0, &[reset(0)]);
    tape.gave(&frame(1), 0, 0, &[]);
    let settings = EventSettings {
        on: 0.75,
        ..EventSettings::default()
    };
    tape.settings(&settings);
    tape.afresh();
    tape.gave(&frame(2), 3, 1, &[reset(2), reset(3)]);
    tape.ended(2, &[reset(4)]);
    drop(tape);
    let mut next = recorder.tape();
    next.gave(&frame(0), 0, 0, &[]);
    drop(next);
    let kept = recorder.finish();
    assert_eq!((kept.frames, kept.fault), (4, None));
    let wanted = [
        "new",
        "0",
        "1-",
        "on 0.75",
        "2-! 3 dropped",
        "ended",
        "new",
        "0",
        "4 lines until the run was over",
    ];
    assert_eq!(records(folder.path()), wanted);
    let mut said = Said::open(folder.path()).unwrap();
    for index in [0, 2, 3, 4] {
        said.hold_against(&Wording::new(&[]).line(&reset(index)))
            .unwrap();
    }
    assert_eq!(said.difference(Some(4)).unwrap(), None);
}

#[test]
fn what_a_network_that_hung_still_does_is_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1 << 20, true).unwrap();
    let frame = |index| Given::of_test(index).frame;
    let mut hung = recorder.tape();
    hung.gave(&frame(0), 0, 0, &[]);
    let mut next = recorder.tape();
    hung.gave(&frame(1), 0, 0, &[reset(1)]);
    next.gave(&frame(5), 0, 0, &[]);
    drop((hung, next));
    recorder.finish();
    assert_eq!(
        records(folder.path()),
        ["new", "new", "5", "0 lines until the run was over"]
    );
}

#[test]
fn a_recording_ends_with_a_whole_step_at_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 2000, false).unwrap();
    let mut tape = recorder.tape();
    for index in 0..100 {
        tape.gave(&Given::of_test(index).frame, 0, 0, &[reset(index)]);
    }
    drop(tape);
    let kept = recorder.finish();
    assert!(kept.fault.unwrap().contains("2000 bytes"));
    let all = records(folder.path());
    let last = all.last().unwrap();
    assert!(kept.frames > 5 && kept.frames < 20, "{all:?}");
    assert!(
        last.starts_with(&format!("{} lines", kept.frames)),
        "{last}"
    );
    let files = [FRAMES, LINES].map(|name| fs::metadata(folder.path().join(name)).unwrap().len());
    assert!(files.iter().sum::<u64>() <= 2000);
}

#[test]
fn a_live_source_is_not_held_up_by_a_disk_that_is_too_slow() {
    let shared = Arc::new(Shared {
        live: true,
        over: AtomicBool::new(false),
        overrun: AtomicBool::new(false),
        kept: Mutex::default(),
    });
    let (sender, entries) = sync_channel(3);
    let mut tape = Tape::new(1, sender, Arc::clone(&shared));
    for index in 0..10 {
        tape.gave(&Given::of_test(index).frame, 0, 0, &[]);
    }
    assert!(shared.is_over());
    // What waited is whole, and what came behind the hole is not there.
    drop(tape);
    assert_eq!(entries.iter().count(), 3);
}

#[test]
fn a_recording_is_never_written_over_and_a_bad_place_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("deep/er");
    recorder(&place, 1 << 20, false).unwrap().finish();
    let again = format!("{:#}", recorder(&place, 1 << 20, false).err().unwrap());
    assert!(
        again.contains("er: it holds a recording already"),
        "{again}"
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(recorder(&file, 1 << 20, false).is_err());
}
