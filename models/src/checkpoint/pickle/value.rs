//! What a pickle builds: values in one flat list that point at each other by number.
//!
//! Pickles share and nest values at will, and may nest them into themselves. In a flat list that
//! needs no reference counts, and dropping it never recurses.

use super::super::dtype::Dtype;
use super::super::tensor::Layout;

/// The number of a value in its [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::checkpoint) struct Id(u32);

/// One value. What no checkpoint reader needs to look into is `Opaque`.
#[derive(Debug)]
pub(in crate::checkpoint) enum Value {
    Opaque,
    Int(i128),
    Str(String),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A name that the pickle imports, called or not.
    Global {
        module: Id,
        name: Id,
    },
    Storage(Box<Storage>),
    Tensor(Box<StoredTensor>),
}

/// A reference to a block of values that stands outside the pickle.
#[derive(Clone, Copy, Debug)]
pub(in crate::checkpoint) struct Storage {
    /// A string: the storage's name in the file.
    pub(in crate::checkpoint) key: Id,
    pub(in crate::checkpoint) dtype: Dtype,
    /// Where this storage begins in the named one, in values.
    pub(in crate::checkpoint) start: usize,
}

/// A tensor as a way of looking at a storage.
#[derive(Debug)]
pub(in crate::checkpoint) struct StoredTensor {
    pub(in crate::checkpoint) key: Id,
    pub(in crate::checkpoint) layout: Layout,
}

/// All values of a pickle.
#[derive(Debug)]
pub(in crate::checkpoint) struct Values(Vec<Value>);

static OPAQUE: Value = Value::Opaque;

impl Values {
    /// The value that stands for everything of no interest: it takes no room however often it is
    /// used.
    pub(super) const OPAQUE: Id = Id(0);

    pub(super) fn new() -> Self {
        Self(vec![Value::Opaque])
    }

    /// Adds a value. The machine's limit on operations keeps the count within an [`Id`].
    pub(super) fn push(&mut self, value: Value) -> Id {
        match u32::try_from(self.0.len()) {
            Ok(number) => {
                self.0.push(value);
                Id(number)
            }
            Err(_) => Self::OPAQUE,
        }
    }

    pub(in crate::checkpoint) fn get(&self, id: Id) -> &Value {
        self.0.get(id.0 as usize).unwrap_or(&OPAQUE)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.0.get_mut(id.0 as usize)
    }

    pub(in crate::checkpoint) fn all(&self) -> &[Value] {
        &self.0
    }

    pub(in crate::checkpoint) fn str(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(in crate::checkpoint) fn int(&self, id: Id) -> Option<i128> {
        match self.get(id) {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn size(&self, id: Id) -> Option<usize> {
        self.int(id).and_then(|number| usize::try_from(number).ok())
    }

    pub(in crate::checkpoint) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub(in crate::checkpoint) fn dict(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.get(id) {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The module and name of a global.
    pub(super) fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.get(id) {
            Value::Global { module, name } => Some((self.str(*module)?, self.str(*name)?)),
            _ => None,
        }
    }
}
