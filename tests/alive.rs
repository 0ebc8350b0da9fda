//! Staying alive: what systemd hears, what happens when a stage hangs, what the doctor finds.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use praxiscope_tests::clip::Clip;
use praxiscope_tests::files::folder;
use praxiscope_tests::programs::praxiscope;

#[test]
fn systemd_hears_that_frames_go_through() {
    let folder = folder();
    let path = folder.path().join("notify");
    let listener = UnixDatagram::bind(&path).unwrap();
    listener
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let program = praxiscope().args("demo --pace").env("NOTIFY_SOCKET", &path);
    let running = program.env("WATCHDOG_USEC", "400000").start();
    let hear = || {
        let mut heard = [0; 256];
        let length = listener.recv(&mut heard).expect("a message");
        String::from_utf8_lossy(&heard[..length]).into_owned()
    };
    assert_eq!(hear(), "READY=1");
    let mut alive = 0;
    let mut status = None;
    while alive < 5 {
        let message = hear();
        alive += u32::from(message == "WATCHDOG=1");
        status = status.or(message.strip_prefix("STATUS=").map(String::from));
    }
    assert!(status.is_some_and(|status| status.contains("steps a second")));
    running.terminate();
    while hear() != "STOPPING=1" {}
    running.wait().good();
}

#[test]
fn a_pipe_that_falls_silent_ends_the_program_and_is_not_called_alive() {
    let folder = folder();
    let path = folder.path().join("notify");
    let listener = UnixDatagram::bind(&path).unwrap();
    let config = folder.path().join("praxiscope.toml");
    std::fs::write(&config, "source.input = '-'\nguard.stall = 1").unwrap();
    let program = praxiscope().args("run --config").arg(&config);
    let mut running = program
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000")
        .start();
    let mut stdin = running.take_stdin();
    let clip = Clip::demo().to_bytes();
    stdin.write_all(&clip[..clip.len() / 20]).unwrap();
    let ended = running.wait().exits_with(4).says(&["capture", "1 second"]);
    assert!(ended.stderr.contains("frames "), "{}", ended.stderr);
    drop(stdin);
    listener.set_nonblocking(true).unwrap();
    let mut heard = [0; 256];
    let messages = std::iter::from_fn(|| {
        let length = listener.recv(&mut heard).ok()?;
        Some(String::from_utf8_lossy(&heard[..length]).into_owned())
    });
    let alive = messages.filter(|message| message == "WATCHDOG=1").count();
    // Frames went through for a moment, and then none for a second: five times two hundred
    // milliseconds.
    assert!((1..=20).contains(&alive), "{alive}");
}

#[test]
fn a_stage_that_hangs_is_started_again_a_few_times() {
    let folder = folder();
    std::fs::write(folder.path().join("clip.y4m"), Clip::demo().to_bytes()).unwrap();
    let config = folder.path().join("praxiscope.toml");
    // The source's own time-out is long, so that the guard is the one that acts.
    let text = r#"
        source.command = ["sh", "-c", "head -c 400000 clip.y4m; exec sleep 1000"]
        source.format = "y4m"
        source.timeout = 100
        guard = { stall = 1, restarts = 2 }
    "#;
    std::fs::write(&config, text).unwrap();
    let program = praxiscope().args("run --scores --config").arg(&config);
    let ended = program.within(folder.path()).run().exits_with(4);
    let ended = ended.says(&["capture", "1 second"]);
    assert_eq!(
        ended.stderr.matches("it is started again").count(),
        2,
        "{}",
        ended.stderr
    );
    // The network answered each time; of a live source's frames the newest are taken.
    let answers = ended.stdout.matches("\"scores\"").count();
    assert!(answers >= 3, "{}", ended.stdout);
}

#[test]
fn the_doctor_says_good_or_bad_and_what_to_do() {
    let ended = praxiscope()
        .args("doctor --camera /dev/video4321")
        .run()
        .exits_with(1);
    let line = |name: &str| {
        let mut lines = ended.stdout.lines();
        lines
            .find(|line| line.split_whitespace().nth(1) == Some(name))
            .map(str::to_owned)
    };
    for name in [
        "model",
        "frames",
        "gpio",
        "temperature",
        "governor",
        "throttling",
        "disk",
        "clock",
    ] {
        assert!(line(name).is_some(), "{name} is not in {}", ended.stdout);
    }
    assert!(line("model").unwrap().contains("83.3 ms"));
    assert!(line("frames").unwrap().starts_with("BAD"));
    assert!(ended.stdout.contains("-> "), "{}", ended.stdout);
    let json = praxiscope().args("doctor --json --model /none.prax").run();
    let json = json.exits_with(1).json();
    assert_eq!(json["good"], false);
    assert_eq!(json["findings"][0]["name"], "model");
    assert_eq!(json["findings"][0]["verdict"], "bad");
    praxiscope()
        .args("doctor --config /none.toml")
        .run()
        .refused(&["/none.toml"]);
}
