//! What is computed from the graphs is what perturbing single frames shows.

use ndarray::{Array, ArrayD, Axis};
use praxiscope_runtime::ops::ShiftDirection;
use tract_core::internal::*;

use crate::checkpoint::Checkpoint;
use crate::testing::{checkpoint, family, fixture};
use crate::{BuildOptions, ClipGraph, Family, TimeStructure, build, build_random};

const SIDE: usize = 32;

/// A clip of noise.
fn noise(shape: &[usize]) -> ArrayD<f32> {
    let size = shape.iter().product();
    let mut state = 1u32;
    let values = Array::from_iter((0..size).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }));
    values.into_shape_with_order(shape).unwrap()
}

fn built(id: &str, weights: &Checkpoint, options: &BuildOptions, frames: usize) -> ClipGraph {
    let options = BuildOptions { frames, ..*options };
    build(family(id), weights.clone(), &options).unwrap()
}

/// Perturbs frame by frame, and checks which of them a position in the middle notices.
fn check(id: &str, weights: Checkpoint, change: impl Fn(&mut BuildOptions)) -> TimeStructure {
    let mut options = BuildOptions {
        size: (SIDE, SIDE),
        ..BuildOptions::published(family(id))
    };
    change(&mut options);
    let published = built(id, &weights, &options, options.frames);
    let time = TimeStructure::of(&published.graph).unwrap();
    let frames = (time.receptive_field + 2 * time.stride).next_multiple_of(time.stride.max(8));
    let mut graph = built(id, &weights, &options, frames).graph;
    let long = TimeStructure::of(&graph).unwrap();
    assert_eq!(long.receptive_field, time.receptive_field, "{id}");
    assert!(!time.whole_clip, "{id}");
    let shape = graph
        .input_fact(0)
        .unwrap()
        .shape
        .as_concrete()
        .unwrap()
        .to_vec();
    let of_frames = if shape.len() == 5 { 2 } else { 0 };
    graph.select_output_outlets(&long.features).unwrap();
    let plan = graph.into_optimized().unwrap().into_runnable().unwrap();
    let run = |clip: &ArrayD<f32>| -> ArrayD<f32> {
        let features = plan.run(tvec![clip.clone().into_tvalue()]).unwrap();
        features[0].to_plain_array_view::<f32>().unwrap().to_owned()
    };
    let clip = noise(&shape);
    let still = run(&clip);
    let position = (frames - 1 - time.lookahead) / time.stride;
    let frame = position * time.stride;
    assert!(frame >= time.past, "{id}: {time:?} in {frames} frames");
    let notices = |perturbed: usize| {
        let mut clip = clip.clone();
        let mut slice = clip.index_axis_mut(Axis(of_frames), perturbed);
        slice.mapv_inplace(|value| 1e4 * value);
        let changed = run(&clip);
        changed.index_axis(Axis(of_frames), position) != still.index_axis(Axis(of_frames), position)
    };
    let noticed: Vec<usize> = (0..frames)
        .filter(|perturbed| notices(*perturbed))
        .collect();
    let ends = (
        noticed.first().copied().unwrap(),
        noticed.last().copied().unwrap(),
    );
    assert_eq!(
        ends,
        (frame - time.past, frame + time.lookahead),
        "{id}: {time:?}"
    );
    assert_eq!(ends.1 - ends.0 + 1, time.receptive_field, "{id}");
    println!(
        "{id}: {} frames, {} behind, stride {}",
        time.receptive_field, time.lookahead, time.stride
    );
    time
}

fn family_file(name: &str) -> Checkpoint {
    checkpoint(&format!("{name}.safetensors"))
}

fn tsm_file(name: &str) -> Checkpoint {
    Checkpoint::read(&fixture("../tsm").join(name)).unwrap()
}

#[test]
fn networks_of_mixed_convolutions_see_what_perturbing_shows() {
    let r3d = check("r3d-18", family_file("r3d/r3d"), |_| ());
    assert_eq!((r3d.receptive_field, r3d.stride), (49, 8));
    check("mc3-18", family_file("r3d/mc3"), |_| ());
    check("rmc4-18", family_file("r3d/rmc4"), |_| ());
}

#[test]
fn factored_and_depthwise_networks_see_what_perturbing_shows() {
    check("r2plus1d-34", family_file("r3d/r2plus1d.mmaction2"), |_| ());
    check(
        "r2plus1d-50",
        family_file("r3d/r2plus1d.pytorchvideo"),
        |_| (),
    );
    check("ip-csn-50", family_file("csn/ip.vmz"), |_| ());
}

#[test]
fn inflated_networks_see_what_perturbing_shows() {
    check("i3d-inception", family_file("i3d/inception"), |_| ());
    check("i3d-top-heavy-4", family_file("i3d/top-heavy-4"), |_| ());
    check(
        "i3d-resnet50",
        family_file("i3d/resnet50.mmaction2"),
        |_| (),
    );
    check("s3d", family_file("s3d/s3d.torchvision"), |_| ());
}

#[test]
fn gates_see_the_whole_clip() {
    let options = BuildOptions {
        size: (SIDE, SIDE),
        ..BuildOptions::published(family("s3d-g"))
    };
    let network = built("s3d-g", &family_file("s3d/s3d-g"), &options, 16);
    assert!(TimeStructure::of(&network.graph).unwrap().whole_clip);
}

#[test]
fn shifts_see_what_perturbing_shows() {
    for (direction, field, lookahead) in [
        (ShiftDirection::OneWay, 9, 0),
        (ShiftDirection::TwoWay, 17, 8),
    ] {
        let weights = tsm_file("tsn-resnet18.pth.tar");
        let time = check("tsm-resnet18", weights, |o| o.direction = Some(direction));
        assert_eq!((time.receptive_field, time.lookahead), (field, lookahead));
        assert_eq!(time.operators.len(), 8);
    }
}

#[test]
fn the_consensus_changes_nothing_of_what_a_row_sees() {
    let id = "tsm-resnet18";
    let weights = tsm_file("tsn-resnet18.pth.tar");
    let options = BuildOptions::published(family(id));
    let network = built(id, &weights, &options, 8);
    let rows = TimeStructure::of(&network.graph).unwrap();
    let clip = TimeStructure::of(&network.with_consensus().unwrap()).unwrap();
    assert_eq!(rows, clip);
}

/// `cargo test --release -p praxiscope-models -- --ignored --nocapture every_family` prints them.
#[test]
#[ignore = "builds every network in its published size, which takes minutes"]
fn every_family_has_a_time_structure() {
    for family in Family::all() {
        let options = BuildOptions::published(family);
        let network = build_random(family, 1, &options).unwrap();
        let time = TimeStructure::of(&network.graph).unwrap();
        assert!(time.receptive_field > time.lookahead, "{family}: {time:?}");
        let whole = if time.whole_clip {
            ", and the whole clip"
        } else {
            ""
        };
        println!(
            "{family:<24} {:>9} parameters, {:>3} frames, {:>2} ahead, stride {}{whole}",
            network.parameters, time.receptive_field, time.lookahead, time.stride
        );
    }
}
