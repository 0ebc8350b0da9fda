//! Dense and grouped convolutions as matrix products over gathered pixels.
//!
//! A left-hand row is what one output pixel sees: for each tap over time, rows and columns, the
//! channels of its input pixel. Blocks of such rows are gathered as the product runs, so no image
//! of the whole frame is built, and one code serves every kernel, stride, dilation and ring slot.

use super::Job;
use super::gather::Gather;
use crate::aligned::Aligned;
use crate::float::gemm::{Panels, Scratch, TileJob, Tiles, even};
use crate::vectorize::vectorize;
use crate::{Geometry, Isa};

/// The packed weights of a dense convolution.
pub(super) struct Dense {
    tiles: Tiles,
    /// One product for each group of channels.
    groups: Vec<Panels>,
    /// Biases of each group, padded to whole vectors.
    biases: Aligned<f32>,
}

impl Dense {
    /// Packs `weights` `[O][I / groups][t][h][w]`; lengths and `isa` have been checked.
    pub(super) fn new(geometry: &Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Dense {
        let tiles = Tiles::of(isa);
        let taps = geometry.taps();
        let inputs = geometry.in_channels() / geometry.groups();
        let outputs = geometry.out_channels() / geometry.groups();
        let groups: Vec<Panels> = (0..geometry.groups())
            .map(|group| {
                Panels::pack(&tiles, taps * inputs, outputs, |row, column| {
                    let (tap, input) = (row / inputs, row % inputs);
                    weights[((group * outputs + column) * inputs + input) * taps + tap]
                })
            })
            .collect();
        let padded = outputs.next_multiple_of(tiles.lanes);
        let mut biases = Aligned::zeros(padded * geometry.groups());
        for (to, from) in biases.chunks_mut(padded).zip(bias.chunks(outputs)) {
            to[..outputs].copy_from_slice(from);
        }
        Dense {
            tiles,
            groups,
            biases,
        }
    }

    /// Bytes of packed weights.
    pub(super) fn bytes(&self) -> usize {
        self.groups.iter().map(Panels::bytes).sum::<usize>() + size_of_val(&*self.biases)
    }

    /// Computes the rows of `job`, which runs on the instruction set this was packed for.
    pub(super) fn run(&self, job: &Job<'_>, output: &mut [f32]) {
        vectorize(
            job.isa,
            #[inline(always)]
            || self.run_inline(job, output),
        );
    }

    #[inline(always)]
    fn run_inline(&self, job: &Job<'_>, output: &mut [f32]) {
        let Job {
            geometry,
            activation,
            frames,
            addend,
            ..
        } = *job;
        let rows = &job.rows;
        let [_, width] = geometry.output();
        let channels = geometry.out_channels();
        let outputs = channels / geometry.groups();
        let pixels = rows.len() * width;
        let block = even(pixels, self.tiles.block(), 1);
        let mut scratch = Scratch::new();
        let mut gather = Gather::new(geometry, frames);
        for first in (0..pixels).step_by(block) {
            let count = block.min(pixels - first);
            gather.turn_to(rows.start * width + first, count);
            for (group, panels) in self.groups.iter().enumerate() {
                for chunk in panels.chunks() {
                    let (starts, ends) = (chunk.start == 0, chunk.end == gather.depth);
                    // SAFETY: the scratch holds `block` rows of `A_STRIDE` floats, and a chunk is
                    // shorter than that.
                    unsafe { gather.rows(scratch.as_mut_ptr(), group, chunk.clone()) }
                    let place = first * channels + group * outputs;
                    let tile = TileJob {
                        a: scratch.as_mut_ptr(),
                        b: panels.chunk(chunk.start),
                        k: chunk.len(),
                        start: if starts {
                            self.biases[group * panels.padded_columns()..].as_ptr()
                        } else {
                            std::ptr::null()
                        },
                        output: output[place..].as_mut_ptr(),
                        output_stride: channels,
                        columns: outputs,
                        addend: match addend {
                            Some(addend) if ends => addend[place..].as_ptr(),
                            _ => std::ptr::null(),
                        },
                        limits: activation.limits().filter(|_| ends),
                    };
                    // SAFETY: `isa` was checked when `tiles` was chosen. The scratch holds `count`
                    // rows of the chunk, the panels its weights, the biases whole vectors. Output
                    // and addend were checked to hold `rows.len() * width` pixels of `channels`
                    // values; the block's pixels `first..first + count` and the group's columns lie
                    // within.
                    unsafe { self.tiles.run(count, &tile) }
                }
            }
            if activation.limits().is_none() {
                activation.apply_inline(&mut output[first * channels..][..count * channels]);
            }
        }
    }
}
