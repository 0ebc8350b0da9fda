//! What a network sees over time, computed from its graph and never typed in.
//!
//! A position of a feature map stands for a frame, and sees some frames before and behind it. The
//! operators of a network compose: [`TimeStructure::of`] walks over the graph and gives what a
//! position of its last features sees. Those are the features before the mean over time, or the
//! rows of logits where the network gives one for each frame.

mod operator;
mod seen;
#[cfg(test)]
mod tests;

use tract_core::internal::*;

use crate::error::BuildError;

use seen::Seen;

pub use operator::TimeOperator;

/// What a network sees over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStructure {
    /// Frames before its own that a position of the last features sees.
    pub past: usize,
    /// Frames behind its own that it sees.
    pub lookahead: usize,
    /// From the first frame that it sees to the last, both counted.
    pub receptive_field: usize,
    /// Frames from one position to the next.
    pub stride: usize,
    /// Whether something before the last features sees all of the clip at once: an attention over
    /// time, or a gate that is made from a mean. It sees more than the numbers here say.
    pub whole_clip: bool,
    /// The last features: one map, or one for each pathway.
    pub features: Vec<OutletId>,
    /// The operators that combine or drop positions, in the graph's order.
    pub operators: Vec<TimeOperator>,
}

impl TimeStructure {
    /// What the network `graph` sees, whose inputs are `[T, 3, H, W]` or `[1, 3, T, H, W]`.
    ///
    /// # Errors
    /// [`BuildError::Graph`], where two maps of different strides are added, or an extent is not
    /// known.
    pub fn of(graph: &TypedModel) -> Result<TimeStructure, BuildError> {
        let longest = graph
            .input_outlets()?
            .iter()
            .map(|input| Seen::frames(graph, *input));
        let longest = longest.collect::<TractResult<Vec<_>>>()?.into_iter().max();
        let longest = longest.context("a network has an input")?;
        let mut seen: Vec<Option<Seen>> = vec![None; graph.nodes().len()];
        let mut operators = vec![];
        for id in graph.eval_order()? {
            let node = graph.node(id);
            let before = node
                .inputs
                .first()
                .and_then(|input| seen[input.node].as_ref());
            if let Some(axis) = before.and_then(|before| before.axis) {
                operators.extend(TimeOperator::of(graph, node, axis)?);
            }
            seen[id] = Seen::behind(graph, node, &seen, longest)?;
        }
        let output = *graph
            .output_outlets()?
            .first()
            .context("a network has an output")?;
        let last = seen[output.node]
            .take()
            .context("the output does not depend on an input")?;
        let features = match last.combined.is_empty() {
            true => vec![output],
            false => last.combined.to_vec(),
        };
        Ok(TimeStructure {
            past: usize::try_from(-last.first).unwrap_or(0),
            lookahead: usize::try_from(last.last).unwrap_or(0),
            receptive_field: usize::try_from(last.last - last.first + 1).unwrap_or(0),
            stride: usize::try_from(last.stride).unwrap_or(1),
            whole_clip: last.whole_clip,
            features,
            operators,
        })
    }
}
