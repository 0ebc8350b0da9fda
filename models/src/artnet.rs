//! ARTNet-18 (Wang, Li, Li, Van Gool: "Appearance-and-Relation Networks for Video Classification",
//! 2017, table 1 and figure 2): a 3D ResNet-18 whose convolutions are SMART blocks.
//!
//! | layers | what | channels | stride over time and space | SMART blocks |
//! |---|---|---|---|---|
//! | `conv1` | 7x7 | 64 | 2 | 1 |
//! | `res2a`, `res2b` | 3x3x3, 3x3 | 64 | 1 | 2, 3 |
//! | `res3a`, `res3b` | 3x3x3, 3x3 | 128 | 2 | 4, 5 |
//! | `res4a`, `res4b` | 3x3x3, 3x3 | 256 | 2 | 6, 7 |
//! | `res5a`, `res5b` | 3x3x3, 3x3x3 | 512 | 2 | |
//! | `fc8` | mean over the map, linear | classes | | |
//!
//! A SMART block has two branches: appearance, a convolution of single frames; and relation, a
//! convolution over 3 frames whose squares are pooled across channels, two by two. `reduN` brings
//! both, side by side, back to the block's channels. The stride is that of a stage's first block.
//!
//! A residual block adds before it normalises: the shortcut is the sum so far, and what layers see
//! is `relu(bn(sum))`. Where the map changes its size the shortcut is a 3x3x3 convolution of that.
//!
//! Tensor names. The authors' network is Caffe's, so that the names are ours: those of their layers
//! with PyTorch's parts behind, as their weights are laid out.
//!
//! | layer | is | parts |
//! |---|---|---|
//! | `conv1`, `conv1_t` | appearance and relation of the first SMART block | `weight` |
//! | `res2a_1` | a block's first convolution | `weight`, from `res3a` on `bias` |
//! | `res2a_2`, `res2a_2_t` | appearance and relation; without `_t` a plain 3x3x3 | the same |
//! | `pooling1`..`7` | the pool over two channels, half of each in theirs | `weight` |
//! | `redu1`..`7` | the reduction | as their block |
//! | `res3a_down` | a shortcut's convolution | `weight`, `bias` |
//! | `conv1_bn`, `conv1_t_bn`, `res2a_1_bn`, `pooling1_bn` | the batch-norm behind each | all four |
//! | `redu1_bn`, `res2a_bn` | the batch-norm of the sum so far | all four |
//! | `fc8` | the classifier | `weight`, `bias` |
//!
//! The four of a batch-norm are `weight`, `bias`, `running_mean` and `running_var`. A plain 3x3x3
//! `_2`, `redu2` and those behind it, and `_down` have none.

#[cfg(test)]
mod tests;

use praxiscope_runtime::preprocess::ColorOrder;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::colours::Colours;
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::layers::{Net, Window, Wire};
use crate::names::Names;
use crate::weights::{Layers, Weights};

pub(crate) const FAMILIES: &[Entry] = &[Entry {
    id: "artnet-18",
    description: "ARTNet over a ResNet of basic blocks; its colours are blue, green, red",
    published: Published {
        size: (112, 112),
        colours: Colours {
            mean: [104.0 / 255.0, 117.0 / 255.0, 123.0 / 255.0],
            std: [1.0 / 255.0; 3],
            order: ColorOrder::Bgr,
            whose: "the authors'",
        },
        ..Published::imagenet(16)
    },
    build,
    layers: published_layers,
}];

/// The first and the last stage.
const STAGES: std::ops::RangeInclusive<usize> = 2..=5;

/// The stages of SMART blocks in the published network.
const LAST_SMART: usize = 4;

fn build(weights: Weights, options: &BuildOptions) -> Result<ClipGraph, BuildError> {
    let (mut net, frames) = Net::new(weights, Names::bare(), &options.clip_input())?;
    if let Some(epsilon) = options.epsilon {
        net.set_epsilon(epsilon);
    }
    let mut number = 1;
    let stem = Window::of(&[1, 7, 7]).stride(2);
    let mut sum = smart(&mut net, frames, "conv1", number, stem)?;
    let mut seen = normalised(&mut net, sum, "redu1")?;
    for stage in STAGES {
        for (index, block) in blocks(&net, stage).into_iter().enumerate() {
            let stride = if stage > *STAGES.start() && index == 0 {
                2
            } else {
                1
            };
            let cube = Window::cube(3).stride(stride);
            let first = format!("{block}_1");
            let mut y = net.conv_norm(seen, &first, &format!("{first}_bn"), cube.clone())?;
            y = net.relu(y)?;
            let second = format!("{block}_2");
            if net.has(&format!("{second}_t")) {
                number += 1;
                y = smart(&mut net, y, &second, number, Window::of(&[1, 3, 3]))?;
            } else {
                y = net.conv(y, &second, Window::cube(3))?;
            }
            let down = format!("{block}_down");
            if stride != 1 || net.has(&down) {
                sum = net.conv(seen, &down, cube)?;
            }
            sum = net.add(&format!("{block}.add"), y, sum)?;
            seen = normalised(&mut net, sum, &block)?;
        }
    }
    let features = net.mean_over_map("global_pool", seen)?;
    let logits = net.linear(features, "fc8")?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

/// Appearance and relation; `window` is that of appearance, relation sees 3 frames with it.
fn smart(
    net: &mut Net,
    x: Wire,
    layer: &str,
    number: usize,
    window: Window,
) -> Result<Wire, BuildError> {
    let norm = |layer: &str| format!("{layer}_bn");
    let (relation, pooling) = (format!("{layer}_t"), format!("pooling{number}"));
    let appearance = net.conv_norm(x, layer, &norm(layer), window.clone())?;
    let mut y = net.conv_norm(x, &relation, &norm(&relation), window.over_time(3))?;
    y = net.mul(&format!("energy{number}"), y, y)?;
    let pairs = net.channels(y)? / 2;
    y = net.grouped_norm(y, &pooling, &norm(&pooling), Window::cube(1), pairs)?;
    let both = net.concat(&format!("concat{number}"), &[appearance, y])?;
    let both = net.relu(both)?;
    net.conv(both, &format!("redu{number}"), Window::cube(1))
}

/// What layers see of a sum: `relu(bn(sum))`.
fn normalised(net: &mut Net, sum: Wire, name: &str) -> Result<Wire, BuildError> {
    let sum = net.norm(&format!("{name}_bn"), sum)?;
    net.relu(sum)
}

/// `res2a`, `res2b` and so on, as far as the weights go.
fn blocks(net: &Net, stage: usize) -> Vec<String> {
    let names = ('a'..='z').map(|letter| format!("res{stage}{letter}"));
    // A stage without any is named by its first block.
    let known = |(index, name): &(usize, String)| *index == 0 || net.has(&format!("{name}_1"));
    names
        .enumerate()
        .take_while(known)
        .map(|(_, name)| name)
        .collect()
}

/// From `res3a` and `redu4` on convolutions have a bias.
fn published_layers() -> Layers {
    let mut layers = vec![];
    let mut number = 0;
    let mut smart = |layers: &mut Layers, layer: String, width: usize| {
        number += 1;
        layers.push((format!("{layer}_t"), width));
        layers.push((layer, width));
        layers.push((format!("pooling{number}"), width / 2));
        layers.push((format!("redu{number}"), width));
    };
    smart(&mut layers, "conv1".into(), 64);
    for stage in STAGES {
        let width = 64 << (stage - STAGES.start());
        for block in ["a", "b"].map(|letter| format!("res{stage}{letter}")) {
            layers.push((format!("{block}_1"), width));
            let second = format!("{block}_2");
            match stage <= LAST_SMART {
                true => smart(&mut layers, second, width),
                false => layers.push((second, width)),
            }
        }
        if stage > *STAGES.start() {
            layers.push((format!("res{stage}a_down"), width));
        }
    }
    let has_bias = |layer: &&(String, usize)| {
        let stage = layer
            .0
            .strip_prefix("res")
            .and_then(|rest| rest.chars().next());
        let block = layer
            .0
            .strip_prefix("redu")
            .and_then(|rest| rest.parse().ok());
        stage.is_some_and(|stage| stage > '2') || block.is_some_and(|block: usize| block > 3)
    };
    let biased: Layers = layers.iter().filter(has_bias).cloned().collect();
    layers.extend(
        biased
            .into_iter()
            .map(|(layer, width)| (format!("{layer}.bias"), width)),
    );
    layers.push(("fc8".into(), 400));
    layers
}
