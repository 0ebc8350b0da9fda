//! What `torch.save` wrote before PyTorch 1.6: five pickles one after the other (a magic number,
//! the format's version, facts about the system, the object, the storages' keys) and then the
//! storages, each a count of 8 bytes and its values. Numbers are little-endian on every system.

use std::collections::HashMap;

use super::error::FormatError;
use super::pickle::{Pickle, PickleError, Value};
use super::state_dict::{self, Contents};
use super::tensor::ByteOrder;

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const VERSION: i128 = 1001;

/// Whether the file begins like a pickle: of a protocol that says so, or of an older one with the
/// import of a global or something empty to fill, which is how a hostile one begins.
pub(super) fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 0..=5, ..] | [b'c' | b'(' | b'}' | b']', ..])
}

pub(super) fn read(bytes: &[u8]) -> Result<Contents, FormatError> {
    let (magic, at) = match Pickle::parse(bytes, 0) {
        Ok(parsed) => parsed,
        // Of a text file that merely begins with the right letter there is nothing to say.
        Err(PickleError::Refused { callable, offset }) => {
            return Err(PickleError::Refused { callable, offset }.into());
        }
        Err(error) if bytes.first() == Some(&0x80) => return Err(error.into()),
        Err(_) => return Err(FormatError::Unknown),
    };
    if magic.values.int(magic.root) != Some(MAGIC) {
        return Err(FormatError::Legacy(
            "it is a pickle of something else".to_owned(),
        ));
    }
    let (version, at) = Pickle::parse(bytes, at)?;
    if version.values.int(version.root) != Some(VERSION) {
        return Err(FormatError::Legacy(format!(
            "its format version is not {VERSION}"
        )));
    }
    let (_system, at) = Pickle::parse(bytes, at)?;
    let (object, at) = Pickle::parse(bytes, at)?;
    let (keys, at) = Pickle::parse(bytes, at)?;
    let storages = storages(bytes, at, &keys, &widths(&object)?)?;
    let find = |key: &str| Ok(storages.get(key).copied());
    state_dict::read(&object, find, ByteOrder::Little, bytes.len())
}

/// The bytes that a value takes in each storage, which only the object says.
fn widths(object: &Pickle) -> Result<HashMap<&str, usize>, FormatError> {
    let mut widths = HashMap::new();
    for value in object.values.all() {
        let Value::Storage(storage) = value else {
            continue;
        };
        let Some(key) = object.values.str(storage.key) else {
            continue;
        };
        let width = storage.dtype.size();
        if *widths.entry(key).or_insert(width) != width {
            let problem = format!("the storage `{key}` has values of two widths");
            return Err(FormatError::Legacy(problem));
        }
    }
    Ok(widths)
}

/// Walks over the storages, which stand in the order of `keys`.
fn storages<'a>(
    bytes: &'a [u8],
    start: usize,
    keys: &Pickle,
    widths: &HashMap<&str, usize>,
) -> Result<HashMap<String, &'a [u8]>, FormatError> {
    let Value::List(list) = keys.values.get(keys.root) else {
        return Err(FormatError::Legacy(
            "the keys of its storages are no list".to_owned(),
        ));
    };
    let mut rest = bytes.get(start..).unwrap_or_default();
    let mut storages = HashMap::new();
    for (number, &key) in list.iter().enumerate() {
        let known = keys
            .values
            .str(key)
            .and_then(|key| Some((key, *widths.get(key)?)));
        let Some((key, width)) = known else {
            let problem = format!(
                "storage {} of {} is not its object's",
                number + 1,
                list.len()
            );
            return Err(FormatError::Legacy(problem));
        };
        let Some((storage, after)) = counted(rest, width) else {
            let place = format!("storage {} of {}, `{key}`", number + 1, list.len());
            return Err(FormatError::Legacy(format!("it breaks off within {place}")));
        };
        rest = after;
        storages.insert(key.to_owned(), storage);
    }
    Ok(storages)
}

/// Splits off a storage: its count, then that many values of `width` bytes.
fn counted(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (count, values) = bytes.split_first_chunk::<8>()?;
    let count = usize::try_from(i64::from_le_bytes(*count)).ok()?;
    values.split_at_checked(count.checked_mul(width)?)
}
