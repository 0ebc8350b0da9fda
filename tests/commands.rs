//! Sources that are programs: what they write is watched, and they never outlive the run.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use praxiscope_tests::clip::Clip;
use praxiscope_tests::files::{demo, folder};
use praxiscope_tests::programs::{Program, praxc, praxiscope};
use serde_json::Value;

fn demo_lines() -> String {
    praxiscope().arg("demo").run().good().stdout
}

/// Runs with a configuration, every frame of whose source counts.
fn configured(folder: &Path, config: &str) -> Program {
    let path = folder.join("praxiscope.toml");
    std::fs::write(&path, config).unwrap();
    praxiscope().args("run --no-pace --config").arg(path)
}

#[test]
fn what_a_command_writes_gives_the_events_of_the_same_file() {
    let folder = folder();
    let clip = Clip::demo();
    std::fs::write(folder.path().join("clip.y4m"), clip.to_bytes()).unwrap();
    let config = "[source]\ncommand = ['cat', 'clip.y4m']\nformat = 'y4m'\nrestart = false";
    let program = configured(folder.path(), config).within(folder.path());
    assert_eq!(program.run().good().stdout, demo_lines());
}

#[test]
fn a_command_that_dies_in_the_middle_is_started_again() {
    let folder = folder();
    let clip = Clip::synthetic(32, 24, 12, 6);
    let mut bytes = clip.to_bytes();
    bytes.truncate(bytes.len() - 100);
    std::fs::write(folder.path().join("cut.y4m"), bytes).unwrap();
    let config = "scores = true\n[source]\ncommand = ['cat', 'cut.y4m']\nformat = 'y4m'";
    let running = configured(folder.path(), config)
        .within(folder.path())
        .start();
    running.wait_until_it_says("cat failed", 1);
    std::thread::sleep(Duration::from_millis(1000));
    running.terminate();
    let ended = running.wait().good();
    assert!(
        ended.stderr.contains("had to be started again"),
        "{}",
        ended.stderr
    );
    let frames: Vec<u64> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["scores"].is_object())
        .map(|line| line["frame"].as_u64().unwrap())
        .collect();
    assert!(frames.len() > 5 && frames.is_sorted(), "{frames:?}");
}

#[test]
fn a_command_does_not_outlive_the_program() {
    let folder = folder();
    let config =
        "[source]\ncommand = ['sh', '-c', 'echo $$ > pid.part; mv pid.part pid; sleep 1000']";
    let running = configured(folder.path(), config)
        .within(folder.path())
        .start();
    let file = folder.path().join("pid");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !file.exists() {
        assert!(Instant::now() < deadline, "the command was not started");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = std::fs::read_to_string(file).unwrap();
    running.terminate();
    running.wait().good();
    let process = Path::new("/proc").join(pid.trim());
    while process.exists() {
        assert!(Instant::now() < deadline, "the command is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_command_that_cannot_be_started_is_refused() {
    let folder = folder();
    for (config, words) in [
        (
            "command = ['no-such-camera']",
            &["no-such-camera", "not installed"][..],
        ),
        ("command = []", &["command"]),
        ("command = ['cat']\nformat = 'h264'", &["h264"]),
        ("command = ['cat']\nformat = 'yuv420'", &["size"]),
        ("command = ['cat']\nrtsp = 'rtsp://a/'", &["more than one"]),
        ("command = ['cat']\ntimeout = -1.0", &["timeout"]),
        ("rtsp = 'http://a/'", &["rtsp://"]),
    ] {
        configured(folder.path(), &format!("[source]\n{config}"))
            .run()
            .refused(words);
    }
}

#[test]
fn a_camera_that_never_gives_a_frame_ends_with_exit_code_three() {
    let folder = folder();
    let config = "[source]\ncommand = ['sh', '-c', 'echo no sensor >&2; exit 1']";
    let ended = configured(folder.path(), config).run().exits_with(3);
    ended.says(&["no sensor"]);
}

/// The address goes to ffmpeg, and what that writes is watched. Its stand-in writes the demo clip.
#[test]
fn a_network_camera_is_watched_through_ffmpeg() {
    let folder = folder();
    std::fs::write(folder.path().join("clip.y4m"), Clip::demo().to_bytes()).unwrap();
    let ffmpeg = folder.path().join("ffmpeg");
    std::fs::write(
        &ffmpeg,
        "#!/bin/sh\necho \"$@\" > arguments\nexec cat clip.y4m\n",
    )
    .unwrap();
    std::fs::set_permissions(&ffmpeg, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap()
    );
    let config = "[source]\nrtsp = 'rtsp://me:secret@10.0.0.9/yard'\nrestart = false";
    let program = configured(folder.path(), config)
        .within(folder.path())
        .env("PATH", path);
    let ended = program.run().good();
    assert_eq!(ended.stdout, demo_lines());
    assert!(ended.stderr.contains("rtsp://10.0.0.9/yard") && !ended.stderr.contains("secret"));
    let arguments = std::fs::read_to_string(folder.path().join("arguments")).unwrap();
    assert!(
        arguments.contains("-i rtsp://me:secret@10.0.0.9/yard"),
        "{arguments}"
    );
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let program = praxc().arg("inspect").arg(demo("demo.prax"));
    let ended = program.output(writer).run().good();
    assert_eq!(ended.stderr, "");
}
