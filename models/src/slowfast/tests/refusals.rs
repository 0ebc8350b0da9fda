//! What is refused, and what the refusal names.

use super::*;
use crate::build;
use crate::testing::{altered, assert_names, checkpoint, family};

#[test]
fn clips_that_alpha_does_not_divide_are_refused() {
    let bad = |alpha| Pathways {
        alpha: Some(alpha),
        ..Pathways::default()
    };
    for alpha in [0, 3] {
        let error = build(id(), network("mmaction2"), &options(&clip(), bad(alpha)));
        assert!(matches!(error, Err(BuildError::Options(_))), "{error:?}");
    }
}

#[test]
fn a_missing_or_misshapen_tensor_is_named_as_the_file_would_have_it() {
    for (name, tensor) in [
        (
            "pytorchvideo",
            "blocks.0.multipathway_blocks.1.norm.running_var",
        ),
        (
            "pytorchvideo",
            "blocks.2.multipathway_fusion.conv_fast_to_slow.weight",
        ),
        (
            "pytorchvideo",
            "blocks.3.multipathway_blocks.0.res_blocks.0.branch2.conv_b.weight",
        ),
        ("pytorchvideo", "blocks.6.proj.bias"),
        ("mmaction2", "backbone.fast_path.layer2.1.conv3.bn.bias"),
        ("mmaction2", "backbone.slow_path.layer3_lateral.conv.weight"),
        (
            "mmaction2",
            "backbone.slow_path.layer1.0.downsample.conv.weight",
        ),
        ("mmaction2", "cls_head.fc_cls.weight"),
    ] {
        let file = format!("slowfast/{name}.safetensors");
        let shapes: &[(&str, &[usize])] = &[(tensor, &[3, 2, 2, 1, 1])];
        for added in [&[], shapes] {
            let weights = altered(&file, |name| name == tensor, added);
            let error = build(id(), weights, &options(&clip(), Pathways::default()));
            assert_names(&error.unwrap_err(), tensor);
        }
    }
}

#[test]
fn the_checkpoint_of_another_family_is_refused_by_a_tensor() {
    let networks = [
        ("slowfast-4x16-r50", "slowfast/mmaction2"),
        ("nonlocal5-resnet50", "nonlocal/embedded"),
        ("smallbig-50", "smallbig/smallbig"),
        ("artnet-18", "artnet/artnet"),
    ];
    for (id, own) in networks {
        for (_, other) in networks.iter().filter(|(_, other)| *other != own) {
            let weights = checkpoint(&format!("{other}.safetensors"));
            let options = BuildOptions::published(family(id));
            let error = build(family(id), weights, &options).unwrap_err();
            let names_tensors = matches!(error, BuildError::Checkpoint(_));
            assert!(names_tensors, "{other} as {id}: {error}");
        }
    }
}
