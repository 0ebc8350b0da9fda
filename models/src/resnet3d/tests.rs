//! R3D, MCx, R(2+1)D and CSN answer as PyTorch does, and are refused for what they are not.

use ndarray::{ArrayD, Axis, concatenate};

use crate::testing::{
    altered, answer, array, assert_close, assert_names, checkpoint, family, full_size,
};
use crate::{BuildOptions, Family, Rows, build, build_random};

const SIDE: usize = 48;

fn options(family: Family) -> BuildOptions {
    BuildOptions {
        frames: 16,
        size: (SIDE, SIDE),
        ..BuildOptions::published(family)
    }
}

fn check(id: &str, name: &str, change: impl Fn(&mut BuildOptions)) {
    let mut options = options(family(id));
    change(&mut options);
    let built = build(
        family(id),
        checkpoint(&format!("{name}.safetensors")),
        &options,
    )
    .unwrap();
    assert_eq!((built.classes, built.rows), (5, Rows::PerClip));
    let found = answer(&built.graph, &array("clip48.npy"));
    assert_close(name, &found, &array(&format!("{name}.npy")), 5e-5);
}

#[test]
fn networks_of_mixed_convolutions_answer_as_torchvisions_blocks_do() {
    for name in [
        "r3d", "mc2", "mc3", "mc4", "mc5", "rmc2", "rmc3", "rmc4", "rmc5",
    ] {
        check(&format!("{name}-18"), &format!("r3d/{name}"), |_| ());
    }
}

#[test]
fn factored_networks_answer_as_pytorch_does_in_every_librarys_names() {
    check("r2plus1d-18", "r3d/r2plus1d", |_| ());
    check("r2plus1d-34", "r3d/r2plus1d.vmz", |_| ());
    check("r2plus1d-34", "r3d/r2plus1d.mmaction2", |_| ());
    check("r2plus1d-50", "r3d/r2plus1d.mmaction2-bottleneck", |_| ());
    check("r2plus1d-50", "r3d/r2plus1d.vmz-bottleneck", |_| ());
    check("r2plus1d-50", "r3d/r2plus1d.pytorchvideo", |_| ());
}

#[test]
fn the_number_that_is_added_to_variances_can_be_told() {
    check("r2plus1d-18", "r3d/r2plus1d.vmz", |options| {
        options.epsilon = Some(1e-3)
    });
}

#[test]
fn channel_separated_networks_answer_as_pytorch_does_in_every_librarys_names() {
    for (id, kind) in [("ir-csn-50", "ir"), ("ip-csn-152", "ip")] {
        check(id, &format!("csn/{kind}.vmz"), |_| ());
        check(id, &format!("csn/{kind}.mmaction2"), |_| ());
    }
}

#[test]
fn a_head_that_pools_less_than_the_map_weighs_its_middle_more() {
    let repeated = |clip: ArrayD<f32>, axis: usize, times: usize| {
        let slices: Vec<_> = (clip.axis_iter(Axis(axis)))
            .flat_map(|slice| vec![slice.insert_axis(Axis(axis)); times])
            .collect();
        concatenate(Axis(axis), &slices).unwrap()
    };
    let clip = repeated(array("clip48.npy"), 2, 2);
    let clip = repeated(repeated(clip, 3, 6), 4, 6);
    let options = BuildOptions {
        frames: 32,
        size: (6 * SIDE, 6 * SIDE),
        ..options(family("ir-csn-50"))
    };
    let name = "csn/ir.pytorchvideo";
    let weights = checkpoint(&format!("{name}.safetensors"));
    let built = build(family("ir-csn-50"), weights, &options).unwrap();
    let found = answer(&built.graph, &clip);
    assert_close(name, &found, &array(&format!("{name}.npy")), 5e-5);
}

#[test]
fn a_missing_tensor_is_named_as_the_file_would_have_it() {
    for (id, name, tensor) in [
        ("r3d-18", "r3d/r3d", "layer3.0.conv2.0.weight"),
        ("mc3-18", "r3d/mc3", "layer2.0.downsample.1.running_mean"),
        ("r2plus1d-18", "r3d/r2plus1d", "layer1.1.conv1.0.3.weight"),
        (
            "r2plus1d-34",
            "r3d/r2plus1d.mmaction2",
            "backbone.layer2.0.conv2.conv.bn_s.bias",
        ),
        (
            "r2plus1d-34",
            "r3d/r2plus1d.mmaction2",
            "backbone.layer2.0.downsample.conv.conv_t.weight",
        ),
        (
            "r2plus1d-50",
            "r3d/r2plus1d.pytorchvideo",
            "blocks.2.res_blocks.0.branch2.conv_b.conv_xy.weight",
        ),
        (
            "ir-csn-50",
            "csn/ir.mmaction2",
            "backbone.layer1.1.conv2.0.bn.weight",
        ),
        ("ip-csn-50", "csn/ip.vmz", "layer4.0.conv2.0.2.weight"),
        ("ip-csn-50", "csn/ip.mmaction2", "cls_head.fc_cls.bias"),
        ("ir-csn-50", "csn/ir.pytorchvideo", "blocks.5.proj.weight"),
    ] {
        let file = format!("{name}.safetensors");
        let weights = altered(&file, |name| name == tensor, &[]);
        let error = build(family(id), weights, &options(family(id))).unwrap_err();
        assert_names(&error, tensor);
    }
}

#[test]
fn the_checkpoint_of_another_network_is_refused_by_a_tensor() {
    for (id, name, tensor) in [
        ("mc3-18", "r3d/r3d", "layer2.0.conv1.0.weight"),
        ("r3d-18", "r3d/rmc3", "stem.0.weight"),
        ("r2plus1d-18", "r3d/r3d", "stem.3.weight"),
        ("r3d-18", "r3d/r2plus1d", "layer1.0.conv1.0.weight"),
        ("ir-csn-50", "csn/ip.vmz", "layer1.0.conv2.0.weight"),
        ("ip-csn-50", "csn/ir.vmz", "layer1.0.conv2.0.0.weight"),
        (
            "ip-csn-50",
            "csn/ir.mmaction2",
            "backbone.layer1.0.conv2.0.conv.weight",
        ),
    ] {
        let weights = checkpoint(&format!("{name}.safetensors"));
        let error = build(family(id), weights, &options(family(id))).unwrap_err();
        if !error.to_string().contains("stem.0.weight") {
            assert_names(&error, tensor);
        }
    }
}

#[test]
fn published_widths_have_the_parameters_of_the_published_networks() {
    for (id, parameters) in [
        ("mc3-18", 11_695_440),
        ("r2plus1d-18", 31_505_325),
        ("r2plus1d-50", 28_107_600),
        ("ir-csn-26", 8_569_552),
        ("ip-csn-50", 14_396_176),
    ] {
        let options = BuildOptions {
            size: (32, 32),
            ..options(family(id))
        };
        let network = build_random(family(id), 1, &options).unwrap();
        assert_eq!(network.parameters, parameters, "{id}");
    }
}

#[test]
fn frames_that_are_too_small_are_no_panic() {
    for id in ["r3d-18", "ir-csn-26"] {
        let options = BuildOptions {
            frames: 1,
            size: (1, 1),
            ..options(family(id))
        };
        build_random(family(id), 1, &options).unwrap();
    }
}

/// After `python tests/fixtures/make_resnet3d.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored resnet3d`.
#[test]
#[ignore = "wants the networks of published size, which are too large for the repository"]
fn networks_of_published_size_answer_as_in_pytorch() {
    let made = ["r3d-18", "r2plus1d-18", "r2plus1d-34", "r2plus1d-50"];
    let mixed = ["mc2-18", "mc3-18", "mc4-18", "mc5-18"];
    let reversed = ["rmc2-18", "rmc3-18", "rmc4-18", "rmc5-18"];
    let reduced = ["ir-csn-26", "ir-csn-50", "ir-csn-101", "ir-csn-152"];
    let preserved = ["ip-csn-26", "ip-csn-50", "ip-csn-101", "ip-csn-152"];
    let ids = made
        .into_iter()
        .chain(mixed)
        .chain(reversed)
        .chain(reduced)
        .chain(preserved);
    for id in ids {
        let options = BuildOptions::published(family(id));
        let (frames, side) = (options.frames, options.size.0);
        let weights = checkpoint(&full_size(&format!("{id}.safetensors")));
        let built = build(family(id), weights, &options).unwrap();
        let found = answer(
            &built.graph,
            &array(&full_size(&format!("clip.{frames}.{side}.npy"))),
        );
        assert_close(id, &found, &array(&full_size(&format!("{id}.npy"))), 1e-3);
    }
}
