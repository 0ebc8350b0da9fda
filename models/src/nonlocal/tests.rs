//! The networks answer as mmaction2's do.

use ndarray::ArrayD;
use praxiscope_runtime::ops;
use tract_core::ops::cnn::MaxPool;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::testing::{
    altered, answer, array, assert_close, assert_names, checkpoint, family, full_size,
};
use crate::{Family, TimeStructure, build, build_random};

fn id() -> Family {
    family("nonlocal5-resnet50")
}

fn network(name: &str) -> Checkpoint {
    checkpoint(&format!("nonlocal/{name}.safetensors"))
}

fn options(clip: &ArrayD<f32>, attention: Option<Attention>) -> BuildOptions {
    BuildOptions {
        frames: clip.shape()[2],
        size: (clip.shape()[3], clip.shape()[4]),
        attention,
        ..BuildOptions::published(id())
    }
}

#[test]
fn every_kind_of_attention_answers_as_mmaction2_does() {
    let clip = array("clip48.npy");
    for (name, attention) in [
        ("embedded", None),
        ("embedded", Some(Attention::EmbeddedGaussian)),
        ("embedded.scaled", Some(Attention::ScaledGaussian)),
        ("gaussian", None),
        ("gaussian.full", Some(Attention::Gaussian)),
        ("dot", Some(Attention::DotProduct)),
        ("dot.without-norm", Some(Attention::DotProduct)),
    ] {
        let built = build(id(), network(name), &options(&clip, attention)).unwrap();
        let wanted = array(&format!("nonlocal/{name}.npy"));
        assert_close(name, &answer(&built.graph, &clip), &wanted, 1e-4);
    }
}

#[test]
fn another_kind_of_attention_is_another_network() {
    let clip = array("clip48.npy");
    let wanted = array("nonlocal/embedded.npy");
    for attention in [Attention::ScaledGaussian, Attention::DotProduct] {
        let built = build(id(), network("embedded"), &options(&clip, Some(attention)));
        let found = answer(&built.unwrap().graph, &clip);
        let differences = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
        assert!(differences.fold(0.0, f32::max) > 1e-2, "{attention:?}");
    }
}

#[test]
fn blocks_stand_where_the_weights_have_them() {
    let clip = array("clip48.npy");
    let count = |weights: Checkpoint| {
        let graph = build(id(), weights, &options(&clip, None)).unwrap().graph;
        graph
            .nodes()
            .iter()
            .filter(|node| node.op_is::<ops::Attention>())
            .count()
    };
    assert_eq!(count(network("embedded")), 2);
    let dropped = |name: &str| name.contains("layer2.1.non_local_block.");
    assert_eq!(
        count(altered("nonlocal/embedded.safetensors", dropped, &[])),
        1
    );
}

#[test]
fn a_network_without_any_is_refused() {
    let clip = array("clip48.npy");
    let dropped = |name: &str| name.contains(".non_local_block.");
    let weights = altered("nonlocal/embedded.safetensors", dropped, &[]);
    let error = build(id(), weights, &options(&clip, None)).unwrap_err();
    assert_names(&error, "backbone.layer2.1.non_local_block.g.conv.weight");
}

#[test]
fn attention_sees_the_whole_clip() {
    let clip = array("clip48.npy");
    for (name, attention) in [("embedded", None), ("dot", Some(Attention::DotProduct))] {
        let built = build(id(), network(name), &options(&clip, attention)).unwrap();
        let time = TimeStructure::of(&built.graph).unwrap();
        assert!(time.whole_clip && time.stride == 8, "{time:?}");
    }
}

#[test]
fn a_missing_tensor_is_named_as_the_file_would_have_it() {
    let clip = array("clip48.npy");
    for (name, tensor) in [
        (
            "embedded",
            "backbone.layer3.1.non_local_block.phi.0.conv.weight",
        ),
        (
            "embedded",
            "backbone.layer3.1.non_local_block.conv_out.bn.running_mean",
        ),
        (
            "embedded.scaled",
            "backbone.layer2.1.non_local_block.phi.conv.weight",
        ),
        (
            "gaussian",
            "backbone.layer2.1.non_local_block.conv_out.conv.weight",
        ),
        ("gaussian", "backbone.layer4.0.conv2.bn.weight"),
        ("gaussian", "cls_head.fc_cls.bias"),
    ] {
        let file = format!("nonlocal/{name}.safetensors");
        let weights = altered(&file, |name| name == tensor, &[]);
        let error = build(id(), weights, &options(&clip, None)).unwrap_err();
        assert_names(&error, tensor);
    }
}

#[test]
fn embeddings_are_too_many_for_a_plain_gaussian_and_missing_otherwise() {
    let clip = array("clip48.npy");
    let theta = "backbone.layer2.1.non_local_block.theta.conv.";
    let plain = options(&clip, Some(Attention::Gaussian));
    let error = build(id(), network("embedded"), &plain).unwrap_err();
    assert!(error.to_string().contains(theta), "{error}");
    let embedded = options(&clip, Some(Attention::EmbeddedGaussian));
    let error = build(id(), network("gaussian"), &embedded).unwrap_err();
    assert!(error.to_string().contains(theta), "{error}");
}

#[test]
fn random_networks_have_the_published_blocks() {
    let clip = ArrayD::zeros(vec![1, 3, 16, 32, 32]);
    for (entry, blocks, parameters) in [
        (&FAMILIES[0], 5, 35_397_840),
        (&FAMILIES[1], 10, 42_752_208),
    ] {
        let built = build_random(Family::of(entry), 1, &options(&clip, None)).unwrap();
        assert_eq!((built.classes, built.parameters), (400, parameters));
        let nodes = built.graph.nodes();
        let pools = nodes.iter().filter(|node| node.op_is::<MaxPool>()).count();
        // Two for each block, and two between the stages.
        assert_eq!(pools, 2 * blocks + 2);
    }
}

/// After `python tests/fixtures/make_nonlocal.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored nonlocal`.
#[test]
#[ignore = "wants the networks of published size, too large for the repository"]
fn networks_of_published_size_answer_as_in_pytorch() {
    let clip = array(&full_size("clip.32.224.npy"));
    for (name, attention) in [
        ("nonlocal5", Some(Attention::DotProduct)),
        ("nonlocal10", None),
    ] {
        let weights = checkpoint(&full_size(&format!("{name}.safetensors")));
        let built = build(id(), weights, &options(&clip, attention)).unwrap();
        let wanted = array(&full_size(&format!("{name}.npy")));
        assert_close(name, &answer(&built.graph, &clip), &wanted, 1e-3);
    }
}
