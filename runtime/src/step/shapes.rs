//! The shapes of what step operators make.

use tract_core::internal::*;

use super::{IntOp, Pool, SpaceWindow, StepOp, TimeWindow};

/// Height, width and channels of a frame.
pub(crate) type FrameShape = [usize; 3];

impl StepOp {
    /// The frame that is made of frames of these shapes; for a convolution the weights' shape stands
    /// in `weights`.
    pub(crate) fn output_shape(
        &self,
        inputs: &[FrameShape],
        weights: Option<&[usize]>,
    ) -> TractResult<FrameShape> {
        let &[height, width, channels] = inputs.first().context("it has no input")?;
        match self {
            StepOp::Conv(conv) => convolved(&conv.time, &conv.space, conv.groups, inputs, weights),
            StepOp::Int(IntOp::Conv(conv)) => {
                convolved(&conv.time, &conv.space, conv.groups, inputs, weights)
            }
            StepOp::Pool(pool) | StepOp::Int(IntOp::MeanPool { pool, .. }) => {
                pool.output_shape(inputs[0])
            }
            StepOp::Attention(_) => {
                let [query, key, value] = inputs else {
                    bail!("an attention has a query, a key and a value")
                };
                ensure!(
                    query[2] == key[2] && key[..2] == value[..2],
                    "the attention of {query:?} to {key:?} has values {value:?}"
                );
                Ok([height, width, value[2]])
            }
            StepOp::Binary(_) | StepOp::Int(IntOp::Binary { .. }) => {
                let [left, right] = inputs else {
                    bail!("an arithmetic has two inputs")
                };
                let mut shape = *left;
                for (extent, (left, right)) in shape.iter_mut().zip(left.iter().zip(right)) {
                    ensure!(
                        left == right || *left == 1 || *right == 1,
                        "{inputs:?} do not go together"
                    );
                    *extent = *left.max(right);
                }
                Ok(shape)
            }
            StepOp::Concat => {
                ensure!(
                    inputs.iter().all(|input| input[..2] == [height, width]),
                    "maps of other sizes are put together: {inputs:?}"
                );
                let channels = inputs.iter().map(|input| input[2]).sum();
                Ok([height, width, channels])
            }
            StepOp::Channels { start, end } => {
                ensure!(
                    start < end && *end <= channels,
                    "there are no channels {start}..{end} of {channels}"
                );
                Ok([height, width, end - start])
            }
            StepOp::Shift { direction, fold } => {
                let moved = fold * (direction.time_span().past + direction.time_span().future);
                ensure!(moved <= channels, "{moved} of {channels} channels move");
                Ok(inputs[0])
            }
            StepOp::OverMap(_) | StepOp::Int(IntOp::MeanOverMap(_)) => Ok([1, 1, channels]),
            StepOp::Sample { every, .. } => {
                ensure!(*every > 0, "every 0th frame is kept");
                Ok(inputs[0])
            }
            StepOp::Sliding(_)
            | StepOp::Activation(_)
            | StepOp::Softmax
            | StepOp::Int(
                IntOp::Quantize(_) | IntOp::Dequantize | IntOp::Rescale(_) | IntOp::Lookup(_),
            ) => Ok(inputs[0]),
        }
    }
}

fn convolved(
    time: &TimeWindow,
    space: &SpaceWindow,
    groups: usize,
    inputs: &[FrameShape],
    weights: Option<&[usize]>,
) -> TractResult<FrameShape> {
    let weights = weights.context("it has no weights")?;
    let [height, width, channels] = inputs[0];
    let [outputs, shared, frames, kernel @ ..] = weights else {
        bail!("a convolution's weights are {weights:?}")
    };
    ensure!(
        *frames == time.kernel && *kernel == space.kernel,
        "the weights {weights:?} are not for the window {:?} {:?}",
        time,
        space
    );
    ensure!(
        groups > 0 && shared * groups == channels && outputs % groups == 0,
        "the weights {weights:?} in {} groups are not for {channels} channels",
        groups
    );
    let map = space.output(height, width);
    let [height, width] = map.with_context(|| format!("{space:?} is wider than the map"))?;
    let shape = [height, width, *outputs];
    if let Some(added) = inputs.get(1) {
        ensure!(*added == shape, "{added:?} is added to {shape:?}");
    }
    Ok(shape)
}

impl Pool {
    fn output_shape(&self, [height, width, channels]: FrameShape) -> TractResult<FrameShape> {
        let map = self.space.output(height, width);
        let [height, width] = map.with_context(|| format!("{self:?} is wider than the map"))?;
        Ok([height, width, channels])
    }
}
