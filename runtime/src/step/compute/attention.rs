//! Attention to the last frames.

use tract_core::internal::*;

use super::frame;
use crate::step::Weighting;
use crate::step::node::FrameShape;

/// Attention of each place of a frame to all places of a window.
#[derive(Debug)]
pub(in crate::step) struct Attention {
    weighting: Weighting,
    scale: f32,
    frames: usize,
    /// Places of the query, and of one frame of the keys.
    places: [usize; 2],
    /// Numbers of a key, and of a value.
    channels: [usize; 2],
}

impl Attention {
    pub fn new(
        attention: &crate::step::Attention,
        shapes: &[FrameShape],
    ) -> TractResult<Attention> {
        let [query, key, value] = shapes else {
            bail!("an attention has a query, a key and a value")
        };
        Ok(Attention {
            weighting: attention.weighting,
            scale: attention.scale,
            frames: attention.frames,
            places: [query[0] * query[1], key[0] * key[1]],
            channels: [key[2], value[2]],
        })
    }

    pub fn multiply_adds(&self) -> u64 {
        let pairs = self.places[0] as u64 * self.places[1] as u64 * self.frames as u64;
        pairs.saturating_mul((self.channels[0] + self.channels[1]) as u64)
    }

    /// The weights of one query.
    pub fn scratch(&self) -> usize {
        self.places[1] * self.frames
    }

    pub fn run(
        &self,
        taps: &[Option<&[f32]>],
        scratch: &mut [f32],
        output: &mut [f32],
    ) -> Result<(), String> {
        let [key_len, value_len] = self.channels;
        let queries = frame(taps, 0).chunks_exact(key_len);
        let (keys, values) = (&taps[1..1 + self.frames], &taps[1 + self.frames..]);
        for (query, output) in queries.zip(output.chunks_exact_mut(value_len)) {
            let keys = keys.iter().flatten();
            let keys = keys.flat_map(|frame| frame.chunks_exact(key_len));
            let mut count = 0;
            for (key, weight) in keys.zip(scratch.iter_mut()) {
                let product: f32 = query.iter().zip(key).map(|(q, k)| q * k).sum();
                *weight = product * self.scale;
                count += 1;
            }
            let weights = &mut scratch[..count];
            match self.weighting {
                Weighting::Softmax => super::elementwise::softmax_of(weights),
                Weighting::Mean => weights.iter_mut().for_each(|w| *w /= count as f32),
            }
            output.fill(0.0);
            let values = values.iter().flatten();
            let values = values.flat_map(|frame| frame.chunks_exact(value_len));
            for (value, weight) in values.zip(weights) {
                for (output, value) in output.iter_mut().zip(value) {
                    *output += *weight * value;
                }
            }
        }
        Ok(())
    }
}
