//! SlowFast (Feichtenhofer, Fan, Malik, He: "SlowFast Networks for Video Recognition", 2019,
//! table 1): one pathway of few frames and many channels, one of many frames and few channels, and
//! laterals from the fast to the slow one.
//!
//! | layers | slow | channels | fast | channels | lateral behind it |
//! |---|---|---|---|---|---|
//! | | T / alpha frames | 3 | T frames | 3 | |
//! | `conv1`, `bn1` | 1x7x7, stride 1x2x2 | 64 | 5x7x7, stride 1x2x2 | 8 | |
//! | | largest of 1x3x3, stride 1x2x2 | 64 | the same | 8 | `lateral0` |
//! | `layer1` | 1x1x1, 1x3x3, 1x1x1 | 256 | 3x1x1, 1x3x3, 1x1x1 | 32 | `lateral1` |
//! | `layer2` | 1x1x1, 1x3x3, 1x1x1 | 512 | 3x1x1, 1x3x3, 1x1x1 | 64 | `lateral2` |
//! | `layer3` | 3x1x1, 1x3x3, 1x1x1 | 1024 | 3x1x1, 1x3x3, 1x1x1 | 128 | `lateral3` |
//! | `layer4` | 3x1x1, 1x3x3, 1x1x1 | 2048 | 3x1x1, 1x3x3, 1x1x1 | 256 | |
//! | `fc` | mean over the map | | mean over the map | | |
//!
//! mmaction2's networks of 18 or 34 layers have basic blocks instead of bottlenecks.
//!
//! 4x16 has 4 slow frames and alpha = 8, 8x8 has 8 and alpha = 4. Blocks of a stage, widths and the
//! extents over time are read off the weights, and so is the kind of lateral.
//!
//! Tensor names: pytorchvideo's (`blocks.1.multipathway_blocks.0.res_blocks.0.branch2.conv_a`),
//! mmaction2's (`backbone.slow_path.layer1.0.conv1.conv`), or those of the table with `slow.` and
//! `fast.` before them (`slow.layer1.0.conv1`, `slow.layer1.0.downsample.0`, `lateral1.conv`,
//! `lateral1.bn`, `fc`). pytorchvideo's network takes two clips, mmaction2's samples one by itself.

mod lateral;
mod names;
mod sampling;
#[cfg(test)]
mod tests;

use tract_core::internal::TypedModel;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::colours;
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::inflated_resnet::{self, STRIDES};
use crate::layers::{Net, Window, Wire};
use crate::weights::{Layers, Weights};
use praxiscope_runtime::ops::Pooling;

pub use lateral::Lateral;
pub use sampling::{Pathways, SlowFrames};

pub(crate) const FAMILIES: &[Entry] = &[
    Entry {
        id: "slowfast-4x16-r50",
        description: "SlowFast, 4 slow frames for 32 fast ones; any depth and width",
        published: PUBLISHED,
        build: |weights, options| build(weights, options, 8, 5),
        layers: || published_layers(&[3, 4, 6, 3]),
    },
    Entry {
        id: "slowfast-8x8-r50",
        description: "SlowFast, 8 slow frames for 32 fast ones; any depth and width",
        published: PUBLISHED,
        build: |weights, options| build(weights, options, 4, 7),
        layers: || published_layers(&[3, 4, 6, 3]),
    },
    Entry {
        id: "slowfast-8x8-r101",
        description: "SlowFast of 101 layers, 8 slow frames for 32 fast ones; any depth and width",
        published: PUBLISHED,
        build: |weights, options| build(weights, options, 4, 5),
        layers: || published_layers(&[3, 4, 23, 3]),
    },
];

/// pytorchvideo's.
const PUBLISHED: Published = Published {
    colours: colours::PYTORCHVIDEO,
    ..Published::imagenet(32)
};

/// Stem channels of the published pathways.
const BASES: [(&str, usize); 2] = [("slow", 64), ("fast", 8)];

/// From this stage on the slow pathway looks at more than one frame.
const SLOW_TIME_FROM: usize = 3;

/// pytorchvideo's head averages over windows of so many pixels, then over the windows.
const HEAD_SIDE: usize = 7;

/// `alpha` and the laterals' extent over time are those of the published network.
fn build(
    weights: Weights,
    options: &BuildOptions,
    alpha: usize,
    lateral_time: usize,
) -> Result<ClipGraph, BuildError> {
    let spelling = names::Spelling::of(&weights);
    let [one, colours, frames, height, width] = options.clip_input();
    let alpha = options.pathways.alpha.unwrap_or(alpha);
    if alpha == 0 || !frames.is_multiple_of(alpha) {
        return Err(BuildError::Options(format!(
            "a clip of {frames} frames cannot be shared out to a slow pathway that sees one frame \
             in {alpha}"
        )));
    }
    let slow_frames = options.pathways.slow.unwrap_or(spelling.slow_frames());
    let shape = [one, colours, frames, height, width];
    let (mut net, fast) = Net::new(weights, spelling.names(), &shape)?;
    if let Some(epsilon) = options.epsilon {
        net.set_epsilon(epsilon);
    }
    let slow = match slow_frames {
        SlowFrames::Given => net.input("slow", &[one, colours, frames / alpha, height, width])?,
        SlowFrames::Strided => net.every_frame("slow", fast, alpha, 0)?,
        SlowFrames::Packed => net.sampled_frames("slow", fast, alpha)?,
    };
    let laterals = Laterals {
        kind: options.pathways.lateral,
        alpha,
        time: lateral_time,
    };
    let (slow, fast) = features(&mut net, slow, fast, laterals)?;
    let slow = mean(&mut net, "slow", slow, spelling)?;
    let fast = mean(&mut net, "fast", fast, spelling)?;
    let both = match spelling {
        names::Spelling::Mmaction2 => [fast, slow],
        names::Spelling::Pytorchvideo | names::Spelling::Bare => [slow, fast],
    };
    let both = net.concat("features", &both)?;
    let logits = net.linear(both, "fc")?;
    let mut graph = net.finish(logits)?;
    if slow_frames == SlowFrames::Given {
        take_two_clips(&mut graph)?;
    }
    ClipGraph::new(graph, Rows::PerClip)
}

/// What the laterals of a network have in common.
#[derive(Clone, Copy, Debug)]
struct Laterals {
    /// None where the weights tell.
    kind: Option<Lateral>,
    alpha: usize,
    /// What a convolution sees at once, where its weight does not tell.
    time: usize,
}

/// Both pathways, up to their heads.
fn features(
    net: &mut Net,
    slow: Wire,
    fast: Wire,
    laterals: Laterals,
) -> Result<(Wire, Wire), BuildError> {
    let mut slow = stem(net, slow, "slow", 1)?;
    let mut fast = stem(net, fast, "fast", 5)?;
    slow = lateral::fuse(net, slow, fast, 0, laterals)?;
    for (number, stride) in (1..).zip(STRIDES) {
        let time = if number < SLOW_TIME_FROM { 1 } else { 3 };
        slow = stage(net, slow, &format!("slow.layer{number}"), stride, time)?;
        fast = stage(net, fast, &format!("fast.layer{number}"), stride, 3)?;
        if number < STRIDES.len() {
            slow = lateral::fuse(net, slow, fast, number, laterals)?;
        }
    }
    Ok((slow, fast))
}

fn stem(net: &mut Net, x: Wire, pathway: &str, time: usize) -> Result<Wire, BuildError> {
    let window = inflated_resnet::kernel(net, pathway, 1, time, 7).strides(&[1, 2, 2]);
    let x = inflated_resnet::unit(net, x, pathway, 1, window)?;
    let x = net.relu(x)?;
    let window = Window::of(&[1, 3, 3]).strides(&[1, 2, 2]);
    net.max_pool(&format!("{pathway}.maxpool"), x, window)
}

fn stage(
    net: &mut Net,
    x: Wire,
    name: &str,
    stride: usize,
    time: usize,
) -> Result<Wire, BuildError> {
    inflated_resnet::stage(net, x, name, stride, |net, x, block, stride, _| {
        inflated_resnet::residual(net, x, block, stride, time)
    })
}

/// The mean of a pathway's features. Over time it is always that of all frames.
fn mean(
    net: &mut Net,
    pathway: &str,
    mut x: Wire,
    spelling: names::Spelling,
) -> Result<Wire, BuildError> {
    if spelling != names::Spelling::Mmaction2 {
        let (pool, kernel) = (format!("{pathway}.pool"), [1, HEAD_SIDE, HEAD_SIDE]);
        x = net.fitted_pool(&pool, x, Pooling::Mean, &kernel, &[0; 3])?;
    }
    net.mean_over_map(&format!("{pathway}.features"), x)
}

/// Names the inputs `slow` and `fast`, in this order.
fn take_two_clips(graph: &mut TypedModel) -> Result<(), BuildError> {
    let mut inputs = graph.input_outlets()?.to_vec();
    if let Some(fast) = inputs.first() {
        graph.rename_node(fast.node, "fast")?;
    }
    inputs.reverse();
    graph.set_input_outlets(&inputs)?;
    Ok(())
}

fn published_layers(blocks: &[usize]) -> Layers {
    let pathways = BASES
        .map(|(name, base)| inflated_resnet::published_layers(&format!("{name}."), base, blocks));
    let mut layers = pathways.concat();
    layers.extend(lateral::published_layers());
    layers.push(("fc".into(), 400));
    layers
}
