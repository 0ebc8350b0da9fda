//! Non-local networks (Wang, Girshick, Gupta, He: "Non-local Neural Networks", 2017, table 1 and
//! figure 2): a ResNet-50 I3D with non-local blocks behind some of its blocks.
//!
//! | layers | what | channels | stride over time | non-local blocks: 5 | 10 |
//! |---|---|---|---|---|---|
//! | `conv1` | 5x7x7 | 64 | 2 | | |
//! | | largest of 1x3x3 | 64 | 2 | | |
//! | `layer1` | 3 blocks, all inflated | 256 | 1 | | |
//! | | largest of 2x1x1 | 256 | 2 | | |
//! | `layer2` | 4 blocks, every second inflated | 512 | 1 | behind every second | behind all |
//! | `layer3` | 6 blocks, every second inflated | 1024 | 1 | behind every second | behind all |
//! | `layer4` | 3 blocks, the middle one inflated | 2048 | 1 | | |
//! | `fc` | mean over the map, linear | classes | | | |
//!
//! An inflated block's first convolution is 3x1x1 instead of 1x1x1; which are is read off the
//! weights, and so is where the non-local blocks stand. One is `x + conv_out(y)`, where `y` is, for
//! each place of `theta(x)`, the mean of `g(x)` over all places of the clip, weighted by how well
//! `phi(x)` there fits. With subsampling `phi` and `g` are the largest of 1x2x2.
//!
//! Tensor names: mmaction2's (`backbone.layer2.1.non_local_block.theta.conv.weight`, `g.0.conv` and
//! `phi.0.conv` where there is subsampling), or those of the table with `bn1`, `downsample.0` and
//! `downsample.1` as in torchvision and the subsampled `layer2.1.non_local.theta`, `phi`, `g` and
//! `conv_out`, whose batch-norm is `norm_out`.

#[cfg(test)]
mod tests;

use praxiscope_runtime::ops::Weighting;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::inflated_resnet::{self, STRIDES};
use crate::layers::{Attended, Net, Window, Wire};
use crate::names::Names;
use crate::weights::{Layers, Weights};

pub(crate) const FAMILIES: &[Entry] = &[
    Entry {
        id: "nonlocal5-resnet50",
        description: "I3D over ResNet-50 with 5 non-local blocks, or as many as the weights have",
        published: Published::imagenet(32),
        build,
        layers: || published_layers(|index| index % 2 == 1),
    },
    Entry {
        id: "nonlocal10-resnet50",
        description: "I3D over ResNet-50 with 10 non-local blocks, or as many as the weights have",
        published: Published::imagenet(32),
        build,
        layers: || published_layers(|_| true),
    },
];

/// How well a place fits another, from their features `theta` and `phi` (the paper's section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// The softmax of the products.
    EmbeddedGaussian,
    /// The softmax of the products over the square root of the channels of `theta`.
    ScaledGaussian,
    /// The softmax of the products of the features as they are, without `theta` and `phi`.
    Gaussian,
    /// The products over the number of places.
    DotProduct,
}

/// How many frames the first convolution of a stage's block sees, where its weight does not tell.
fn published_time(stage: usize, index: usize) -> usize {
    let is_inflated = match stage {
        1 => true,
        2 | 3 => index.is_multiple_of(2),
        _ => index % 2 == 1,
    };
    if is_inflated { 3 } else { 1 }
}

fn build(weights: Weights, options: &BuildOptions) -> Result<ClipGraph, BuildError> {
    let subsamples = weights.any(|name| name.contains("non_local_block.g.0."));
    let is_bare = !weights.any(|name| name.starts_with("backbone."));
    let names = match is_bare {
        true => Names::bare(),
        false => Names::spelled(move |layer| mmaction2(layer, subsamples)),
    };
    let (mut net, frames) = Net::new(weights, names, &options.clip_input())?;
    if let Some(epsilon) = options.epsilon {
        net.set_epsilon(epsilon);
    }
    if !net.weights().any(|name| name.contains(".non_local")) {
        // A plain I3D: the first block of the published network is missing.
        net.outputs_of("layer2.1.non_local.g")?;
    }
    let blocks = Blocks {
        attention: options.attention,
        subsamples: subsamples || is_bare,
    };
    let strides = options.stem_time_strides.unwrap_or([2, 2]);
    let features = features(&mut net, frames, strides, blocks)?;
    let features = net.mean_over_map("avgpool", features)?;
    let logits = net.linear(features, "fc")?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

fn features(
    net: &mut Net,
    frames: Wire,
    [conv, pool]: [usize; 2],
    blocks: Blocks,
) -> Result<Wire, BuildError> {
    let window = Window::of(&[net.time_of("conv1", 5), 7, 7]).strides(&[conv, 2, 2]);
    let mut x = net.conv_norm(frames, "conv1", "bn1", window)?;
    x = net.relu(x)?;
    x = net.max_pool("maxpool", x, Window::of(&[1, 3, 3]).strides(&[pool, 2, 2]))?;
    for (number, stride) in (1..).zip(STRIDES) {
        let name = format!("layer{number}");
        x = inflated_resnet::stage(net, x, &name, stride, |net, x, block, stride, index| {
            let time = published_time(number, index);
            let x = inflated_resnet::residual(net, x, block, stride, time)?;
            blocks.non_local(net, x, &format!("{block}.non_local"))
        })?;
        if number == 1 {
            let window = Window::of(&[2, 1, 1]).strides(&[2, 1, 1]).unpadded();
            x = net.max_pool("pool2", x, window)?;
        }
    }
    Ok(x)
}

/// What the non-local blocks of a network have in common.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    /// None where the weights tell.
    attention: Option<Attention>,
    subsamples: bool,
}

impl Blocks {
    /// `x + conv_out(attention)`, if the weights have such a block here.
    fn non_local(self, net: &mut Net, x: Wire, block: &str) -> Result<Wire, BuildError> {
        let layer = |name: &str| format!("{block}.{name}");
        if !net.has(&layer("g")) {
            return Ok(x);
        }
        let attention = self.attention.unwrap_or(match net.has(&layer("theta")) {
            true => Attention::EmbeddedGaussian,
            false => Attention::Gaussian,
        });
        let point = Window::cube(1);
        let (mut queries, mut keys) = (x, x);
        if attention != Attention::Gaussian {
            queries = net.conv(x, &layer("theta"), point.clone())?;
            keys = net.conv(x, &layer("phi"), point.clone())?;
        }
        let mut values = net.conv(x, &layer("g"), point.clone())?;
        if self.subsamples {
            let half = || Window::of(&[1, 2, 2]).strides(&[1, 2, 2]).unpadded();
            keys = net.max_pool(&layer("phi.pool"), keys, half())?;
            values = net.max_pool(&layer("g.pool"), values, half())?;
        }
        let (weighting, scale) = match attention {
            Attention::EmbeddedGaussian | Attention::Gaussian => (Weighting::Softmax, 1.0),
            Attention::ScaledGaussian => {
                let channels = net.channels(queries)?;
                (Weighting::Softmax, (channels as f32).sqrt().recip())
            }
            Attention::DotProduct => (Weighting::Mean, 1.0),
        };
        let maps = Attended {
            queries,
            keys,
            values,
        };
        let seen = net.attention(&layer("attention"), maps, weighting, scale)?;
        let (conv, norm) = (layer("conv_out"), layer("norm_out"));
        let seen = match net.has(&norm) {
            true => net.conv_norm(seen, &conv, &norm, point)?,
            false => net.conv(seen, &conv, point)?,
        };
        net.add(&layer("add"), x, seen)
    }
}

fn mmaction2(layer: &str, subsamples: bool) -> String {
    if layer == "fc" {
        return "cls_head.fc_cls".into();
    }
    let Some((block, part)) = layer.split_once(".non_local.") else {
        return format!("backbone.{}", inflated_resnet::mmaction2(layer));
    };
    let module = match part {
        "g" if subsamples => "g.0.conv",
        "phi" if subsamples => "phi.0.conv",
        "g" => "g.conv",
        "phi" => "phi.conv",
        "theta" => "theta.conv",
        "conv_out" => "conv_out.conv",
        _ => "conv_out.bn",
    };
    format!("backbone.{block}.non_local_block.{module}")
}

/// `attends` says of a block of `layer2` and `layer3`, by its place, whether a non-local one
/// follows.
fn published_layers(attends: impl Fn(usize) -> bool) -> Layers {
    let blocks = [3, 4, 6, 3];
    let mut layers = inflated_resnet::published_layers("", 64, &blocks);
    for (number, width) in [(2, 512), (3, 1024)] {
        for index in (0..blocks[number - 1]).filter(|index| attends(*index)) {
            let block = format!("layer{number}.{index}.non_local");
            for part in ["theta", "phi", "g"] {
                layers.push((format!("{block}.{part}"), width / 2));
                layers.push((format!("{block}.{part}.bias"), width / 2));
            }
            layers.push((format!("{block}.conv_out"), width));
            layers.push((format!("{block}.norm_out"), width));
        }
    }
    layers.push(("fc".into(), 400));
    layers
}
