//! Pools.

use tract_core::internal::*;

use super::conv::source;
use crate::step::node::FrameShape;
use crate::step::{Reduction, SpaceWindow};

/// A pool over time and the map. A window that meets nothing gives zero.
#[derive(Debug)]
pub(in crate::step) struct Pool {
    of: Reduction,
    zero_padded: bool,
    space: SpaceWindow,
    input: FrameShape,
    output: FrameShape,
}

impl Pool {
    pub fn new(
        pool: &crate::step::Pool,
        input: FrameShape,
        output: FrameShape,
    ) -> TractResult<Pool> {
        Ok(Pool {
            of: pool.of,
            zero_padded: pool.zero_padded,
            space: pool.space,
            input,
            output,
        })
    }

    pub fn run(&self, taps: &[Option<&[f32]>], output: &mut [f32]) -> Result<(), String> {
        let [height, width, channels] = self.input;
        let [rows, columns] = self.space.kernel;
        let outside = self.zero_padded.then_some(0.0);
        for (pixel, output) in output.chunks_exact_mut(channels).enumerate() {
            let (y, x) = (pixel / self.output[1], pixel % self.output[1]);
            for (channel, output) in output.iter_mut().enumerate() {
                let values = taps.iter().flat_map(|tap| {
                    (0..rows * columns).filter_map(move |at| {
                        let y = source(&self.space, 0, height, y, at / columns);
                        let x = source(&self.space, 1, width, x, at % columns);
                        match (tap, y, x) {
                            (Some(tap), Some(y), Some(x)) => {
                                Some(tap[(y * width + x) * channels + channel])
                            }
                            _ => outside,
                        }
                    })
                });
                *output = reduce(self.of, values);
            }
        }
        Ok(())
    }
}

/// The largest or the mean; 0 of nothing.
pub(super) fn reduce(of: Reduction, values: impl Iterator<Item = f32>) -> f32 {
    match of {
        Reduction::Max => values.reduce(f32::max).unwrap_or(0.0),
        Reduction::Mean => {
            let (count, sum) = values.fold((0u32, 0.0), |(n, sum), value| (n + 1, sum + value));
            sum / count.max(1) as f32
        }
    }
}
