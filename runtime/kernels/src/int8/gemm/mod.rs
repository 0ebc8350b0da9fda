//! Convolution as a blocked matrix product without a matrix of the whole picture.
//!
//! For a strip of output pixels that stays in the near caches, the input values of each pixel are
//! staged side by side, in the form that the products take (widened, or shifted to unsigned); taps,
//! strides, padding and missing frames are dealt with there. Then each panel of packed weights is
//! run over the whole strip by tiles whose sums stay in registers and leave as 8-bit values.

mod families;
#[cfg(target_arch = "aarch64")]
mod finish_neon;
mod pack;
mod stage;
mod tile;
#[cfg(target_arch = "aarch64")]
mod tile_dot;
#[cfg(target_arch = "aarch64")]
mod tile_i8mm;

use super::conv::{Call, Parameters};
use super::lanes::Finish;
use super::requantize::OutputRange;
use crate::Isa;
use families::Family;
use pack::Panel;
use stage::Strip;
use std::mem::MaybeUninit;
use tile::Tiles;

/// Bytes of a strip's staged input. Also bounds the depth: one pixel must fit.
const STRIP: usize = 2 * super::conv::MAX_DEPTH;

#[repr(align(64))]
struct Staged(#[expect(dead_code, reason = "written through a pointer")] [u8; STRIP]);

/// Packed weights and the kernels that read them.
#[derive(Debug)]
pub(super) struct Gemm {
    family: &'static Family,
    /// Panels of each group.
    groups: Vec<Vec<Panel>>,
    /// Steps of one sum, padded.
    steps: usize,
    input_zero: i8,
    range: OutputRange,
    /// What no sum times its multiplier exceeds in size.
    reach: f32,
}

impl Gemm {
    /// Packs a convolution whose parameters were checked, for an instruction set that is available.
    pub fn new(parameters: &Parameters, isa: Isa) -> Gemm {
        let family = families::of(isa);
        let geometry = parameters.geometry;
        let outputs = geometry.out_channels() / geometry.groups();
        let inputs = geometry.in_channels() / geometry.groups();
        let lanes = family.layout.lanes;
        let group = |group: usize| {
            let end = (group + 1) * outputs;
            let mut first = group * outputs;
            let mut panels = Vec::new();
            for vectors in pack::split(outputs.div_ceil(lanes), family.widest()) {
                let channels = first..end.min(first + vectors * lanes);
                first = channels.end;
                panels.push(pack::panel(parameters, &family.layout, channels, vectors));
            }
            panels
        };
        Gemm {
            family,
            groups: (0..geometry.groups()).map(group).collect(),
            steps: (geometry.taps() * inputs).div_ceil(family.layout.step),
            input_zero: parameters.input_zero,
            range: parameters.range,
            reach: parameters.reach(),
        }
    }

    pub fn run(&self, call: &Call, output: &mut [i8]) {
        let geometry = call.geometry;
        let [_, width] = geometry.output();
        let layout = &self.family.layout;
        let stride = self.steps * layout.step * layout.element;
        // At least one pixel fits, for the depth is bounded at construction; padding to whole steps
        // stays within, for steps divide that bound.
        let most = STRIP / stride;
        let first = call.rows.start * width;
        let end = call.rows.end * width;
        let mut buffer = MaybeUninit::<Staged>::uninit();
        let staged: *mut u8 = buffer.as_mut_ptr().cast();
        let finish = Finish::new(self.range, self.reach, call.addend.as_ref());
        for (group, panels) in self.groups.iter().enumerate() {
            let mut start = first;
            while start < end {
                let pixels = start..end.min(start + most);
                let strip = Strip {
                    geometry,
                    frames: call.frames,
                    input_zero: self.input_zero,
                    channel: group * (geometry.in_channels() / geometry.groups()),
                    pixels: pixels.clone(),
                    stride,
                    to: staged,
                };
                // SAFETY: the family's instruction set is available; `staged` has room for `most`
                // pixels; frames were checked against the geometry.
                unsafe { (self.family.stage)(&strip) };
                for panel in panels {
                    let rows = pixels.start - first..pixels.end - first;
                    self.strip(panel, call, &finish, (staged, stride), rows, output);
                }
                start = pixels.end;
            }
        }
    }

    /// Runs one panel over a staged strip: output pixels `pixels`, counted within `output`.
    fn strip(
        &self,
        panel: &Panel,
        call: &Call,
        finish: &Finish,
        (staged, stride): (*const u8, usize),
        pixels: std::ops::Range<usize>,
        output: &mut [i8],
    ) {
        let channels = call.geometry.out_channels();
        let kernels = self.family.tiles[panel.vectors - 1];
        let writes_wild = self.family.writes_wild[panel.vectors - 1];
        let most = kernels.len();
        let mut at = pixels.start;
        while at < pixels.end {
            let left = pixels.end - at;
            let rows = most.min(left);
            let count = left / rows;
            let first = at * channels + panel.channel;
            let last = first + (count * rows - 1) * channels + panel.width;
            let output = &mut output[first..last];
            let addend = match &call.addend {
                Some(addend) => addend.values[first..last].as_ptr(),
                None => std::ptr::null(),
            };
            let tiles = Tiles {
                count,
                input: staged.wrapping_add((at - pixels.start) * stride),
                stride,
                steps: self.steps,
                weights: panel.weights.as_ptr(),
                bias: panel.bias.as_ptr(),
                multipliers: panel.multipliers.as_ptr(),
                output: output.as_mut_ptr(),
                addend,
                pixel: channels,
                width: panel.width,
                finish,
                write_wild: writes_wild[usize::from(call.addend.is_some())],
            };
            // SAFETY: the family's instruction set is available; `count * rows` pixels are staged
            // from `input` on, the panel was packed for this family, and the slices just taken
            // span the tiles' output and addend.
            unsafe { kernels[rows - 1](&tiles) };
            at += count * rows;
        }
    }
}
