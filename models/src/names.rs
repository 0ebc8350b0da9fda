//! How checkpoints spell a network's tensors.
//!
//! A builder speaks of a layer by its name in the bare network (`layer1.0.conv1`). Tensors keep the
//! names that the file gives them, so that an error names a tensor as its owner knows it.

use std::fmt;

use crate::weights::Weights;

/// The wrapping of TSN and TSM training code: the network under this prefix, the classifier beside.
const TSN_PREFIX: &str = "base_model.";
const TSN_HEAD: &str = "new_fc";

/// What all names of mmaction2's networks have, but for those of the classifier.
pub(crate) const MMACTION_PREFIX: &str = "backbone.";

/// From the name of a layer, or of the stem of some layers' names, to the file's.
type Spelling = Box<dyn Fn(&str) -> String>;

/// The spelling of one checkpoint.
pub(crate) struct Names {
    spelling: Spelling,
    are_tsn_style: bool,
    mark_shifts: bool,
}

impl Names {
    /// Names as the builder has them.
    pub fn bare() -> Names {
        Names::spelled(str::to_owned)
    }

    /// The spelling of a family's own; `spelling` is asked for layers (`layer1.0.conv1`) and for
    /// what comes before a sequence's numbers (`layer1`).
    pub fn spelled(spelling: impl Fn(&str) -> String + 'static) -> Names {
        Names {
            spelling: Box::new(spelling),
            are_tsn_style: false,
            mark_shifts: false,
        }
    }

    /// The spelling of training code, which marks shifts where there are any.
    pub fn of_training_code(
        weights: &Weights,
        spelling: impl Fn(&str) -> String + 'static,
    ) -> Names {
        Names {
            are_tsn_style: true,
            mark_shifts: weights.any(|name| name.contains(".net.")),
            ..Names::spelled(spelling)
        }
    }

    /// Finds the spelling of a 2D network: bare, wrapped by TSN-style training code, or a ResNet of
    /// mmaction2; `head` is the classifier in the bare network.
    pub fn of(weights: &Weights, head: &'static str) -> Names {
        if weights.any(|name| name.starts_with(MMACTION_PREFIX)) {
            return Names::of_training_code(weights, mmaction);
        }
        let are_tsn_style = weights.any(|name| name.starts_with(TSN_PREFIX));
        let has_tsn_head = weights.any(|name| name.starts_with(TSN_HEAD));
        let prefix = if are_tsn_style { TSN_PREFIX } else { "" };
        let spelling = move |layer: &str| match layer == head && has_tsn_head {
            true => TSN_HEAD.to_owned(),
            false => format!("{prefix}{layer}"),
        };
        Names {
            are_tsn_style,
            ..Names::of_training_code(weights, spelling)
        }
    }

    /// The checkpoint's name of a layer.
    pub fn layer(&self, layer: &str) -> String {
        (self.spelling)(layer)
    }

    /// The checkpoint's name of a layer's tensor.
    pub fn tensor(&self, layer: &str, part: &str) -> String {
        format!("{}.{part}", self.layer(layer))
    }

    /// Whether the names come from TSN-style training code.
    pub fn are_tsn_style(&self) -> bool {
        self.are_tsn_style
    }

    /// Whether shifted convolutions are marked by a `.net` behind their names.
    pub fn mark_shifts(&self) -> bool {
        self.mark_shifts
    }

    /// How many layers a sequence has: one more than the largest number behind its name.
    pub fn count(&self, weights: &Weights, sequence: &str) -> usize {
        let stem = self.layer(sequence);
        let number = |name: &str| -> Option<usize> {
            let rest = name.strip_prefix(&stem)?.strip_prefix('.')?;
            rest.split('.').next()?.parse().ok()
        };
        let largest = weights.names().filter_map(number).max();
        largest.map_or(0, |largest| largest.saturating_add(1))
    }
}

/// mmaction2's name of a layer of a 2D ResNet. A convolution and its batch-norm make one module:
/// `layer1.0.bn1` is `layer1.0.conv1.bn`.
fn mmaction(layer: &str) -> String {
    let (before, last) = layer.rsplit_once('.').unwrap_or(("", layer));
    let (before, name) = match last {
        "fc" => return "cls_head.fc_cls".to_owned(),
        "net" => return format!("{}.net", mmaction(before)),
        "0" if before.ends_with("downsample") => (before, "conv".to_owned()),
        "1" if before.ends_with("downsample") => (before, "bn".to_owned()),
        _ if last.starts_with("conv") => (before, format!("{last}.conv")),
        _ => match last.strip_prefix("bn") {
            Some(number) => (before, format!("conv{number}.bn")),
            None => (before, last.to_owned()),
        },
    };
    let dot = if before.is_empty() { "" } else { "." };
    format!("{MMACTION_PREFIX}{before}{dot}{name}")
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names {
            spelling,
            are_tsn_style,
            mark_shifts,
        } = self;
        f.debug_struct("Names")
            .field("fc", &spelling("fc"))
            .field("are_tsn_style", are_tsn_style)
            .field("mark_shifts", mark_shifts)
            .finish()
    }
}
