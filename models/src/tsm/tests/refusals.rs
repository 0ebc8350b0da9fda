//! What is refused, and what the refusal names.

use super::*;
use crate::checkpoint::CheckpointError;
use crate::{BuildError, build};

fn refusal(family: Family, weights: Checkpoint) -> BuildError {
    build(family, weights, &options(family, 8)).unwrap_err()
}

#[test]
fn a_missing_tensor_is_named_as_the_file_would_have_it() {
    let (mobile, basic, bottleneck) = (TSN[0], TSN[1], TSN[2]);
    let online = (mobile.0, "", "online.pth");
    for ((family, _, file), tensor) in [
        (online, "features.3.conv.6.weight"),
        (online, "features.18.1.running_var"),
        (online, "classifier.weight"),
        (mobile, "base_model.features.3.conv.0.net.weight"),
        (basic, "base_model.layer2.0.downsample.0.weight"),
        (bottleneck, "base_model.layer4.2.conv1.net.weight"),
        (bottleneck, "new_fc.bias"),
    ] {
        let error = refusal(family, altered(file, tensor, None));
        let BuildError::Checkpoint(CheckpointError::Missing { tensor: named, .. }) = &error else {
            panic!("{tensor}: {error}")
        };
        assert_eq!(named, tensor);
    }
}

#[test]
fn a_misshapen_tensor_is_named() {
    for (tensor, shape) in [
        ("features.0.0.weight", vec![32, 3, 3]),
        ("features.4.conv.3.weight", vec![48, 1, 5, 5]),
        ("features.4.conv.4.bias", vec![7]),
        ("features.5.conv.0.weight", vec![0, 8, 1, 1]),
        ("classifier.weight", vec![5, 64]),
        ("classifier.bias", vec![6]),
    ] {
        let weights = altered("online.pth", tensor, Some(ArrayD::zeros(shape)));
        let error = refusal(MOBILENET_V2, weights);
        let BuildError::Checkpoint(CheckpointError::Misshapen { tensor: named, .. }) = &error
        else {
            panic!("{tensor}: {error}")
        };
        assert_eq!(named, tensor);
    }
}

#[test]
fn a_surplus_tensor_is_named() {
    let surplus = "base_model.layer1.0.attention.weight";
    let weights = altered(
        "tsn-resnet18.pth.tar",
        surplus,
        Some(ArrayD::zeros(vec![3])),
    );
    let error = refusal(RESNET_18, weights);
    assert!(error.to_string().contains(surplus), "{error}");
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_name() {
    for (tensor, size) in [
        ("features.1.conv.1.running_mean", 32),
        ("classifier.bias", 5),
    ] {
        let values = ArrayD::from_elem(vec![size], f32::NAN);
        let error = refusal(MOBILENET_V2, altered("online.pth", tensor, Some(values)));
        let BuildError::NotFinite { tensor: named, .. } = &error else {
            panic!("{tensor}: {error}")
        };
        assert_eq!(named, tensor);
    }
}

#[test]
fn the_checkpoint_of_another_family_is_refused_by_a_tensor() {
    for (family, ..) in TSN {
        for (other, _, file) in TSN.into_iter().filter(|(other, ..)| *other != family) {
            let error = refusal(family, checkpoint(file));
            let by_tensor = matches!(
                error,
                BuildError::Checkpoint(
                    CheckpointError::Missing { .. } | CheckpointError::Misshapen { .. }
                )
            );
            assert!(by_tensor, "{other} as {family}: {error}");
        }
    }
}

#[test]
fn a_network_without_shifts_is_refused_where_names_would_tell_of_them() {
    let unmark = |name: &str| name.replace(".net.", ".");
    let weights = renamed("tsn-resnet18.pth.tar", unmark);
    let error = refusal(RESNET_18, weights);
    assert!(matches!(error, BuildError::NotShifted { .. }), "{error}");
}

#[test]
fn clips_that_no_network_can_have_are_refused() {
    let family = MOBILENET_V2;
    let good = options(family, 8);
    for bad in [
        BuildOptions { frames: 0, ..good },
        BuildOptions {
            frames: usize::MAX,
            ..good
        },
        BuildOptions {
            size: (0, 64),
            ..good
        },
        BuildOptions {
            size: (64, usize::MAX),
            ..good
        },
        BuildOptions {
            shift_divisor: 0,
            ..good
        },
    ] {
        let error = build(family, checkpoint("online.pth"), &bad);
        assert!(matches!(error, Err(BuildError::Options(_))), "{error:?}");
    }
}
