//! Attention to the last frames.

use praxiscope_kernels::float::{math, matmul, matmul_transposed};
use praxiscope_kernels::{Isa, KernelError};
use tract_core::internal::*;

use super::frame;
use crate::step::Weighting;
use crate::step::node::FrameShape;

/// Attention of each place of a frame to all places of a window.
///
/// The window's frames are taken one after another where they lie, and softmax is carried on from one
/// to the next: with the largest product so far and the sum of powers relative to it, what was added up
/// is rescaled when a larger one comes (Milakov and Gimelshein: "Online normalizer calculation for
/// softmax", 2018).
#[derive(Debug)]
pub(in crate::step) struct Attention {
    weighting: Weighting,
    scale: f32,
    frames: usize,
    /// Places of the query, and of one frame of the keys.
    places: [usize; 2],
    /// Numbers of a key, and of a value.
    channels: [usize; 2],
    isa: Isa,
}

impl Attention {
    pub fn new(
        attention: &crate::step::Attention,
        shapes: &[FrameShape],
        isa: Isa,
    ) -> TractResult<Attention> {
        let [query, key, value] = shapes else {
            bail!("an attention has a query, a key and a value")
        };
        let places = [query[0] * query[1], key[0] * key[1]];
        ensure!(
            places[0].saturating_mul(places[1]) <= 1 << 26,
            "{} places attend to {} each frame",
            places[0],
            places[1]
        );
        Ok(Attention {
            weighting: attention.weighting,
            scale: attention.scale,
            frames: attention.frames,
            places,
            channels: [key[2], value[2]],
            isa,
        })
    }

    pub fn multiply_adds(&self) -> u64 {
        let pairs = self.places[0] as u64 * self.places[1] as u64 * self.frames as u64;
        pairs.saturating_mul((self.channels[0] + self.channels[1]) as u64)
    }

    /// One frame's products, what they add to the output, and for each query the largest product and
    /// the sum of powers.
    pub fn scratch(&self) -> usize {
        let [queries, keys] = self.places;
        queries * (keys + self.channels[1] + 2)
    }

    pub fn run(
        &self,
        taps: &[Option<&[f32]>],
        scratch: &mut [f32],
        output: &mut [f32],
    ) -> Result<(), KernelError> {
        let [queries, keys] = self.places;
        let [key_len, value_len] = self.channels;
        let (products, rest) = scratch.split_at_mut(queries * keys);
        let (added, rest) = rest.split_at_mut(queries * value_len);
        let (largest, sums) = rest.split_at_mut(queries);
        let query = frame(taps, 0);
        let (key_taps, value_taps) = taps[1..].split_at(self.frames);
        let there = || key_taps.iter().flatten();
        let count = (there().count() * keys) as f32;
        output.fill(0.0);
        largest.fill(f32::NEG_INFINITY);
        sums.fill(0.0);
        for (key, value) in there().zip(value_taps.iter().flatten()) {
            matmul_transposed(query, key, products, [queries, key_len, keys], self.isa)?;
            match self.weighting {
                Weighting::Mean => {
                    let factor = self.scale / count;
                    products.iter_mut().for_each(|product| *product *= factor);
                }
                Weighting::Softmax => {
                    let rows = products.chunks_exact_mut(keys).zip(largest.iter_mut());
                    let outputs = output.chunks_exact_mut(value_len);
                    for (((products, largest), sum), output) in
                        rows.zip(sums.iter_mut()).zip(outputs)
                    {
                        let rescaled = self.powers(products, largest, sum);
                        output.iter_mut().for_each(|value| *value *= rescaled);
                    }
                }
            }
            matmul(products, value, added, [queries, keys, value_len], self.isa)?;
            for (output, added) in output.iter_mut().zip(added.iter()) {
                *output += added;
            }
        }
        if self.weighting == Weighting::Softmax {
            for (output, sum) in output.chunks_exact_mut(value_len).zip(sums) {
                output.iter_mut().for_each(|value| *value /= *sum);
            }
        }
        Ok(())
    }

    /// Turns one query's products with a frame into powers relative to the largest so far; gives the
    /// factor of what was added up before.
    fn powers(&self, products: &mut [f32], largest: &mut f32, sum: &mut f32) -> f32 {
        let before = *largest;
        for product in products.iter_mut() {
            *product *= self.scale;
            *largest = largest.max(*product);
        }
        let rescaled = math::exp(before - *largest);
        *sum *= rescaled;
        for product in products.iter_mut() {
            *product = math::exp(*product - *largest);
            *sum += *product;
        }
        rescaled
    }
}
