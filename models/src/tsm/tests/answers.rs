//! The networks answer as PyTorch does.

use std::path::Path;

use praxiscope_runtime::bundle::{Bundle, Manifest};
use praxiscope_runtime::ops::ShiftDirection;

use super::*;
use crate::build;

/// The graph as a bundle gives it back.
fn bundle(graph: &TypedModel, classes: usize) -> Bundle {
    let input = graph
        .input_fact(0)
        .unwrap()
        .shape
        .as_concrete()
        .unwrap()
        .to_vec();
    let (height, width) = (input[2], input[3]);
    let labels: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    let manifest = format!(
        "format = 2
        name = \"test\"
        mode = \"stream\"
        labels = {labels:?}
        [input]
        width = {width}
        height = {height}
        fit = \"stretch\"
        color = \"rgb\"
        mean = [0.5, 0.5, 0.5]
        std = [0.25, 0.25, 0.25]
        frame_rate = 10.0
        max_gap = 1.0"
    );
    let manifest = Manifest::from_toml(&manifest).unwrap();
    let graph = graph.clone().into_decluttered().unwrap();
    Bundle::from_bytes(&Bundle::new(manifest, &graph, None).unwrap().to_bytes()).unwrap()
}

pub(super) fn run_clip(graph: &TypedModel, classes: usize, frames: &Array4<f32>) -> Array2<f32> {
    let plan = bundle(graph, classes)
        .graph()
        .unwrap()
        .into_optimized()
        .unwrap();
    let output = plan
        .into_runnable()
        .unwrap()
        .run(tvec![frames.clone().into_tvalue()])
        .unwrap();
    output[0]
        .to_plain_array_view::<f32>()
        .unwrap()
        .to_owned()
        .into_dimensionality()
        .unwrap()
}

pub(super) fn assert_close(what: &str, found: &Array2<f32>, wanted: &Array2<f32>) {
    assert_eq!(found.dim(), wanted.dim(), "{what}");
    let differences = found.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    let largest = differences.reduce(f32::max).unwrap();
    println!("{what}: largest difference {largest:e}");
    let numbers = found.iter().all(|value| value.is_finite());
    assert!(
        numbers && largest <= 1e-4,
        "{what}: largest difference {largest:e}"
    );
}

#[test]
fn rows_and_consensus_of_tsn_checkpoints_are_those_of_pytorch() {
    let clip = frames("frames8.npy");
    for (family, name, file) in TSN {
        for (direction, way) in [
            (ShiftDirection::OneWay, "one-way"),
            (ShiftDirection::TwoWay, "two-way"),
        ] {
            let direction = Some(direction);
            let options = BuildOptions {
                direction,
                ..options(family, 8)
            };
            let built = build(family, checkpoint(file), &options).unwrap();
            for (kind, graph) in [
                ("rows", built.graph.clone()),
                ("consensus", built.with_consensus().unwrap()),
            ] {
                let found = run_clip(&graph, built.classes, &clip);
                let wanted = format!("{name}.{way}.{kind}");
                assert_close(&wanted, &found, &rows(&format!("{wanted}.npy")));
            }
        }
    }
}

#[test]
fn a_long_clip_of_one_way_shifts_answers_as_pytorch_does() {
    let long = frames("frames12.npy");
    for (family, name, file) in TSN {
        let clip = BuildOptions {
            direction: Some(ShiftDirection::OneWay),
            ..options(family, 12)
        };
        let clip = build(family, checkpoint(file), &clip).unwrap();
        let found = run_clip(&clip.graph, clip.classes, &long);
        let wanted = format!("{name}.one-way.long-rows");
        assert_close(&wanted, &found, &rows(&format!("{wanted}.npy")));
    }
}

#[test]
fn the_online_network_is_one_way_and_answers_as_pytorch_does() {
    let family = MOBILENET_V2;
    let wanted = rows("online.logits.npy");
    let long = frames("frames12.npy");
    for file in ["online.pth", "online.safetensors"] {
        let clip = build(family, checkpoint(file), &options(family, 12)).unwrap();
        assert_eq!(clip.direction, Some(ShiftDirection::OneWay));
        assert_eq!(shifts(&clip.graph).len(), 10);
        let found = run_clip(&clip.graph, clip.classes, &long);
        assert_close("online", &found, &wanted);
    }
}

/// After `python tests/fixtures/make_tsm.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored published`.
#[test]
#[ignore = "wants the networks of published size, which are too large for the repository"]
fn networks_of_published_size_answer_as_pytorch_does() {
    let folder = std::env::var_os("PRAXISCOPE_FULL_SIZE").expect("PRAXISCOPE_FULL_SIZE is not set");
    let file = |name: &str| Path::new(&folder).join(name);
    let clip: Array4<f32> = ndarray_npy::read_npy(file("frames8.npy")).unwrap();
    for (family, name) in [
        (MOBILENET_V2, "tsn-mobilenetv2"),
        (RESNET_50, "tsn-resnet50"),
    ] {
        let weights = Checkpoint::read(&file(&format!("{name}.pth.tar"))).unwrap();
        let built = build(family, weights, &BuildOptions::published(family)).unwrap();
        let found = run_clip(&built.graph, built.classes, &clip);
        let wanted = ndarray_npy::read_npy(file(&format!("{name}.two-way.rows.npy"))).unwrap();
        assert_close(name, &found, &wanted);
    }
    let family = MOBILENET_V2;
    let long: Array4<f32> = ndarray_npy::read_npy(file("frames12.npy")).unwrap();
    let options = BuildOptions {
        frames: 12,
        ..BuildOptions::published(family)
    };
    let weights = Checkpoint::read(&file("online.pth")).unwrap();
    let clip = build(family, weights, &options).unwrap();
    let wanted = ndarray_npy::read_npy(file("online.logits.npy")).unwrap();
    let found = run_clip(&clip.graph, clip.classes, &long);
    assert_close("online", &found, &wanted);
}
