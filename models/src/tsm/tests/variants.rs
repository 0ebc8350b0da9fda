//! Rarer names and placements answer as PyTorch does.

use praxiscope_runtime::ops::Border;

use super::answers::{assert_close, run_clip};
use super::*;
use crate::{BuildError, ClipGraph, TimeStructure, build};

fn built(family: Family, name: &str) -> ClipGraph {
    let weights = checkpoint(&format!("{name}.safetensors"));
    build(family, weights, &options(family, 8)).unwrap()
}

fn assert_rows(family: Family, name: &str) -> ClipGraph {
    let network = built(family, name);
    let found = run_clip(&network.graph, network.classes, &frames("frames8.npy"));
    assert_close(name, &found, &rows(&format!("{name}.rows.npy")));
    network
}

#[test]
fn the_mobilenet_of_mmaction2_answers_as_pytorch_does() {
    let network = assert_rows(MOBILENET_V2, "mobilenetv2.mmaction2");
    assert_eq!(shifts(&network.graph).len(), 10);
}

#[test]
fn a_tensor_missing_of_mmaction2_is_named_as_the_file_would_have_it() {
    for tensor in [
        "backbone.conv1.bn.bias",
        "backbone.layer1.0.conv.1.conv.weight",
        "backbone.layer2.1.conv.0.net.conv.weight",
        "backbone.layer2.1.conv.0.net.bn.running_var",
        "backbone.layer7.0.conv.2.bn.weight",
        "backbone.conv2.conv.weight",
        "cls_head.fc_cls.weight",
    ] {
        let weights = altered("mobilenetv2.mmaction2.safetensors", tensor, None);
        let error = build(MOBILENET_V2, weights, &options(MOBILENET_V2, 8)).unwrap_err();
        assert!(matches!(error, BuildError::Checkpoint(_)), "{error}");
        assert!(
            error.to_string().contains(&format!("`{tensor}`")),
            "{tensor}: {error}"
        );
    }
}

#[test]
fn a_block_of_an_absurd_number_is_refused() {
    let file = "mobilenetv2.mmaction2.safetensors";
    let absurd = format!("backbone.layer3.{}.conv.0.conv.weight", usize::MAX);
    let weights = altered(file, &absurd, Some(ArrayD::zeros(vec![1, 1, 1, 1])));
    let error = build(MOBILENET_V2, weights, &options(MOBILENET_V2, 8)).unwrap_err();
    assert!(error.to_string().contains("backbone.layer3.3."), "{error}");
}

#[test]
fn shifted_blocks_answer_as_pytorch_does() {
    let network = assert_rows(RESNET_18, "resnet18.block");
    assert_eq!(shifts(&network.graph).len(), 8);
    let network = assert_rows(RESNET_50, "resnet50.block");
    assert_eq!(shifts(&network.graph).len(), 16);
}

#[test]
fn circular_shifts_answer_as_pytorch_does() {
    let circular = BuildOptions {
        shift_border: Border::Circular,
        ..options(RESNET_18, 8)
    };
    let network = build(RESNET_18, checkpoint("tsn-resnet18.pth.tar"), &circular).unwrap();
    let found = run_clip(&network.graph, network.classes, &frames("frames8.npy"));
    let wanted = rows("tsn-resnet18.circular.rows.npy");
    assert_close("circular", &found, &wanted);
    assert!(TimeStructure::of(&network.graph).unwrap().whole_clip);
}

#[test]
fn a_pool_over_time_answers_as_pytorch_does() {
    let network = built(RESNET_18, "resnet18.pool");
    let found = run_clip(&network.graph, network.classes, &frames("frames8.npy"));
    assert_close("pool", &found, &rows("resnet18.pool.consensus.npy"));
    assert_eq!(shifts(&network.graph).len(), 8);
    let pools = |name: &str| {
        let weights = checkpoint("resnet18.pool.safetensors");
        let graph = build(RESNET_18, weights, &options(RESNET_18, 8))
            .unwrap()
            .graph;
        let time = TimeStructure::of(&graph).unwrap();
        let pools = time.operators.iter().filter(|op| op.name == name);
        (pools.count(), time.stride)
    };
    assert_eq!(pools("layer2.pool"), (1, 2));
}

#[test]
fn a_pool_over_time_wants_an_even_number_of_frames() {
    let weights = checkpoint("resnet18.pool.safetensors");
    let error = build(RESNET_18, weights, &options(RESNET_18, 7)).unwrap_err();
    assert!(error.to_string().contains("7 frames"), "{error}");
}
