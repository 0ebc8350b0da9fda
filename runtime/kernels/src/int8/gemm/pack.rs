//! Packing: weights in panels of a few vectors of channels, in the order in which tiles read them.

use crate::aligned::Aligned;
use crate::int8::conv::Parameters;
use std::ops::Range;

/// How a family of tile kernels wants its weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Channels per vector.
    pub lanes: usize,
    /// Values per step, of which `depth` lie side by side for one channel.
    pub step: usize,
    pub depth: usize,
    /// Bytes per value, 1 or 2.
    pub element: usize,
    /// What staging adds to input values.
    pub shift: i32,
}

/// One panel: some vectors of one group's output channels.
#[derive(Debug)]
pub(super) struct Panel {
    /// First output channel.
    pub channel: usize,
    /// Channels that exist.
    pub width: usize,
    pub vectors: usize,
    /// `[steps][vectors]` of `[step / depth][lanes][depth]`, from a cache line's start.
    pub weights: Aligned<u8>,
    /// For each lane of the panel, zero where no channel is.
    pub bias: Vec<i32>,
    pub multipliers: Vec<f32>,
}

/// Packs one panel of `vectors` vectors for the output channels `channels`.
pub(super) fn panel(
    parameters: &Parameters,
    layout: &Layout,
    channels: Range<usize>,
    vectors: usize,
) -> Panel {
    let geometry = parameters.geometry;
    let inputs = geometry.in_channels() / geometry.groups();
    let values = geometry.taps() * inputs;
    let steps = values.div_ceil(layout.step);
    let vector = layout.lanes * layout.step;
    let mut weights = Aligned::zeros(steps * vectors * vector * layout.element);
    for (lane, output) in channels.clone().enumerate() {
        for value in 0..values {
            let weight = parameters.weight(output, value % inputs, value / inputs);
            let within = value % layout.step;
            let index = (value / layout.step * vectors + lane / layout.lanes) * vector
                + within / layout.depth * layout.lanes * layout.depth
                + lane % layout.lanes * layout.depth
                + within % layout.depth;
            let bytes = i16::from(weight).to_le_bytes();
            let at = index * layout.element;
            weights[at..at + layout.element].copy_from_slice(&bytes[..layout.element]);
        }
    }
    let lanes = vectors * layout.lanes;
    let mut bias = vec![0; lanes];
    let mut multipliers = vec![0.0; lanes];
    for (lane, output) in channels.clone().enumerate() {
        bias[lane] = parameters.folded_bias(output, layout.shift);
        multipliers[lane] = parameters.multipliers[output];
    }
    Panel {
        channel: channels.start,
        width: channels.len(),
        vectors,
        weights,
        bias,
        multipliers,
    }
}

/// Splits `vectors` vectors into panels of at most `widest`, as even as they come.
pub(super) fn split(vectors: usize, widest: usize) -> impl Iterator<Item = usize> {
    let panels = vectors.div_ceil(widest);
    (0..panels).map(move |i| vectors / panels + usize::from(i < vectors % panels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_as_even_as_they_come() {
        assert_eq!(split(10, 4).collect::<Vec<_>>(), [4, 3, 3]);
        assert_eq!(split(4, 4).collect::<Vec<_>>(), [4]);
        assert_eq!(split(1, 2).collect::<Vec<_>>(), [1]);
    }
}
