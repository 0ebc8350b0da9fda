//! Finds the network's tensors in what a pickle holds, and decodes them.

use std::collections::{BTreeMap, HashSet};

use super::error::FormatError;
use super::pickle::{Id, Pickle, StoredTensor, Value, Values};
use super::tensor::{ByteOrder, Decoder, Tensor, TensorError};

/// Keys under which training programs put the network's tensors, likeliest first.
pub(super) const WRAPPERS: [&str; 12] = [
    "state_dict",
    "model_state",
    "model_state_dict",
    "model",
    "module",
    "net",
    "params",
    "network",
    // Averages of the weights, where there is nothing else.
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "ema",
];

/// How many of them may stand within each other.
const MAX_NESTING: usize = 4;

/// What a file holds besides the network's tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Tensors that are none of the network's, such as batch-norms' counters of training steps
    /// (`num_batches_tracked`).
    pub counters: usize,
    /// Entries among the tensors that are none.
    pub not_tensors: usize,
    /// Entries beside the tensors, such as the optimizer's state or the epoch.
    pub beside: usize,
}

/// The tensors of a file by name.
pub(super) struct Contents {
    pub(super) tensors: BTreeMap<String, Tensor>,
    pub(super) left_out: LeftOut,
}

/// Decodes the network's tensors. `storage` hands out the bytes of a storage by its key.
pub(super) fn read<'a>(
    pickle: &Pickle,
    mut storage: impl FnMut(&str) -> Result<Option<&'a [u8]>, FormatError>,
    order: ByteOrder,
    file_length: usize,
) -> Result<Contents, FormatError> {
    let values = &pickle.values;
    let mut search = Search {
        values,
        seen: HashSet::new(),
        beside: 0,
    };
    let entries = search
        .find(pickle.root, MAX_NESTING)
        .ok_or(FormatError::NoStateDict)?;
    let mut left_out = LeftOut {
        beside: search.beside,
        ..LeftOut::default()
    };
    let mut stored: BTreeMap<&str, &StoredTensor> = BTreeMap::new();
    for &(key, value) in entries {
        match (values.str(key), values.get(value)) {
            (Some(name), Value::Tensor(tensor)) => {
                stored.insert(name, tensor);
            }
            _ => left_out.not_tensors += 1,
        }
    }
    let mut decoder = Decoder::new(order, file_length);
    let mut tensors = BTreeMap::new();
    for (name, tensor) in stored {
        let in_tensor = |problem| FormatError::Tensor {
            tensor: name.to_owned(),
            problem,
        };
        let key = values.str(tensor.key).unwrap_or_default();
        let bytes = storage(key)?;
        let bytes = bytes.ok_or_else(|| in_tensor(TensorError::NoStorage(key.to_owned())))?;
        let decoded = decoder.decode(&tensor.layout, bytes).map_err(in_tensor)?;
        tensors.insert(name.to_owned(), decoded);
    }
    Ok(Contents { tensors, left_out })
}

struct Search<'a> {
    values: &'a Values,
    /// Mappings that were looked at, since a pickle may nest one into itself.
    seen: HashSet<Id>,
    beside: usize,
}

impl<'a> Search<'a> {
    /// The mapping of names to tensors at `id`, or under one of the [`WRAPPERS`] in it.
    fn find(&mut self, id: Id, nesting: usize) -> Option<&'a [(Id, Id)]> {
        let entries = self.values.dict(id)?;
        if !self.seen.insert(id) {
            return None;
        }
        for wrapper in WRAPPERS {
            // Of two entries with one key Python keeps the later.
            let inner = entries
                .iter()
                .rev()
                .find(|(key, _)| self.values.str(*key) == Some(wrapper));
            let Some(&(_, inner)) = inner else { continue };
            if let Some(found) = nesting.checked_sub(1).and_then(|n| self.find(inner, n)) {
                self.beside += entries.len() - 1;
                return Some(found);
            }
        }
        let holds_tensor = |&(key, value): &(Id, Id)| {
            self.values.str(key).is_some() && matches!(self.values.get(value), Value::Tensor(_))
        };
        entries.iter().any(holds_tensor).then_some(entries)
    }
}
