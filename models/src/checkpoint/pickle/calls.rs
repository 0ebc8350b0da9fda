//! What the stack machine does where Python would call a function or resolve a persistent id.

use super::super::tensor::Layout;
use super::globals::{self, Callable};
use super::machine::Machine;
use super::value::{Id, Storage, StoredTensor, Value, Values};
use super::{MAX_OPERATIONS, MAX_RANK, PickleError};

impl Machine {
    pub(super) fn refused(&self, callable: Id) -> PickleError {
        const SHOWN: usize = 200;
        let callable = match self.values.global(callable) {
            Some((module, name)) => format!("{module}.{name}").chars().take(SHOWN).collect(),
            None => "a value that is no function".to_owned(),
        };
        PickleError::Refused {
            callable,
            offset: self.offset,
        }
    }

    pub(super) fn call_with(&mut self, callable: Id, arguments: Id) -> Result<(), PickleError> {
        let Some(arguments) = self.values.tuple(arguments) else {
            return Err(self.malformed("arguments that are no tuple"));
        };
        // Calls look at their first arguments alone, so that a long tuple is not copied per call.
        const USED: usize = 8;
        let arguments = arguments.get(..USED).unwrap_or(arguments).to_vec();
        self.call(callable, &arguments)
    }

    pub(super) fn call(&mut self, callable: Id, arguments: &[Id]) -> Result<(), PickleError> {
        let known = self.values.global(callable);
        match known.and_then(|(module, name)| globals::callable(module, name)) {
            Some(Callable::Opaque) => self.push_id(Values::OPAQUE),
            Some(Callable::Mapping) => {
                let entries = self.listed_entries(arguments)?;
                self.push(Value::Dict(entries))
            }
            Some(Callable::First) => {
                let first = arguments.first().copied();
                self.push_id(first.ok_or(self.malformed("a call without arguments"))?)
            }
            Some(Callable::Tensor) => {
                let tensor = self.tensor(arguments, false)?;
                self.push(Value::Tensor(Box::new(tensor)))
            }
            Some(Callable::TypedTensor) => {
                let tensor = self.tensor(arguments, true)?;
                self.push(Value::Tensor(Box::new(tensor)))
            }
            None => Err(self.refused(callable)),
        }
    }

    /// The entries of a mapping that is called with a list of pairs, as Python 2 wrote them.
    fn listed_entries(&mut self, arguments: &[Id]) -> Result<Vec<(Id, Id)>, PickleError> {
        let Some(Value::List(items)) = arguments.first().map(|&first| self.values.get(first))
        else {
            return Ok(Vec::new());
        };
        self.copied = self.copied.saturating_add(items.len());
        if self.copied > MAX_OPERATIONS {
            return Err(self.limit("entries that calls copy", MAX_OPERATIONS));
        }
        let pair = |&item: &Id| match self.values.get(item) {
            Value::Tuple(pair) | Value::List(pair) => match pair.as_slice() {
                &[key, value] => Some((key, value)),
                _ => None,
            },
            _ => None,
        };
        let entries: Option<Vec<(Id, Id)>> = items.iter().map(pair).collect();
        entries.ok_or(self.malformed("a mapping of something other than pairs"))
    }

    /// `('storage', class, key, device, count)`, in legacy files followed by none or a view
    /// `(key, start, count)` of the storage.
    pub(super) fn storage(&self, id: Id) -> Result<Storage, PickleError> {
        let wrong = || self.malformed("a persistent id that names no storage");
        let (kind, class, key, view) = match self.values.tuple(id) {
            Some(&[kind, class, key, _, _]) => (kind, class, key, None),
            Some(&[kind, class, key, _, _, view]) => (kind, class, key, self.values.tuple(view)),
            _ => return Err(wrong()),
        };
        if self.values.str(kind) != Some("storage") || self.values.str(key).is_none() {
            return Err(wrong());
        }
        let class = self.values.global(class);
        let dtype = class.and_then(|(module, name)| globals::storage_dtype(module, name));
        let dtype = dtype.ok_or(self.malformed("a storage of an unknown class"))?;
        let start = match view {
            None => 0,
            Some(&[_, start, _]) => self.values.size(start).ok_or_else(wrong)?,
            Some(_) => return Err(wrong()),
        };
        Ok(Storage { key, dtype, start })
    }

    /// `(storage, offset, shape, strides, requires_grad, hooks, dtype)`, the last only where
    /// `typed`.
    fn tensor(&self, arguments: &[Id], typed: bool) -> Result<StoredTensor, PickleError> {
        let wrong = || self.malformed("a tensor without storage, offset, shape and strides");
        let &[storage, offset, shape, strides, ..] = arguments else {
            return Err(wrong());
        };
        let Value::Storage(storage) = self.values.get(storage) else {
            return Err(wrong());
        };
        let mut dtype = storage.dtype;
        if typed {
            let global = arguments.get(6).and_then(|&id| self.values.global(id));
            dtype = global
                .and_then(|(module, name)| globals::dtype(module, name))
                .ok_or(self.malformed("a tensor of an unknown dtype"))?;
        }
        let offset = self.values.size(offset).ok_or_else(wrong)?;
        let offset = storage.start.checked_add(offset).ok_or_else(wrong)?;
        let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
        if shape.len() != strides.len() {
            return Err(self.malformed("a tensor whose shape and strides differ in length"));
        }
        Ok(StoredTensor {
            key: storage.key,
            layout: Layout {
                dtype,
                offset,
                shape,
                strides,
            },
        })
    }

    /// A tuple of sizes; a list in files of the earliest versions.
    fn sizes(&self, id: Id) -> Result<Vec<usize>, PickleError> {
        let (Value::Tuple(items) | Value::List(items)) = self.values.get(id) else {
            return Err(self.malformed("a shape that is no tuple"));
        };
        if items.len() > MAX_RANK {
            return Err(self.limit("dimensions in a tensor", MAX_RANK));
        }
        let sizes: Option<Vec<usize>> = items.iter().map(|&item| self.values.size(item)).collect();
        sizes.ok_or(self.malformed("a shape or stride that is no size"))
    }
}
