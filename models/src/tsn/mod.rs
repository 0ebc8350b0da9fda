//! 2D networks that know nothing of time but a mean (Wang et al.: "Temporal Segment Networks",
//! 2016) or a stack (Tran et al.: "A Closer Look at Spatiotemporal Convolutions for Action
//! Recognition", 2018, section 3.1).
//!
//! | family | what | input | output |
//! |---|---|---|---|
//! | `tsn-resnet50` | ResNet of bottlenecks on single frames | `[T, 3, H, W]` | `[T, classes]` |
//! | `f-r2d-18` | ResNet of basic blocks on single frames | `[T, 3, H, W]` | `[T, classes]` |
//! | `r2d-18` | ResNet of basic blocks on all frames | `[1, 3, T, H, W]` | `[1, classes]` |
//!
//! Where there is a row for each frame, their mean is the clip's answer. `r2d-18` takes its frames
//! as one picture of 3T channels.
//!
//! The first convolution of `r2d-18` sees all frames at once, so that its weight tells T: a kernel
//! `[64, 3, T, 7, 7]`, or `[64, 3T, 7, 7]` with the three colours of each frame side by side. The
//! table of layers stands in the `tsm::resnet` module.
//!
//! | names | example | besides |
//! |---|---|---|
//! | torchvision | `layer1.0.conv1.weight`, `fc.weight` | pool behind the stem |
//! | MIT | `base_model.layer1.0.conv1.weight`, `new_fc.weight` | the same |
//! | mmaction2 | `backbone.layer1.0.conv1.conv.weight`, `cls_head.fc_cls.weight` | the same |
//! | `VideoResNet` | `layer1.0.conv1.0.weight`, kernels 1x3x3 | no pool: MC1 of the paper |
//!
//! The last are torchvision's and VMZ's; VMZ's batch-norms have an epsilon of 1e-3, which must be
//! said.

use ndarray::{ArrayD, Axis};
use tract_core::ops::change_axes::AxisOp;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::colours;
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::layers::{Net, Window};
use crate::names::Names;
use crate::r3d::kinetics;
use crate::tsm::resnet::{self, Branch};
use crate::weights::Weights;

#[cfg(test)]
mod tests;

pub(crate) const FAMILIES: &[Entry] = &[
    Entry {
        id: "tsn-resnet50",
        description: "ResNet of bottleneck blocks on single frames (50, 101 or 152 layers)",
        published: Published::imagenet(8),
        build: |weights, options| build_frames(weights, options, resnet::bottleneck),
        layers: || resnet::published_layers(&[3, 4, 6, 3], true),
    },
    Entry {
        id: "f-r2d-18",
        description: "ResNet of basic blocks on single frames (18 or 34 layers)",
        published: FRAMES_16,
        build: |weights, options| build_frames(weights, options, resnet::basic),
        layers: || resnet::published_layers(&[2, 2, 2, 2], false),
    },
    Entry {
        id: "r2d-18",
        description: "ResNet of basic blocks on all frames as one picture (18 or 34 layers)",
        published: FRAMES_16,
        build: build_stack,
        layers: || resnet::published_layers(&[2, 2, 2, 2], false),
    },
];

/// A network of pictures has ImageNet's colours, a `VideoResNet` those of Kinetics.
const FRAMES_16: Published = Published {
    spellings: &[
        ("conv1.", colours::IMAGENET),
        ("base_model.", colours::IMAGENET),
        ("backbone.", colours::MMACTION2),
    ],
    ..kinetics(16, 112)
};

/// What all of a `VideoResNet`'s checkpoints have.
const VIDEO_STEM: &str = "stem.0.weight";

fn build_frames(
    weights: Weights,
    options: &BuildOptions,
    branch: Branch,
) -> Result<ClipGraph, BuildError> {
    let (weights, names, pool) = flattened(weights, None);
    let (net, frames) = Net::new(weights, names, &options.frames_input())?;
    let mut net = net.with_epsilon(options.epsilon.unwrap_or(EPSILON));
    let x = resnet::stem(&mut net, frames, options.stem_pool.unwrap_or(pool))?;
    let features = resnet::stages(&mut net, x, None, branch)?;
    let features = net.mean_over_map("avgpool", features)?;
    let rows = net.linear(features, "fc")?;
    ClipGraph::new(net.finish(rows)?, Rows::PerFrame)
}

fn build_stack(weights: Weights, options: &BuildOptions) -> Result<ClipGraph, BuildError> {
    let stem = match weights.has(VIDEO_STEM) {
        true => VIDEO_STEM.to_owned(),
        false => Names::of(&weights, "fc").tensor("conv1", "weight"),
    };
    let stacked = match weights.shape(&stem) {
        Some(&[_, channels, _, _]) => channels / COLOURS,
        Some(&[_, _, frames, _, _]) => frames,
        _ => options.frames,
    };
    if stacked != options.frames {
        return Err(BuildError::Options(format!(
            "the first convolution, `{stem}`, sees {stacked} frames at once, so a clip must have \
             {stacked} and not {}",
            options.frames
        )));
    }
    let (weights, names, pool) = flattened(weights, Some(&stem));
    let (net, frames) = Net::new(weights, names, &options.clip_input())?;
    let mut net = net.with_epsilon(options.epsilon.unwrap_or(EPSILON));
    let window = Window::of(&[stacked, 7, 7])
        .strides(&[1, 2, 2])
        .padding(&[0, 3, 3]);
    let x = net.conv_norm(frames, "conv1", "bn1", window)?;
    let picture = net.wire("conv1.picture", AxisOp::Rm(2), &[x])?;
    let x = resnet::activate(&mut net, picture, options.stem_pool.unwrap_or(pool))?;
    let features = resnet::stages(&mut net, x, None, resnet::basic)?;
    let features = net.mean_over_map("avgpool", features)?;
    let logits = net.linear(features, "fc")?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

const COLOURS: usize = 3;

/// PyTorch's own.
const EPSILON: f64 = 1e-5;

/// The kernels of a 2D network without an axis of time, how they are spelled, and whether a pool
/// follows the first of them. The kernel `stack` gets an axis of time if it has none.
fn flattened(weights: Weights, stack: Option<&str>) -> (Weights, Names, bool) {
    let is_video = weights.has(VIDEO_STEM);
    let names = match is_video {
        true => Names::spelled(video),
        false => Names::of(&weights, "fc"),
    };
    let weights = weights.map(|name, kernel| match (kernel.ndim(), stack == Some(name)) {
        (4, true) => unstacked(kernel),
        (5, false) if kernel.len_of(Axis(2)) == 1 => kernel.remove_axis(Axis(2)),
        _ => kernel,
    });
    (weights, names, !is_video)
}

/// `[K, 3T, H, W]`, the colours of each frame side by side, to `[K, 3, T, H, W]`. A number of
/// channels that is no multiple of three is left to be refused for its shape.
fn unstacked(kernel: ArrayD<f32>) -> ArrayD<f32> {
    let [outputs, channels, height, width] = kernel.shape() else {
        return kernel;
    };
    let split = [*outputs, channels / COLOURS, COLOURS, *height, *width];
    match kernel.to_shape(split) {
        Ok(frames) => frames
            .permuted_axes([0, 2, 1, 3, 4])
            .as_standard_layout()
            .into_owned()
            .into_dyn(),
        Err(_) => kernel,
    }
}

/// A `VideoResNet`'s name of a layer of a ResNet.
fn video(layer: &str) -> String {
    let (before, last) = layer.rsplit_once('.').unwrap_or(("", layer));
    match (before, last) {
        ("", "conv1") => "stem.0".into(),
        ("", "bn1") => "stem.1".into(),
        ("", _) => layer.into(),
        _ => match (last.strip_prefix("bn"), last.starts_with("conv")) {
            (Some(number), _) => format!("{before}.conv{number}.1"),
            (None, true) => format!("{layer}.0"),
            (None, false) => layer.into(),
        },
    }
}
