//! I3D: 2D networks inflated into 3D ones.
//!
//! Carreira, Zisserman: "Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset"
//! (2017, figure 3), over Inception-v1; and over ResNet-50 (see `resnet`). Between the two of the
//! first kind stand the variants of Xie et al.: "Rethinking Spatiotemporal Feature Learning" (2017,
//! figure 2), in which only some of the 11 layers over time (`1a`, `2c`, the nine blocks) are 3D:
//! the uppermost N in `i3d-top-heavy-N`, the lowest N in `i3d-bottom-heavy-N`. A 2D layer has the
//! kernel 1x7x7 or 1x3x3; its stride over time stays, and so does the pool of a block, as in the
//! authors' code.
//!
//! Maps are padded as TensorFlow's `SAME`, those of pools with zeros too. The head takes means of
//! 2x7x7, a row of logits for each, and the mean of the rows.
//!
//! Tensor names: pytorch-i3d (`Conv3d_1a_7x7.conv3d.weight`, `Mixed_3b.b1a.bn.bias`,
//! `logits.conv3d.weight`), for the variants as well.

pub(crate) mod resnet;
#[cfg(test)]
mod tests;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::colours;
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::inception::{self, DEPTHS, Kernel, Style, layers_over_time, unit};
use crate::layers::{Net, Window, Wire};
use crate::names::Names;
use crate::weights::Weights;

/// Added to the variance by TensorFlow's batch-norms.
const EPSILON: f64 = 1e-3;

/// Which of the layers over time are 3D.
#[derive(Clone, Copy, Debug)]
enum Depth {
    All,
    Uppermost(usize),
    Lowest(usize),
}

const fn entry(
    id: &'static str,
    description: &'static str,
    build: fn(Weights, &BuildOptions) -> Result<ClipGraph, BuildError>,
) -> Entry {
    Entry {
        id,
        description,
        published: Published {
            colours: colours::SYMMETRIC,
            ..Published::imagenet(64)
        },
        build,
        layers: || inception::published_layers(false, false),
    }
}

macro_rules! part_3d {
    ($kind:ident, $name:literal, $place:literal, [$($number:literal)*]) => {
        [$(entry(
            concat!("i3d-", $name, "-", $number),
            concat!("I3D over Inception-v1, 3D in its ", $place, " ", $number, " of 11 layers"),
            |weights, options| build(Depth::$kind($number), weights, options),
        )),*]
    };
}

/// The two networks that are 3D all through.
pub(crate) const FAMILIES: &[Entry] = &[
    entry(
        "i3d-inception",
        "I3D over Inception-v1, any width (pytorch-i3d)",
        |weights, options| build(Depth::All, weights, options),
    ),
    Entry {
        id: "i3d-resnet50",
        description: "I3D over ResNet-50, any width and depth; C2D and Slow as well (mmaction2, \
                      pytorchvideo)",
        published: Published {
            colours: colours::PYTORCHVIDEO,
            ..Published::imagenet(8)
        },
        build: resnet::build,
        layers: resnet::published_layers,
    },
];

/// Those that are 3D in the upper part.
pub(crate) const TOP_HEAVY: &[Entry] =
    &part_3d!(Uppermost, "top-heavy", "uppermost", [1 2 3 4 5 6 7 8 9 10]);

/// Those that are 3D in the lower part.
pub(crate) const BOTTOM_HEAVY: &[Entry] =
    &part_3d!(Lowest, "bottom-heavy", "lowest", [1 2 3 4 5 6 7 8 9 10]);

fn build(depth: Depth, weights: Weights, options: &BuildOptions) -> Result<ClipGraph, BuildError> {
    let (names, depths) = spelling(&weights);
    let layers = layers_over_time(&depths);
    let kernel = |number: usize| {
        let is_3d = match depth {
            Depth::All => true,
            Depth::Uppermost(count) => number + count >= layers,
            Depth::Lowest(count) => number < count,
        };
        if is_3d { Kernel::Cube } else { Kernel::Flat }
    };
    let (net, frames) = Net::new(weights, names, &options.clip_input())?;
    let mut net = net.with_epsilon(options.epsilon.unwrap_or(EPSILON));
    let time = if kernel(0) == Kernel::Cube { 7 } else { 1 };
    let stem = Window::of(&[time, 7, 7]).stride(2).same();
    let x = unit(&mut net, frames, "1a", stem)?;
    let style = Style {
        depths,
        kernel: &kernel,
        pool: padded,
        gated: false,
    };
    let x = style.features(&mut net, x)?;
    let logits = inception::pooled_logits(&mut net, x, &[2, 7, 7])?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

/// The published pools pad with zeros, which are no larger than anything in a map that an activation
/// made.
fn padded(net: &mut Net, name: &str, x: Wire, window: Window) -> Result<Wire, BuildError> {
    net.max_pool(name, x, window.same())
}

/// How pytorch-i3d names a layer, and how many blocks each stage has.
fn spelling(weights: &Weights) -> (Names, [usize; 3]) {
    if matches!(weights, Weights::Random { .. }) {
        return (Names::bare(), DEPTHS);
    }
    let depths = inception::depths_by_letter(weights, "Mixed_");
    let names = Names::spelled(|layer| {
        let (place, part) = layer.rsplit_once('.').unwrap_or(("", layer));
        let module = match place {
            "1a" => "Conv3d_1a_7x7",
            "2b" => "Conv3d_2b_1x1",
            "2c" => "Conv3d_2c_3x3",
            block => &format!("Mixed_{block}"),
        };
        match part {
            "conv" => format!("{module}.conv3d"),
            "norm" => format!("{module}.bn"),
            head => format!("{head}.conv3d"),
        }
    });
    (names, depths)
}
