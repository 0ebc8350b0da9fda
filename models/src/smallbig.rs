//! SmallBigNet (Li, Wang, Zhou, Qiao: "SmallBigNet: Integrating Core and Contextual Views for Video
//! Classification", 2020, table 1 and figure 3): a 2D ResNet-50 over the frames of a clip whose
//! convolutions look twice, at the map and at the largest values around each place of it.
//!
//! | layers | what | channels | stride over space | big views |
//! |---|---|---|---|---|
//! | `conv1`, `bn1` | 1x7x7 | 64 | 2 | |
//! | | largest of 1x3x3 | 64 | 2 | |
//! | `layer1` | 3 plain blocks | 256 | 1 | |
//! | `layer2` | 4 blocks | 512 | 2 | 3x3x3, 3x3x3, Tx3x3 |
//! | `layer3` | 6 blocks | 1024 | 2 | 3x3x3, 3x3x3, Tx3x3 |
//! | `layer4` | 3 blocks | 2048 | 2 | 3x3x3, 3x3x3, Tx3x3 |
//! | `fc` | mean over the map, linear | classes | | |
//!
//! A block is a bottleneck: 1x1x1, 1x3x3, 1x1x1. Its `n`th convolution in two views is
//! `bn(conv(x)) + big_bn(conv(big(x)))` with one kernel for both; the batch-norms differ, so that
//! they stay what they are. The third big view spans the clip: T is its frames, however many.
//!
//! The extra variant adds to a block's input what a gate lets through:
//! `x + bn(up(down(x) * sigmoid(down(largest of the clip))))`, where `down`, `big4_1`, is one
//! convolution too.
//!
//! Tensor names: the authors' (`layer2.0.conv1.weight`, `layer2.0.bn1.weight`,
//! `layer2.0.big1.1.weight` for the batch-norm of the big view, `layer2.0.big4_1.weight`,
//! `layer2.0.big4_2.0.weight`, `layer2.0.downsample.0.weight`, `fc.weight`).

#[cfg(test)]
mod tests;

use praxiscope_runtime::ops::Pooling;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::inflated_resnet::{self, STRIDES};
use crate::layers::{Net, Window, Wire};
use crate::names::Names;
use crate::weights::{Layers, Weights};

pub(crate) const FAMILIES: &[Entry] = &[
    Entry {
        id: "smallbig-50",
        description: "SmallBigNet; also of 23 or 101 layers",
        published: Published::imagenet(8),
        build: |weights, options| build(weights, options, false),
        layers: || published_layers(false),
    },
    Entry {
        id: "smallbig-50-extra",
        description: "SmallBigNet with the gate of the whole clip before each block",
        published: Published::imagenet(8),
        build: |weights, options| build(weights, options, true),
        layers: || published_layers(true),
    },
];

/// The first stage in two views.
const BIG_FROM: usize = 2;

/// A bottleneck's first convolution sees this many frames.
const ONE_FRAME: usize = 1;

fn build(
    weights: Weights,
    options: &BuildOptions,
    is_extra: bool,
) -> Result<ClipGraph, BuildError> {
    let (mut net, frames) = Net::new(weights, Names::bare(), &options.clip_input())?;
    if let Some(epsilon) = options.epsilon {
        net.set_epsilon(epsilon);
    }
    let stem = Window::of(&[1, 7, 7]).strides(&[1, 2, 2]);
    let mut x = net.conv_norm(frames, "conv1", "bn1", stem)?;
    x = net.relu(x)?;
    x = net.max_pool("maxpool", x, Window::of(&[1, 3, 3]).strides(&[1, 2, 2]))?;
    for (number, stride) in (1..).zip(STRIDES) {
        let name = format!("layer{number}");
        x = inflated_resnet::stage(&mut net, x, &name, stride, |net, x, block, stride, _| {
            if number < BIG_FROM {
                return inflated_resnet::bottleneck(net, x, block, stride, ONE_FRAME);
            }
            let x = if is_extra { gated(net, x, block)? } else { x };
            small_big(net, x, block, stride)
        })?;
    }
    let features = net.mean_over_map("avgpool", x)?;
    let logits = net.linear(features, "fc")?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

/// A bottleneck each of whose convolutions looks twice.
fn small_big(net: &mut Net, x: Wire, block: &str, stride: usize) -> Result<Wire, BuildError> {
    let mut y = unit(net, x, block, 1, Window::cube(1), Big::Around)?;
    y = net.relu(y)?;
    let frame = Window::of(&[1, 3, 3]).strides(&[1, stride, stride]);
    y = unit(net, y, block, 2, frame, Big::Around)?;
    y = net.relu(y)?;
    y = unit(net, y, block, 3, Window::cube(1), Big::WholeClip)?;
    inflated_resnet::add_shortcut(net, block, y, x, stride)
}

/// What a convolution's big view is the largest of.
#[derive(Clone, Copy, Debug)]
enum Big {
    /// 3x3x3.
    Around,
    /// 3x3 of all frames.
    WholeClip,
}

/// The block's `number`th convolution in both views. A big view of the whole clip is one frame,
/// which is added to all.
fn unit(
    net: &mut Net,
    x: Wire,
    block: &str,
    number: usize,
    window: Window,
    big: Big,
) -> Result<Wire, BuildError> {
    let (conv, view) = (
        format!("{block}.conv{number}"),
        format!("{block}.big{number}"),
    );
    let pool = format!("{view}.0");
    let around = match big {
        Big::Around => net.max_pool(&pool, x, Window::cube(3))?,
        Big::WholeClip => net.fitted_pool(&pool, x, Pooling::Max, &[0, 3, 3], &[0, 1, 1])?,
    };
    let big = format!("{view}.conv");
    let [small, big] = net.shared_conv([(&conv, x), (&big, around)], &conv, &window)?;
    let small = net.norm(&format!("{block}.bn{number}"), small)?;
    let big = net.norm(&format!("{view}.1"), big)?;
    net.add(&format!("{view}.add"), small, big)
}

/// `x` and what the gate lets through of it.
fn gated(net: &mut Net, x: Wire, block: &str) -> Result<Wire, BuildError> {
    let layer = |name: &str| format!("{block}.{name}");
    let (down, up, point) = (layer("big4_1"), layer("big4_2"), Window::cube(1));
    let largest = net.max_over_map(&layer("big_extra"), x)?;
    let gate = layer("big4_1.gate");
    let [values, gate] = net.shared_conv([(&down, x), (&gate, largest)], &down, &point)?;
    let gate = net.sigmoid(gate)?;
    let values = net.mul(&layer("big4_1.gated"), values, gate)?;
    let added = net.conv_norm(values, &format!("{up}.0"), &format!("{up}.1"), point)?;
    net.add(&layer("big4.add"), x, added)
}

fn published_layers(is_extra: bool) -> Layers {
    let blocks = [3, 4, 6, 3];
    let mut layers = inflated_resnet::published_layers("", 64, &blocks);
    for (number, &count) in (1..).zip(&blocks).filter(|(number, _)| *number >= BIG_FROM) {
        let outputs = 64 * 2usize.pow(number as u32 + 1);
        for index in (0..count).filter(|_| is_extra) {
            let inputs = if index == 0 { outputs / 2 } else { outputs };
            let layer = |name: &str| format!("layer{number}.{index}.{name}");
            layers.push((layer("big4_1"), inputs / 4));
            layers.push((layer("big4_2.0"), inputs));
        }
    }
    layers.push(("fc".into(), 400));
    layers
}
