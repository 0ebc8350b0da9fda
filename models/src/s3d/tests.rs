//! The networks answer as PyTorch does, and other checkpoints are refused by a tensor's name.

use crate::inception_tests::{assert_answers, assert_answers_of_full_size, input, options};
use crate::testing::{altered, assert_names, checkpoint, family};
use crate::{BuildError, BuildOptions, build, build_random};

/// The extents of the inputs; on the large one the head's pool does not span the map.
const ALL: [&str; 3] = ["odd", "even", "large"];

#[test]
fn s3d_answers_as_torchvision_and_kylemin_do() {
    assert_answers("s3d", "s3d", "s3d.torchvision", &ALL);
    assert_answers("s3d", "s3d", "s3d.kylemin", &ALL);
    assert_answers("s3d", "s3d", "s3d-deep", &["even"]);
}

#[test]
fn s3d_g_answers_as_in_pytorch() {
    assert_answers("s3d-g", "s3d", "s3d-g", &["even"]);
    assert_answers("s3d-g", "s3d", "s3d-g.plain", &["odd", "even"]);
}

#[test]
fn space_to_depth_of_odd_clips_is_refused() {
    let options = options("s3d-g", &input("odd"));
    let weights = checkpoint("s3d/s3d-g.safetensors");
    let error = build(family("s3d-g"), weights, &options).unwrap_err();
    assert!(matches!(error, BuildError::Options(_)), "{error}");
}

#[test]
fn a_clip_that_is_too_short_is_refused() {
    for frames in 1..=4 {
        let short = BuildOptions {
            frames,
            ..options("s3d", &input("even"))
        };
        let weights = checkpoint("s3d/s3d.torchvision.safetensors");
        let error = build(family("s3d"), weights, &short).unwrap_err();
        assert!(
            matches!(error, BuildError::TooSmall { .. }),
            "{frames}: {error}"
        );
    }
}

#[test]
fn a_missing_tensor_is_named_as_the_file_would_have_it() {
    for (id, name, tensor) in [
        ("s3d", "s3d.torchvision", "features.0.1.1.running_mean"),
        ("s3d", "s3d.torchvision", "features.9.branch2.1.1.0.weight"),
        ("s3d", "s3d.torchvision", "classifier.1.weight"),
        ("s3d", "s3d.kylemin", "base.5.branch1.1.bn_t.bias"),
        ("s3d", "s3d.kylemin", "base.12.branch0.0.conv.weight"),
        ("s3d", "s3d.kylemin", "fc.0.weight"),
        ("s3d-g", "s3d-g", "conv1.conv1.weight"),
        ("s3d-g", "s3d-g", "gating.fc.bias"),
        ("s3d-g", "s3d-g", "mixed_4b.conv_b2_b.bn2.running_var"),
        ("s3d-g", "s3d-g", "mixed_4b.gating_b3.fc.weight"),
        ("s3d-g", "s3d-g", "fc.weight"),
    ] {
        let weights = altered(
            &format!("s3d/{name}.safetensors"),
            |name| name == tensor,
            &[],
        );
        let error = build(family(id), weights, &options(id, &input("even"))).unwrap_err();
        assert_names(&error, tensor);
    }
}

#[test]
fn a_whole_block_that_is_missing_between_others_is_missed() {
    let is_dropped = |name: &str| name.starts_with("features.6.");
    let weights = altered("s3d/s3d-deep.safetensors", is_dropped, &[]);
    let error = build(family("s3d"), weights, &options("s3d", &input("even"))).unwrap_err();
    assert_names(&error, "features.6.branch0.0.weight");
}

#[test]
fn the_checkpoint_of_another_family_is_refused_by_a_tensor() {
    for (id, name, tensor) in [
        ("s3d", "s3d/s3d-g", "features.0.0.0.weight"),
        ("s3d-g", "s3d/s3d.kylemin", "conv1.conv1.weight"),
        ("s3d", "i3d/inception", "features.0.0.0.weight"),
    ] {
        let weights = checkpoint(&format!("{name}.safetensors"));
        let error = build(family(id), weights, &options(id, &input("even"))).unwrap_err();
        assert_names(&error, tensor);
    }
}

#[test]
fn random_networks_are_built() {
    for id in ["s3d", "s3d-g"] {
        let options = BuildOptions {
            frames: 16,
            size: (64, 64),
            ..BuildOptions::published(family(id))
        };
        let built = build_random(family(id), 1, &options).unwrap();
        assert_eq!(built.classes, 400, "{id}");
    }
}

/// After `python tests/fixtures/make_s3d.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored s3d`.
#[test]
#[ignore = "wants the networks of published size, which are too large for the repository"]
fn networks_of_published_size_answer_as_pytorch_does() {
    assert_answers_of_full_size(&[
        ("s3d", "s3d.torchvision"),
        ("s3d", "s3d.kylemin"),
        ("s3d-g", "s3d-g"),
        ("s3d-g", "s3d-g.plain"),
    ]);
}
