//! `praxiscope run --record` and `praxiscope replay`: the same lines come out, whatever the source was and
//! wherever the recording was cut.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use praxiscope_tests::clip::Clip;
use praxiscope_tests::files::{demo, demo_model, folder, left_in, say_skipped, small_disk, times};
use praxiscope_tests::programs::{Ended, Program, praxiscope};
use praxiscope_tests::random::Random;

/// Runs and records in the folder's `seen`.
fn recorded(folder: &Path, more: &str) -> Program {
    let program = praxiscope().args("run --scores --record seen").args(more);
    program.within(folder)
}

fn replayed(folder: &Path, recording: &str) -> Ended {
    let program = praxiscope().args("replay --scores").arg(recording);
    program.within(folder).run()
}

#[track_caller]
fn assert_replays(folder: &Path, stdout: &str) {
    assert!(stdout.lines().count() > 5, "{stdout}");
    let again = replayed(folder, "seen").good();
    assert_eq!(again.stdout, stdout);
    assert!(
        again.stderr.contains("lines are as they were recorded"),
        "{}",
        again.stderr
    );
    std::fs::remove_dir_all(folder.join("seen")).unwrap();
}

/// A clip of the demo's first seconds, with an event in it.
fn clip() -> Clip {
    let mut clip = Clip::demo();
    clip.frames.truncate(72);
    clip
}

#[test]
fn files_of_every_kind_replay_to_the_same_lines() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("clip.y4m"), clip().to_bytes()).unwrap();
    std::fs::copy(demo("clip.mjpeg"), folder.join("clip.mjpeg")).unwrap();
    for more in [
        "--no-pace --input clip.y4m",
        "--no-pace --input clip.y4m --every-frame",
        "--no-pace --input clip.mjpeg --input-fps 24",
        // Ticks between frames, and frames between ticks.
        "--no-pace --input clip.mjpeg --input-fps 7",
        "--no-pace --input clip.mjpeg --input-fps 100",
    ] {
        let ended = recorded(folder, more).run().good();
        assert!(ended.stderr.contains("recording "), "{}", ended.stderr);
        assert_replays(folder, &ended.stdout);
    }
    let ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-i", "clip.y4m", "-c:v", "mpeg4", "clip.mp4"])
        .current_dir(folder)
        .status();
    if !ffmpeg.is_ok_and(|status| status.success()) {
        let why = "the ffmpeg program is not installed";
        return say_skipped("recording::files_of_every_kind (through ffmpeg)", why);
    }
    let ended = recorded(folder, "--no-pace --input clip.mp4").run().good();
    assert_replays(folder, &ended.stdout);
}

/// It is live: frames are thrown away where the network is too slow, times are those of arrival, and
/// it ends and is started again.
#[test]
fn what_came_through_a_program_replays_to_the_same_lines() {
    let folder = folder();
    let folder = folder.path();
    std::fs::copy(demo("clip.mjpeg"), folder.join("clip.mjpeg")).unwrap();
    std::fs::write(folder.join("clip.y4m"), clip().to_bytes()).unwrap();
    let raw: Vec<u8> = clip().frames.concat();
    std::fs::write(folder.join("clip.raw"), raw).unwrap();
    for (name, format) in [
        ("clip.mjpeg", "mjpeg"),
        ("clip.y4m", "y4m"),
        ("clip.raw", "i420"),
    ] {
        let config = format!(
            "source.command = ['sh', '-c', 'cat {name}; cat {name}; exit 1']\n\
             source.format = '{format}'\nsource.size = '160x120'\nsource.fps = 24\nsource.time_scale = 8.0"
        );
        std::fs::write(folder.join("praxiscope.toml"), config).unwrap();
        let mut running = recorded(folder, "--config praxiscope.toml").start();
        let mut stdout = BufReader::new(running.take_stdout());
        let mut lines = String::new();
        // Into the second start of the program at the least, where a start takes so long.
        running.wait_until_it_says("it is started again", 1);
        while lines.lines().count() < 30 {
            assert!(stdout.read_line(&mut lines).unwrap() > 0, "{lines}");
        }
        running.terminate();
        std::io::Read::read_to_string(&mut stdout, &mut lines).unwrap();
        let ended = running.wait().good();
        assert!(
            !ended.stderr.contains("lines that nobody took"),
            "{}",
            ended.stderr
        );
        assert_replays(folder, &lines);
    }
}

#[test]
fn settings_that_were_changed_under_way_are_changed_at_the_same_frame() {
    let folder = folder();
    let folder = folder.path();
    let clip = clip();
    let config = folder.join("praxiscope.toml");
    std::fs::write(&config, "scores = true").unwrap();
    let mut running = recorded(folder, "--no-pace --config praxiscope.toml --input -").start();
    let mut stdin = running.take_stdin();
    stdin.write_all(&clip.header()).unwrap();
    for (round, settings) in ["events.on = 0.4\nevents.off = 0.3", "events.on = 0.99", ""]
        .into_iter()
        .enumerate()
    {
        for number in 0..clip.frames.len() {
            stdin.write_all(&clip.record(number)).unwrap();
        }
        std::fs::write(&config, format!("scores = true\n{settings}")).unwrap();
        running.signal("HUP");
        running.wait_until_it_says("is in force", round + 1);
    }
    stdin.write_all(&clip.record(0)).unwrap();
    drop(stdin);
    let ended = running.wait().good();
    let log = std::fs::read(folder.join("seen/frames.log")).unwrap();
    assert_eq!(
        records(&log)
            .iter()
            .filter(|(kind, ..)| *kind == b'S')
            .count(),
        3
    );
    assert_replays(folder, &ended.stdout);
}

/// The kind of each record of a log, where it begins and where it ends, read by the format's description.
fn records(log: &[u8]) -> Vec<(u8, usize, usize)> {
    let mut at = b"PRAXREC1".len();
    let mut records = vec![];
    while at < log.len() {
        let length = u32::from_le_bytes(log[at + 1..at + 5].try_into().unwrap());
        let end = at + 5 + length as usize + 4;
        records.push((log[at], at, end));
        at = end;
    }
    records
}

/// A recording of a few frames, what it says, and its log.
fn small(folder: &Path) -> (String, Vec<u8>) {
    let small = Clip::synthetic(32, 24, 24, 12);
    std::fs::write(folder.join("small.y4m"), small.to_bytes()).unwrap();
    let ended = recorded(folder, "--no-pace --input small.y4m").run().good();
    let log = std::fs::read(folder.join("seen/frames.log")).unwrap();
    (ended.stdout, log)
}

/// The same recording with another log, or with other lines.
fn changed(folder: &Path, file: &str, bytes: &[u8]) -> PathBuf {
    let place = folder.join("changed");
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir(&place).unwrap();
    for name in ["about.json", "frames.log", "lines.jsonl"] {
        std::fs::copy(folder.join("seen").join(name), place.join(name)).unwrap();
    }
    std::fs::write(place.join(file), bytes).unwrap();
    place
}

#[test]
fn a_recording_that_is_cut_anywhere_replays_up_to_its_last_whole_frame() {
    let folder = folder();
    let folder = folder.path();
    let (all, log) = small(folder);
    let records = records(&log);
    let kinds: Vec<u8> = records.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, *b"NFFFFFFFFFFFFEC");
    let mut longest = 0;
    for (number, &(_, begin, end)) in records.iter().enumerate() {
        for cut in [begin, begin + 3, (begin + end) / 2, end - 1] {
            changed(folder, "frames.log", &log[..cut]);
            let ended = replayed(folder, "changed").good();
            assert!(ended.stderr.contains("is cut off"), "{}", ended.stderr);
            let frames = number.saturating_sub(1).min(12);
            let words = format!("its {frames} whole frames");
            assert!(ended.stderr.contains(&words), "{cut}: {}", ended.stderr);
            assert!(all.starts_with(&ended.stdout), "{cut}: {}", ended.stdout);
            let count = ended.stdout.lines().count();
            assert!(count >= longest, "{cut}");
            longest = count;
        }
    }
    assert_eq!(longest, all.lines().count());
    // And where it is the lines that were cut.
    let lines = std::fs::read(folder.join("seen/lines.jsonl")).unwrap();
    changed(folder, "lines.jsonl", &lines[..lines.len() - 5]);
    replayed(folder, "changed")
        .exits_with(1)
        .says(&["were recorded"]);
}

#[test]
fn damaged_and_hostile_recordings_are_refused() {
    let folder = folder();
    let folder = folder.path();
    let (all, log) = small(folder);
    let (_, begin, _) = records(&log)[5];
    let mut bad = log.clone();
    bad[begin + 40] ^= 1;
    changed(folder, "frames.log", &bad);
    let ended = replayed(folder, "changed").exits_with(2);
    let ended = ended.says(&["4 frames before the damage", "damaged at byte"]);
    assert!(!ended.stdout.is_empty() && all.starts_with(&ended.stdout));
    let mut huge = log[..begin + 1].to_vec();
    huge.extend([0xff; 8]);
    changed(folder, "frames.log", &huge);
    replayed(folder, "changed")
        .exits_with(2)
        .says(&["4294967295 bytes"]);
    for (file, bytes) in [
        ("frames.log", &b"YUV4MPEG2 W2 H2\n"[..]),
        ("about.json", b"{\"format\": 2}"),
        ("about.json", b"{"),
    ] {
        changed(folder, file, bytes);
        replayed(folder, "changed").refused(&["changed"]);
    }
    replayed(folder, "none").refused(&["none", "about.json"]);
    // Thousands more go through the library; these few through the program.
    let mut random = Random::new(1);
    for _ in 0..times("PRAXISCOPE_CASES", 20) {
        let mut bad = log.clone();
        for _ in 0..3 {
            let at = random.below(bad.len());
            bad[at] = random.below(256) as u8;
        }
        changed(folder, "frames.log", &bad);
        let ended = replayed(folder, "changed");
        // A length that reaches beyond the end is what a cut leaves, too.
        let cut = ended.stderr.contains("is cut off");
        let ended = ended.exits_with(if cut { 0 } else { 2 });
        assert!(all.starts_with(&ended.stdout), "{}", ended.stdout);
    }
}

#[test]
fn another_model_is_asked_only_where_that_is_wanted() {
    let folder = folder();
    let folder = folder.path();
    let (all, _) = small(folder);
    demo_model(folder, "other", |certificate| certificate);
    let other = || {
        praxiscope()
            .args("replay seen --scores --model other.prax")
            .within(folder)
    };
    other().run().refused(&["demo", "other", "--another-model"]);
    let ended = other().arg("--another-model").run().good();
    // The other has the same weights.
    assert_eq!(ended.stdout, all);
    let lines = std::fs::read_to_string(folder.join("seen/lines.jsonl")).unwrap();
    let digits = lines.replacen("0.", "1.", 1);
    changed(folder, "lines.jsonl", digits.as_bytes());
    replayed(folder, "changed")
        .exits_with(1)
        .says(&["line 1 is now"]);
}

#[test]
fn a_recording_ends_at_its_limit_or_with_the_disk_and_the_run_goes_on() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("clip.y4m"), clip().to_bytes()).unwrap();
    let watch = || {
        praxiscope()
            .args("run --no-pace --scores --input clip.y4m")
            .within(folder)
    };
    let all = watch().run().good().stdout;
    let small_replay = |place: &str, words: &str| {
        let again = replayed(folder, place).good();
        assert!(again.stderr.contains(words), "{}", again.stderr);
        let count = again.stdout.lines().count();
        assert!(
            all.starts_with(&again.stdout) && (5..40).contains(&count),
            "{count}"
        );
    };
    let ended = watch()
        .args("--record limited --record-limit 1")
        .run()
        .good();
    assert_eq!(ended.stdout, all);
    assert!(
        ended.stderr.contains("its limit of 1000000 bytes"),
        "{}",
        ended.stderr
    );
    small_replay("limited", "its limit of 1000000 bytes");
    watch()
        .args("--record limited")
        .run()
        .refused(&["limited", "already"]);
    let Some(disk) = small_disk(&folder.join("disk"), "900k") else {
        let why = "a small file system cannot be mounted here";
        return say_skipped(
            "recording::a_recording_ends_at_its_limit_or_with_the_disk",
            why,
        );
    };
    let ended = watch().args("--record disk/full").run().good();
    assert_eq!(ended.stdout, all);
    for words in [
        "ends here, and the run goes on: the disk is full",
        "it ended before the run did",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    small_replay("disk/full", "");
    assert_eq!(
        left_in(&folder.join("disk/full")),
        ["about.json", "frames.log", "lines.jsonl"]
    );
    // And where there is no room for the first byte.
    std::fs::write(folder.join("disk/filler"), vec![0; 900_000]).unwrap_err();
    watch()
        .args("--record disk/more")
        .run()
        .refused(&["disk/more", "No space left"]);
    drop(disk);
}

#[test]
fn a_run_that_is_killed_leaves_a_recording() {
    let folder = folder();
    let folder = folder.path();
    let clip = clip();
    let mut running = recorded(folder, "--no-pace --input -").start();
    let mut stdin = running.take_stdin();
    let mut stdout = BufReader::new(running.take_stdout());
    stdin.write_all(&clip.to_bytes()).unwrap();
    let mut lines = String::new();
    for _ in 0..20 {
        stdout.read_line(&mut lines).unwrap();
    }
    running.signal("KILL");
    let _ = running.wait();
    drop(stdin);
    std::io::Read::read_to_string(&mut stdout, &mut lines).unwrap();
    let again = replayed(folder, "seen").good();
    assert!(again.stderr.contains("is cut off"), "{}", again.stderr);
    let common = again.stdout.len().min(lines.len());
    assert!(again.stdout.as_bytes()[..common] == lines.as_bytes()[..common]);
    assert!(again.stdout.lines().count() >= 10, "{}", again.stdout);
}
