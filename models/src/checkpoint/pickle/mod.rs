//! A pickle reader that executes nothing.
//!
//! A pickle is a program for a small stack machine, and Python runs whatever function it names.
//! This machine knows the operations, but of functions only those that a checkpoint needs
//! ([`globals`]), which it replaces by building values of its own. A call of anything else is
//! refused. Time and memory are bounded by the length of the input and by the limits below.

mod calls;
mod globals;
mod machine;
mod opcode;
mod reader;
mod value;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub(super) use value::{Id, StoredTensor, Value, Values};

/// Operations in one pickle. A large training checkpoint has some 100 000.
const MAX_OPERATIONS: usize = 4 << 20;
/// Values on the stack at once.
const MAX_STACK: usize = 1 << 20;
/// Values that are remembered for later use.
const MAX_MEMO: usize = 2 << 20;
/// Dimensions of a tensor.
const MAX_RANK: usize = 16;

/// Why a pickle was not read. Offsets count from the start of the file, or of the archive's entry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PickleError {
    /// The bytes end before the pickle does.
    #[error("the pickle breaks off at byte {offset}")]
    Truncated {
        /// The length of what is there.
        offset: usize,
    },
    /// A byte that is no operation of any protocol.
    #[error("byte {offset} of the pickle, {opcode:#04x}, is not a known opcode")]
    UnknownOpcode {
        /// The byte.
        opcode: u8,
        /// Where it stands.
        offset: usize,
    },
    /// An operation that `torch.save` does not write.
    #[error(
        "the pickle holds the opcode {opcode} (byte {offset}), which torch.save does not write"
    )]
    Unsupported {
        /// The operation's name.
        opcode: &'static str,
        /// Where it stands.
        offset: usize,
    },
    /// A protocol from the future.
    #[error("the pickle is of protocol {version} (byte {offset}); up to 5 is known")]
    Protocol {
        /// The version that the pickle states.
        version: u8,
        /// Where it does.
        offset: usize,
    },
    /// The pickle would call something that no checkpoint needs. Nothing was called.
    #[error(
        "the pickle would call {callable} (byte {offset}), which a checkpoint has no business to \
         do; nothing was executed{}", hint(.callable)
    )]
    Refused {
        /// The function or class.
        callable: String,
        /// Where the call stands.
        offset: usize,
    },
    /// The operations contradict each other.
    #[error("the pickle is damaged: {what} (byte {offset})")]
    Malformed {
        /// What does not fit.
        what: &'static str,
        /// Where that shows.
        offset: usize,
    },
    /// The pickle is larger than any checkpoint's.
    #[error("the pickle has more than {limit} {what} (byte {offset})")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
        /// Where the limit is passed.
        offset: usize,
    },
}

/// Whoever saved a network whole finds its class refused, and can save it anew.
fn hint(callable: &str) -> &'static str {
    let name = callable.rsplit('.').next().unwrap_or_default();
    if name.starts_with(|first: char| first.is_ascii_uppercase()) {
        " (of a network that was saved whole, save the state_dict() instead)"
    } else {
        ""
    }
}

/// A pickle that has been read: its values and the one that it is about.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) values: Values,
    pub(super) root: Id,
}

impl Pickle {
    /// Reads the pickle that begins at byte `at`; returns it and where it ends.
    pub(super) fn parse(bytes: &[u8], at: usize) -> Result<(Self, usize), PickleError> {
        machine::run(reader::Reader::new(bytes, at))
    }
}
