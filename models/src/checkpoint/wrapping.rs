//! What training programs put around the names of a network's tensors, and beside them.

use std::collections::BTreeMap;

use super::tensor::Tensor;

/// Prefixes that wrappers put before the name of every tensor: data-parallel training, compiling,
/// and the class that trains the network.
const PREFIXES: [&str; 3] = ["module.", "_orig_mod.", "model."];

/// Counters of training steps: those of batch-norms, of PyTorch's and of mmengine's averages of
/// weights.
const COUNTERS: [&str; 3] = ["num_batches_tracked", "n_averaged", "steps"];

/// How mmengine's networks prepare colours.
const PREPARATION: &str = "data_preprocessor.";

/// Drops what is none of the network's and the prefixes that every other name has; returns how many
/// were dropped.
pub(super) fn take_off(tensors: &mut BTreeMap<String, Tensor>) -> usize {
    let before = tensors.len();
    tensors.retain(|name, _| {
        let last = name.rsplit('.').next().unwrap_or(name);
        !COUNTERS.contains(&last) && !name.starts_with(PREPARATION)
    });
    let dropped = before - tensors.len();
    while let Some(prefix) = common_prefix(tensors) {
        let wrapped = std::mem::take(tensors);
        tensors.extend(wrapped.into_iter().map(|(name, tensor)| {
            let bare = name.strip_prefix(prefix).unwrap_or(&name).to_owned();
            (bare, tensor)
        }));
    }
    dropped
}

/// The wrapper's prefix that every name has.
fn common_prefix(tensors: &BTreeMap<String, Tensor>) -> Option<&'static str> {
    let on_all = |prefix: &&str| tensors.keys().all(|name| name.starts_with(*prefix));
    PREFIXES
        .into_iter()
        .filter(|_| !tensors.is_empty())
        .find(on_all)
}
