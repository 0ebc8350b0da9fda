//! What the tests of these networks share: fixtures, and answers by way of a bundle.

mod answers;
mod refusals;
mod variants;
mod wiring;

use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4, ArrayD};
use praxiscope_runtime::ops::TemporalShift;
use tract_core::internal::*;

use super::FAMILIES;
use crate::checkpoint::Checkpoint;
use crate::{BuildOptions, Family};

const SIDE: usize = 64;

const MOBILENET_V2: Family = Family::of(&FAMILIES[0]);
const RESNET_18: Family = Family::of(&FAMILIES[1]);
const RESNET_50: Family = Family::of(&FAMILIES[2]);

const TSN: [(Family, &str, &str); 3] = [
    (MOBILENET_V2, "tsn-mobilenetv2", "tsn-mobilenetv2.pth"),
    (RESNET_18, "tsn-resnet18", "tsn-resnet18.pth.tar"),
    (RESNET_50, "tsn-resnet50", "tsn-resnet50.safetensors"),
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/tsm")
        .join(name)
}

fn checkpoint(name: &str) -> Checkpoint {
    Checkpoint::read(&fixture(name)).unwrap()
}

/// The checkpoint with one tensor changed, added or (`None`) taken away.
fn altered(file: &str, tensor: &str, change: Option<ArrayD<f32>>) -> Checkpoint {
    let tensors = checkpoint(file);
    let kept = tensors.iter().filter(|(name, _)| *name != tensor);
    let kept = kept.map(|(name, tensor)| (name.to_owned(), tensor.data.clone()));
    let changed = change.map(|data| (tensor.to_owned(), data));
    Checkpoint::from_tensors(kept.chain(changed).collect::<Vec<_>>(), file)
}

fn renamed(file: &str, rename: impl Fn(&str) -> String) -> Checkpoint {
    checkpoint(file).rename_all(rename).unwrap()
}

fn frames(name: &str) -> Array4<f32> {
    ndarray_npy::read_npy(fixture(name)).unwrap()
}

fn rows(name: &str) -> Array2<f32> {
    ndarray_npy::read_npy(fixture(name)).unwrap()
}

fn options(family: Family, frames: usize) -> BuildOptions {
    BuildOptions {
        frames,
        size: (SIDE, SIDE),
        ..BuildOptions::published(family)
    }
}

fn shifts(graph: &TypedModel) -> Vec<TemporalShift> {
    graph
        .nodes()
        .iter()
        .filter_map(|node| node.op_as().cloned())
        .collect()
}
