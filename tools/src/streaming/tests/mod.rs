//! Step programs against clip graphs over whole recordings.

mod altered;
mod exported;
mod families;
mod inserted;
mod mutated;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Axis};
use praxiscope_models::checkpoint::Checkpoint;
use praxiscope_models::{BuildOptions, ClipGraph, Family, TimeStructure, build};
use praxiscope_runtime::step::Program;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use tract_core::internal::*;

use super::{Options, Window, clip_output, noise, over, rows, to_step};
use crate::rewire::concrete;

/// A network of one family at any length.
struct Network {
    family: Family,
    weights: Checkpoint,
    options: BuildOptions,
}

impl Network {
    fn new(id: &str, file: &str, change: impl Fn(&mut BuildOptions)) -> Network {
        let family: Family = id.parse().unwrap();
        let mut options = BuildOptions {
            size: (32, 32),
            ..BuildOptions::published(family)
        };
        change(&mut options);
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/fixtures")
            .join(file);
        let weights = Checkpoint::read(&path).unwrap();
        Network {
            family,
            weights,
            options,
        }
    }

    fn of(&self, frames: usize) -> ClipGraph {
        let options = BuildOptions {
            frames,
            ..self.options
        };
        let clip = build(self.family, self.weights.clone(), &options).unwrap();
        let graph = concrete(&clip.graph).unwrap();
        ClipGraph { graph, ..clip }
    }

    fn native(&self) -> ClipGraph {
        self.of(self.options.frames)
    }

    /// A recording of at least so many frames, some more than a clip.
    fn recording(&self, least: usize) -> Vec<Array3<f32>> {
        let frames = self.options.frames;
        let stride = TimeStructure::of(&self.native().graph).unwrap().stride;
        let longer = least.saturating_sub(frames).div_ceil(stride).max(2) * stride;
        noise(frames + longer, self.options.size)
    }
}

/// What a step program gives for a recording, row by row.
fn step_rows(graph: &TypedModel, recording: &[Array3<f32>]) -> Vec<Vec<f32>> {
    let program = Program::compile(graph).unwrap();
    rows::step_rows(&program, recording).unwrap()
}

/// What a clip graph gives for a recording as one long clip, row by row with the channels last.
fn clip_rows(graph: &TypedModel, recording: &[Array3<f32>]) -> Vec<Vec<f32>> {
    let output = clip_output(graph, recording).unwrap();
    let rows = match output.ndim() {
        5 => output
            .index_axis_move(Axis(0), 0)
            .permuted_axes(vec![1, 2, 3, 0]),
        4 => output.permuted_axes(vec![0, 2, 3, 1]),
        _ => output,
    };
    let row = |row: ndarray::ArrayViewD<f32>| row.iter().copied().collect();
    rows.outer_iter().map(row).collect()
}

/// The largest difference, in parts of the largest number.
fn difference(found: &[Vec<f32>], wanted: &[Vec<f32>]) -> f32 {
    assert_eq!(found.len(), wanted.len(), "rows");
    let flat = |rows: &[Vec<f32>]| rows.concat();
    let (found, wanted) = (flat(found), flat(wanted));
    assert_eq!(found.len(), wanted.len());
    let scale = wanted
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    let apart = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
    let apart = apart.fold(0f32, |most, d| {
        if d.is_nan() {
            f32::INFINITY
        } else {
            most.max(d)
        }
    });
    assert!(scale > 0.0);
    apart / scale
}

/// Holds the program of a graph against the graph over a whole recording, row by row.
fn check_graph(what: &str, graph: &TypedModel, recording: &[Array3<f32>], options: &Options) {
    let program = to_step(graph, options).unwrap();
    let found = step_rows(&program.graph, recording);
    let long = over(graph, recording.len(), options).unwrap();
    let wanted = clip_rows(&long, recording);
    let difference = difference(&found, &wanted);
    let (frames, rows) = (recording.len(), found.len());
    println!("{what}: {frames} frames, {rows} rows, {difference:.1e}");
    assert!(difference < 1e-4, "{what}: {difference:e}");
}

/// Holds the program that answers every frame against the one that does not, whose rows are among its.
fn check_dense(network: &Network, least: usize) {
    let native = network.native();
    let recording = network.recording(least);
    let sparse = to_step(&native.graph, &Options::default()).unwrap();
    let options = Options {
        dense: true,
        ..Options::default()
    };
    let dense = to_step(&native.graph, &options).unwrap();
    assert_eq!(dense.stride, 1);
    let wanted = step_rows(&sparse.graph, &recording);
    let found = step_rows(&dense.graph, &recording);
    let among: Vec<Vec<f32>> = found.iter().step_by(dense.rows_apart).cloned().collect();
    let apart = difference(&among, &wanted);
    println!(
        "{}, dense: {} rows, {apart:.1e}",
        network.family,
        found.len()
    );
    assert!(apart < 1e-4, "{}: {apart:e}", network.family);
    // A recording that begins a frame later has the rows between.
    let later = step_rows(&sparse.graph, &recording[1..]);
    let between: Vec<Vec<f32>> = found[1..]
        .iter()
        .step_by(dense.rows_apart)
        .cloned()
        .collect();
    let settled = Program::compile(&sparse.graph).unwrap();
    let first = settled.facts().answers.first.unwrap().unsigned_abs() as usize;
    let skipped = first.div_ceil(sparse.stride);
    let until = later.len().min(between.len()) - skipped.min(2);
    assert!(until > skipped, "the recording is too short");
    let apart = difference(&between[skipped..until], &later[skipped..until]);
    assert!(apart < 1e-4, "{}: {apart:e}", network.family);
}

/// Holds a network's program against the network over a recording that is at least this long: the last
/// features, and the logits with the network's own window and with all. Gives the program.
fn check_windowed(network: &Network, least: usize) -> super::StepProgram {
    let native = network.native();
    let time = TimeStructure::of(&native.graph).unwrap();
    let recording = network.recording(least);
    let id = network.family.id();
    for features in &time.features {
        let mut graph = native.graph.clone();
        graph.select_output_outlets(&[*features]).unwrap();
        check_graph(
            &format!("{id}, features"),
            &graph,
            &recording,
            &Options::default(),
        );
    }
    for window in [Window::Native, Window::All, Window::Frames(3 * time.stride)] {
        let options = Options {
            window,
            ..Options::default()
        };
        check_graph(
            &format!("{id}, {window:?}"),
            &native.graph,
            &recording,
            &options,
        );
    }
    to_step(&native.graph, &Options::default()).unwrap()
}

/// As [`check_windowed`], and against the network that was built for the recording, which sees it as
/// one long clip. There is nothing in the network that sees the whole clip but its last mean.
fn check(network: &Network, least: usize) {
    let program = check_windowed(network, least);
    assert_eq!(program.changes, []);
    let native = network.native();
    let recording = network.recording(least);
    let long = network.of(recording.len());
    let time = TimeStructure::of(&native.graph).unwrap();
    let long_time = TimeStructure::of(&long.graph).unwrap();
    for (features, long_features) in time.features.iter().zip(&long_time.features) {
        let (mut graph, mut long) = (native.graph.clone(), long.graph.clone());
        graph.select_output_outlets(&[*features]).unwrap();
        long.select_output_outlets(&[*long_features]).unwrap();
        let program = to_step(&graph, &Options::default()).unwrap();
        let found = step_rows(&program.graph, &recording);
        let difference = difference(&found, &clip_rows(&long, &recording));
        println!(
            "{}: features of one long clip, {difference:.1e}",
            network.family
        );
        assert!(difference < 1e-4, "{}: {difference:e}", network.family);
    }
    let options = Options {
        window: Window::All,
        ..Options::default()
    };
    let program = to_step(&native.graph, &options).unwrap();
    let found = step_rows(&program.graph, &recording);
    let wanted = clip_rows(&long.with_consensus().unwrap(), &recording);
    let difference = difference(&found[found.len() - 1..], &wanted);
    println!(
        "{}: logits of one long clip, {difference:.1e}",
        network.family
    );
    assert!(difference < 1e-4, "{}: {difference:e}", network.family);
    // What tract makes of the graph before it runs it says the same.
    let decluttered = native.graph.clone().into_decluttered().unwrap();
    let again = to_step(&decluttered, &options).unwrap();
    let again = step_rows(&again.graph, &recording);
    let difference = self::difference(&again, &found);
    assert!(difference < 1e-4, "{}: {difference:e}", network.family);
}

/// How many networks were tried, and how many of them refused.
#[derive(Default)]
struct Tally {
    tried: Cell<usize>,
    refused: Cell<usize>,
}

impl Tally {
    fn tried(&self) {
        self.tried.update(|tried| tried + 1);
    }

    fn refused(&self) {
        self.refused.update(|refused| refused + 1);
    }
}

/// Runs a test over random networks, of which at most a fifth may be refused.
fn mostly_accepted<S: Strategy>(
    cases: u32,
    networks: &S,
    test: impl Fn(S::Value, &Tally) -> TestCaseResult,
) {
    let tally = Tally::default();
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    if let Err(error) = TestRunner::new(config).run(networks, |network| test(network, &tally)) {
        panic!("{error}");
    }
    let (tried, refused) = (tally.tried.get(), tally.refused.get());
    println!("{refused} of {tried} refused");
    assert!(5 * refused <= tried, "{refused} of {tried} refused");
}
