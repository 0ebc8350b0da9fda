//! What the tests of networks of clips share: fixtures, and answers by way of a bundle.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayD};
use praxiscope_runtime::bundle::{Bundle, Manifest};
use tract_core::internal::*;

use crate::checkpoint::Checkpoint;
use crate::{BuildError, Family};

/// A file of `tests/fixtures/families`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/families")
        .join(name)
}

pub(crate) fn checkpoint(name: &str) -> Checkpoint {
    Checkpoint::read(&fixture(name)).unwrap()
}

pub(crate) fn array(name: &str) -> ArrayD<f32> {
    ndarray_npy::read_npy(fixture(name)).unwrap()
}

/// A file of the folder that `PRAXISCOPE_FULL_SIZE` names, which `make_*.py --full-size` fills.
pub(crate) fn full_size(name: &str) -> String {
    let folder = std::env::var("PRAXISCOPE_FULL_SIZE").expect("PRAXISCOPE_FULL_SIZE is not set");
    format!("{folder}/{name}")
}

/// The checkpoint without the tensors that `is_dropped` names, and with `added` ones.
pub(crate) fn altered(
    name: &str,
    is_dropped: impl Fn(&str) -> bool,
    added: &[(&str, &[usize])],
) -> Checkpoint {
    let tensors = checkpoint(name);
    let kept = tensors.iter().filter(|(name, _)| !is_dropped(name));
    let kept = kept.map(|(name, tensor)| (name.to_owned(), tensor.data.clone()));
    let added = added
        .iter()
        .map(|(name, shape)| ((*name).to_owned(), ArrayD::zeros(*shape)));
    Checkpoint::from_tensors(kept.chain(added).collect::<Vec<_>>(), name)
}

/// The one family of a name.
pub(crate) fn family(id: &str) -> Family {
    id.parse().unwrap()
}

/// What the graph answers when a bundle has given it back and tract has optimized it.
pub(crate) fn answer(graph: &TypedModel, clip: &ArrayD<f32>) -> Array2<f32> {
    answer_to_all(graph, &[clip])
}

/// As [`answer`], of a graph with several inputs.
pub(crate) fn answer_to_all(graph: &TypedModel, clips: &[&ArrayD<f32>]) -> Array2<f32> {
    const MANIFEST: &str = "format = 2
        name = \"test\"
        mode = \"stream\"
        labels = [\"one\"]
        [input]
        width = 64
        height = 64
        fit = \"stretch\"
        color = \"rgb\"
        mean = [0.5, 0.5, 0.5]
        std = [0.25, 0.25, 0.25]
        frame_rate = 10.0
        max_gap = 1.0";
    let manifest = Manifest::from_toml(MANIFEST).unwrap();
    let graph = graph.clone().into_decluttered().unwrap();
    let bytes = Bundle::new(manifest, &graph, None).unwrap().to_bytes();
    let graph = Bundle::from_bytes(&bytes).unwrap().graph().unwrap();
    let plan = graph.into_optimized().unwrap().into_runnable().unwrap();
    let clips = clips.iter().map(|clip| (*clip).clone().into_tvalue());
    let output = plan.run(clips.collect()).unwrap();
    let logits = output[0].to_plain_array_view::<f32>().unwrap();
    logits.to_owned().into_dimensionality().unwrap()
}

/// Fails where `found` is not within `tolerance` of `wanted`, and prints how far it is.
pub(crate) fn assert_close(what: &str, found: &Array2<f32>, wanted: &ArrayD<f32>, tolerance: f32) {
    assert_eq!(found.shape(), wanted.shape(), "{what}");
    let differences = found.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    let largest = differences.fold(0.0, f32::max);
    println!("{what}: largest difference {largest:e}");
    let are_numbers = found.iter().all(|value| value.is_finite());
    assert!(
        are_numbers && largest <= tolerance,
        "{what}: largest difference {largest:e}"
    );
}

/// Fails where a refusal does not name the tensor.
pub(crate) fn assert_names(error: &BuildError, tensor: &str) {
    assert!(
        error.to_string().contains(&format!("`{tensor}`")),
        "{tensor}: {error}"
    );
}
