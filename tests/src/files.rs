//! Where fixtures lie, and tensors as files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::{Array2, ArrayD, Axis, Slice};
use ndarray_npy::{read_npy, write_npy};
use praxiscope_runtime::bundle::{Archive, Bundle};

/// The repository's root.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ is in the root").into()
}

/// A file of `tests/fixtures/tsm`.
pub fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures/tsm").join(name)
}

/// A file of `models/demo`.
pub fn demo(name: &str) -> PathBuf {
    root().join("models/demo").join(name)
}

/// A fresh folder that is gone after the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The names of the files in a folder, in order: what a program left there.
pub fn left_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// A file system of `size` (as `mount` has it) at `place`; nothing where none can be mounted.
pub fn small_disk(place: &Path, size: &str) -> Option<SmallDisk> {
    std::fs::create_dir(place).expect("a folder for it");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
        .arg(place)
        .output();
    let mounted = mounted.is_ok_and(|mounted| mounted.status.success());
    mounted.then(|| SmallDisk(place.into()))
}

/// A file system that is gone after the test.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// How often a test is to do what it does at random: `usual` times, or as often as the environment's
/// `name` says, for a long run.
pub fn times(name: &str, usual: usize) -> usize {
    let asked = std::env::var(name)
        .ok()
        .and_then(|times| times.parse().ok());
    asked.unwrap_or(usual)
}

/// The demo model under another name, with its certificate changed.
pub fn demo_model(folder: &Path, name: &str, certificate: impl Fn(String) -> String) -> PathBuf {
    let bundle = Bundle::read(demo("demo.prax")).expect("the demo model is good");
    let mut manifest = bundle.manifest().clone();
    manifest.name = name.into();
    let mut archive: Archive = bundle.archive().clone();
    let text = manifest.to_toml().expect("a manifest is TOML").into_bytes();
    archive
        .insert("manifest.toml", text)
        .expect("it has a place");
    let text = String::from_utf8(bundle.certificate().expect("it has one").to_vec());
    let text = certificate(text.expect("it is text")).into_bytes();
    archive
        .insert("certificate.json", text)
        .expect("it has a place");
    let path = folder.join(format!("{name}.prax"));
    let bundle = Bundle::from_archive(archive).expect("a bundle");
    bundle.write(&path).expect("the folder can be written");
    path
}

/// Reads a tensor of float32.
#[track_caller]
pub fn tensor(path: &Path) -> ArrayD<f32> {
    read_npy(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads rows of logits.
#[track_caller]
pub fn rows(path: &Path) -> Array2<f32> {
    let tensor = tensor(path).into_dimensionality();
    tensor.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes a tensor.
#[track_caller]
pub fn write_tensor(path: &Path, tensor: &ArrayD<f32>) {
    write_npy(path, tensor).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Frames `from..to` of frames `[T, 3, H, W]`.
pub fn frames(tensor: &ArrayD<f32>, from: usize, to: usize) -> ArrayD<f32> {
    tensor.slice_axis(Axis(0), Slice::from(from..to)).to_owned()
}

/// The largest absolute difference; infinite where a value is no number.
#[track_caller]
pub fn largest_difference(ours: &Array2<f32>, wanted: &Array2<f32>) -> f32 {
    assert_eq!(ours.dim(), wanted.dim(), "rows and classes");
    let apart = ours.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    apart
        .map(|apart| if apart.is_nan() { f32::INFINITY } else { apart })
        .fold(0.0, f32::max)
}

/// Frames `[count, 3, side, side]` that move, flicker and differ from one another, between -2 and
/// 2 as normalised pictures are: drifting waves under noise.
pub fn varied_frames(count: usize, side: usize) -> ArrayD<f32> {
    let mut noise = 0x2545_f491_u32;
    ArrayD::from_shape_fn(vec![count, 3, side, side], |at| {
        let [t, c, y, x] = [at[0], at[1], at[2], at[3]].map(|index| index as f32);
        let speed = 0.05 + 0.1 * (t / 40.0).sin();
        let wave = ((x + 2.0 * y * (c - 1.0)) / 9.0 + speed * t).sin() * (t / 17.0 + c).cos();
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1.5 * wave + 0.5 * (noise as f32 / u32::MAX as f32 * 2.0 - 1.0)
    })
}

/// Says on the real standard error that a test did not run; the harness swallows `eprintln!` of
/// tests that pass.
pub fn say_skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}
