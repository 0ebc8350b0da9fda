//! The networks answer as PyTorch does, whatever their laterals and their names.

mod refusals;
mod time;

use ndarray::{ArrayD, Axis, Slice};
use praxiscope_runtime::ops;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::testing::{
    answer, answer_to_all, array, assert_close, checkpoint, family, fixture, full_size,
};
use crate::{Family, build, build_random};

const ALPHA: usize = 4;

/// Networks of one clip with mmaction2's names.
const OWN_SAMPLING: [&str; 9] = [
    "mmaction2",
    "mmaction2.basic",
    "mmaction2.lateral-norm",
    "conv.sum",
    "sampling.concat",
    "sampling.sum",
    "time-to-channel.concat",
    "time-to-channel.sum",
    "without",
];

fn id() -> Family {
    family("slowfast-8x8-r50")
}

fn clip() -> ArrayD<f32> {
    array("clip48.npy")
}

/// Every `ALPHA`th frame.
fn strided(clip: &ArrayD<f32>) -> ArrayD<f32> {
    clip.slice_axis(Axis(2), Slice::new(0, None, ALPHA as isize))
        .to_owned()
}

fn options(clip: &ArrayD<f32>, pathways: Pathways) -> BuildOptions {
    BuildOptions {
        frames: clip.shape()[2],
        size: (clip.shape()[3], clip.shape()[4]),
        pathways,
        ..BuildOptions::published(id())
    }
}

fn slow(slow: SlowFrames) -> Pathways {
    Pathways {
        slow: Some(slow),
        ..Pathways::default()
    }
}

fn network(name: &str) -> Checkpoint {
    checkpoint(&format!("slowfast/{name}.safetensors"))
}

fn answer_of(name: &str) -> ArrayD<f32> {
    array(&format!("slowfast/{name}.npy"))
}

#[test]
fn one_clip_is_sampled_as_mmaction2_does() {
    for name in OWN_SAMPLING {
        let built = build(id(), network(name), &options(&clip(), Pathways::default())).unwrap();
        assert_close(name, &answer(&built.graph, &clip()), &answer_of(name), 1e-4);
    }
}

#[test]
fn pytorchvideo_is_given_two_clips() {
    let built = build(
        id(),
        network("pytorchvideo"),
        &options(&clip(), Pathways::default()),
    );
    let found = answer_to_all(&built.unwrap().graph, &[&strided(&clip()), &clip()]);
    assert_close("two clips", &found, &answer_of("pytorchvideo"), 1e-4);
}

#[test]
fn one_clip_is_sampled_for_pytorchvideo_on_demand() {
    for (frames, name) in [
        (SlowFrames::Strided, "pytorchvideo"),
        (SlowFrames::Packed, "pytorchvideo.packed"),
    ] {
        let built = build(
            id(),
            network("pytorchvideo"),
            &options(&clip(), slow(frames)),
        );
        let found = answer(&built.unwrap().graph, &clip());
        assert_close(name, &found, &answer_of(name), 1e-4);
    }
}

#[test]
fn the_head_of_pytorchvideo_averages_windows_of_large_maps() {
    let mut large = clip();
    for axis in [3, 4] {
        let pixels: Vec<usize> = (0..large.shape()[axis]).flat_map(|at| [at; 5]).collect();
        large = large.select(Axis(axis), &pixels);
    }
    let built = build(
        id(),
        network("pytorchvideo"),
        &options(&large, Pathways::default()),
    );
    let found = answer_to_all(&built.unwrap().graph, &[&strided(&large), &large]);
    assert_close("large", &found, &answer_of("pytorchvideo.large"), 1e-4);
}

#[test]
fn frames_are_packed_as_pytorch_computes_them() {
    let table: ndarray::Array2<i64> =
        ndarray_npy::read_npy(fixture("slowfast/packed-indices.npy")).unwrap();
    for row in table.rows() {
        let row: Vec<usize> = row
            .iter()
            .map_while(|&at| usize::try_from(at).ok())
            .collect();
        let (frames, step, wanted) = (row[0], row[1], &row[2..]);
        let sample = ops::Sample { axis: 2, step };
        assert_eq!(sample.numbers(frames), wanted, "{frames} {step}");
    }
}

#[test]
fn names_of_our_own_make_the_same_network() {
    let own = |name: &str| {
        let name = name.replace("backbone.slow_path.conv1_lateral", "lateral0");
        let name = (1..4).fold(name, |name, stage| {
            let lateral = format!("backbone.slow_path.layer{stage}_lateral");
            name.replace(&lateral, &format!("lateral{stage}"))
        });
        let (stem, rest) = name.split_once("_path.").unwrap_or(("", &name));
        let rest = rest.replace("downsample.conv", "downsample.0");
        let mut rest = rest.replace("downsample.bn", "downsample.1");
        for number in ["1", "2", "3"] {
            rest = rest.replace(&format!("conv{number}.bn"), &format!("bn{number}"));
            rest = rest.replace(&format!("conv{number}.conv"), &format!("conv{number}"));
        }
        let rest = rest.replace("cls_head.fc_cls", "fc");
        match stem.strip_prefix("backbone.") {
            Some(pathway) => format!("{pathway}.{rest}"),
            None => rest,
        }
    };
    let weights = network("mmaction2.lateral-norm").rename_all(own).unwrap();
    let tensors = weights.iter().map(|(name, tensor)| {
        let mut data = tensor.data.clone();
        if name == "fc.weight" {
            // mmaction2 puts the fast pathway's features first.
            let (columns, fast) = (data.shape()[1], data.shape()[1] / 5);
            let order: Vec<usize> = (fast..columns).chain(0..fast).collect();
            data = data.select(Axis(1), &order);
        }
        (name.to_owned(), data)
    });
    let weights = Checkpoint::from_tensors(tensors.collect::<Vec<_>>(), "own names");
    let built = build(id(), weights, &options(&clip(), slow(SlowFrames::Strided))).unwrap();
    let found = answer(&built.graph, &clip());
    assert_close(
        "own names",
        &found,
        &answer_of("mmaction2.lateral-norm"),
        1e-4,
    );
}

#[test]
fn the_random_network_has_the_published_size() {
    let clip = ArrayD::zeros(vec![1, 3, 8, 32, 32]);
    let built = build_random(id(), 1, &options(&clip, Pathways::default())).unwrap();
    assert_eq!((built.classes, built.parameters), (400, 34_566_488));
    let inputs = built.graph.input_outlets().unwrap();
    let names = inputs
        .iter()
        .map(|input| &*built.graph.node(input.node).name);
    assert_eq!(names.collect::<Vec<_>>(), ["slow", "fast"]);
}

/// After `python tests/fixtures/make_slowfast.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored slowfast`.
#[test]
#[ignore = "wants the networks of published size, too large for the repository"]
fn networks_of_published_size_answer_as_in_pytorch() {
    let fast = array(&full_size("clip.32.224.npy"));
    for entry in FAMILIES {
        let family = Family::of(entry);
        let weights = checkpoint(&full_size(&format!("{family}.safetensors")));
        let built = build(family, weights, &BuildOptions::published(family)).unwrap();
        let slow = strided(&fast);
        let clips = match built.graph.input_outlets().unwrap().len() {
            1 => vec![&fast],
            _ => vec![&slow, &fast],
        };
        let found = answer_to_all(&built.graph, &clips);
        let wanted = array(&full_size(&format!("{family}.npy")));
        assert_close(family.id(), &found, &wanted, 1e-3);
    }
}
