//! TSM: 2D networks that see the past through shifted channels.
//!
//! Lin, Gan, Han: "TSM: Temporal Shift Module for Efficient Video Understanding" (2019), over
//! MobileNetV2 and ResNet. One channel in eight moves each way. The shift stands on the residual
//! branch, before its first convolution; the shortcut adds what was there before the shift.
//!
//! Every network takes frames `[T, 3, H, W]` and gives one row of logits a frame, `[T, classes]`;
//! the mean of the rows, the consensus, is the clip's answer. With a pool over time there is no row
//! for each frame, and the network gives the mean by itself, `[1, classes]`.
//!
//! Tensor names: MIT's `online_demo` (`features.3.conv.0.weight`, `classifier.weight`), bare
//! torchvision ones (`layer1.0.conv1.weight`, `fc.weight`), and those of MIT's training code
//! (`base_model.layer1.0.conv1.net.weight`, `new_fc.weight`), and those of mmaction2
//! (`backbone.layer1.0.conv1.conv.net.weight`, `cls_head.fc_cls.weight`). A `.net` marks a shifted
//! convolution or block; where no name has one, the published placement is taken.

mod mmaction;
mod mobilenet_v2;
pub(crate) mod resnet;
#[cfg(test)]
mod tests;

use praxiscope_runtime::ops::ShiftDirection;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::layers::{Net, Shift, Window, Wire};
use crate::names::Names;
use crate::weights::Weights;

pub(crate) const FAMILIES: &[Entry] = &[
    Entry {
        id: "tsm-mobilenetv2",
        description: "temporal shift over MobileNetV2, any width; one-way for MIT's online_demo \
                      names",
        published: Published::imagenet(8),
        build: |weights, options| build(Backbone::MobileNetV2, weights, options),
        layers: mobilenet_v2::published_layers,
    },
    Entry {
        id: "tsm-resnet18",
        description: "temporal shift over a ResNet of basic blocks (18 or 34 layers)",
        published: Published::imagenet(8),
        build: |weights, options| build(Backbone::BasicResNet, weights, options),
        layers: || resnet::published_layers(&[2, 2, 2, 2], false),
    },
    Entry {
        id: "tsm-resnet50",
        description: "temporal shift over a ResNet of bottleneck blocks (50, 101 or 152 layers)",
        published: Published::imagenet(8),
        build: |weights, options| build(Backbone::BottleneckResNet, weights, options),
        layers: || resnet::published_layers(&[3, 4, 6, 3], true),
    },
];

/// The 2D network between the shifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backbone {
    MobileNetV2,
    BasicResNet,
    BottleneckResNet,
}

/// Builds the network of rows, and says which way its shifts go.
fn build(
    backbone: Backbone,
    weights: Weights,
    options: &BuildOptions,
) -> Result<ClipGraph, BuildError> {
    let head = match backbone {
        Backbone::MobileNetV2 => "classifier",
        Backbone::BasicResNet | Backbone::BottleneckResNet => "fc",
    };
    let names = match backbone {
        Backbone::MobileNetV2 if mmaction::names_are(&weights) => mmaction::names(&weights),
        _ => Names::of(&weights, head),
    };
    let published = published_direction(backbone, &names);
    let direction = options.direction.unwrap_or(published);
    let shift = Shift {
        direction,
        divisor: options.shift_divisor,
        border: options.shift_border,
    };
    let lacks_shifts = names.are_tsn_style() && !names.mark_shifts();
    let (mut net, frames) = Net::new(weights, names, &options.frames_input())?;
    if let Some(epsilon) = options.epsilon {
        net.set_epsilon(epsilon);
    }
    let pools = resnet::pools_over_time(&net);
    if pools && options.frames % 2 == 1 {
        return Err(BuildError::Options(format!(
            "this network pools its frames two by two, so that a clip of {} frames does not suit it",
            options.frames
        )));
    }
    let features = match backbone {
        Backbone::MobileNetV2 => mobilenet_v2::features(&mut net, frames, shift)?,
        Backbone::BasicResNet | Backbone::BottleneckResNet => {
            let branch = match backbone {
                Backbone::BasicResNet => resnet::basic,
                _ => resnet::bottleneck,
            };
            let x = resnet::stem(&mut net, frames, options.stem_pool.unwrap_or(true))?;
            resnet::stages(&mut net, x, Some(shift), branch)?
        }
    };
    let features = net.mean_over_map("avgpool", features)?;
    let rows = net.linear(features, head)?;
    if lacks_shifts {
        let file = net.weights().file().to_owned();
        return Err(BuildError::NotShifted { file });
    }
    let direction = Some(direction);
    let graph = ClipGraph::new(net.finish(rows)?, Rows::PerFrame)?;
    if pools {
        let graph = ClipGraph::new(graph.with_consensus()?, Rows::PerClip)?;
        return Ok(ClipGraph { direction, ..graph });
    }
    Ok(ClipGraph { direction, ..graph })
}

/// The online demo's network alone was trained one-way; its code has the shifts wired in, so that
/// its names need no mark.
fn published_direction(backbone: Backbone, names: &Names) -> ShiftDirection {
    match backbone == Backbone::MobileNetV2 && !names.are_tsn_style() && !names.mark_shifts() {
        true => ShiftDirection::OneWay,
        false => ShiftDirection::TwoWay,
    }
}

/// Where a block stands in its network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    stride: usize,
    /// Whether the published network shifts here.
    published: bool,
    /// None in a network without shifts.
    shift: Option<Shift>,
}

impl Place {
    /// A block's first convolution, which sees shifted features if its name, or else the published
    /// network, says so.
    fn conv_norm(
        self,
        net: &mut Net,
        mut x: Wire,
        conv: &str,
        norm: &str,
        window: Window,
    ) -> Result<Wire, BuildError> {
        let Some(shift) = self.shift else {
            return net.conv_norm(x, conv, norm, window);
        };
        let marked = format!("{conv}.net");
        let (bare, mark_shifts) = (net.has(conv), net.names().mark_shifts());
        // A missing tensor is named as the published network would have it.
        let is_marked = net.has(&marked) || (mark_shifts && self.published && !bare);
        if is_marked || (self.published && !mark_shifts) {
            x = net.shift(&format!("{conv}.shift"), x, shift)?;
        }
        net.conv_norm(x, if is_marked { &marked } else { conv }, norm, window)
    }
}
