//! The network answers as PyTorch does, and as the authors' Caffe model would.

use ndarray::ArrayD;

use super::*;
use crate::testing::{
    altered, answer, array, assert_close, assert_names, checkpoint, family, full_size,
};
use crate::{build, build_random};

const FILE: &str = "artnet/artnet.safetensors";

fn options() -> BuildOptions {
    BuildOptions {
        size: (48, 48),
        ..BuildOptions::published(family("artnet-18"))
    }
}

#[test]
fn clips_are_answered_as_in_pytorch() {
    let built = build(family("artnet-18"), checkpoint(FILE), &options()).unwrap();
    let found = answer(&built.graph, &array("clip48.npy"));
    assert_close("artnet", &found, &array("artnet/artnet.npy"), 1e-4);
}

#[test]
fn stages_are_as_long_as_the_weights_say() {
    let dropped = |name: &str| name.starts_with("res5b");
    let built = build(family("artnet-18"), altered(FILE, dropped, &[]), &options()).unwrap();
    let whole = build(family("artnet-18"), checkpoint(FILE), &options()).unwrap();
    assert!(built.graph.nodes().len() < whole.graph.nodes().len());
    assert_eq!(built.classes, whole.classes);
}

#[test]
fn a_missing_or_misshapen_tensor_is_named() {
    for tensor in [
        "conv1_t.weight",
        "pooling1.weight",
        "redu1_bn.running_var",
        "res2a_1.weight",
        "res3a_down.weight",
        "res4b_2_bn.bias",
        "redu7.weight",
        "res5b_bn.weight",
        "fc8.bias",
    ] {
        let shapes: &[(&str, &[usize])] = &[(tensor, &[3, 2, 2, 1, 1])];
        for added in [&[], shapes] {
            let weights = altered(FILE, |name| name == tensor, added);
            let error = build(family("artnet-18"), weights, &options()).unwrap_err();
            assert_names(&error, tensor);
        }
    }
}

#[test]
fn a_smart_block_without_relation_is_refused() {
    let weights = altered(FILE, |name| name == "res3b_2_t.weight", &[]);
    let error = build(family("artnet-18"), weights, &options()).unwrap_err();
    assert_names(&error, "res3b_2.weight");
}

#[test]
fn the_random_network_has_the_published_size() {
    let built = build_random(family("artnet-18"), 1, &options()).unwrap();
    assert_eq!((built.classes, built.parameters), (400, 39_676_176));
    let found = answer(&built.graph, &ArrayD::zeros(vec![1, 3, 16, 48, 48]));
    assert!(found.iter().all(|value| value.is_finite()));
}

/// After `python tests/fixtures/make_artnet.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored artnet`.
#[test]
#[ignore = "wants the network of published size, too large for the repository"]
fn the_network_of_published_size_answers_as_in_pytorch() {
    let weights = checkpoint(&full_size("artnet.safetensors"));
    let published = BuildOptions::published(family("artnet-18"));
    let built = build(family("artnet-18"), weights, &published).unwrap();
    let found = answer(&built.graph, &array(&full_size("clip.16.112.npy")));
    assert_close("artnet-18", &found, &array(&full_size("artnet.npy")), 1e-3);
}
