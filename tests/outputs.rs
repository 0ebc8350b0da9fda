//! Outputs of the real program: clips, brokers that hang, GPIO that is not there, and a
//! configuration that is read again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;

use praxiscope_tests::clip::Clip;
use praxiscope_tests::events::{assert_starts, gestures, reported};
use praxiscope_tests::files::{folder, left_in, say_skipped, small_disk};
use praxiscope_tests::programs::{Ended, Program, praxiscope};

/// Watches the demo clip as fast as possible, with this configuration.
fn demo_with(folder: &Path, config: &str) -> Program {
    let clip = folder.join("clip.y4m");
    if !clip.exists() {
        std::fs::write(&clip, Clip::demo().to_bytes()).unwrap();
    }
    configured(folder, config).arg("--input").arg(clip)
}

fn configured(folder: &Path, config: &str) -> Program {
    let path = folder.join("praxiscope.toml");
    std::fs::write(&path, config).unwrap();
    praxiscope().args("run --no-pace --config").arg(path)
}

fn assert_demo(ended: &Ended) {
    assert_starts(&reported(&ended.stdout), &gestures());
}

#[test]
fn each_gesture_of_the_demo_becomes_a_clip_that_is_a_video() {
    let folder = folder();
    for (format, place) in [("mjpeg", "pictures"), ("y4m", "samples")] {
        let config = format!(
            "[outputs.clips]\nfolder = '{place}'\nformat = '{format}'\npre = 0.2\npost = 0.0\nfps = 30"
        );
        let ended = demo_with(folder.path(), &config).run().good();
        assert_demo(&ended);
        let names = left_in(&folder.path().join(place));
        assert_eq!(names.len(), gestures().len(), "{names:?} {}", ended.stderr);
        for (name, gesture) in names.iter().zip(gestures()) {
            assert!(
                name.ends_with(&format!("-{}.{format}", gesture.label)),
                "{name}"
            );
            let path = folder.path().join(place).join(name);
            let seen = praxiscope()
                .args("run --no-pace --input")
                .arg(&path)
                .run()
                .good();
            assert!(seen.stderr.contains("source"), "{}", seen.stderr);
        }
    }
}

#[test]
fn a_full_disk_costs_clips_and_no_events() {
    let folder = folder();
    let disk = folder.path().join("disk");
    let Some(mounted) = small_disk(&disk, "64k") else {
        let why = "a small file system cannot be mounted here";
        return say_skipped("outputs::a_full_disk_costs_clips_and_no_events", why);
    };
    let config = "[outputs.clips]\nfolder = 'disk'\nformat = 'y4m'\nfps = 30";
    let ended = demo_with(folder.path(), config).run().good();
    let left = left_in(&disk);
    drop(mounted);
    assert_demo(&ended);
    assert!(left.iter().all(|name| !name.ends_with(".part")), "{left:?}");
    for words in ["a clip could not be kept", "clips: "] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[test]
fn a_broker_that_accepts_and_never_answers_holds_nothing_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        // Each guest is kept waiting as long as it likes.
        let guests: Vec<_> = listener.incoming().collect();
        drop(guests);
    });
    let folder = folder();
    for broker in ["mqtt://127.0.0.1", "mqtt://127.0.0.1:1"] {
        let port = if broker.ends_with(":1") {
            String::new()
        } else {
            format!(":{port}")
        };
        let config = format!("[outputs.mqtt]\nbroker = '{broker}{port}'\ntimeout = 60.0");
        let ended = demo_with(folder.path(), &config).run().good();
        assert_demo(&ended);
        assert!(ended.stderr.contains("MQTT: "), "{}", ended.stderr);
    }
}

#[test]
fn malformed_answers_of_a_broker_hold_nothing_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (guest, number) in listener.incoming().zip(0u8..) {
            let mut guest = guest.unwrap();
            let answer = [number << 4, 0xff, 0xff, 0xff, 0x7f, number];
            let _ = guest.write_all(&answer[usize::from(number % 2)..]);
            let _ = guest.read(&mut [0; 64]);
        }
    });
    let folder = folder();
    for version in ["3.1.1", "5"] {
        let config = format!(
            "[outputs.mqtt]\nbroker = 'mqtt://127.0.0.1:{port}'\nversion = '{version}'\ntimeout = 0.2"
        );
        assert_demo(&demo_with(folder.path(), &config).run().good());
    }
}

/// Of a live source, what nobody reads is dropped and counted.
#[test]
fn a_standard_output_that_nobody_reads_stalls_nothing() {
    let (reader, mut full) = std::io::pipe().unwrap();
    // A pipe takes so much before it makes its writer wait.
    full.write_all(&[b'\n'; 65_536]).unwrap();
    let program = praxiscope()
        .args("run --every-frame --scores --input -")
        .output(full);
    let mut running = program.start();
    let mut stdin = running.take_stdin();
    let clip = Clip::synthetic(32, 24, 100, 200);
    stdin.write_all(&clip.to_bytes()).unwrap();
    drop(stdin);
    let ended = running.wait().good();
    drop(reader);
    assert!(
        ended.stderr.contains("200 frames of 32x24"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("standard output: it hangs"),
        "{}",
        ended.stderr
    );
}

#[test]
fn outputs_that_are_not_sound_are_refused() {
    let folder = folder();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for (config, words) in [
        (
            "[[outputs.gpio]]\nline = 17\nlabels = ['waltz']",
            &["waltz"][..],
        ),
        ("[[outputs.gpio]]\nline = 17\nmode = 'blink'", &["blink"]),
        ("[outputs.mqtt]\nbroker = 'localhost'", &["localhost"]),
        (
            "[outputs.mqtt]\nbroker = 'mqtts://a'\nca_file = 'none.pem'",
            &["none.pem"],
        ),
        (
            "[outputs.mqtt]\nbroker = 'mqtts://a'\nca_file = 'file'",
            &["ca_file"],
        ),
        (
            "[outputs.mqtt]\nbroker = 'mqtt://a'\ncredentials_file = 'file'",
            &["file"],
        ),
        ("[outputs.clips]\nfolder = 'file'", &["file"]),
        ("[outputs.clips]\nfolder = 'c'\nquality = 0", &["quality"]),
        ("[outputs]\njson_line = false", &["json_line"]),
    ] {
        demo_with(folder.path(), config).run().refused(words);
    }
}

#[test]
fn a_gpio_chip_that_is_not_there_is_told_from_what_is_not_sound() {
    let folder = folder();
    for output in ["gpio", "button"] {
        let config = format!("[[outputs.{output}]]\nchip = 'no-such-chip'\nline = 17");
        let action = if output == "button" {
            "action = 'reset'"
        } else {
            ""
        };
        demo_with(folder.path(), &format!("{config}\n{action}"))
            .run()
            .absent(&["no-such-chip"]);
    }
}

#[test]
fn without_json_lines_standard_output_stays_empty() {
    let folder = folder();
    let ended = demo_with(folder.path(), "[outputs]\njson_lines = false")
        .run()
        .good();
    assert_eq!(ended.stdout, "");
    let count = 2 * gestures().len();
    assert!(
        ended.stderr.contains(&format!("events    {count}")),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_configuration_is_read_again_on_sighup_and_a_bad_one_changes_nothing() {
    let folder = folder();
    let place = folder.path().join("praxiscope.toml");
    let silent = "events.masked = ['swipe_left', 'swipe_right', 'swipe_up', 'swipe_down']\n";
    let write = |text: &str| std::fs::write(&place, text).unwrap();
    let mut running = configured(folder.path(), silent)
        .args("--input - --scores")
        .start();
    let mut stdin = running.take_stdin();
    let mut stdout = BufReader::new(running.take_stdout());
    let clip = Clip::demo();
    stdin.write_all(&clip.header()).unwrap();
    let answers = clip.frames.len() / 2;
    // Plays the clip, and gives what was written until all but the newest frames were answered.
    let mut play = || {
        for number in 0..clip.frames.len() {
            stdin.write_all(&clip.record(number)).unwrap();
        }
        let mut lines = String::new();
        let mut seen = 0;
        while seen < answers - 3 {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).unwrap() > 0);
            seen += usize::from(line.starts_with("{\"scores\":"));
            lines += &line;
        }
        reported(&lines).len()
    };
    assert_eq!(play(), 0);
    write("events.on = 3.0");
    running.signal("HUP");
    running.wait_until_it_says("all stays as it was", 1);
    assert_eq!(play(), 0);
    // A class that the model does not have, and an output that is not there.
    for (bad, count) in [
        ("events.masked = ['waltz']", 2),
        ("[[outputs.gpio]]\nline = 'NONE'", 3),
    ] {
        write(bad);
        running.signal("HUP");
        running.wait_until_it_says("all stays as it was", count);
    }
    assert_eq!(play(), 0);
    write("[outputs.clips]\nfolder = 'clips'\nformat = 'y4m'");
    running.signal("HUP");
    running.wait_until_it_says("is in force", 1);
    assert!(play() > 0);
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    running.wait().good();
    assert!(!left_in(&folder.path().join("clips")).is_empty());
}
