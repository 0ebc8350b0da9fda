//! A long run takes no more memory than a short one, and a network in integers little at all.

use std::io::{BufRead, BufReader, Write};

use praxiscope_tests::clip::Clip;
use praxiscope_tests::files;
use praxiscope_tests::programs::{praxc, praxiscope};

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
                resident.push(status_kib(running.id(), "VmRSS:"));
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

/// What a program with a TSM-MobileNetV2 of 224 pixels in integers may take at most, in bytes, where it
/// is built as it is shipped; and of that what is no part of the program's file, however it is built:
/// five pictures of 640x480 among it, for the reader runs ahead of the network.
const PEAK_AT_MOST: u64 = 24_000_000;
const OWN_AT_MOST: u64 = 11_500_000;

#[test]
fn a_mobilenet_in_integers_keeps_below_24_megabytes() {
    let folder = files::folder();
    let made = |name: &str| folder.path().join(name);
    let convert = "convert --random 1 --family tsm-mobilenetv2 --size 224 --direction one-way -o";
    praxc().args(convert).arg(made("float.prax")).run().good();
    let quantize = praxc().arg("quantize").arg(made("float.prax"));
    let quantize = quantize.args("--frames 2 --calibration");
    let quantize = quantize.arg(files::demo("clip.mjpeg"));
    quantize.arg("-o").arg(made("int8.prax")).run().good();

    let program = praxiscope().args("run --no-pace --scores --input - --threads 1");
    let mut running = program.arg("--model").arg(made("int8.prax")).start();
    let mut stdin = running.take_stdin();
    let mut stdout = BufReader::new(running.take_stdout()).lines();
    let feeder = std::thread::spawn(move || {
        let clip = Clip::synthetic(640, 480, 25, 4);
        stdin.write_all(&clip.header()).unwrap();
        for number in 0..50 {
            let frame = clip.record(number % clip.frames.len());
            stdin.write_all(&frame).unwrap();
        }
        stdin
    });
    // The last answer waits for the frame that shows whether there is a nearer one, or for the end.
    for _ in 1..50 {
        stdout.next().unwrap().unwrap();
    }
    let peak = 1024 * status_kib(running.id(), "VmHWM:");
    let file = 1024 * status_kib(running.id(), "RssFile:");
    drop(feeder.join().unwrap());
    running.wait().good();
    println!("{peak} bytes at most, {file} of the program's and its libraries' files");
    assert!(peak - file <= OWN_AT_MOST, "{peak} bytes, {file} of files");
    assert!(
        cfg!(debug_assertions) || peak <= PEAK_AT_MOST,
        "{peak} bytes"
    );
}

/// A line of what the system says of a running process.
fn status_kib(id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a size in KiB")
}
