//! Why a kernel refuses its input.

use crate::Isa;
use thiserror::Error;

/// Why a kernel could not be built or run.
///
/// Every slice is checked here, once, before any pointer is formed from it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KernelError {
    /// The geometry describes no computation; the text says what is wrong with it.
    #[error("impossible geometry: {0}")]
    Geometry(&'static str),
    /// A parameter other than the geometry is out of its range; the text says which.
    #[error("impossible parameter: {0}")]
    Parameter(&'static str),
    /// A slice has another length than the geometry needs.
    #[error("{what}: {expected} values needed, {got} given")]
    Length {
        /// Which slice.
        what: &'static str,
        /// The values the geometry needs.
        expected: usize,
        /// The values that were given.
        got: usize,
    },
    /// The rows asked for are not rows of the output.
    #[error("rows {start}..{end} do not lie in an output of {height} rows")]
    Rows {
        /// First row asked for.
        start: usize,
        /// One past the last row asked for.
        end: usize,
        /// Rows of the output.
        height: usize,
    },
    /// The CPU at hand does not run these instructions.
    #[error("this CPU has no {0} instructions")]
    Unavailable(Isa),
    /// No instruction set has this name.
    #[error("unknown instruction set {0:?}; known are {known}", known = Isa::names())]
    UnknownIsa(String),
}

/// Refuses `slice` unless it holds exactly `expected` values.
pub(crate) fn check_len<T>(
    what: &'static str,
    slice: &[T],
    expected: usize,
) -> Result<(), KernelError> {
    if slice.len() == expected {
        Ok(())
    } else {
        Err(KernelError::Length {
            what,
            expected,
            got: slice.len(),
        })
    }
}

/// Refuses `rows` unless they lie within `height` rows.
pub(crate) fn check_rows(rows: &std::ops::Range<usize>, height: usize) -> Result<(), KernelError> {
    if rows.start <= rows.end && rows.end <= height {
        Ok(())
    } else {
        Err(KernelError::Rows {
            start: rows.start,
            end: rows.end,
            height,
        })
    }
}
