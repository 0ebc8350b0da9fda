//! A long run takes no more memory than a short one.

use std::io::{BufRead, BufReader, Write};

use praxiscope_tests::clip::Clip;
use praxiscope_tests::programs::praxiscope;

/// Ten minutes at the demo model's own rate.
const FRAMES: usize = 7200;
/// How often the program's memory is looked at: every second of film, from the first one on.
const EVERY: usize = 12;
const KIB_GROWN_AT_MOST: u64 = 1024;

#[test]
fn ten_minutes_of_frames_leave_memory_flat() {
    let mut running = praxiscope()
        .args("run --no-pace --scores --input -")
        .start();
    let mut stdin = running.take_stdin();
    let stdout = BufReader::new(running.take_stdout());
    let feeder = std::thread::spawn(move || {
        let clip = Clip::synthetic(32, 24, 12, 32);
        stdin.write_all(&clip.header()).unwrap();
        for number in 0..FRAMES {
            stdin
                .write_all(&clip.record(number % clip.frames.len()))
                .unwrap();
        }
    });
    let mut resident = vec![];
    let mut answers = 0;
    for line in stdout.lines().map(Result::unwrap) {
        if line.starts_with("{\"scores\":") {
            answers += 1;
            // By the last ones the program may be gone.
            if answers % EVERY == 0 && answers < FRAMES - 2 * EVERY {
                resident.push(resident_kib(running.id()));
            }
        }
    }
    feeder.join().unwrap();
    running.wait().good();
    assert_eq!(answers, FRAMES);
    let (first, most) = (resident[0], *resident.iter().max().unwrap());
    println!("{first} KiB after a second, {most} KiB at most");
    assert!(
        most <= first + KIB_GROWN_AT_MOST,
        "memory grew from {first} to {most} KiB: {resident:?}"
    );
}

/// `VmRSS` of a running process.
fn resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("VmRSS in KiB")
}
