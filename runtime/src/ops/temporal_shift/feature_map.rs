//! A feature map's bytes by time and channel.

use std::ops::Range;

use tract_core::internal::*;

use super::TemporalShift;

/// A tensor's bytes, addressed by time and channel whatever the order of the axes.
pub(super) struct FeatureMap {
    outer: usize,
    between: usize,
    /// Bytes of all that lies behind both axes.
    inner: usize,
    frames: usize,
    pub channels: usize,
    time_first: bool,
}

impl FeatureMap {
    pub fn of(tensor: &Tensor, op: &TemporalShift) -> TractResult<FeatureMap> {
        ensure!(
            tensor.datum_type().is_copy(),
            "cannot shift {:?}",
            tensor.datum_type()
        );
        let shape = tensor.shape();
        let (low, high) = (
            op.time_axis.min(op.channel_axis),
            op.time_axis.max(op.channel_axis),
        );
        ensure!(
            low < high && high < shape.len(),
            "{op:?} does not fit a tensor of {shape:?}"
        );
        Ok(FeatureMap {
            outer: shape[..low].iter().product(),
            between: shape[low + 1..high].iter().product(),
            inner: shape[high + 1..].iter().product::<usize>() * tensor.datum_type().size_of(),
            frames: shape[op.time_axis],
            channels: shape[op.channel_axis],
            time_first: op.time_axis < op.channel_axis,
        })
    }

    fn offset(&self, outer: usize, between: usize, t: usize, c: usize) -> usize {
        let (low, high, high_len) = match self.time_first {
            true => (t, c, self.channels),
            false => (c, t, self.frames),
        };
        let low_len = if self.time_first {
            self.frames
        } else {
            self.channels
        };
        (((outer * low_len + low) * self.between + between) * high_len + high) * self.inner
    }

    /// Fills `channels` of frame `t` from the lender, or with zeros where there is none.
    pub fn fill(&self, to: &mut [u8], t: usize, from: Option<Lender>, channels: Range<usize>) {
        for outer in 0..self.outer {
            for between in 0..self.between {
                for c in channels.clone() {
                    let at = self.offset(outer, between, t, c);
                    let to = &mut to[at..at + self.inner];
                    match &from {
                        Some(lender) => {
                            let c = c - lender.first_channel;
                            let at = lender.map.offset(outer, between, lender.frame, c);
                            to.copy_from_slice(&lender.bytes[at..at + self.inner]);
                        }
                        None => to.fill(0),
                    }
                }
            }
        }
    }
}

/// The frame that lends channels to its neighbour.
pub(super) struct Lender<'a> {
    pub map: &'a FeatureMap,
    pub bytes: &'a [u8],
    pub frame: usize,
    /// The channel of the borrower at which the lender's first one stands.
    pub first_channel: usize,
}
