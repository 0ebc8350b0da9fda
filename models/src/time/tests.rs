//! What is computed from the graphs is what perturbing single frames shows.

use std::collections::BTreeSet;

use ndarray::{Array, ArrayD, Axis};
use praxiscope_runtime::ops::ShiftDirection;
use tract_core::internal::*;

use crate::checkpoint::Checkpoint;
use crate::testing::{family, fixture};
use crate::{BuildOptions, ClipGraph, Family, TimeStructure, build, build_random};

const SIDE: usize = 32;

const TSM: &str = "tsm/tsn-resnet18.pth.tar";

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

/// A network of small size of each kind of family: what it sees is bounded, or (`WHOLE`) reaches all
/// over the clip. SlowFast's two pathways have a test of their own.
const BOUNDED: [(&str, &str); 18] = [
    ("tsm-mobilenetv2", "tsm/online.pth"),
    ("tsm-resnet18", "tsm/tsn-resnet18.pth.tar"),
    ("tsm-resnet50", "tsm/tsn-resnet50.safetensors"),
    ("tsn-resnet50", "families/tsn/resnet50.mit.safetensors"),
    ("f-r2d-18", "families/tsn/mc1.safetensors"),
    ("i3d-inception", "families/i3d/inception.safetensors"),
    (
        "i3d-resnet50",
        "families/i3d/resnet50.mmaction2.safetensors",
    ),
    ("i3d-top-heavy-4", "families/i3d/top-heavy-4.safetensors"),
    (
        "i3d-bottom-heavy-3",
        "families/i3d/bottom-heavy-3.safetensors",
    ),
    ("s3d", "families/s3d/s3d.torchvision.safetensors"),
    ("r3d-18", "families/r3d/r3d.safetensors"),
    ("mc3-18", "families/r3d/mc3.safetensors"),
    ("rmc4-18", "families/r3d/rmc4.safetensors"),
    ("r2plus1d-34", "families/r3d/r2plus1d.mmaction2.safetensors"),
    (
        "r2plus1d-50",
        "families/r3d/r2plus1d.pytorchvideo.safetensors",
    ),
    ("ir-csn-50", "families/csn/ir.mmaction2.safetensors"),
    ("ip-csn-50", "families/csn/ip.vmz.safetensors"),
    ("artnet-18", "families/artnet/artnet.safetensors"),
];
const WHOLE: [(&str, &str); 6] = [
    ("r2d-18", "families/tsn/r2d.safetensors"),
    ("s3d-g", "families/s3d/s3d-g.safetensors"),
    (
        "nonlocal5-resnet50",
        "families/nonlocal/embedded.safetensors",
    ),
    (
        "nonlocal10-resnet50",
        "families/nonlocal/embedded.safetensors",
    ),
    ("smallbig-50", "families/smallbig/smallbig.safetensors"),
    ("smallbig-50-extra", "families/smallbig/extra.safetensors"),
];

fn small(id: &str) -> BuildOptions {
    BuildOptions {
        size: (SIDE, SIDE),
        ..BuildOptions::published(family(id))
    }
}

/// Weights of the same shapes that hide nothing: every layer is a mean, so that no activation and no
/// maximum loses what is more than nothing.
fn without_signs(weights: &Checkpoint) -> Checkpoint {
    let tensors = weights.iter().map(|(name, tensor)| {
        let shape = tensor.data.raw_dim();
        let value = match name.rsplit('.').next() {
            Some("running_mean" | "bias") => 0.0,
            _ if tensor.data.ndim() > 1 => shape[0] as f32 / tensor.data.len() as f32,
            _ => 1.0,
        };
        (name.to_owned(), ArrayD::from_elem(shape, value))
    });
    Checkpoint::from_tensors(tensors, weights.file())
}

/// Which of the frames that `are_asked` the position that stands for `frame` notices: in a clip of
/// noise or, with weights that hide nothing, in a clip of zeros.
fn noticed(
    id: &str,
    weights: &Checkpoint,
    options: &BuildOptions,
    (frames, frame): (usize, usize),
    are_asked: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let asked: Vec<usize> = (0..frames).filter(|at| are_asked(*at)).collect();
    let network = built(id, weights, options, frames);
    let shape = network.graph.input_fact(0).unwrap().shape.clone();
    let clip = noise(shape.as_concrete().unwrap());
    let zeros = ArrayD::zeros(clip.shape());
    let large = clip.mapv(|value| 1e4 * value);
    let seen = noticed_in(network, frame, &clip, &large, &asked);
    let open = built(id, &without_signs(weights), options, frames);
    let seen_too = noticed_in(open, frame, &zeros, &large.mapv(f32::abs), &asked);
    let either = asked.iter().zip(seen.iter().zip(&seen_too));
    either
        .filter(|(_, (seen, too))| **seen || **too)
        .map(|(at, _)| *at)
        .collect()
}

/// For each of the frames `asked` of `clip`, whether the position notices when the frame becomes that
/// of `change`.
fn noticed_in(
    network: ClipGraph,
    frame: usize,
    clip: &ArrayD<f32>,
    change: &ArrayD<f32>,
    asked: &[usize],
) -> Vec<bool> {
    let time = TimeStructure::of(&network.graph).unwrap();
    let mut graph = network.graph;
    let of_frames = Axis(if clip.ndim() == 5 { 2 } else { 0 });
    graph.select_output_outlets(&time.features).unwrap();
    let plan = graph.into_optimized().unwrap().into_runnable().unwrap();
    let run = |clip: &ArrayD<f32>| -> ArrayD<f32> {
        let features = plan.run(tvec![clip.clone().into_tvalue()]).unwrap();
        let features = features[0].to_plain_array_view::<f32>().unwrap();
        // Behind a stack of frames there is one map and no axis of time.
        match features.ndim() == clip.ndim() || of_frames == Axis(0) {
            true => features
                .index_axis(of_frames, frame / time.stride)
                .to_owned(),
            false => features.to_owned(),
        }
    };
    let still = run(clip);
    let notices = |&perturbed: &usize| {
        let mut clip = clip.clone();
        let change = change.index_axis(of_frames, perturbed);
        clip.index_axis_mut(of_frames, perturbed).assign(&change);
        run(&clip) != still
    };
    asked.iter().map(notices).collect()
}

/// Perturbs frame by frame, and checks which of them a position in the middle notices.
fn check(id: &str, weights: &Checkpoint, options: &BuildOptions) -> TimeStructure {
    let published = built(id, weights, options, options.frames);
    let time = TimeStructure::of(&published.graph).unwrap();
    let frames = (time.receptive_field + 2 * time.stride).next_multiple_of(time.stride.max(8));
    let long = TimeStructure::of(&built(id, weights, options, frames).graph).unwrap();
    assert_eq!(long.receptive_field, time.receptive_field, "{id}");
    assert!(!time.whole_clip, "{id}");
    let frame = (frames - 1 - time.lookahead) / time.stride * time.stride;
    assert!(frame >= time.past, "{id}: {time:?} in {frames} frames");
    let (first, last) = (frame - time.past, frame + time.lookahead);
    // Its ends, and all that must not be noticed.
    let noticed = noticed(id, weights, options, (frames, frame), |at| {
        at <= first || at >= last
    });
    let ends = Vec::from_iter(BTreeSet::from([first, last]));
    assert_eq!(noticed, ends, "{id}: {time:?}");
    assert_eq!(last - first + 1, time.receptive_field, "{id}");
    println!(
        "{id}: {} frames, {} behind, stride {}",
        time.receptive_field, time.lookahead, time.stride
    );
    time
}

fn fixtures(name: &str) -> Checkpoint {
    Checkpoint::read(&fixture("..").join(name)).unwrap()
}

#[test]
fn networks_see_what_perturbing_shows() {
    for (id, name) in BOUNDED {
        check(id, &fixtures(name), &small(id));
    }
}

#[test]
fn what_sees_the_whole_clip_notices_every_frame() {
    for (id, name) in WHOLE {
        let (options, weights) = (small(id), fixtures(name));
        let network = built(id, &weights, &options, 16);
        let time = TimeStructure::of(&network.graph).unwrap();
        // The stack of r2d is a window that is as long as the clip.
        assert!(time.whole_clip || time.receptive_field == 16, "{id}");
        let frame = 8 / time.stride * time.stride;
        let found = noticed(id, &weights, &options, (16, frame), |_| true);
        // Strides may drop what is left over at the end.
        let count = found.len();
        assert!(count + time.stride > 16, "{id}: {found:?}");
        assert_eq!(found, Vec::from_iter(0..count), "{id}");
    }
}

/// `i3d-top-heavy` of `i3d-top-heavy-4`: families that differ in a number are of one kind.
fn kind(id: &str) -> &str {
    id.trim_end_matches(|end: char| end.is_ascii_digit() || end == '-')
}

#[test]
fn every_kind_of_family_is_perturbed() {
    let perturbed = BOUNDED.iter().chain(&WHOLE).map(|(id, _)| kind(id));
    let perturbed: Vec<&str> = perturbed.collect();
    for family in Family::all() {
        let is_perturbed = perturbed.contains(&kind(family.id()));
        assert!(
            is_perturbed || family.id().starts_with("slowfast"),
            "{family}"
        );
    }
}

#[test]
fn shifts_see_what_perturbing_shows() {
    for (direction, field, lookahead) in [
        (ShiftDirection::OneWay, 9, 0),
        (ShiftDirection::TwoWay, 17, 8),
    ] {
        let options = BuildOptions {
            direction: Some(direction),
            ..small("tsm-resnet18")
        };
        let time = check("tsm-resnet18", &fixtures(TSM), &options);
        assert_eq!((time.receptive_field, time.lookahead), (field, lookahead));
        assert_eq!(time.operators.len(), 8);
    }
}

#[test]
fn the_consensus_changes_nothing_of_what_a_row_sees() {
    let id = "tsm-resnet18";
    let options = BuildOptions::published(family(id));
    let network = built(id, &fixtures(TSM), &options, 8);
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
