//! A right-hand matrix, packed once.

use super::{CHUNK, Tiles, even};
use crate::aligned::Aligned;
use std::ops::Range;

/// A matrix of `depth` rows by `columns`, cut into chunks of rows and panels of columns.
///
/// Chunk after chunk; within a chunk panel after panel, as [`Tiles::panel`] cuts them; within a
/// panel row after row. Absent columns are zero.
pub(crate) struct Panels {
    values: Aligned<f32>,
    depth: usize,
    chunk: usize,
    padded_columns: usize,
}

impl Panels {
    /// Packs the matrix with value `of(row, column)`.
    pub(crate) fn pack(
        tiles: &Tiles,
        depth: usize,
        columns: usize,
        of: impl Fn(usize, usize) -> f32,
    ) -> Panels {
        let padded_columns = columns.next_multiple_of(tiles.lanes);
        let mut panels = Panels {
            values: Aligned::zeros(depth * padded_columns),
            depth,
            chunk: even(depth, CHUNK, 4),
            padded_columns,
        };
        let mut at = 0;
        for chunk in panels.chunks() {
            let mut first = 0;
            while first < columns {
                let width = tiles.panel(columns - first);
                for row in chunk.clone() {
                    for column in first..(first + width).min(columns) {
                        panels.values[at + column - first] = of(row, column);
                    }
                    at += width;
                }
                first += width;
            }
        }
        panels
    }

    /// The chunks of the depth.
    #[inline(always)]
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (depth, chunk) = (self.depth, self.chunk);
        (0..depth)
            .step_by(chunk)
            .map(move |start| start..(start + chunk).min(depth))
    }

    /// The panels of the chunk that starts at `row`.
    #[inline(always)]
    pub(crate) fn chunk(&self, row: usize) -> *const f32 {
        self.values[row * self.padded_columns..].as_ptr()
    }

    /// Columns, with those that fill the last vector.
    pub(crate) fn padded_columns(&self) -> usize {
        self.padded_columns
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.values)
    }
}
