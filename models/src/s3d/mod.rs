//! S3D: I3D with every 3D convolution taken apart, over the picture first and over time then; and
//! S3D-G, which has gates besides.
//!
//! Xie, Sun, Huang, Tu, Murphy: "Rethinking Spatiotemporal Feature Learning: Speed-Accuracy
//! Trade-offs in Video Classification" (2017, figures 5 and 6), over Inception-v1.
//!
//! | | S3D | S3D-G |
//! |---|---|---|
//! | tensor names | torchvision, kylemin/S3D | antoine77340/S3D_HowTo100M |
//! | `1a` | 1x7x7, then 7x1x1 | 3x7x7, or 2x4x4 behind space-to-depth |
//! | gates | | behind `2c` and every branch |
//! | pools' padding | as much before as behind, never the largest | zeros, the odd one behind |
//! | batch-norm's epsilon | 1e-3 | 1e-5 |
//! | head | means of 2x7x7 (torchvision) or 2 frames (kylemin), linear, mean | mean, linear |
//!
//! Names: `features.5.branch1.1.0.0.weight` and `classifier.1.weight` (torchvision),
//! `base.5.branch1.1.conv_s.weight` and `fc.0.weight` (kylemin),
//! `mixed_3b.conv_b1_b.conv1.weight`, `mixed_3b.gating_b1.fc.weight` and `fc.weight` (S3D-G). The
//! `text_module` of the last, which embeds words, is left out.

mod names;
mod space_to_depth;
#[cfg(test)]
mod tests;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::colours;
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::inception::{self, Kernel, Style, separable, unit};
use crate::layers::{Net, Window, Wire};
use crate::weights::Weights;

use names::Spelling;

pub(crate) const FAMILIES: &[Entry] = &[
    Entry {
        id: "s3d",
        description: "I3D over Inception-v1 of separable convolutions, any width (torchvision, \
                      kylemin/S3D)",
        published: Published {
            colours: colours::KINETICS,
            spellings: &[("base.", colours::SYMMETRIC)],
            ..Published::imagenet(128)
        },
        build: s3d,
        layers: || inception::published_layers(true, false),
    },
    Entry {
        id: "s3d-g",
        description: "S3D with self-gating, any width (antoine77340/S3D_HowTo100M)",
        published: Published {
            colours: colours::PLAIN,
            ..Published::imagenet(32)
        },
        build: s3dg,
        layers: || inception::published_layers(true, true),
    },
];

/// Added to the variance by S3D's batch-norms, as in TensorFlow.
const EPSILON: f64 = 1e-3;

fn s3d(weights: Weights, options: &BuildOptions) -> Result<ClipGraph, BuildError> {
    let spelling = Spelling::of_s3d(&weights);
    let depths = spelling.depths(&weights);
    let names = spelling.names(depths);
    let (net, frames) = Net::new(weights, names, &options.clip_input())?;
    let mut net = net.with_epsilon(options.epsilon.unwrap_or(EPSILON));
    let x = separable(&mut net, frames, "1a", 7, 2)?;
    let style = Style {
        depths,
        kernel: &|_| Kernel::Separable,
        pool: |net, name, x, window| net.max_pool(name, x, window),
        gated: false,
    };
    let x = style.features(&mut net, x)?;
    let kernel = match spelling {
        // All of the picture.
        Spelling::Kylemin => [2, 0, 0],
        _ => [2, 7, 7],
    };
    let logits = inception::pooled_logits(&mut net, x, &kernel)?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

fn s3dg(weights: Weights, options: &BuildOptions) -> Result<ClipGraph, BuildError> {
    let spelling = Spelling::of_s3dg(&weights);
    let depths = spelling.depths(&weights);
    let names = spelling.names(depths);
    let (weights, stem) = space_to_depth::undo(weights, options)?;
    let (mut net, frames) = Net::new(weights, names, &options.clip_input())?;
    if let Some(epsilon) = options.epsilon {
        net.set_epsilon(epsilon);
    }
    let x = unit(&mut net, frames, "1a", stem)?;
    let style = Style {
        depths,
        kernel: &|_| Kernel::Separable,
        pool: padded_behind,
        gated: true,
    };
    let x = style.features(&mut net, x)?;
    let mean = net.mean_over_map("mean", x)?;
    let logits = net.linear(mean, "logits")?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

/// Padded as TensorFlow's `SAME` pads maps of even extents, whatever the map's; a last window that
/// runs out of the map is kept. The published pad is of zeros, which are no larger than anything in
/// a map that an activation or a gate of one made.
fn padded_behind(net: &mut Net, name: &str, x: Wire, window: Window) -> Result<Wire, BuildError> {
    net.max_pool(name, x, window.same_behind())
}
