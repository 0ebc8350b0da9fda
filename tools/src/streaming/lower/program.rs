//! What came of a clip graph.

use std::collections::HashMap;

use praxiscope_runtime::step;
use tract_core::internal::*;

use super::Rows;
use crate::streaming::Change;
use crate::streaming::axes::{Axes, Extents};

/// What a wire of the clip graph was found to be.
#[derive(Clone, Debug)]
pub(in crate::streaming) enum Trace {
    Constant(Arc<Tensor>),
    Stream {
        axes: Axes,
        extents: Extents,
        rows: Rows,
    },
    /// The products of an attention.
    Scores,
}

/// An attention that was found in the clip graph.
#[derive(Clone, Debug)]
pub(in crate::streaming) struct Attended {
    /// The wires of queries, keys and values.
    pub maps: [OutletId; 3],
    pub op: step::Attention,
    pub is_over_time: bool,
}

/// What came of a clip graph.
#[derive(Debug)]
pub(in crate::streaming) struct Program {
    pub traces: HashMap<OutletId, Trace>,
    /// By the node of the clip graph that gives the mean of the values.
    pub attentions: HashMap<usize, Attended>,
    /// Nodes of the clip graph that combine all rows, with the node of the step program that combines
    /// the last ones.
    pub slides: HashMap<usize, usize>,
    pub step: TypedModel,
    pub output: OutletId,
    /// Rows of the output, which is one value for the clip unless `has_time`.
    pub rows: Rows,
    pub has_time: bool,
    /// Whether the output is one row that was picked out of the clip's, of which a longer clip has one
    /// as well.
    pub is_picked: bool,
    /// The node of the clip graph that picked the clip's last row, and how many are before it in the
    /// native clip, where a row is given for every frame instead, from the first one on.
    pub last: Option<(usize, usize)>,
    /// Of the operators over a window of rows those which make the output of rows, with their rows.
    pub heads: Vec<(usize, Rows)>,
    pub changes: Vec<Change>,
}

impl Program {
    /// Whether it gives rows that no operator combines, as a network of frames does.
    pub fn has_bare_rows(&self) -> bool {
        self.heads.is_empty() && !self.is_picked
    }
}
