//! The networks answer as the authors' do, and their shared convolutions stay shared.

use ndarray::{ArrayD, Axis, Slice};
use tract_core::ops::cnn::Conv;

use super::*;
use crate::testing::{
    altered, answer, array, assert_close, assert_names, checkpoint, family, full_size,
};
use crate::{Family, TimeStructure, build, build_random};

const NETWORKS: [(&str, &str); 2] = [("smallbig-50", "smallbig"), ("smallbig-50-extra", "extra")];

fn clip() -> ArrayD<f32> {
    array("clip48.npy")
        .slice_axis(Axis(2), Slice::from(..8))
        .to_owned()
}

fn options(id: &str) -> BuildOptions {
    BuildOptions {
        size: (48, 48),
        ..BuildOptions::published(family(id))
    }
}

#[test]
fn both_variants_answer_as_the_authors_do() {
    for (id, name) in NETWORKS {
        let weights = checkpoint(&format!("smallbig/{name}.safetensors"));
        let built = build(family(id), weights, &options(id)).unwrap();
        let wanted = array(&format!("smallbig/{name}.npy"));
        assert_close(name, &answer(&built.graph, &clip()), &wanted, 1e-4);
    }
}

#[test]
fn two_views_share_one_kernel() {
    for (id, name, shared) in [
        ("smallbig-50", "smallbig", 3),
        ("smallbig-50-extra", "extra", 4),
    ] {
        let weights = checkpoint(&format!("smallbig/{name}.safetensors"));
        let graph = build(family(id), weights, &options(id)).unwrap().graph;
        let convs = graph.nodes().iter().filter(|node| node.op_is::<Conv>());
        let mut kernels: Vec<usize> = convs.map(|conv| conv.inputs[1].node).collect();
        let convs = kernels.len();
        kernels.sort_unstable();
        kernels.dedup();
        // Five blocks in two views.
        assert_eq!(convs - kernels.len(), 5 * shared, "{name}");
    }
}

#[test]
fn the_other_variant_is_refused_by_a_tensor() {
    let [plain, extra] = NETWORKS.map(|(id, name)| {
        let weights = checkpoint(&format!("smallbig/{name}.safetensors"));
        (id, weights)
    });
    let error = build(family(plain.0), extra.1, &options(plain.0)).unwrap_err();
    assert!(error.to_string().contains("big4_"), "{error}");
    let error = build(family(extra.0), plain.1, &options(extra.0)).unwrap_err();
    assert_names(&error, "layer2.0.big4_1.weight");
}

#[test]
fn a_missing_tensor_is_named() {
    for tensor in [
        "layer2.1.big3.1.weight",
        "layer4.0.downsample.0.weight",
        "layer1.0.bn2.bias",
    ] {
        let weights = altered("smallbig/smallbig.safetensors", |name| name == tensor, &[]);
        let error = build(family("smallbig-50"), weights, &options("smallbig-50")).unwrap_err();
        assert_names(&error, tensor);
    }
}

#[test]
fn random_networks_have_the_published_size() {
    for (entry, parameters) in FAMILIES.iter().zip([24_370_640, 32_292_816]) {
        let options = BuildOptions {
            frames: 2,
            size: (32, 32),
            ..BuildOptions::published(Family::of(entry))
        };
        let built = build_random(Family::of(entry), 1, &options).unwrap();
        assert_eq!((built.classes, built.parameters), (400, parameters));
    }
}

#[test]
fn the_third_big_view_sees_the_whole_clip() {
    for (id, name) in NETWORKS {
        let weights = checkpoint(&format!("smallbig/{name}.safetensors"));
        let graph = build(family(id), weights, &options(id)).unwrap().graph;
        let time = TimeStructure::of(&graph).unwrap();
        assert!(time.whole_clip, "{id}");
        // Besides: five blocks with two views of a frame before and behind.
        assert_eq!(
            (time.past, time.lookahead, time.stride),
            (10, 10, 1),
            "{id}"
        );
    }
}

/// After `python tests/fixtures/make_smallbig.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored smallbig`.
#[test]
#[ignore = "wants the networks of published size, too large for the repository"]
fn networks_of_published_size_answer_as_in_pytorch() {
    for (id, name) in NETWORKS {
        let weights = checkpoint(&full_size(&format!("{name}.safetensors")));
        let built = build(family(id), weights, &BuildOptions::published(family(id))).unwrap();
        let found = answer(&built.graph, &array(&full_size("clip.8.224.npy")));
        assert_close(id, &found, &array(&full_size(&format!("{name}.npy"))), 1e-3);
    }
}
