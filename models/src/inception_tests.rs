//! What the tests of I3D and S3D share: their input, whole and in parts.

use ndarray::ArrayD;

use crate::testing::{answer, array, assert_close, checkpoint, family};
use crate::{BuildOptions, build};

/// The clip of the fixtures: all of it, whose extents are odd; its even part; or each pixel of that
/// part's frames five times in both directions, which no head's pool spans.
pub(crate) fn input(kind: &str) -> ArrayD<f32> {
    let clip = array("clip17.npy");
    let (times, shape) = match kind {
        "odd" => return clip,
        "even" => (1, [1, 3, 16, 44, clip.shape()[4]]),
        _ => (5, [1, 3, 16, 5 * clip.shape()[3], 5 * clip.shape()[4]]),
    };
    let value = |at: ndarray::IxDyn| clip[[0, at[1], at[2], at[3] / times, at[4] / times]];
    ArrayD::from_shape_fn(shape.to_vec(), value)
}

/// The options of the family for an input.
pub(crate) fn options(id: &str, input: &ArrayD<f32>) -> BuildOptions {
    BuildOptions {
        frames: input.shape()[2],
        size: (input.shape()[3], input.shape()[4]),
        ..BuildOptions::published(family(id))
    }
}

/// Fails where the network of `folder/name.safetensors` does not answer as PyTorch did.
pub(crate) fn assert_answers(id: &str, folder: &str, name: &str, kinds: &[&str]) {
    for kind in kinds {
        assert_answer(id, &format!("{folder}/{name}"), kind, &input(kind), 1e-4);
    }
}

/// The same of networks of published size, in the folder that `PRAXISCOPE_FULL_SIZE` names.
pub(crate) fn assert_answers_of_full_size(networks: &[(&str, &str)]) {
    let folder = std::env::var("PRAXISCOPE_FULL_SIZE").expect("PRAXISCOPE_FULL_SIZE is not set");
    let input = array(&format!("{folder}/frames.npy"));
    for (id, name) in networks {
        assert_answer(id, &format!("{folder}/{name}"), "even", &input, 1e-3);
    }
}

fn assert_answer(id: &str, network: &str, kind: &str, input: &ArrayD<f32>, tolerance: f32) {
    let weights = checkpoint(&format!("{network}.safetensors"));
    let built = build(family(id), weights, &options(id, input)).unwrap();
    let found = answer(&built.graph, input);
    let wanted = array(&format!("{network}.{kind}.npy"));
    assert_close(&format!("{network}, {kind}"), &found, &wanted, tolerance);
}
