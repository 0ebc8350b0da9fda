//! What `praxiscope run` makes of inputs: good ones at other rates, broken ones, and none at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::recognizer::{Output, Recognizer, RecognizerOptions};
use praxiscope_runtime::stream::Model;
use praxiscope_tests::clip::Clip;
use praxiscope_tests::events::{Reported, assert_starts, gestures, reported};
use praxiscope_tests::files::{demo, folder, left_in, say_skipped};
use praxiscope_tests::programs::{Ended, Program, praxiscope};
use praxiscope_tests::random::Random;

#[test]
fn a_file_that_is_no_video_is_refused() {
    let folder = folder();
    let path = folder.path().join("diary.txt");
    for content in [
        "",
        "Dear diary, today",
        "YUV4MPEG2 W0 H0 F12:1 Cmono\n",
        "YUV4MPEG2",
    ] {
        std::fs::write(&path, content).unwrap();
        watch(&path).run().refused(&["diary.txt"]);
    }
    let none = folder.path().join("none.y4m");
    watch(&none).run().refused(&["none.y4m"]);
    watch(folder.path()).run().refused(&["folder"]);
    assert_eq!(left_in(folder.path()), ["diary.txt"]);
}

#[test]
fn a_header_that_promises_too_much_is_refused() {
    let header = |size: &str| format!("YUV4MPEG2 {size} F12:1 C420jpeg\nFRAME\n");
    for size in [
        "W99999999 H99999999",
        "W18446744073709551615 H2",
        "W-1 H4",
        "W4",
    ] {
        stdin()
            .input(header(size))
            .run()
            .refused(&["standard input"]);
    }
}

#[test]
fn garbage_on_standard_input_is_refused() {
    stdin().run().refused(&["standard input is empty"]);
    for garbage in [&[0u8; 100_000][..], b"\xff\xd8\xff", b"FRAME\nFRAME\n"] {
        stdin()
            .input(garbage)
            .run()
            .exits_with(2)
            .says(&["standard input"]);
    }
}

#[test]
fn of_a_truncated_clip_the_frames_before_the_cut_count() {
    let clip = Clip::synthetic(32, 24, 12, 24);
    let whole = clip.to_bytes();
    let lines = |ended: &Ended| ended.stdout.lines().map(String::from).collect::<Vec<_>>();
    let all = lines(&stdin().arg("--scores").input(whole.clone()).run().good());
    assert_eq!(all.len(), 24);
    let folder = folder();
    let path = folder.path().join("cut.y4m");
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let ended = watch(&path).arg("--scores").run().exits_with(2);
    let ended = ended.says(&["cut.y4m", "cut off in the middle of frame 23"]);
    assert_eq!(lines(&ended), all[..23]);
    assert!(
        ended.stderr.contains("23 frames of 32x24"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_camera_that_is_not_there_is_told_from_what_is_none() {
    let camera = praxiscope().args("run --camera /dev/video77");
    camera.run().absent(&["/dev/video77"]);
    let no_camera = praxiscope().args("run --camera /dev/null");
    no_camera.run().refused(&["/dev/null", "not a camera"]);
    let file = praxiscope().args("run --camera").arg(demo("labels.txt"));
    file.run().refused(&["labels.txt", "not a camera"]);
}

#[test]
fn without_anything_to_watch_the_program_says_what_to_give() {
    praxiscope()
        .arg("run")
        .run()
        .refused(&["--camera", "--input"]);
}

#[test]
fn a_missing_model_is_refused() {
    let missing = stdin().args("--model none.prax");
    missing.run().refused(&["none.prax"]);
}

#[test]
fn a_malformed_configuration_is_refused() {
    let folder = folder();
    let path = folder.path().join("praxiscope.toml");
    let cases: [(&[u8], &[&str]); 6] = [
        (b"modle = 'x'", &["praxiscope.toml", "modle"]),
        (b"[source", &["praxiscope.toml", "line 1"]),
        (b"\xff\xfe", &["praxiscope.toml"]),
        (
            b"events.on = 2.0\nevents.off = 3.0\n",
            &["thresholds", "on = 2"],
        ),
        (b"events.masked = ['wave']", &["wave"]),
        (
            b"source.camera = '/dev/video77'\nsource.input = '-'",
            &["camera", "input"],
        ),
    ];
    for (content, words) in cases {
        std::fs::write(&path, content).unwrap();
        let program = praxiscope().args("run --config").arg(&path);
        program.run().refused(words);
    }
    let missing = praxiscope().args("run --config none.toml");
    missing.run().refused(&["none.toml"]);
}

#[test]
fn a_configuration_says_what_the_command_line_does_not() {
    let folder = folder();
    let path = folder.path().join("clip.y4m");
    std::fs::write(path, Clip::synthetic(32, 24, 12, 3).to_bytes()).unwrap();
    let config = folder.path().join("praxiscope.toml");
    std::fs::write(&config, "scores = true\nsource.input = 'clip.y4m'").unwrap();
    let program = praxiscope().args("run --no-pace --config").arg(config);
    assert_eq!(program.run().good().stdout.lines().count(), 3);
}

#[test]
fn a_reader_that_goes_away_ends_the_run_cleanly() {
    let mut running = stdin().arg("--scores").start();
    let mut stdin = running.take_stdin();
    let mut stdout = BufReader::new(running.take_stdout());
    let clip = Clip::synthetic(32, 24, 12, 1);
    stdin.write_all(&clip.header()).unwrap();
    let feeder = std::thread::spawn(move || {
        // Without an end: the program has to notice by itself.
        while stdin.write_all(&clip.record(0)).is_ok() {}
    });
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"scores\":"), "{line}");
    drop(stdout);
    let ended = running.wait().good();
    assert!(ended.stderr.contains("source"), "{}", ended.stderr);
    feeder.join().unwrap();
}

#[test]
fn a_reader_that_goes_away_leaves_the_page_to_those_who_look_on() {
    let program = praxiscope().args("run --no-pace --scores --page 127.0.0.1:0 --input -");
    let mut running = program.start();
    let mut stdin = running.take_stdin();
    drop(running.take_stdout());
    let clip = Clip::synthetic(32, 24, 12, 30);
    stdin.write_all(&clip.to_bytes()).unwrap();
    running.wait_until_it_says("nobody reads standard output any more", 1);
    stdin.write_all(&clip.record(0)).unwrap();
    drop(stdin);
    let ended = running.wait().good();
    assert!(
        ended.stderr.contains("31 frames of 32x24"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_signal_while_standard_input_is_silent_ends_with_the_summary() {
    let mut running = praxiscope().args("run --scores --input -").start();
    let mut stdin = running.take_stdin();
    let mut stdout = BufReader::new(running.take_stdout());
    let clip = Clip::synthetic(32, 24, 12, 6);
    stdin.write_all(&clip.to_bytes()).unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"scores\":"), "{line}");
    running.terminate();
    let ended = running.wait().good();
    assert!(
        ended.stderr.contains("source    standard input"),
        "{}",
        ended.stderr
    );
    // What it had seen is on the output in whole lines.
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.is_empty() || rest.ends_with("}\n"), "{rest}");
    drop(stdin);
}

#[test]
fn half_the_frame_rate_gives_the_same_events() {
    let clip = Clip::demo();
    let [whole, half] = [&clip, &clip.halved()].map(|clip| {
        let events = reported(&stdin().input(clip.to_bytes()).run().good().stdout);
        assert_starts(&events, &gestures());
        events
    });
    assert_eq!(whole, half);
}

#[test]
fn frames_lost_at_random_leave_the_events_as_they_were() {
    let model = Model::load(&Bundle::read(demo("demo.prax")).unwrap()).unwrap();
    let clip = Clip::demo();
    for seed in 1..4u32 {
        let mut random = Random::new(seed);
        let kept = clip.timed_frames().filter(|_| random.below(5) != 0);
        let mut recognizer = Recognizer::new(&model, RecognizerOptions::default()).unwrap();
        let mut outputs = vec![];
        for frame in kept {
            outputs.extend(recognizer.push(&frame).unwrap());
        }
        outputs.extend(recognizer.finish().unwrap());
        let stats = recognizer.stats();
        assert!(stats.frames < clip.frames.len() as u64 && stats.resets == 0);
        assert_starts(&events_of(outputs), &gestures());
    }
}

/// Whatever is no y4m and no MJPEG goes through the `ffmpeg` program, where it is installed.
#[test]
fn another_format_is_read_through_ffmpeg() {
    let folder = folder();
    let place = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::write(
        place("clip.y4m"),
        Clip::synthetic(64, 48, 12, 24).to_bytes(),
    )
    .unwrap();
    let ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(place("clip.y4m"))
        .args(["-c:v", "ffv1"])
        .arg(place("clip.avi"))
        .status();
    if !ffmpeg.is_ok_and(|status| status.success()) {
        let why = "the ffmpeg program is not installed";
        return say_skipped("inputs::another_format_is_read_through_ffmpeg", why);
    }
    let direct = watch(&place("clip.y4m")).arg("--scores").run().good();
    let decoded = watch(&place("clip.avi")).arg("--scores").run().good();
    assert_eq!(decoded.stdout.lines().count(), 24);
    // FFV1 loses nothing, and AVI counts frames, so that their times are exact.
    assert_eq!(decoded.stdout, direct.stdout);
}

fn watch(path: &Path) -> Program {
    praxiscope().args("run --no-pace --input").arg(path)
}

fn stdin() -> Program {
    praxiscope().args("run --no-pace --input -")
}

fn events_of(outputs: Vec<Output>) -> Vec<Reported> {
    let events = outputs.into_iter().filter_map(|output| match output {
        Output::Event(event) => Some(event),
        _ => None,
    });
    events
        .map(|event| Reported {
            event: format!("{:?}", event.kind).to_lowercase(),
            label: event.label.to_string(),
            t: event.time.as_secs_f64(),
            score: event.score,
        })
        .collect()
}

#[test]
fn what_comes_out_does_not_depend_on_the_number_of_threads() {
    let clip = Clip::demo().to_bytes();
    let run = |threads: &str| {
        let program = praxiscope().args("run --no-pace --scores --input -");
        program
            .args(threads)
            .input(clip.clone())
            .run()
            .good()
            .stdout
    };
    let usual = run("");
    assert!(usual.contains("\"event\":\"start\""), "{usual}");
    for threads in ["--threads 1", "--threads 2", "--threads 3", "--threads 7"] {
        assert_eq!(run(threads), usual, "{threads}");
    }
    for (refused, why) in [
        ("0", "from 1 to 256"),
        ("100000", "from 1 to 256"),
        ("99999999999999999999999", "too large"),
    ] {
        let run = praxiscope().args("run --input - --threads").arg(refused);
        assert!(run.run().exits_with(2).stderr.contains(why), "{refused}");
    }
}
