//! How checkpoints spell a network's tensors.
//!
//! A builder speaks of a layer by its name in the bare network (`layer1.0.conv1`). Tensors keep the
//! names that the file gives them, so that an error names a tensor as its owner knows it.

use crate::checkpoint::Checkpoint;

/// The wrapping of TSN and TSM training code: the network under this prefix, the classifier beside.
const TSN_PREFIX: &str = "base_model.";
const TSN_HEAD: &str = "new_fc";

/// The spelling of one checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: &'static str,
    head: &'static str,
    has_tsn_head: bool,
    mark_shifts: bool,
}

impl Names {
    /// Finds the spelling; `head` is the classifier in the bare network.
    pub fn of(weights: &Checkpoint, head: &'static str) -> Names {
        let any = |test: &dyn Fn(&str) -> bool| weights.iter().any(|(name, _)| test(name));
        let is_wrapped = any(&|name| name.starts_with(TSN_PREFIX));
        Names {
            prefix: if is_wrapped { TSN_PREFIX } else { "" },
            head,
            has_tsn_head: any(&|name| name.starts_with(TSN_HEAD)),
            mark_shifts: any(&|name| name.contains(".net.")),
        }
    }

    /// The checkpoint's name of a layer.
    pub fn layer(&self, layer: &str) -> String {
        match layer == self.head && self.has_tsn_head {
            true => TSN_HEAD.to_owned(),
            false => format!("{}{layer}", self.prefix),
        }
    }

    /// The checkpoint's name of a layer's tensor.
    pub fn tensor(&self, layer: &str, part: &str) -> String {
        format!("{}.{part}", self.layer(layer))
    }

    /// Whether the names come from TSN-style training code.
    pub fn are_tsn_style(&self) -> bool {
        !self.prefix.is_empty()
    }

    /// Whether shifted convolutions are marked by a `.net` behind their names.
    pub fn mark_shifts(&self) -> bool {
        self.mark_shifts
    }

    /// How many layers a sequence has: one more than the largest number behind its name.
    pub fn count(&self, weights: &Checkpoint, sequence: &str) -> usize {
        let stem = self.layer(sequence);
        let number = |name: &str| -> Option<usize> {
            let rest = name.strip_prefix(&stem)?.strip_prefix('.')?;
            rest.split('.').next()?.parse().ok()
        };
        let largest = weights.iter().filter_map(|(name, _)| number(name)).max();
        largest.map_or(0, |largest| largest.saturating_add(1))
    }
}
