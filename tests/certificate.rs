//! What `praxc convert` holds a frame-by-frame program against, and what it writes only if that holds.

use std::path::PathBuf;

use praxiscope_tests::files::{folder, left_in, root, say_skipped};
use praxiscope_tests::programs::{Program, praxc};
use serde_json::Value;

const LIBRARY: &str = "ORT_DYLIB_PATH";
/// In parts of the largest number.
const TOLERANCE: f64 = 1e-4;

/// Exported by both exporters, they are held against themselves over a recording.
#[test]
fn step_programs_of_exported_clip_networks_are_certified() {
    let folder = folder();
    for name in [
        "tsm.two-way.legacy13",
        "tsm.attention.dynamo18",
        "tsm.pool.legacy13",
        "r2plus1d.dynamo18",
        "i3d.squeezed.legacy17",
        "nonlocal.gaussian.dynamo18",
        "slowfast.two.dynamo18",
        "artnet.legacy17",
        "mobile.causal.legacy17",
    ] {
        let program = streamed(name).arg("--json");
        let program = program.arg("-o").arg(folder.path().join("out.prax"));
        let certificate = &program.run().good().json()["certificate"];
        let apart = difference(certificate, "over the recording: logits").expect(name);
        println!("{name}: {apart:.1e}");
        assert!(apart < TOLERANCE, "{name}: {apart:e}");
    }
    for name in ["tsm.circular.legacy13", "tsm.circular.dynamo18"] {
        let program = streamed(name)
            .arg("-o")
            .arg(folder.path().join("none.prax"));
        program.run().refused(&["circular", "--mode clip"]);
    }
    assert_eq!(left_in(folder.path()), ["out.prax"]);
}

/// Shifts of other amounts than one frame, one way by two, from the future alone, of a single channel and
/// of all, by a window of ones and zeros; and shortcuts that are widened by zeros. Where the file is open,
/// ONNX Runtime runs it over a longer clip as well.
#[test]
fn what_moves_numbers_in_no_usual_way_is_the_same_frame_by_frame() {
    let has_reference = std::env::var_os(LIBRARY).is_some();
    if !has_reference {
        let why = format!("{LIBRARY} is not set");
        say_skipped("certificate::what_moves_numbers, ONNX Runtime", &why);
    }
    let folder = folder();
    for name in [
        "lent.legacy17.open",
        "lent.dynamo18.open",
        "lent.window.legacy17",
        "lent.window.dynamo18",
        "r3d.padded.legacy17.open",
        "r3d.padded.dynamo18.open",
    ] {
        let is_open = name.ends_with(".open");
        let options = if is_open {
            "--frames 16 --json"
        } else {
            "--json"
        };
        let program = streamed(name).args(options);
        let program = program.arg("-o").arg(folder.path().join("out.prax"));
        let certificate = &program.run().good().json()["certificate"];
        let mut wanted = vec!["last features", "over the recording: logits"];
        if has_reference {
            wanted.push("clip graph against the source");
        }
        if has_reference && is_open {
            wanted.push("against the source over a longer clip");
        }
        for words in wanted {
            let apart = difference(certificate, words).unwrap_or_else(|| panic!("{name}: {words}"));
            println!("{name}, {words}: {apart:.1e}");
            assert!(apart < TOLERANCE, "{name}, {words}: {apart:e}");
        }
        assert_eq!(certificate["changes"], serde_json::json!([]), "{name}");
    }
}

/// The last of the running means, which MoViNet's head takes, is there with every frame.
#[test]
fn the_last_row_of_a_causal_clip_is_answered_at_once() {
    let folder = folder();
    let program = streamed("mobile.running.legacy17").arg("--json");
    let program = program.arg("-o").arg(folder.path().join("out.prax"));
    let certificate = &program.run().good().json()["certificate"];
    assert_eq!(certificate["kind"], "causal", "{certificate}");
    assert_eq!(
        (&certificate["lookahead"], &certificate["first_answer"]),
        (&0.into(), &1.into())
    );
    let apart = difference(certificate, "over the recording: logits").unwrap();
    assert!(apart < TOLERANCE, "{apart:e}");
}

/// A program that cannot be held against the network, or is not the same, is no bundle.
#[test]
fn what_nothing_shows_to_be_the_same_is_not_written() {
    let folder = folder();
    let convert = |name: &str| {
        // Nobody else is asked: what the network says of a recording decides alone.
        let program = streamed(name).env(LIBRARY, "/nowhere/libonnxruntime.so");
        program.arg("-o").arg(folder.path().join("out.prax")).run()
    };
    convert("odd.two-frames.legacy17").refused(&[
        "cannot be held against the network over a recording",
        "a part of the clip is picked",
        "nothing shows it to be the same",
        "--mode clip --hop N",
    ]);
    let ended = convert("odd.cancelled").exits_with(1);
    assert!(ended.stdout.contains("BEYOND 1e-4"), "{}", ended.stdout);
    ended.says(&["differs from its network", "was not written"]);
    assert_eq!(left_in(folder.path()), [""; 0], "nothing was written");
}

fn exported(name: &str) -> PathBuf {
    root()
        .join("tests/fixtures/onnx")
        .join(format!("{name}.onnx"))
}

fn streamed(name: &str) -> Program {
    let program = praxc().arg("convert").arg(exported(name));
    program.args("--mode stream")
}

/// What a certificate says of the comparison with these words.
fn difference(certificate: &Value, words: &str) -> Option<f64> {
    let comparisons = certificate["comparisons"].as_array()?;
    let is_wanted = |one: &&Value| {
        one["what"]
            .as_str()
            .is_some_and(|what| what.contains(words))
    };
    comparisons.iter().find(is_wanted)?["relative_difference"].as_f64()
}
