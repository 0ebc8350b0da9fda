//! A stream that is saved in one process and goes on in another.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ndarray::{Array2, Axis, concatenate};
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::stream::{Model, Stream};
use praxiscope_tests::files::{self, demo, fixture, folder, left_in, rows, tensor, varied_frames};
use praxiscope_tests::praxc::convert;
use praxiscope_tests::programs::praxc;
use tract_core::prelude::Tensor;

#[test]
fn a_restored_step_program_goes_on_to_the_last_bit() {
    let folder = folder();
    let frames = folder.path().join("frames.npy");
    files::write_tensor(&frames, &varied_frames(24, 96));
    for cut in [1, 7, 23] {
        assert_goes_on(&demo("demo.prax"), &frames, cut, 24, &[]);
    }
}

#[test]
fn a_restored_window_goes_on_to_the_last_bit() {
    let folder = folder();
    let options = "--family tsm-mobilenetv2 --size 64 --hop 2";
    let bundle = convert(&fixture("tsn-mobilenetv2.pth"), options, folder.path());
    // Before the window is full, when it has just been answered, and between two answers.
    for cut in [3, 8, 9] {
        assert_goes_on(&bundle, &fixture("frames12.npy"), cut, 3, &["--hop", "2"]);
    }
}

#[test]
fn a_restored_program_that_answers_late_still_owes_its_answers() {
    let folder = folder();
    let options = "--family tsm-resnet18 --size 64 --mode stream";
    let bundle = convert(&fixture("tsn-resnet18.pth.tar"), options, folder.path());
    for cut in [1, 6, 11] {
        assert_goes_on(&bundle, &fixture("frames12.npy"), cut, 12, &[]);
    }
}

#[test]
fn a_damaged_state_is_refused() {
    let folder = folder();
    let saved = saved_state(&demo_frames(folder.path()), folder.path());
    let whole = std::fs::read(&saved).unwrap();
    let damaged = folder.path().join("damaged");
    let before = left_in(folder.path());
    for length in [0, 1, 40, 72, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&damaged, &whole[..length]).unwrap();
        assert_refused(&demo("demo.prax"), &damaged, folder.path(), &["state"]);
    }
    for at in [0, 10, 80, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&damaged, flipped).unwrap();
        assert_refused(&demo("demo.prax"), &damaged, folder.path(), &["state"]);
    }
    std::fs::remove_file(damaged).unwrap();
    assert_eq!(left_in(folder.path()), before, "nothing was written");
}

#[test]
fn another_models_state_is_refused() {
    let folder = folder();
    let saved = saved_state(&demo_frames(folder.path()), folder.path());
    let other = convert(&fixture("online.legacy.onnx"), "", folder.path());
    assert_refused(&other, &saved, folder.path(), &["another model"]);
    let missing = folder.path().join("none.state");
    assert_refused(&demo("demo.prax"), &missing, folder.path(), &["none.state"]);
}

/// If each of them had weights of its own, they would take thirty times as much as is allowed here.
#[test]
fn a_thousand_streams_share_the_weights_of_their_model() {
    let folder = folder();
    let bundle = folder.path().join("out.prax");
    let source = "convert --random 1 --family tsm-mobilenetv2 --size 32 --direction one-way -o";
    praxc().args(source).arg(&bundle).run().good();
    let weights: u64 = std::fs::metadata(&bundle).unwrap().len();
    let model = Model::load(&Bundle::read(&bundle).unwrap()).unwrap();
    let frame = || Tensor::zero::<f32>(&[1, 3, 32, 32]).unwrap();
    let before = resident_bytes();
    let mut streams: Vec<Stream> = vec![];
    let mut answers = vec![];
    for _ in 0..1000 {
        let mut stream = Stream::new(&model).unwrap();
        for number in 0..3 {
            let scores = stream.step_tensor(frame(), number, Duration::ZERO).unwrap();
            answers.push(scores.unwrap().logits);
        }
        streams.push(stream);
    }
    let grown = resident_bytes().saturating_sub(before);
    println!(
        "{weights} bytes of weights, {} of state, {grown} for all streams",
        model.state_bytes()
    );
    assert!(weights > 8 << 20, "a model whose weights weigh something");
    assert!(grown < 30 * weights, "{grown} bytes for a thousand streams");
    for stream in &streams {
        let [ours, theirs] = [&model, stream.model()].map(|model| model.program().unwrap());
        assert!(Arc::ptr_eq(ours, theirs));
    }
    assert!(answers.chunks(3).all(|of_one| of_one == &answers[..3]));
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse::<u64>().unwrap() << 10
}

/// Runs `frames` at once with `options`, and in two processes with the state carried over after frame
/// `cut`.
fn assert_goes_on(bundle: &Path, frames: &Path, cut: usize, answers: usize, options: &[&str]) {
    let folder = folder();
    let place = |name: &str| folder.path().join(name);
    let all = tensor(frames);
    files::write_tensor(&place("before.npy"), &files::frames(&all, 0, cut));
    files::write_tensor(
        &place("after.npy"),
        &files::frames(&all, cut, all.shape()[0]),
    );

    let whole = run(bundle, frames, place("whole-rows.npy"), options);
    let state = place("state");
    let before = run(
        bundle,
        &place("before.npy"),
        place("a.npy"),
        &["--save", text(&state)],
    );
    let after = run(
        bundle,
        &place("after.npy"),
        place("b.npy"),
        &["--restore", text(&state)],
    );

    let joined = concatenate(Axis(0), &[before.view(), after.view()]).unwrap();
    assert_eq!(whole.nrows(), answers);
    assert_eq!(bits(&joined), bits(&whole), "cut after {cut} frames");
    // The past matters: a stream that begins afresh says something else.
    let afresh = run(bundle, &place("after.npy"), place("c.npy"), options);
    assert_ne!(bits(&afresh), bits(&after), "cut after {cut} frames");
}

fn run(bundle: &Path, frames: &Path, output: PathBuf, options: &[&str]) -> Array2<f32> {
    let program = praxc().arg("run").arg(bundle).arg("--tensor").arg(frames);
    let program = options
        .iter()
        .fold(program.arg("-o").arg(&output), |p, word| p.arg(word));
    program.run().good();
    rows(&output)
}

fn demo_frames(folder: &Path) -> PathBuf {
    let frames = folder.join("frames.npy");
    files::write_tensor(&frames, &varied_frames(3, 96));
    frames
}

fn saved_state(frames: &Path, folder: &Path) -> PathBuf {
    let state = folder.join("state");
    run(
        &demo("demo.prax"),
        frames,
        folder.join("rows.npy"),
        &["--save", text(&state)],
    );
    state
}

fn assert_refused(bundle: &Path, state: &Path, folder: &Path, words: &[&str]) {
    let program = praxc()
        .arg("run")
        .arg(bundle)
        .arg("--tensor")
        .arg(folder.join("frames.npy"));
    let program = program.arg("-o").arg(folder.join("refused.npy"));
    program.arg("--restore").arg(state).run().refused(words);
}

fn bits(rows: &Array2<f32>) -> Vec<u32> {
    rows.iter().map(|value| value.to_bits()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
