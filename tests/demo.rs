//! The main job: the demo model sees in the demo clip what happens there.

use praxiscope_tests::clip::Clip;
use praxiscope_tests::events::{Gesture, assert_starts, gestures, reported};
use praxiscope_tests::files::{folder, left_in};
use praxiscope_tests::programs::praxiscope;
use serde_json::Value;

#[test]
fn the_demo_reports_what_happens_in_its_clip() {
    let ended = praxiscope().arg("demo").run().good();
    let events = reported(&ended.stdout);
    assert_starts(&events, &gestures());
    // Every start has its end, before the next one starts.
    for pair in events.chunks(2) {
        assert_eq!(
            [&*pair[0].event, &*pair[1].event],
            ["start", "end"],
            "{events:?}"
        );
        assert_eq!(pair[0].label, pair[1].label);
        assert!(
            pair[1].score >= pair[0].score && pair[1].t > pair[0].t,
            "{pair:?}"
        );
    }
    for word in [
        "source", "model", "frames", "events", "capture", "convert", "infer",
    ] {
        assert!(
            ended.stderr.contains(word),
            "{word} is not in {}",
            ended.stderr
        );
    }
    let times = ended
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("to event"));
    assert!(
        times.expect("a line of the summary").contains(" ms"),
        "{}",
        ended.stderr
    );
}

#[test]
fn in_the_mirrored_clip_left_and_right_change_places() {
    let events = watched(&Clip::demo().mirrored());
    let mirrored = gestures().into_iter().map(|gesture| Gesture {
        label: match gesture.label.as_str() {
            "swipe_left" => "swipe_right".into(),
            "swipe_right" => "swipe_left".into(),
            _ => gesture.label,
        },
        ..gesture
    });
    assert_starts(&reported(&events), &mirrored.collect::<Vec<_>>());
}

#[test]
fn the_saved_clip_gives_the_same_lines() {
    let ended = praxiscope().arg("demo").run().good();
    assert_eq!(watched(&Clip::demo()), ended.stdout);
}

#[test]
fn the_clip_is_saved_whole_and_alone() {
    let folder = folder();
    let path = folder.path().join("clip.y4m");
    praxiscope().args("demo --write").arg(&path).run().good();
    assert_eq!(left_in(folder.path()), ["clip.y4m"]);
    assert!(std::fs::read(path).unwrap() == Clip::demo().to_bytes());
    let nowhere = folder.path().join("none/clip.y4m");
    praxiscope()
        .args("demo --write")
        .arg(nowhere)
        .run()
        .refused(&["clip.y4m"]);
}

#[test]
fn scores_are_one_line_for_each_step_and_sum_to_one() {
    let ended = praxiscope().args("demo --scores").run().good();
    let lines = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut newest = -1.0;
    let mut count = 0;
    for line in lines.filter(|line| line["scores"].is_object()) {
        let scores = line["scores"].as_object().unwrap();
        let sum: f64 = scores.values().map(|score| score.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{line}");
        assert_eq!(
            scores.keys().next().map(String::len),
            Some("idle".len()),
            "{line}"
        );
        let t = line["t"].as_f64().unwrap();
        assert!(t > newest, "{line}");
        newest = t;
        count += 1;
    }
    // The clip's every second frame is on the model's clock.
    let clip = Clip::demo();
    assert_eq!(count, clip.frames.len().div_ceil(2));
}

/// What the program writes about a clip in a file.
fn watched(clip: &Clip) -> String {
    let folder = folder();
    let path = folder.path().join("clip.y4m");
    std::fs::write(&path, clip.to_bytes()).unwrap();
    let program = praxiscope().args("run --no-pace --input").arg(path);
    program.run().good().stdout
}
