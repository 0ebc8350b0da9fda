use std::fs;
use std::path::Path;

use praxiscope_runtime::frame::{FrameLayout, PixelFormat};
use praxiscope_runtime::source::{Reading, file};

use super::*;

fn config(folder: &Path, text: &str) -> ClipsConfig {
    let text = format!("folder = '{}'\n{text}", folder.display());
    toml::from_str(&text).unwrap()
}

fn recorder(config: ClipsConfig) -> Recorder {
    let folder = Folder::open(&config).unwrap();
    Recorder::new(config, folder)
}

/// Frame `index` of a source of ten a second; its samples tell its number.
fn frame(index: u64) -> Frame {
    let layout = FrameLayout::packed(PixelFormat::Grey, 16, 8);
    let picture = Frame::new(layout, vec![index as u8; 128]).unwrap();
    picture.with_time(index, Duration::from_millis(100 * index))
}

fn event(kind: EventKind, index: u64) -> Event {
    Event {
        kind,
        label: "wave".into(),
        frame: index,
        time: Duration::from_millis(100 * index),
        decided: index,
        score: 1.0,
    }
}

/// Feeds frames from `from` to `to` with an event from `start` to `end`, each known a frame late.
fn play(recorder: &mut Recorder, [from, start, end, to]: [u64; 4]) {
    for index in from..to {
        recorder.frame(frame(index));
        if index == start + 1 {
            recorder.event(&event(EventKind::Start, start));
        }
        if index == end + 1 {
            recorder.event(&event(EventKind::End, end));
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The number in each frame's samples.
fn frames_of(path: &Path) -> Vec<u8> {
    let mut source = file(path, Reading::default()).unwrap();
    let mut numbers = vec![];
    while let Some(captured) = source.frames.next_frame().unwrap() {
        numbers.push(captured.frame.data()[0]);
    }
    numbers
}

#[test]
fn a_clip_begins_before_the_start_and_ends_behind_the_end() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["y4m", "mjpeg"] {
        let path = folder.path().join(format);
        let text = format!("pre = 0.5\npost = 0.3\nformat = '{format}'\nquality = 100");
        let mut recorder = recorder(config(&path, &text));
        play(&mut recorder, [0, 10, 14, 40]);
        let names = names(&path);
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(
            names[0].starts_with("00000000-") && names[0].ends_with(&format!("-wave.{format}"))
        );
        let shown = frames_of(&path.join(&names[0]));
        assert_eq!(shown, (5..=17).collect::<Vec<u8>>());
        assert_eq!(recorder.tally.lost, 0);
    }
}

#[test]
fn events_that_are_near_each_other_are_one_clip() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = recorder(config(
        folder.path(),
        "pre = 0.1\npost = 1.0\nformat = 'y4m'",
    ));
    play(&mut recorder, [0, 3, 5, 10]);
    play(&mut recorder, [10, 12, 14, 40]);
    let names = names(folder.path());
    assert_eq!(names.len(), 1);
    assert_eq!(
        frames_of(&folder.path().join(&names[0])),
        (2..=24).collect::<Vec<u8>>()
    );
}

#[test]
fn a_clip_has_a_longest_and_the_rate_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let text = "pre = 0\nmax_seconds = 2\nfps = 5\nformat = 'y4m'";
    let mut recorder = recorder(config(folder.path(), text));
    play(&mut recorder, [0, 4, 90, 95]);
    let names = names(folder.path());
    assert_eq!(names.len(), 1);
    let shown = frames_of(&folder.path().join(&names[0]));
    assert_eq!(shown, (4..=24).step_by(2).collect::<Vec<u8>>());
}

#[test]
fn the_oldest_clips_go_and_nobody_elses_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("diary.txt"), "dear").unwrap();
    fs::write(folder.path().join("00000007-x-wave.y4m.part"), "half").unwrap();
    let text = "pre = 0\npost = 0\nmax_clips = 2\nformat = 'y4m'";
    let mut recorder = recorder(config(folder.path(), text));
    for event in 0..5 {
        let first = event * 20;
        play(&mut recorder, [first, first + 3, first + 5, first + 20]);
    }
    let names = names(folder.path());
    let numbers: Vec<_> = names.iter().map(|name| &name[..8]).collect();
    assert_eq!(numbers, ["00000011", "00000012", "diary.tx"]);
}

#[test]
fn the_size_of_all_clips_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let name = format!("0000000{number}-x-wave.y4m");
        fs::write(folder.path().join(name), vec![0; 400_000]).unwrap();
    }
    let text = "pre = 0\npost = 0\nmax_megabytes = 1\nformat = 'y4m'";
    let mut recorder = recorder(config(folder.path(), text));
    play(&mut recorder, [0, 3, 5, 20]);
    let names = names(folder.path());
    assert_eq!(names.len(), 3);
    assert!(
        names[0].starts_with("00000001") && names[2].starts_with("00000003"),
        "{names:?}"
    );
}

#[test]
fn memory_for_the_time_before_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = recorder(config(folder.path(), "pre = 3600\nmemory_megabytes = 1"));
    let layout = FrameLayout::packed(PixelFormat::Grey, 640, 480);
    for index in 0..20 {
        let picture = Frame::new(layout, vec![0; 640 * 480]).unwrap();
        recorder.frame(picture.with_time(index, Duration::from_secs(index)));
    }
    assert_eq!(recorder.recent.len(), 3);
}

#[test]
fn a_half_clip_is_removed_and_the_next_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("clips");
    let mut recorder = recorder(config(&place, "format = 'y4m'\npre = 0\npost = 0"));
    // As if the disk had gone: nothing can be made there.
    fs::remove_dir(&place).unwrap();
    play(&mut recorder, [0, 3, 5, 20]);
    assert_eq!(recorder.tally.lost, 1);
    fs::create_dir(&place).unwrap();
    play(&mut recorder, [20, 23, 25, 40]);
    assert_eq!((names(&place).len(), recorder.tally.lost), (1, 1));
}

#[test]
fn unsound_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "pre = -1",
        "post = 1e9",
        "quality = 0",
        "max_clips = 0",
        "memory_megabytes = 0",
    ] {
        assert!(config(folder.path(), text).check().is_err(), "{text}");
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(worker(&config(&file, "")).is_err());
}
