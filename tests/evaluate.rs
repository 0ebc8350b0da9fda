//! `praxc evaluate` and `praxc tune` on small videos of our own making.

use std::path::{Path, PathBuf};
use std::process::Command;

use praxiscope_tests::files::{self, demo, fixture, folder, root};
use praxiscope_tests::praxc::convert;
use praxiscope_tests::programs::{Program, praxc};
use serde_json::Value;

const CLASSES: usize = 5;
/// The independent evaluation in Python needs ONNX Runtime's package.
const PYTHON: &str = "PRAXISCOPE_PYTHON";

/// Grey clips of drifting waves, a folder for each class; lengths and rates differ.
fn clips(folder: &Path) -> PathBuf {
    let dataset = folder.join("clips");
    for class in 0..CLASSES {
        let inside = dataset.join(class.to_string());
        std::fs::create_dir_all(&inside).unwrap();
        for number in 0..3 {
            let clip = clip(class, number);
            std::fs::write(inside.join(format!("{number}.y4m")), clip).unwrap();
        }
    }
    dataset
}

fn clip(class: usize, number: usize) -> Vec<u8> {
    let (width, height) = [(96, 64), (64, 80), (72, 72)][number];
    let (frames, fps) = [(5, 25), (21, 25), (40, 30)][number];
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F{fps}:1 Cmono\n").into_bytes();
    for t in 0..frames {
        bytes.extend_from_slice(b"FRAME\n");
        for y in 0..height {
            for x in 0..width {
                let phase = (x * (class + 1) + y * (number + 2) + 3 * t * (class + number)) as f32;
                bytes.push((128.0 + 100.0 * (phase / 17.0).sin()) as u8);
            }
        }
    }
    bytes
}

/// The two-way TSM of the fixtures: clip mode, step mode, integers.
fn bundles(folder: &Path) -> [PathBuf; 3] {
    let source = fixture("clip.two-way.legacy.onnx");
    let clip = convert(&source, "--mode clip", folder);
    let moved = |from: &Path, name: &str| {
        let to = folder.join(name);
        std::fs::rename(from, &to).unwrap();
        to
    };
    let clip = moved(&clip, "clip.prax");
    let step = moved(&convert(&source, "--mode stream", folder), "step.prax");
    let integer = folder.join("int8.prax");
    let program = praxc().arg("quantize").arg(&step);
    let program = program.arg("--calibration").arg(fixture("frames12.npy"));
    program.arg("-o").arg(&integer).run().good();
    [clip, step, integer]
}

fn evaluate(bundles: &[&Path], dataset: &Path) -> Program {
    let program = bundles
        .iter()
        .fold(praxc().arg("evaluate"), |program, bundle| {
            program.arg(bundle)
        });
    program.arg("--dataset").arg(dataset).arg("--json")
}

#[test]
fn modes_and_arithmetics_stand_side_by_side_and_shards_make_the_same_report() {
    let folder = folder();
    let (dataset, made) = (clips(folder.path()), bundles(folder.path()));
    let made = made.each_ref().map(PathBuf::as_path);
    let whole = evaluate(&made, &dataset)
        .args("--views 2 --crops 3")
        .run()
        .good();
    let report = whole.json();
    let columns = report["columns"].as_array().unwrap();
    let facts = |column: &Value| {
        let word = |key: &str| column[key].as_str().unwrap().to_owned();
        (word("mode"), word("arithmetic"))
    };
    let found: Vec<_> = columns.iter().map(facts).collect();
    let words = [("clip", "float"), ("step", "float"), ("step", "int8")];
    assert_eq!(found, words.map(|(a, b)| (a.to_owned(), b.to_owned())));
    for column in columns {
        assert_eq!(column["video"]["asked"], 15, "{column}");
        assert_eq!(column["clip"]["asked"], 15 * 2 * 3, "{column}");
        // Five classes: the right one is always among five.
        assert_eq!(column["video"]["top5"], 15, "{column}");
    }
    let results = |part: usize| folder.path().join(format!("part{part}.jsonl"));
    for part in 0..3 {
        let program = evaluate(&made, &dataset).args("--views 2 --crops 3");
        let program = program
            .args(&format!("--shard {part}/3 -o"))
            .arg(results(part));
        program.run().good();
    }
    let merge = |parts: &[usize]| {
        let merge = praxc().args("evaluate --json --merge");
        parts
            .iter()
            .fold(merge, |merge, part| merge.arg(results(*part)))
    };
    assert_eq!(merge(&[2, 0, 1]).run().good().stdout, whole.stdout);
    merge(&[0, 2]).run().refused(&["missing"]);
}

#[test]
fn a_run_that_was_cut_off_goes_on() {
    let folder = folder();
    let (dataset, made) = (clips(folder.path()), bundles(folder.path()));
    let results = folder.path().join("results.jsonl");
    let run = |dataset: &Path| evaluate(&[&made[0]], dataset).arg("-o").arg(&results);
    let first = run(&dataset).run().good().stdout;
    let text = std::fs::read_to_string(&results).unwrap();
    let cut = text.len() - text.lines().last().unwrap().len() / 2;
    std::fs::write(&results, &text[..cut]).unwrap();
    assert_eq!(run(&dataset).run().good().stdout, first);
    let again = std::fs::read_to_string(&results).unwrap();
    assert_eq!(again.lines().count(), text.lines().count());
    // Nothing is left to do; another data set is another run.
    assert_eq!(run(&dataset).run().good().stdout, first);
    std::fs::remove_file(dataset.join("0/0.y4m")).unwrap();
    run(&dataset).run().refused(&["another run"]);
}

#[test]
fn what_is_no_video_is_told_and_counts_nowhere() {
    let folder = folder();
    let (dataset, made) = (clips(folder.path()), bundles(folder.path()));
    std::fs::write(dataset.join("1/broken.y4m"), "YUV4MPEG2 W2\n").unwrap();
    let report = evaluate(&[&made[0]], &dataset).run().good().json();
    assert_eq!(report["unreadable"].as_array().unwrap().len(), 1);
    assert_eq!(report["columns"][0]["video"]["asked"], 15);
    assert_eq!(report["items"], 16);
}

/// Each clip's answers, in the order of their scores, are those of an evaluation that shares no code with
/// ours: FFmpeg, Pillow, NumPy and ONNX Runtime's Python package.
#[test]
fn clip_mode_agrees_with_an_independent_evaluation_to_the_last_clip() {
    let Some(python) = std::env::var_os(PYTHON) else {
        let test = "evaluate::clip_mode_agrees_with_an_independent_evaluation_to_the_last_clip";
        files::say_skipped(test, "PRAXISCOPE_PYTHON is not set");
        return;
    };
    let folder = folder();
    let source = fixture("clip.two-way.legacy.onnx");
    let options = "--mode clip --mean 0.4,0.45,0.5 --std 0.2,0.25,0.3";
    let (dataset, bundle) = (
        clips(folder.path()),
        convert(&source, options, folder.path()),
    );
    let results = folder.path().join("results.jsonl");
    for (views, crops) in [("1", "1"), ("4", "3")] {
        let _ = std::fs::remove_file(&results);
        let program =
            evaluate(&[&bundle], &dataset).args(&format!("--views {views} --crops {crops}"));
        program.arg("-o").arg(&results).run().good();
        let output = Command::new(&python)
            .arg(root().join("tests/evaluation/check.py"))
            .arg("--onnx")
            .arg(&source)
            .arg("--dataset")
            .arg(&dataset)
            .arg("--results")
            .arg(&results)
            .args([
                "--frames",
                "8",
                "--size",
                "64",
                "--shorter",
                "64",
                "--fps",
                "25",
            ])
            .args(["--mean", "0.4,0.45,0.5", "--std", "0.2,0.25,0.3"])
            .args(["--views", views, "--crops", crops])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{wrong}");
        assert!(said.contains("15 of 15 videos"), "{said}");
    }
}

/// What the demo clip shows, by the list that is made with it.
fn long_list(folder: &Path, shift: f64) -> PathBuf {
    let text = std::fs::read_to_string(demo("clip.json")).unwrap();
    let shown: Value = serde_json::from_str(&text).unwrap();
    let mut list = "path,start,end,label\n".to_owned();
    for span in shown["events"].as_array().unwrap() {
        let second = |key: &str| span[key].as_f64().unwrap() + shift;
        let label = span["label"].as_str().unwrap();
        list += &format!("clip.mjpeg,{},{},{label}\n", second("start"), second("end"));
    }
    let path = folder.join(format!("long{shift}.csv"));
    std::fs::write(&path, list).unwrap();
    path
}

fn events(bundle: &Path, list: &Path) -> Value {
    let program = evaluate(&[bundle], list).arg("--videos").arg(demo(""));
    let report = program.args("--input-fps 24").run().good().json();
    report["columns"][0]["events"].clone()
}

#[test]
fn events_are_held_against_what_a_long_video_shows() {
    let folder = folder();
    let right = events(&demo("demo.prax"), &long_list(folder.path(), 0.0));
    assert_eq!(right["rates"]["recall"], 1.0, "{right}");
    assert_eq!(right["counts"]["false_alarms"], 0, "{right}");
    let far = events(&demo("demo.prax"), &long_list(folder.path(), 1000.0));
    assert_eq!(far["rates"]["recall"], 0.0, "{far}");
    assert_eq!(
        far["counts"]["false_alarms"], far["counts"]["events"],
        "{far}"
    );
}

#[test]
fn tuned_thresholds_keep_within_the_budget_and_stand_in_the_bundle() {
    let folder = folder();
    let (list, tuned) = (
        long_list(folder.path(), 0.0),
        folder.path().join("tuned.prax"),
    );
    let far = long_list(folder.path(), 1000.0);
    let tune = |list: &Path, budget: &str| {
        let program = praxc()
            .arg("tune")
            .arg(demo("demo.prax"))
            .arg("-o")
            .arg(&tuned);
        let program = program
            .arg("--dataset")
            .arg(list)
            .arg("--videos")
            .arg(demo(""));
        program
            .args(&format!(
                "--input-fps 24 --json --false-alarms-per-hour {budget}"
            ))
            .run()
    };
    // Nothing of what the clip shows is listed: only silence is within the budget.
    let report = tune(&far, "0").json();
    if report["within"] == true {
        assert_eq!(report["after"]["counts"]["events"], 0, "{report}");
    }
    let report = tune(&list, "0").good().json();
    assert_eq!(report["after"]["rates"]["recall"], 1.0, "{report}");
    let found = events(&tuned, &list);
    assert_eq!(found["counts"], report["after"]["counts"]);
}
