//! The networks answer as PyTorch does, and other checkpoints are refused by a tensor's name.

use tract_core::ops::cnn::{Conv, MaxPool};

use crate::inception_tests::{assert_answers, assert_answers_of_full_size, input, options};
use crate::testing::{altered, answer, array, assert_close, assert_names, checkpoint, family};
use crate::{BuildError, BuildOptions, Family, build, build_random};

/// The extents of the inputs; on the large one the head's pool does not span the map.
const ODD_AND_EVEN: [&str; 2] = ["odd", "even"];
const ALL: [&str; 3] = ["odd", "even", "large"];

#[test]
fn inception_answers_as_pytorch_i3d_does() {
    assert_answers("i3d-inception", "i3d", "inception", &ALL);
    assert_answers("i3d-inception", "i3d", "inception-deep", &["even"]);
}

#[test]
fn networks_that_are_3d_in_part_answer_as_in_pytorch() {
    assert_answers("i3d-bottom-heavy-3", "i3d", "bottom-heavy-3", &ODD_AND_EVEN);
    assert_answers("i3d-top-heavy-4", "i3d", "top-heavy-4", &ODD_AND_EVEN);
}

#[test]
fn resnet50_answers_as_mmaction2_and_pytorchvideo_do() {
    for name in ["resnet50.mmaction2", "resnet50.mmaction2-heavy"] {
        assert_answers("i3d-resnet50", "i3d", name, &ODD_AND_EVEN);
    }
    assert_answers("i3d-resnet50", "i3d", "resnet50.pytorchvideo", &ALL);
}

#[test]
fn basic_blocks_and_sister_networks_are_told_by_their_checkpoints() {
    for name in [
        "resnet18.mmaction2",
        "slow.mmaction2",
        "slow.pytorchvideo",
        "c2d.pytorchvideo",
    ] {
        assert_answers("i3d-resnet50", "i3d", name, &ODD_AND_EVEN);
    }
}

#[test]
fn strides_of_a_stem_are_an_option() {
    let clip = input("even");
    let [default, given] = [None, Some([1, 2])].map(|stem_time_strides| {
        let options = BuildOptions {
            stem_time_strides,
            ..options("i3d-resnet50", &clip)
        };
        let weights = checkpoint("i3d/resnet50.mmaction2.safetensors");
        build(family("i3d-resnet50"), weights, &options).unwrap()
    });
    let wanted = array("i3d/resnet50.mmaction2.even.npy");
    assert_close("default", &answer(&default.graph, &clip), &wanted, 1e-4);
    let given = answer(&given.graph, &clip);
    assert!(
        given.iter().zip(&wanted).any(|(a, b)| (a - b).abs() > 1e-2),
        "{given}"
    );
}

#[test]
fn every_layer_over_time_is_one_node() {
    for (id, over_time, pools) in [
        // 1a, 2c, two in each of six blocks; a pool in each block, and two between stages.
        ("i3d-inception", 14, 8),
        ("i3d-bottom-heavy-3", 4, 8),
        ("i3d-top-heavy-4", 8, 8),
    ] {
        let name = if id == "i3d-inception" {
            "inception"
        } else {
            &id[4..]
        };
        let weights = checkpoint(&format!("i3d/{name}.safetensors"));
        let built = build(family(id), weights, &options(id, &input("even"))).unwrap();
        let ops = || built.graph.nodes().iter().map(|node| &node.op);
        let convs = ops().filter_map(|op| op.downcast_ref::<Conv>());
        let convs = convs
            .filter(|conv| conv.pool_spec.kernel_shape[0] > 1)
            .count();
        let max_pools = ops().filter_map(|op| op.downcast_ref::<MaxPool>());
        let max_pools = max_pools
            .filter(|pool| pool.pool_spec.kernel_shape[0] > 1)
            .count();
        assert_eq!((convs, max_pools), (over_time, pools), "{id}");
    }
}

#[test]
fn a_clip_that_is_too_short_is_refused() {
    let short = BuildOptions {
        frames: 2,
        ..options("i3d-resnet50", &input("even"))
    };
    let weights = checkpoint("i3d/resnet50.mmaction2.safetensors");
    let error = build(family("i3d-resnet50"), weights, &short).unwrap_err();
    assert!(matches!(error, BuildError::TooSmall { .. }), "{error}");
    // Padded as it is, Inception takes a single frame.
    let weights = checkpoint("i3d/inception.safetensors");
    build(
        family("i3d-inception"),
        weights,
        &BuildOptions { frames: 1, ..short },
    )
    .unwrap();
}

#[test]
fn a_missing_tensor_is_named_as_the_file_would_have_it() {
    for (id, name, tensor) in [
        ("i3d-inception", "inception", "Conv3d_2c_3x3.bn.running_var"),
        ("i3d-inception", "inception", "Mixed_4c.b2b.conv3d.weight"),
        ("i3d-inception", "inception", "logits.conv3d.weight"),
        (
            "i3d-resnet50",
            "resnet50.mmaction2",
            "backbone.layer2.0.downsample.bn.bias",
        ),
        ("i3d-resnet50", "resnet50.mmaction2", "cls_head.fc_cls.bias"),
        (
            "i3d-resnet50",
            "resnet50.pytorchvideo",
            "blocks.3.res_blocks.1.branch2.norm_b.weight",
        ),
        (
            "i3d-resnet50",
            "resnet50.pytorchvideo",
            "blocks.0.conv.weight",
        ),
        (
            "i3d-resnet50",
            "resnet50.pytorchvideo",
            "blocks.6.proj.weight",
        ),
    ] {
        let weights = altered(
            &format!("i3d/{name}.safetensors"),
            |name| name == tensor,
            &[],
        );
        let error = build(family(id), weights, &options(id, &input("even"))).unwrap_err();
        assert_names(&error, tensor);
    }
}

#[test]
fn a_whole_block_that_is_missing_between_others_is_missed() {
    let weights = altered(
        "i3d/inception.safetensors",
        |name| name.starts_with("Mixed_4c."),
        &[],
    );
    let options = options("i3d-inception", &input("even"));
    let error = build(family("i3d-inception"), weights, &options).unwrap_err();
    assert_names(&error, "Mixed_4c.b0.conv3d.weight");
}

#[test]
fn a_surplus_tensor_is_named() {
    let surplus = "Mixed_3b.b0.se.weight";
    let weights = altered("i3d/inception.safetensors", |_| false, &[(surplus, &[3])]);
    let options = options("i3d-inception", &input("even"));
    let error = build(family("i3d-inception"), weights, &options).unwrap_err();
    assert!(error.to_string().contains(surplus), "{error}");
}

#[test]
fn a_network_of_another_part_is_refused_by_its_first_kernel() {
    for (id, name, tensor) in [
        (
            "i3d-inception",
            "top-heavy-4",
            "Conv3d_1a_7x7.conv3d.weight",
        ),
        (
            "i3d-inception",
            "bottom-heavy-3",
            "Mixed_3c.b1b.conv3d.weight",
        ),
        (
            "i3d-top-heavy-5",
            "top-heavy-4",
            "Mixed_3c.b1b.conv3d.weight",
        ),
        (
            "i3d-bottom-heavy-2",
            "bottom-heavy-3",
            "Mixed_3b.b1b.conv3d.weight",
        ),
        (
            "i3d-inception",
            "resnet50.mmaction2",
            "Conv3d_1a_7x7.conv3d.weight",
        ),
        ("i3d-resnet50", "inception", "backbone.conv1.conv.weight"),
    ] {
        let weights = checkpoint(&format!("i3d/{name}.safetensors"));
        let error = build(family(id), weights, &options(id, &input("even"))).unwrap_err();
        assert_names(&error, tensor);
    }
}

#[test]
fn random_networks_have_the_published_sizes() {
    let parameters = |family: Family| {
        let options = BuildOptions {
            frames: 16,
            size: (64, 64),
            ..BuildOptions::published(family)
        };
        let built = build_random(family, 1, &options).unwrap();
        let consts = built.graph.nodes().iter().filter_map(|node| node.op_as());
        let is_weight = |konst: &&tract_core::ops::konst::Const| {
            konst.val().rank() == 5 && konst.val().len() > 1
        };
        consts
            .filter(is_weight)
            .map(|konst| konst.val().len())
            .sum::<usize>()
    };
    // What the kernels of the published implementations hold.
    assert_eq!(parameters(family("i3d-inception")), 12_682_304);
    assert_eq!(parameters(family("i3d-resnet50")), 27_170_752);
}

/// After `python tests/fixtures/make_i3d.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored i3d`.
#[test]
#[ignore = "wants the networks of published size, which are too large for the repository"]
fn networks_of_published_size_answer_as_pytorch_does() {
    for count in 1..=10 {
        for name in ["top-heavy", "bottom-heavy"].map(|part| format!("{part}-{count}")) {
            assert_answers_of_full_size(&[(&format!("i3d-{name}"), &name)]);
        }
    }
    assert_answers_of_full_size(&[
        ("i3d-inception", "inception"),
        ("i3d-resnet50", "resnet50.mmaction2"),
        ("i3d-resnet50", "resnet50.mmaction2-heavy"),
        ("i3d-resnet50", "resnet50.pytorchvideo"),
    ]);
}
