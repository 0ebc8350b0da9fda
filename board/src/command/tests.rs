use std::path::Path;

use super::*;

fn settings(script: &str, format: &str) -> CommandSettings {
    CommandSettings {
        command: ["sh", "-c", script].map(String::from).into(),
        name: "the test's camera".into(),
        format: format.parse().unwrap(),
        size: "2x2".parse().ok(),
        rate: None,
        restart: true,
        timeout: Duration::from_secs(30),
        give_up: Duration::from_secs(600),
        every_frame: false,
    }
}

/// Takes `count` frames; gives their numbers, their first samples and what was lost.
fn take(settings: CommandSettings, count: usize) -> (Vec<(u64, u8)>, Losses) {
    let mut source = open(settings, &Stop::default(), &Pulse::default()).unwrap();
    let mut frames = vec![];
    while frames.len() < count
        && let Some(captured) = source.frames.next_frame().unwrap()
    {
        frames.push((captured.frame.index(), captured.frame.data()[0]));
    }
    (frames, source.frames.losses())
}

#[test]
fn bare_samples_are_read_and_a_program_that_ends_is_started_again() {
    let (frames, losses) = take(settings("printf aaaabbbb", "grey"), 5);
    assert_eq!(
        frames,
        [(0, b'a'), (1, b'b'), (2, b'a'), (3, b'b'), (4, b'a')]
    );
    assert_eq!(losses.restarts, 2);
}

#[test]
fn half_a_frame_is_no_frame() {
    let (frames, losses) = take(settings("printf aaaab", "grey"), 2);
    assert_eq!(frames, [(0, b'a'), (1, b'a')]);
    assert_eq!(losses.restarts, 1);
}

#[test]
fn a_program_that_is_not_to_be_started_again_ends_the_source() {
    let mut once = settings("printf aaaabbbb", "grey");
    once.restart = false;
    let (frames, losses) = take(once, 10);
    assert_eq!((frames.len(), losses.restarts), (2, 0));
    let mut failing = settings("printf aaaab; echo no sensor >&2; exit 3", "grey");
    failing.restart = false;
    let mut source = open(failing, &Stop::default(), &Pulse::default()).unwrap();
    assert!(source.frames.next_frame().is_ok());
    let error = source.frames.next_frame().unwrap_err().to_string();
    assert!(error.contains("no sensor"), "{error}");
}

#[test]
fn a_program_that_falls_silent_is_started_again() {
    let mut silent = settings("printf aaaa; sleep 1000", "grey");
    silent.timeout = Duration::from_millis(150);
    let (frames, losses) = take(silent, 2);
    assert_eq!((frames.len(), losses.restarts), (2, 1));
}

#[test]
fn a_program_without_a_single_frame_is_given_up_with_its_own_words() {
    let mut source = open(
        settings("echo no cameras >&2; exit 1", "mjpeg"),
        &Stop::default(),
        &Pulse::default(),
    )
    .unwrap();
    // The waits between the starts are what takes its time.
    let error = source.frames.next_frame().unwrap_err().to_string();
    assert!(
        error.contains("no cameras") && error.contains("5 starts"),
        "{error}"
    );
}

#[test]
fn a_stop_ends_the_program_and_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let script = format!(
        "trap '' TERM; sleep 1000 & echo $$ $! > {0}.part; mv {0}.part {0}; printf aaaa; wait",
        file.display()
    );
    let stop = Stop::default();
    let mut source = open(settings(&script, "grey"), &stop, &Pulse::default()).unwrap();
    assert!(source.frames.next_frame().unwrap().is_some());
    let pids = std::fs::read_to_string(&file).unwrap();
    let alive = |pid: &str| {
        let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
        // A zombie whose parent has gone is nobody's program any more.
        status.is_ok_and(|status| !status.contains(") Z "))
    };
    assert!(pids.split_whitespace().all(alive));
    let stopper = stop.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        stopper.now();
    });
    assert!(source.frames.next_frame().unwrap().is_none());
    thread.join().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while pids.split_whitespace().any(alive) {
        assert!(Instant::now() < until, "something is left of {pids}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_cannot_be_started_is_refused() {
    let mut missing = settings("", "grey");
    missing.command = vec!["no-such-program".into()];
    let error = format!(
        "{:#}",
        open(missing, &Stop::default(), &Pulse::default())
            .err()
            .unwrap()
    );
    assert!(
        error.contains("no-such-program is not installed"),
        "{error}"
    );
    let mut empty = settings("", "grey");
    empty.command = vec![];
    assert!(open(empty, &Stop::default(), &Pulse::default()).is_err());
    let mut sizeless = settings("", "yuv420");
    sizeless.size = None;
    assert!(open(sizeless, &Stop::default(), &Pulse::default()).is_err());
    assert!("h264".parse::<PipeFormat>().is_err());
}
