//! Convolution of each channel on its own, over space, time or both.
//!
//! Channels are taken in blocks. For each output row a pointer is kept per row of taps (to zero
//! points for padding and missing frames), so frames are read where they lie; rows of taps of one
//! input column are read together, and a column that several outputs see is read once.

mod families;
mod kernel;
mod narrow;
#[cfg(target_arch = "aarch64")]
mod three;

use super::conv::{Call, Parameters};
use super::gemm::Gemm;
use super::lanes::{Finish, Taps};
use super::requantize::OutputRange;
use crate::Isa;
use crate::aligned::Aligned;
use families::Family;
use kernel::{MAX_ROWS, Rows, Run};

/// A depthwise convolution's packed weights.
#[derive(Debug)]
pub(super) enum Depthwise {
    /// Blocks of channels.
    Blocks(Blocks),
    /// More rows of taps than pointers are kept for: a group for each channel.
    Gemm(Gemm),
}

#[derive(Debug)]
pub(super) struct Blocks {
    blocks: Vec<(&'static Family, Block)>,
    /// An input row of the input's zero point.
    zeros: Vec<i8>,
    range: OutputRange,
    /// What no sum times its multiplier exceeds in size.
    reach: f32,
}

/// A block of channels, packed in the order of its sums.
#[derive(Debug)]
struct Block {
    /// First channel; the last block may overlap the one before.
    channel: usize,
    /// Channels that exist: fewer than the block holds only where there is no other block.
    width: usize,
    /// `[kw][groups of rows]` of what [`Taps::place`] says.
    weights: Aligned<u8>,
    /// The last row's, where it stands alone and has three taps.
    lone: Aligned<u8>,
    bias: Vec<i32>,
    multipliers: Vec<f32>,
}

impl Depthwise {
    /// Packs a depthwise convolution whose parameters were checked.
    pub fn new(parameters: &Parameters, isa: Isa) -> Depthwise {
        let geometry = parameters.geometry;
        let [frames, height, _] = geometry.window().kernel;
        if frames * height > MAX_ROWS {
            return Depthwise::Gemm(Gemm::new(parameters, isa));
        }
        let channels = geometry.in_channels();
        let mut blocks = Vec::new();
        let mut first = 0;
        while first < channels {
            let family = families::of(isa, channels - first);
            let start = first.min(channels.saturating_sub(family.channels));
            blocks.push((family, (family.pack)(parameters, start)));
            first = start + family.channels;
        }
        Depthwise::Blocks(Blocks {
            blocks,
            zeros: vec![parameters.input_zero; geometry.input()[1] * channels],
            range: parameters.range,
            reach: parameters.reach(),
        })
    }

    pub fn run(&self, call: &Call, output: &mut [i8]) {
        match self {
            Depthwise::Gemm(gemm) => gemm.run(call, output),
            Depthwise::Blocks(blocks) => {
                let finish = Finish::new(blocks.range, blocks.reach, None);
                let row_len = call.geometry.output()[1] * call.geometry.out_channels();
                let mut rows = Rows::new(&blocks.zeros);
                for (index, y) in call.rows.clone().enumerate() {
                    let range = index * row_len..(index + 1) * row_len;
                    rows.set(call, y);
                    let run = Run {
                        call,
                        rows: &rows,
                        finish: &finish,
                        range: blocks.range,
                        addend: call.addend.map(|addend| &addend.values[range.clone()]),
                    };
                    for (family, block) in &blocks.blocks {
                        // SAFETY: the family's instruction set is available and packed the block;
                        // frames, addend and output were checked against the geometry.
                        unsafe { (family.row)(&run, block, &mut output[range.clone()]) }
                    }
                }
            }
        }
    }
}

/// Packs the block of channels from `first` on.
fn pack<K: Taps>(parameters: &Parameters, first: usize) -> Block {
    let geometry = parameters.geometry;
    let [frames, height, width] = geometry.window().kernel;
    let rows = frames * height;
    let groups = rows.div_ceil(K::GROUP);
    let group = K::CHANNELS * K::GROUP * K::ELEMENT;
    let mut weights = Aligned::zeros(width * groups * group);
    let mut bias = vec![0; K::CHANNELS];
    let mut multipliers = vec![0.0; K::CHANNELS];
    let channels = K::CHANNELS.min(geometry.in_channels() - first);
    for position in 0..K::CHANNELS {
        let within = K::channel(position);
        if within >= channels {
            continue;
        }
        let channel = first + within;
        bias[position] = parameters.folded_bias(channel, K::SHIFT);
        multipliers[position] = parameters.multipliers[channel];
        for tap in 0..rows * width {
            let (row, kw) = (tap / width, tap % width);
            let index = K::place(position, row % K::GROUP) * K::ELEMENT;
            let at = (kw * groups + row / K::GROUP) * group + index;
            let bytes = i16::from(parameters.weight(channel, 0, tap)).to_le_bytes();
            weights[at..at + K::ELEMENT].copy_from_slice(&bytes[..K::ELEMENT]);
        }
    }
    let mut lone = Aligned::zeros(K::LONE);
    if width == 3 {
        let weight = |within: usize, kw| match within < channels {
            true => parameters.weight(first + within, 0, (rows - 1) * width + kw),
            false => 0,
        };
        K::pack_lone(weight, &mut lone);
    }
    Block {
        channel: first,
        width: channels,
        weights,
        lone,
        bias,
        multipliers,
    }
}
