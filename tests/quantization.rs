//! Quantization through the real programs: what the integer demo sees, and that every instruction set
//! gives the same bits. What cannot be calibrated on is a matter of `calibration.rs`.

use std::path::{Path, PathBuf};

use praxiscope_tests::events::{assert_starts, gestures, reported};
use praxiscope_tests::files::{demo, folder, frames, rows, varied_frames, write_tensor};
use praxiscope_tests::praxc::float_demo;
use praxiscope_tests::programs::{praxc, praxiscope};
use serde_json::Value;

/// Height and width of the demo model's frames.
const SIDE: usize = 96;
const LARGEST: u64 = 1_000_000;

/// The demo model as it is shipped; that it is made by `praxc quantize` is a test of `packing.rs`.
fn integer_demo() -> PathBuf {
    demo("demo.prax")
}

/// What `praxc` prints as JSON.
fn json(stdout: &str) -> Value {
    serde_json::from_str(stdout).expect("JSON")
}

#[test]
fn the_integer_demo_is_small_and_sees_what_happens_in_its_clip() {
    let bundle = integer_demo();
    let bytes = std::fs::metadata(&bundle).unwrap().len();
    assert!(bytes < LARGEST, "{bytes} bytes");
    let program = praxiscope().args("run --no-pace --input");
    let program = program.arg(demo("clip.mjpeg")).arg("--model").arg(bundle);
    assert_starts(&reported(&program.run().good().stdout), &gestures());
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let program = praxc().arg("bench").arg(integer_demo());
    let report = json(
        &program
            .args("--frames 2 --warmup 0 --json")
            .run()
            .good()
            .stdout,
    );
    assert_eq!(report["integer"], true);
    let available = report["available"].as_array().unwrap();
    assert_eq!(available[0], "portable");
    let digests = available.iter().map(|isa| {
        let program = praxc().arg("run").arg(integer_demo());
        let program = program.args("--random 24 --digest --json --isa");
        let program = program.arg(isa.as_str().unwrap());
        json(&program.run().good().stdout)["digests"].clone()
    });
    let digests: Vec<Value> = digests.collect();
    assert_eq!(digests[0]["answers"].as_str().map(str::len), Some(64));
    for (isa, digest) in available.iter().zip(&digests) {
        assert_eq!(digest, &digests[0], "{isa}");
    }
    let other = praxc().arg("run").arg(integer_demo());
    let other = json(
        &other
            .args("--random 23 --digest --json")
            .run()
            .good()
            .stdout,
    );
    assert_ne!(other["digests"], digests[0], "the digest is of the answers");
}

#[test]
fn an_integer_stream_goes_on_where_it_was_saved() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let clip = varied_frames(16, SIDE);
    write_tensor(&at("all.npy"), &clip);
    write_tensor(&at("first.npy"), &frames(&clip, 0, 7));
    write_tensor(&at("second.npy"), &frames(&clip, 7, 16));
    let run = |name: &str| {
        let program = praxc().arg("run").arg(integer_demo()).arg("--tensor");
        let program = program.arg(at(&format!("{name}.npy")));
        program.arg("-o").arg(at(&format!("{name}.rows.npy")))
    };
    run("all").run().good();
    run("first").arg("--save").arg(at("state")).run().good();
    run("second").arg("--restore").arg(at("state")).run().good();
    let read = |name: &str| rows(&at(&format!("{name}.rows.npy")));
    let mut parts = read("first").into_raw_vec_and_offset().0;
    parts.extend(read("second").into_raw_vec_and_offset().0);
    let bits = |rows: Vec<f32>| rows.iter().map(|row| row.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(parts), bits(read("all").into_raw_vec_and_offset().0));
}

#[test]
fn an_integer_program_is_not_quantized_again() {
    let out = folder();
    let program = praxc().arg("quantize").arg(integer_demo());
    let program = program.arg("--calibration").arg(demo("clip.mjpeg"));
    let program = program.arg("-o").arg(out.path().join("out.prax"));
    program.run().refused(&["integer program already"]);
}

#[test]
fn what_is_bit_exact_is_told() {
    let inspected = |bundle: &Path| {
        let program = praxc().arg("inspect").arg(bundle).arg("--json");
        json(&program.run().good().stdout)["bit_exact"].clone()
    };
    assert_eq!(inspected(&integer_demo()), true);
    assert_eq!(inspected(float_demo()), false);
    let folder = folder();
    let mixed = folder.path().join("mixed.prax");
    let program = praxc().arg("quantize").arg(float_demo());
    let program = program.arg("--calibration").arg(demo("clip.mjpeg"));
    let program =
        program.args("--frames 24 --drift 8 --range mse --float features_4_conv_0_relu6 --json");
    let report = json(&program.arg("-o").arg(&mixed).run().good().stdout);
    let floats = report["quantization"]["float_nodes"].as_array().unwrap();
    assert!(
        floats.iter().any(|node| node == "features_4_conv_0_relu6"),
        "{floats:?}"
    );
    assert_eq!(inspected(&mixed), false);
}

#[test]
fn recordings_that_were_held_out_are_measured() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    write_tensor(&at("a.npy"), &varied_frames(6, SIDE));
    write_tensor(&at("b.npy"), &varied_frames(9, SIDE));
    let program = praxc().arg("quantize").arg(float_demo());
    let program = program.arg("--calibration").arg(at("a.npy"));
    let program = program
        .arg("--holdout")
        .arg(at("b.npy"))
        .args("--drift 8 --json -o");
    let report = json(&program.arg(at("out.prax")).run().good().stdout);
    let report = &report["quantization"];
    assert_eq!(
        (&report["answers"], &report["holdout"]["answers"]),
        (&6.into(), &9.into())
    );
    assert_ne!(
        report["logits_decibels"],
        report["holdout"]["logits_decibels"]
    );
}
