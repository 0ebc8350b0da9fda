//! Step operators as nodes of a tract graph: their shapes, checked.

use tract_core::internal::*;

use super::{Conv, Pool, StepOp};

/// Height, width and channels of a frame.
pub(crate) type FrameShape = [usize; 3];

impl StepOp {
    /// The word for it in a bundle's graph and in lists of operators.
    pub fn word(&self) -> &'static str {
        match self {
            StepOp::Conv(_) => "conv",
            StepOp::Pool(_) => "pool",
            StepOp::Shift { .. } => "shift",
            StepOp::Sample { .. } => "sample",
            StepOp::Sliding(_) => "sliding",
            StepOp::Attention(_) => "attention",
            StepOp::Binary(_) => "binary",
            StepOp::Activation(_) => "activation",
            StepOp::Concat => "concat",
            StepOp::Channels { .. } => "channels",
            StepOp::OverMap(_) => "over_map",
            StepOp::Softmax => "softmax",
        }
    }

    /// The frame that is made of frames of these shapes; for a convolution the weights' shape stands
    /// in `weights`.
    pub(crate) fn output_shape(
        &self,
        inputs: &[FrameShape],
        weights: Option<&[usize]>,
    ) -> TractResult<FrameShape> {
        let &[height, width, channels] = inputs.first().context("it has no input")?;
        match self {
            StepOp::Conv(conv) => conv.output_shape(inputs, weights.context("it has no weights")?),
            StepOp::Pool(pool) => pool.output_shape(inputs[0]),
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
            StepOp::Binary(_) => {
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
            StepOp::OverMap(_) => Ok([1, 1, channels]),
            StepOp::Sample { every, .. } => {
                ensure!(*every > 0, "every 0th frame is kept");
                Ok(inputs[0])
            }
            StepOp::Sliding(_) | StepOp::Activation(_) | StepOp::Softmax => Ok(inputs[0]),
        }
    }
}

impl Conv {
    fn output_shape(&self, inputs: &[FrameShape], weights: &[usize]) -> TractResult<FrameShape> {
        let [height, width, channels] = inputs[0];
        let [outputs, shared, time, kernel @ ..] = weights else {
            bail!("a convolution's weights are {weights:?}")
        };
        ensure!(
            *time == self.time.kernel && *kernel == self.space.kernel,
            "the weights {weights:?} are not for the window {:?} {:?}",
            self.time,
            self.space
        );
        ensure!(
            self.groups > 0 && shared * self.groups == channels && outputs % self.groups == 0,
            "the weights {weights:?} in {} groups are not for {channels} channels",
            self.groups
        );
        let map = self.space.output(height, width);
        let [height, width] = map.with_context(|| format!("{self:?} is wider than the map"))?;
        let shape = [height, width, *outputs];
        if let Some(added) = inputs.get(1) {
            ensure!(*added == shape, "{added:?} is added to {shape:?}");
        }
        Ok(shape)
    }
}

impl Pool {
    fn output_shape(&self, [height, width, channels]: FrameShape) -> TractResult<FrameShape> {
        let map = self.space.output(height, width);
        let [height, width] = map.with_context(|| format!("{self:?} is wider than the map"))?;
        Ok([height, width, channels])
    }
}

// No operator in a graph has NaN for a parameter: `check` refuses it.
impl Eq for StepOp {}

impl Op for StepOp {
    fn name(&self) -> StaticName {
        self.word().into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{self:?}")])
    }

    op_as_typed_op!();
}

impl EvalOp for StepOp {
    not_out_of_plan!();

    fn eval(&self, _: &EvalContext, _: TVec<TValue>) -> TractResult<TVec<TValue>> {
        bail!("a step program is run by its engine")
    }
}

impl TypedOp for StepOp {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.check()?;
        let frame = |fact: &TypedFact| -> TractResult<FrameShape> {
            let shape = fact.shape.as_concrete();
            let shape = shape.and_then(|shape| shape.try_into().ok());
            shape.with_context(|| format!("{fact:?} is no frame"))
        };
        let shape = match (self, inputs) {
            (StepOp::Conv(_), [x, weights, bias, added @ ..]) => {
                ensure!(added.len() <= 1, "more than one stream is added");
                let weights = weights.shape.as_concrete();
                let weights = weights.context("the weights have no known shape")?;
                ensure!(
                    bias.shape.as_concrete() == Some(&weights[..1]),
                    "a bias of {bias:?} for weights of {weights:?}"
                );
                let streams = std::iter::once(x).chain(added).map(|fact| frame(fact));
                let streams = streams.collect::<TractResult<Vec<_>>>()?;
                self.output_shape(&streams, Some(weights))?
            }
            (StepOp::Conv(_), _) => bail!("a convolution has a stream, weights and a bias"),
            _ => {
                let frames = inputs.iter().map(|fact| frame(fact));
                self.output_shape(&frames.collect::<TractResult<Vec<_>>>()?, None)?
            }
        };
        Ok(tvec!(f32::fact(shape)))
    }
}
