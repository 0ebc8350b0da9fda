//! Calibration data from which no scales can be made: a clear sentence, and no bundle.

use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::write_npy;
use praxiscope_tests::files::{demo, folder, left_in, varied_frames, write_tensor};
use praxiscope_tests::praxc::float_demo;
use praxiscope_tests::programs::praxc;

/// Height and width of the demo model's frames.
const SIDE: usize = 96;

/// Asserts that nothing is made of `calibration`, and that all `words` say why.
#[track_caller]
fn assert_refused(calibration: &Path, words: &[&str]) {
    let out = folder();
    let program = praxc().arg("quantize").arg(float_demo());
    let program = program.arg("--calibration").arg(calibration);
    let program = program.arg("-o").arg(out.path().join("out.prax"));
    program.run().refused(words);
    assert_eq!(left_in(out.path()), Vec::<String>::new());
}

#[test]
fn a_folder_without_recordings_is_refused() {
    let folder = folder();
    std::fs::write(folder.path().join("notes.txt"), "no video").unwrap();
    assert_refused(folder.path(), &["holds no video"]);
}

#[test]
fn frames_that_say_nothing_are_refused() {
    let folder = folder();
    let path = folder.path().join("frames.npy");
    write_tensor(&path, &ArrayD::from_elem(vec![4, 3, SIDE, SIDE], 0.5));
    assert_refused(&path, &["one colour"]);
    write_tensor(&path, &ArrayD::zeros(vec![0, 3, SIDE, SIDE]));
    assert_refused(&path, &["frame"]);
}

#[test]
fn frames_of_another_size_are_refused() {
    let folder = folder();
    let path = folder.path().join("frames.npy");
    write_tensor(&path, &varied_frames(4, SIDE / 2));
    assert_refused(&path, &["frames.npy", "48", "96"]);
}

#[test]
fn an_unreadable_video_is_refused() {
    let folder = folder();
    let path = folder.path().join("broken.mjpeg");
    std::fs::write(&path, b"this is not a picture").unwrap();
    assert_refused(&path, &["broken.mjpeg"]);
    assert_refused(&folder.path().join("none.mjpeg"), &["none.mjpeg"]);
}

#[test]
fn one_frame_is_refused() {
    let folder = folder();
    let path = folder.path().join("frames.npy");
    write_tensor(&path, &varied_frames(1, SIDE));
    assert_refused(&path, &["only one frame"]);
}

#[test]
fn numbers_of_another_type_are_refused() {
    let folder = folder();
    let path = folder.path().join("frames.npy");
    write_npy(&path, &ArrayD::<u8>::zeros(vec![4, 3, SIDE, SIDE])).unwrap();
    assert_refused(&path, &["frames.npy", "u1", "float32"]);
}

#[test]
fn frames_that_nobody_normalised_are_refused() {
    let folder = folder();
    let path = folder.path().join("frames.npy");
    // The demo model's frames lie between -2 and 2.
    let levels = varied_frames(4, SIDE).mapv(|number| (number + 2.0) / 4.0);
    write_tensor(&path, &levels.mapv(|level| 255.0 * level));
    assert_refused(&path, &["frames.npy", "normalised", "-2.00"]);
    write_tensor(&path, &levels);
    assert_refused(&path, &["frames.npy", "normalised", "between 0"]);
}

#[test]
fn a_cap_on_the_lens_is_refused() {
    let folder = folder();
    let path = folder.path().join("frames.npy");
    write_tensor(
        &path,
        &varied_frames(4, SIDE).mapv(|number| 0.02 * number - 1.9),
    );
    assert_refused(&path, &["between black and white"]);
}

#[test]
fn numbers_that_are_none_are_refused() {
    let folder = folder();
    let path = folder.path().join("frames.npy");
    let mut frames = varied_frames(4, SIDE);
    frames[[2, 1, 5, 7]] = f32::NAN;
    write_tensor(&path, &frames);
    assert_refused(&path, &["infinite or none at all"]);
}

#[test]
fn one_bad_recording_among_good_ones_is_named() {
    let folder = folder();
    write_tensor(&folder.path().join("a.npy"), &varied_frames(4, SIDE));
    std::fs::write(folder.path().join("b.npy"), b"no tensor").unwrap();
    assert_refused(folder.path(), &["b.npy"]);
}

#[test]
fn a_folder_of_unreadable_pictures_is_refused_by_the_pictures_name() {
    let folder = folder();
    std::fs::write(folder.path().join("0001.jpg"), b"no picture").unwrap();
    assert_refused(folder.path(), &["0001.jpg", "no picture"]);
}

/// The demo clip is JPEG pictures one behind another: as files of a folder they calibrate as well.
#[test]
fn a_folder_of_pictures_is_a_recording() {
    let folder = folder();
    let pictures = folder.path().join("recording");
    std::fs::create_dir(&pictures).unwrap();
    let clip = std::fs::read(demo("clip.mjpeg")).unwrap();
    let starts: Vec<usize> = clip
        .windows(3)
        .enumerate()
        .filter_map(|(at, bytes)| (bytes == [0xff, 0xd8, 0xff]).then_some(at))
        .collect();
    for (number, ends) in starts.windows(2).take(24).enumerate() {
        let picture = &clip[ends[0]..ends[1]];
        std::fs::write(pictures.join(format!("{number:04}.jpg")), picture).unwrap();
    }
    let program = praxc().arg("quantize").arg(float_demo());
    let program = program.arg("--calibration").arg(folder.path());
    let program = program.args("--range mse --drift 8 --json -o");
    let report = program
        .arg(folder.path().join("out.prax"))
        .run()
        .good()
        .json();
    let report = &report["quantization"];
    assert_eq!(report["recordings"], 1, "{report}");
    // 25 a second become the 12 of the model's clock.
    let frames = report["frames"].as_u64().unwrap();
    assert!((11..=13).contains(&frames), "{frames}");
}
