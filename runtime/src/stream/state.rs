//! A stream's state as bytes.
//!
//! ```text
//! "PRAXSTA1"  digest of the model (64 hexadecimal digits)
//! u64 length of the queue of frames that answers may speak of, then for each: number u64, time in nanoseconds u64
//! u64 tensor count, then for each: type u8, rank u8, dimensions u64, elements
//! SHA-256 of all before
//! ```
//! All numbers are little-endian.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tract_core::internal::*;

use super::{FrameId, StateError};
use crate::step::Saved;

const MAGIC: &[u8; 8] = b"PRAXSTA1";
const DIGEST_BYTES: usize = 32;
const TYPES: [DatumType; 5] = [
    DatumType::U8,
    DatumType::I8,
    DatumType::I32,
    DatumType::U64,
    DatumType::F32,
];

pub(super) struct SavedState {
    pub pending: Vec<FrameId>,
    pub past: Past,
}

/// What the network keeps.
pub(super) enum Past {
    /// As tensors: the counters (u64), the kept numbers (f32), the kept values (i8).
    Step(Saved),
    /// As [`Window::save`](super::window::Window::save) gives it.
    Clip(Vec<TValue>),
}

impl Past {
    fn tensors(&self) -> Vec<TValue> {
        match self {
            Past::Step(saved) => {
                vec![
                    tensor1(&saved.counters).into_tvalue(),
                    tensor1(&saved.frames).into_tvalue(),
                    tensor1(&saved.values).into_tvalue(),
                ]
            }
            Past::Clip(tensors) => tensors.clone(),
        }
    }

    /// A window's first tensor is a scalar, a program's counters are not.
    fn of_tensors(tensors: Vec<TValue>) -> TractResult<Past> {
        let [counters, frames, values] = tensors.as_slice() else {
            return Ok(Past::Clip(tensors));
        };
        if counters.rank() == 0 {
            return Ok(Past::Clip(tensors));
        }
        Ok(Past::Step(Saved {
            counters: counters.try_as_plain_ram()?.as_slice::<u64>()?.to_vec(),
            frames: frames.try_as_plain_ram()?.as_slice::<f32>()?.to_vec(),
            values: values.try_as_plain_ram()?.as_slice::<i8>()?.to_vec(),
        }))
    }
}

impl SavedState {
    pub fn to_bytes(&self, model_digest: &str) -> TractResult<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(model_digest.as_bytes());
        let number = |bytes: &mut Vec<u8>, n: u64| bytes.extend(n.to_le_bytes());
        number(&mut bytes, self.pending.len() as u64);
        for id in &self.pending {
            number(&mut bytes, id.number);
            number(&mut bytes, id.time.as_nanos() as u64);
        }
        let tensors = self.past.tensors();
        number(&mut bytes, tensors.len() as u64);
        for tensor in &tensors {
            let kind = TYPES.iter().position(|dt| *dt == tensor.datum_type());
            let kind = kind.with_context(|| format!("cannot save a {:?}", tensor.datum_type()))?;
            bytes.extend([kind as u8, tensor.rank() as u8]);
            for &dim in tensor.shape() {
                number(&mut bytes, dim as u64);
            }
            bytes.extend(tensor.as_bytes());
        }
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest);
        Ok(bytes)
    }

    pub fn from_bytes(bytes: &[u8], model_digest: &str) -> Result<SavedState, StateError> {
        let damaged = |what: &str| StateError::Damaged(what.into());
        let content = bytes
            .len()
            .checked_sub(DIGEST_BYTES)
            .and_then(|len| bytes.get(..len));
        let content = content.ok_or_else(|| damaged("it is cut off"))?;
        let mut reader = Reader { rest: content };
        if reader.take(MAGIC.len()) != Some(MAGIC) {
            return Err(damaged("it does not begin like one"));
        }
        if Sha256::digest(content).as_slice() != &bytes[content.len()..] {
            return Err(damaged("its digest does not match"));
        }
        let found = reader
            .take(model_digest.len())
            .ok_or_else(|| damaged("it is cut off"))?;
        if found != model_digest.as_bytes() {
            let found = String::from_utf8_lossy(found).into_owned();
            return Err(StateError::OtherModel {
                found,
                wanted: model_digest.into(),
            });
        }
        reader
            .state()
            .filter(|_| reader.rest.is_empty())
            .ok_or_else(|| damaged("it is cut off"))
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn state(&mut self) -> Option<SavedState> {
        let mut pending = vec![];
        for _ in 0..self.number()? {
            let number = self.number()?;
            pending.push(FrameId {
                number,
                time: Duration::from_nanos(self.number()?),
            });
        }
        let mut tensors = vec![];
        for _ in 0..self.number()? {
            tensors.push(self.tensor()?);
        }
        let past = Past::of_tensors(tensors).ok()?;
        Some(SavedState { pending, past })
    }

    fn tensor(&mut self) -> Option<TValue> {
        let &[kind, rank] = self.take(2)? else {
            return None;
        };
        let dt = *TYPES.get(usize::from(kind))?;
        let shape: TVec<usize> = (0..rank)
            .map(|_| self.number().and_then(|n| n.try_into().ok()))
            .collect::<Option<_>>()?;
        // Strides are products of the dimensions behind, also where one of them is 0.
        let strides = shape
            .iter()
            .try_fold(dt.size_of() as isize, |product, dim| {
                product.checked_mul(isize::try_from(*dim).ok()?.max(1))
            });
        strides?;
        let bytes = shape.iter().product::<usize>() * dt.size_of();
        let content = self.take(bytes)?;
        let mut tensor = Tensor::zero_dt(dt, &shape).ok()?;
        tensor.as_bytes_mut().copy_from_slice(content);
        Some(tensor.into_tvalue())
    }
}
