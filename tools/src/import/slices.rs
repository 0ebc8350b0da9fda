//! Slices as exporters write them.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{Slice, StridedSlice};
use tract_onnx::tract_core::ops::identity::Identity;

/// A range of one axis of an earlier value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub source: OutletId,
    pub axis: usize,
    pub start: usize,
    pub end: usize,
}

/// Turns slices with constant bounds into tract's plain [`Slice`].
pub fn plain(graph: &mut TypedModel) -> TractResult<()> {
    for id in 0..graph.nodes().len() {
        let node = graph.node(id);
        let Some(op) = node.op_as::<StridedSlice>() else {
            continue;
        };
        if let Some(patch) = op.declutter(graph, node)? {
            patch.apply(graph)?;
        }
    }
    Ok(())
}

/// The value that `outlet` hands on unchanged.
pub fn behind_identities(graph: &TypedModel, mut outlet: OutletId) -> OutletId {
    while let node = graph.node(outlet.node)
        && node.op_is::<Identity>()
    {
        outlet = node.inputs[0];
    }
    outlet
}

/// The range that `outlet` is, if it is one.
pub fn range(graph: &TypedModel, outlet: OutletId) -> Option<Range> {
    let node = graph.node(behind_identities(graph, outlet).node);
    let slice = node.op_as::<Slice>()?;
    Some(Range {
        source: behind_identities(graph, node.inputs[0]),
        axis: slice.axis,
        start: slice.start.to_usize().ok()?,
        end: slice.end.to_usize().ok()?,
    })
}
