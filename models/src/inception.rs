//! Inception-v1 (Szegedy et al.: "Going Deeper with Convolutions", 2014, table 1) over clips: what
//! I3D and S3D are made of.
//!
//! | layers | what | stride (T, H, W) | channels | of which branches 0, 1, 2, 3 |
//! |---|---|---|---|---|
//! | `1a` | 7x7x7 | 2, 2, 2 | 64 | |
//! | | largest of 1x3x3 | 1, 2, 2 | 64 | |
//! | `2b` | 1x1x1 | 1 | 64 | |
//! | `2c` | 3x3x3 | 1 | 192 | |
//! | | largest of 1x3x3 | 1, 2, 2 | 192 | |
//! | `3b` | block | 1 | 256 | 64, 96 to 128, 16 to 32, 32 |
//! | `3c` | block | 1 | 480 | 128, 128 to 192, 32 to 96, 64 |
//! | | largest of 3x3x3 | 2, 2, 2 | 480 | |
//! | `4b` | block | 1 | 512 | 192, 96 to 208, 16 to 48, 64 |
//! | `4c` | block | 1 | 512 | 160, 112 to 224, 24 to 64, 64 |
//! | `4d` | block | 1 | 512 | 128, 128 to 256, 24 to 64, 64 |
//! | `4e` | block | 1 | 528 | 112, 144 to 288, 32 to 64, 64 |
//! | `4f` | block | 1 | 832 | 256, 160 to 320, 32 to 128, 128 |
//! | | largest of 2x2x2 | 2, 2, 2 | 832 | |
//! | `5b` | block | 1 | 832 | 256, 160 to 320, 32 to 128, 128 |
//! | `5c` | block | 1 | 1024 | 384, 192 to 384, 48 to 128, 128 |
//!
//! A block joins the channels of four branches: a 1x1x1 convolution; 1x1x1, then 3x3x3; the same
//! with fewer channels; the largest of 3x3x3, then 1x1x1. Every convolution has a batch-norm and a
//! ReLU. The checkpoint tells the channels, and how many blocks each stage has.

use tract_core::ops::change_axes::AxisOp;

use crate::error::BuildError;
use crate::layers::{Net, Window, Wire};
use crate::weights::{Layers, Weights};
use praxiscope_runtime::ops::Pooling;

/// Channels of `1a`, `2b` and `2c` in the published networks.
const STEM: [usize; 3] = [64, 64, 192];

/// Channels of a block's convolutions in the published networks, in the order of [`BRANCHES`].
const BLOCKS: [&[[usize; 6]]; 3] = [
    &[[64, 96, 128, 16, 32, 32], [128, 128, 192, 32, 96, 64]],
    &[
        [192, 96, 208, 16, 48, 64],
        [160, 112, 224, 24, 64, 64],
        [128, 128, 256, 24, 64, 64],
        [112, 144, 288, 32, 64, 64],
        [256, 160, 320, 32, 128, 128],
    ],
    &[[256, 160, 320, 32, 128, 128], [384, 192, 384, 48, 128, 128]],
];
const BRANCHES: [&str; 6] = ["b0", "b1a", "b1b", "b2a", "b2b", "b3b"];

/// Blocks of each stage in the published networks.
pub(crate) const DEPTHS: [usize; 3] = [2, 5, 2];

/// `1a` and `2c`, the layers over time besides the blocks.
const LAYERS_BELOW_BLOCKS: usize = 2;

/// How a convolution of more than one pixel sees time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Not at all.
    Flat,
    /// As it sees height and width.
    Cube,
    /// By a second convolution, over time alone, behind the first.
    Separable,
}

/// Wires a max-pool with the zeros, or the nothing, that a network has around its maps.
pub(crate) type Pool = fn(&mut Net, &str, Wire, Window) -> Result<Wire, BuildError>;

/// What sets a network apart from others of the same table.
pub(crate) struct Style<'a> {
    /// Blocks of each stage.
    pub depths: [usize; 3],
    /// The kernel of each of the layers over time, which are `1a`, `2c` and the blocks.
    pub kernel: &'a dyn Fn(usize) -> Kernel,
    /// All pools.
    pub pool: Pool,
    /// Whether gates stand behind `2c` and every branch.
    pub gated: bool,
}

impl Style<'_> {
    /// Everything behind `1a`.
    pub fn features(&self, net: &mut Net, x: Wire) -> Result<Wire, BuildError> {
        let over_picture = Window::of(&[1, 3, 3]).strides(&[1, 2, 2]);
        let mut x = (self.pool)(net, "2a", x, over_picture.clone())?;
        x = unit(net, x, "2b", Window::cube(1))?;
        x = self.unit_over_time(net, x, "2c", (self.kernel)(1))?;
        let mut number = LAYERS_BELOW_BLOCKS;
        let halving = [
            Window::cube(3).stride(2),
            Window::cube(2).stride(2).unpadded(),
        ];
        let [first, second] = halving;
        let pools = [over_picture, first, second];
        for ((stage, pool), depth) in (3..).zip(pools).zip(self.depths) {
            x = (self.pool)(net, &format!("{stage}a"), x, pool)?;
            for letter in ('b'..).take(depth) {
                let kernel = (self.kernel)(number);
                x = self.block(net, x, &format!("{stage}{letter}"), kernel)?;
                number += 1;
            }
        }
        Ok(x)
    }

    fn block(
        &self,
        net: &mut Net,
        x: Wire,
        block: &str,
        kernel: Kernel,
    ) -> Result<Wire, BuildError> {
        let [b0, b1a, b1b, b2a, b2b, b3b] = BRANCHES.map(|branch| format!("{block}.{branch}"));
        let point = Window::cube(1);
        let branch_0 = unit(net, x, &b0, point.clone())?;
        let branch_0 = self.gate(net, branch_0, &b0)?;
        let branch_1 = unit(net, x, &b1a, point.clone())?;
        let branch_1 = self.unit_over_time(net, branch_1, &b1b, kernel)?;
        let branch_2 = unit(net, x, &b2a, point.clone())?;
        let branch_2 = self.unit_over_time(net, branch_2, &b2b, kernel)?;
        let branch_3 = (self.pool)(net, &format!("{block}.b3a"), x, Window::cube(3))?;
        let branch_3 = unit(net, branch_3, &b3b, point)?;
        let branch_3 = self.gate(net, branch_3, &b3b)?;
        net.concat(block, &[branch_0, branch_1, branch_2, branch_3])
    }

    /// A convolution of 3 pixels a side, padded so that the map keeps its size, and its gate.
    fn unit_over_time(
        &self,
        net: &mut Net,
        x: Wire,
        name: &str,
        kernel: Kernel,
    ) -> Result<Wire, BuildError> {
        let x = match kernel {
            Kernel::Flat => unit(net, x, name, Window::of(&[1, 3, 3]))?,
            Kernel::Cube => unit(net, x, name, Window::cube(3))?,
            Kernel::Separable => separable(net, x, name, 3, 1)?,
        };
        self.gate(net, x, name)
    }

    /// Self-gating (Xie et al., 2017, section 4.4): each channel times a number in 0..1 that is
    /// computed from the mean of all channels over the clip.
    fn gate(&self, net: &mut Net, x: Wire, name: &str) -> Result<Wire, BuildError> {
        if !self.gated {
            return Ok(x);
        }
        let name = format!("{name}.gate");
        let mean = net.mean_over_map(&format!("{name}.input"), x)?;
        let logits = net.linear(mean, &name)?;
        let mut weights = net.sigmoid(logits)?;
        for axis in ["time", "height", "width"] {
            weights = net.wire(format!("{name}.over-{axis}"), AxisOp::Add(2), &[weights])?;
        }
        net.mul(&format!("{name}.gated"), x, weights)
    }
}

/// Convolution, batch-norm, ReLU.
pub(crate) fn unit(net: &mut Net, x: Wire, name: &str, window: Window) -> Result<Wire, BuildError> {
    let y = net.conv_norm(x, &format!("{name}.conv"), &format!("{name}.norm"), window)?;
    net.relu(y)
}

/// A convolution of `side` x `side` pixels, then one of `side` frames, in steps of `stride`.
pub(crate) fn separable(
    net: &mut Net,
    x: Wire,
    name: &str,
    side: usize,
    stride: usize,
) -> Result<Wire, BuildError> {
    let space = Window::of(&[1, side, side]).strides(&[1, stride, stride]);
    let time = Window::of(&[side, 1, 1]).strides(&[stride, 1, 1]);
    let y = unit(net, x, &format!("{name}.space"), space)?;
    unit(net, y, &format!("{name}.time"), time)
}

/// The head of I3D and S3D: means of `kernel` or, where the map is smaller, of the map; a row of
/// logits for each; and the mean of the rows, `[1, classes]`.
pub(crate) fn pooled_logits(
    net: &mut Net,
    x: Wire,
    kernel: &[usize; 3],
) -> Result<Wire, BuildError> {
    let means = net.fitted_pool("head", x, Pooling::Mean, kernel, &[0; 3])?;
    let rows = net.conv(means, "logits", Window::cube(1))?;
    net.mean_over_map("mean", rows)
}

/// How many layers over time there are.
pub(crate) fn layers_over_time(depths: &[usize; 3]) -> usize {
    LAYERS_BELOW_BLOCKS + depths.iter().sum::<usize>()
}

/// How many blocks each stage has in a checkpoint that names them `3b`, `3c` and so on behind
/// `prefix`: as many as the last of its letters tells.
pub(crate) fn depths_by_letter(weights: &Weights, prefix: &str) -> [usize; 3] {
    ["3", "4", "5"].map(|stage| {
        let letter = |name: &str| {
            let rest = name.strip_prefix(prefix)?.strip_prefix(stage)?;
            rest.chars().next().filter(char::is_ascii_lowercase)
        };
        let last = weights.names().filter_map(letter).max().unwrap_or('b');
        1 + (last as usize).saturating_sub('b' as usize)
    })
}

/// The layers of the published network that have a weight.
pub(crate) fn published_layers(separable: bool, gated: bool) -> Layers {
    let mut layers = vec![];
    let mut unit = |name: String, outputs: usize, is_over_time: bool, has_gate: bool| {
        let parts: &[&str] = match separable && is_over_time {
            true => &[".space", ".time"],
            false => &[""],
        };
        layers.extend(
            parts
                .iter()
                .map(|part| (format!("{name}{part}.conv"), outputs)),
        );
        if gated && has_gate {
            layers.push((format!("{name}.gate"), outputs));
        }
    };
    for (name, outputs) in ["1a", "2b", "2c"].into_iter().zip(STEM) {
        // The first convolution of S3D-G is whole, and has no gate.
        let is_over_time = name == "2c" || (name == "1a" && !gated);
        unit(name.into(), outputs, is_over_time, name == "2c");
    }
    for (stage, blocks) in (3..).zip(BLOCKS) {
        for (letter, widths) in ('b'..).zip(blocks) {
            for (branch, &outputs) in BRANCHES.into_iter().zip(widths) {
                let name = format!("{stage}{letter}.{branch}");
                let is_over_time = matches!(branch, "b1b" | "b2b");
                let has_gate = is_over_time || matches!(branch, "b0" | "b3b");
                unit(name, outputs, is_over_time, has_gate);
            }
        }
    }
    layers.push(("logits".into(), 400));
    layers
}
