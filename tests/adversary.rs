//! Sources that are pulled, killed and malformed: nothing crashes or hangs, and what was good counts.
//!
//! Each test does a few of them; the environment asks for more (`tests/adversary/run` for thousands).

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use praxiscope_runtime::source::{FrameRate, FrameSource, MjpegReader, Y4mReader};
use praxiscope_tests::clip::Clip;
use praxiscope_tests::files::{demo, folder, times};
use praxiscope_tests::programs::praxiscope;
use praxiscope_tests::random::Random;

/// Asks for more cases.
const CASES: &str = "PRAXISCOPE_CASES";

/// How long one case may take before it counts as a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bits flipped, bytes set, parts cut out, doubled, or filled at random.
fn damage(random: &mut Random, good: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        // Half of it where the headers are.
        let reach = [bytes.len(), bytes.len().min(700)][random.below(2)];
        let at = random.below(reach);
        let end = (at + 1 + random.below(200)).min(bytes.len());
        match random.below(7) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = [0, 0xff, 0xd8, 0xd9, 0xda][random.below(5)],
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte = random.below(256) as u8),
        }
    }
    bytes
}

/// The pictures of the demo clip.
fn pictures() -> Vec<Vec<u8>> {
    let stream = std::fs::read(demo("clip.mjpeg")).unwrap();
    let starts = stream.windows(4).enumerate();
    let starts = starts.filter(|(_, bytes)| *bytes == [0xff, 0xd9, 0xff, 0xd8]);
    let mut ends: Vec<usize> = starts.map(|(at, _)| at + 2).collect();
    ends.push(stream.len());
    let mut begin = 0;
    let cut = |end| stream[std::mem::replace(&mut begin, end)..end].to_vec();
    ends.into_iter().map(cut).collect()
}

/// Runs `cases` on a thread of its own, and tells which one hangs.
fn each_in_time(cases: usize, mut case: impl FnMut(usize) + Send + 'static) {
    let (done, watched) = channel();
    let worker = std::thread::spawn(move || {
        for number in 0..cases {
            case(number);
            done.send(()).unwrap();
        }
    });
    for number in 0..cases {
        if watched.recv_timeout(PATIENCE).is_err() {
            assert!(worker.is_finished(), "case {number} hangs");
            break;
        }
    }
    worker.join().expect("no case panics");
}

#[test]
fn malformed_pictures_neither_crash_nor_hang_their_reader() {
    let pictures = pictures();
    let mut random = Random::new(1);
    each_in_time(times(CASES, 1500), move |number| {
        let two = [&pictures[number % 300][..], &pictures[number % 300 + 1]].concat();
        let bytes = damage(&mut random, &two);
        let mut reader = MjpegReader::new("test", &bytes[..], FrameRate::USUAL);
        let mut frames = 0;
        while let Ok(Some(captured)) = reader.next_frame() {
            assert!(captured.frame.jpeg().is_some());
            frames += 1;
        }
        assert!(frames + reader.losses().broken <= bytes.len() as u64 / 2);
    });
}

#[test]
fn malformed_y4m_neither_crashes_nor_hangs_its_reader() {
    let good = Clip::synthetic(16, 12, 12, 4).to_bytes();
    let mut random = Random::new(2);
    each_in_time(times(CASES, 1500), move |_| {
        let bytes = damage(&mut random, &good);
        if let Ok(mut reader) = Y4mReader::new("test", &bytes[..], FrameRate::USUAL) {
            while let Ok(Some(_)) = reader.next_frame() {}
        }
    });
}

/// Between each two good pictures stands a bad one.
#[test]
fn good_pictures_between_malformed_ones_count() {
    let pictures = pictures();
    let mut random = Random::new(3);
    let rounds = times(CASES, 300).div_ceil(pictures.len());
    let mut running = praxiscope()
        .args("run --no-pace --scores --input -")
        .start();
    let mut stdin = running.take_stdin();
    let stdout = BufReader::new(running.take_stdout());
    let given = rounds * pictures.len();
    let feeder = std::thread::spawn(move || {
        for _ in 0..rounds {
            for picture in &pictures {
                stdin.write_all(&damage(&mut random, picture)).unwrap();
                // Whatever a bad one's segments claim to be long, this ends it: what is inside a
                // segment is passed over, so that the good picture begins outside of all.
                stdin.write_all(&[0; 1 << 17]).unwrap();
                stdin.write_all(picture).unwrap();
            }
        }
    });
    let answers = stdout
        .lines()
        .map(Result::unwrap)
        .filter(|line| line.contains("scores"))
        .count();
    feeder.join().unwrap();
    let ended = running.wait().good();
    let number = |words: &str| -> usize {
        let line = ended.stderr.lines().find(|line| line.contains(words));
        let mut parts = line.unwrap_or_default().split_whitespace();
        parts.find_map(|word| word.parse().ok()).unwrap_or_default()
    };
    let (seen, damaged) = (number(" seen, "), number(" damaged"));
    println!("{given} good pictures, {seen} seen, {damaged} damaged");
    assert!(seen >= given && damaged > given / 10, "{}", ended.stderr);
    assert!(answers > given / 3, "{answers}");
}

#[test]
fn malformed_streams_end_the_program_in_one_sentence_or_none() {
    let clip = Clip::synthetic(32, 24, 12, 6).to_bytes();
    let pictures = pictures()[..6].concat();
    let mut random = Random::new(4);
    for number in 0..times(CASES, 40) {
        let bytes = damage(&mut random, [&clip, &pictures][number % 2]);
        let ended = praxiscope()
            .args("run --no-pace --input -")
            .input(bytes)
            .run();
        if ended.stderr.starts_with("praxiscope: ") && ended.stderr.lines().count() == 1 {
            ended.refused(&["standard input"]);
        } else if ended
            .stderr
            .lines()
            .last()
            .unwrap()
            .starts_with("praxiscope: ")
        {
            ended.exits_with(2).says(&["standard input"]);
        } else {
            ended.good();
        }
    }
}

/// The pipe is pulled at any byte: what had come whole counts.
#[test]
fn a_pipe_that_is_pulled_at_any_moment_leaves_the_whole_frames() {
    let clip = Clip::synthetic(32, 24, 12, 24);
    let whole = clip.to_bytes();
    let run = |bytes: &[u8]| {
        praxiscope()
            .args("run --no-pace --scores --input -")
            .input(bytes)
            .run()
    };
    let all = run(&whole).good().stdout;
    let (header, record) = (clip.header().len(), clip.record(0).len());
    let mut random = Random::new(5);
    for _ in 0..times(CASES, 40) {
        let cut = random.below(whole.len() + 1);
        let ended = run(&whole[..cut]);
        let frames = cut.saturating_sub(header) / record;
        let clean = cut >= header && (cut - header).is_multiple_of(record) && frames > 0;
        let ended = ended.exits_with(if clean { 0 } else { 2 });
        assert_eq!(ended.stdout.lines().count(), frames, "{cut}");
        assert!(all.starts_with(&ended.stdout), "{cut}");
    }
}

/// The program that gives frames is killed again and again, in the middle of whatever it writes.
#[test]
fn a_source_that_is_killed_is_started_again_and_counted() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("clip.y4m"), Clip::demo().to_bytes()).unwrap();
    let script = "echo $$ > pid.part; mv pid.part pid; exec cat clip.y4m";
    let config = format!(
        "scores = true\nsource.command = ['sh', '-c', '{script}']\nsource.format = 'y4m'\nsource.fps = 24"
    );
    std::fs::write(folder.join("praxiscope.toml"), config).unwrap();
    let mut running = praxiscope()
        .args("run --config praxiscope.toml")
        .within(folder)
        .start();
    let mut stdout = BufReader::new(running.take_stdout());
    let mut random = Random::new(6);
    let kills = times("PRAXISCOPE_KILLS", 3);
    let mut newest = -1.0;
    let mut line = String::new();
    let mut lines = 0;
    for kill in 0..kills {
        // Some answers, and then a moment at random.
        for _ in 0..5 + random.below(5) {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "it has ended");
            let t = serde_json::from_str::<serde_json::Value>(&line).unwrap()["t"]
                .as_f64()
                .unwrap();
            assert!(t >= newest, "{line} after {newest}");
            newest = t;
            lines += 1;
        }
        std::thread::sleep(Duration::from_micros(random.below(100_000) as u64));
        let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
        std::fs::remove_file(folder.join("pid")).unwrap();
        let killed = Command::new("kill")
            .args(["-KILL", pid.trim()])
            .output()
            .unwrap();
        assert!(killed.status.success(), "kill {kill}");
        while !folder.join("pid").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    running.terminate();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let ended = running.wait().good();
    let words = format!("{kills} times the source had to be started again");
    assert!(ended.stderr.contains(&words), "{}", ended.stderr);
    println!("{kills} kills, {lines} answers between them");
}
