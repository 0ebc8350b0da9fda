//! What single operators do over time.

use praxiscope_runtime::ops::{FittedPool, TemporalShift};
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, MaxPool, PoolSpec, SumPool};

/// What one operator does over time, in positions of the map before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeOperator {
    /// The node of the graph.
    pub name: String,
    /// Positions that are combined.
    pub kernel: usize,
    /// From one that is combined to the next.
    pub dilation: usize,
    /// From one result to the next.
    pub stride: usize,
    /// Positions that are added before and behind the map: zeros, or none where it is a maximum.
    pub padding: (usize, usize),
}

impl TimeOperator {
    /// What a node combines or drops along the axis of time, if it does.
    pub(super) fn of(
        graph: &TypedModel,
        node: &TypedNode,
        axis: usize,
    ) -> TractResult<Option<TimeOperator>> {
        if let Some(shift) = node.op_as::<TemporalShift>() {
            let span = shift.direction.time_span();
            let padding = (span.past, span.future);
            let kernel = span.past + 1 + span.future;
            return Ok(Some(TimeOperator {
                kernel,
                padding,
                ..TimeOperator::still(node)
            }));
        }
        let window = TimeOperator::window(graph, node, axis)?;
        Ok(window.filter(|window| window.kernel > 1 || window.stride > 1))
    }

    /// The window of a convolution or a pool along the axis of time.
    pub(super) fn window(
        graph: &TypedModel,
        node: &TypedNode,
        axis: usize,
    ) -> TractResult<Option<TimeOperator>> {
        let input = &graph.outlet_fact(node.inputs[0])?.shape;
        if let Some(pool) = node.op_as::<FittedPool>() {
            let spec = pool.window(input)?;
            return Ok(Some(TimeOperator::along(&spec, node, input, axis)?));
        }
        let conv = node.op_as::<Conv>().map(|op| &op.pool_spec);
        let largest = || node.op_as::<MaxPool>().map(|op| &op.pool_spec);
        let mean = || node.op_as::<SumPool>().map(|op| &op.pool_spec);
        let Some(spec) = conv.or_else(largest).or_else(mean) else {
            return Ok(None);
        };
        Ok(Some(TimeOperator::along(spec, node, input, axis)?))
    }

    fn along(
        spec: &PoolSpec,
        node: &TypedNode,
        input: &ShapeFact,
        axis: usize,
    ) -> TractResult<TimeOperator> {
        let at = axis.checked_sub(spec.data_format.h_axis());
        let Some(at) = at.filter(|at| *at < spec.rank()) else {
            return Ok(TimeOperator::still(node));
        };
        let shape = spec.data_format.shape(input.to_tvec())?;
        let padding = spec.computed_padding(shape.hw_dims());
        let padding = padding
            .get(at)
            .context("a window has a padding on each axis")?;
        Ok(TimeOperator {
            name: node.name.clone(),
            kernel: spec.kernel_shape[at].max(1),
            dilation: spec.dilation(at),
            stride: spec.stride(at),
            padding: (
                padding.pad_before.to_usize()?,
                padding.pad_after.to_usize()?,
            ),
        })
    }

    /// Frames in the batch axis are seen one by one.
    fn still(node: &TypedNode) -> TimeOperator {
        TimeOperator {
            name: node.name.clone(),
            kernel: 1,
            dilation: 1,
            stride: 1,
            padding: (0, 0),
        }
    }
}
