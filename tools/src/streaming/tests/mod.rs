//! Step programs against clip graphs over whole recordings.

mod families;

use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayD, Axis};
use praxiscope_models::checkpoint::Checkpoint;
use praxiscope_models::{BuildOptions, ClipGraph, Family, TimeStructure, build};
use praxiscope_runtime::step::{Program, Run};
use tract_core::internal::*;

use super::{Options, Window, over, to_step};

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
        build(self.family, self.weights.clone(), &options).unwrap()
    }

    fn native(&self) -> ClipGraph {
        self.of(self.options.frames)
    }

    /// A recording of at least so many frames, some more than a clip.
    fn recording(&self, least: usize) -> Vec<Array3<f32>> {
        let frames = self.options.frames;
        let stride = TimeStructure::of(&self.native().graph).unwrap().stride;
        let longer = least.saturating_sub(frames).div_ceil(stride).max(2) * stride;
        recording(frames + longer, self.options.size)
    }
}

/// Frames of noise, `[H, W, C]`.
fn recording(frames: usize, (height, width): (usize, usize)) -> Vec<Array3<f32>> {
    let mut state = 1u32;
    let mut next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut frame = || Array3::from_shape_fn((height, width, 3), |_| next(()));
    (0..frames).map(|_| frame()).collect()
}

/// What a step program gives for a recording, row by row.
fn step_rows(graph: &TypedModel, recording: &[Array3<f32>]) -> Vec<Vec<f32>> {
    let program = Program::compile(graph).unwrap();
    let mut run = Run::new(&program);
    let mut rows = vec![];
    for frame in recording {
        let frame = frame.as_slice().unwrap();
        rows.extend(
            run.step(frame)
                .unwrap()
                .map(|answer| answer.values.to_vec()),
        );
    }
    rows.extend(run.finish().unwrap().map(|answer| answer.values.to_vec()));
    rows
}

/// What a clip graph gives for a recording as one long clip, as `[rows, H, W, C]`.
fn clip_rows(graph: &TypedModel, recording: &[Array3<f32>]) -> Vec<Vec<f32>> {
    let frames: Vec<_> = recording.iter().map(|frame| frame.view()).collect();
    let clip = ndarray::stack(Axis(0), &frames).unwrap();
    let clip: ArrayD<f32> = match graph.input_fact(0).unwrap().rank() {
        4 => clip.permuted_axes([0, 3, 1, 2]).into_dyn(),
        _ => clip
            .permuted_axes([3, 0, 1, 2])
            .insert_axis(Axis(0))
            .into_dyn(),
    };
    let clip = clip.as_standard_layout().into_owned().into_tvalue();
    let plan = graph
        .clone()
        .into_optimized()
        .unwrap()
        .into_runnable()
        .unwrap();
    let output = plan.run(tvec![clip]).unwrap();
    let output = output[0].to_plain_array_view::<f32>().unwrap().to_owned();
    let rows = match output.ndim() {
        5 => output
            .index_axis_move(Axis(0), 0)
            .permuted_axes(vec![1, 2, 3, 0]),
        4 => output.permuted_axes(vec![0, 2, 3, 1]),
        _ => output,
    };
    rows.outer_iter()
        .map(|row| row.iter().copied().collect())
        .collect()
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
