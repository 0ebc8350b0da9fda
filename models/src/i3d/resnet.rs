//! I3D over ResNet (Wang et al.: "Non-local Neural Networks", 2017, table 1 and section 4.2), of
//! any width and depth.
//!
//! | layers | what | channels | blocks of 50, 101 | which see 3 frames | stride over space |
//! |---|---|---|---|---|---|
//! | `conv1` | 5x7x7 | 64 | | | 2 |
//! | | largest of 1x3x3 | 64 | | | 2 |
//! | `layer1` | bottleneck | 256 | 3, 3 | all | 1 |
//! | | largest of 2x1x1, stride 2 over time | 256 | | | |
//! | `layer2` | bottleneck | 512 | 4, 4 | every other, from the first on | 2 |
//! | `layer3` | bottleneck | 1024 | 6, 23 | every other, from the first on | 2 |
//! | `layer4` | bottleneck | 2048 | 3, 3 | every other, from the second on | 2 |
//! | `fc` | mean over the clip, linear | classes | | | |
//!
//! A bottleneck is 3x1x1, or 1x1x1 where it sees no other frame, then 1x3x3, then 1x1x1 (see
//! `inflated_resnet`). The checkpoint tells which blocks see three frames.
//!
//! Two sisters load as well, with pools and a head of their own: C2D, no block of which sees a
//! second frame, and Slow, SlowFast's slow pathway by itself, whose `conv1` sees one frame and which
//! never halves time. pytorchvideo's head takes means of 8x7x7 there.
//!
//! mmaction2's network halves time in `conv1` and in the pool behind it, unless every block sees
//! three frames (its "heavy" network). pytorchvideo's does not, and its head has a row of logits
//! for each mean of 4x7x7.
//!
//! Tensor names: mmaction2 (`backbone.layer1.0.conv1.conv.weight`, `cls_head.fc_cls.weight`) and
//! pytorchvideo (`blocks.1.res_blocks.0.branch2.conv_a.weight`, `blocks.6.proj.weight`).

use praxiscope_runtime::ops::Pooling;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::error::BuildError;
use crate::inflated_resnet::{self, STRIDES};
use crate::layers::{Net, Window, Wire};
use crate::names::Names;
use crate::weights::{Layers, Weights};

/// Which blocks of a stage see three frames in the published network.
pub(crate) const INFLATED: [fn(usize) -> bool; 4] = [
    |_| true,
    |index| index % 2 == 0,
    |index| index % 2 == 0,
    |index| index % 2 == 1,
];

/// Whose names a checkpoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    Mmaction2,
    PytorchVideo,
    Bare,
}

/// Where time is halved.
#[derive(Clone, Copy, Debug)]
struct Halving {
    /// The strides over time of the first convolution and of the pool behind it.
    stem: [usize; 2],
    /// Whether pairs of frames are pooled behind the first stage.
    pairs: bool,
}

pub(super) fn build(weights: Weights, options: &BuildOptions) -> Result<ClipGraph, BuildError> {
    let spelling = Spelling::of(&weights);
    let is_slow = is_slow(&weights, spelling);
    let (mut net, frames) = Net::new(weights, spelling.names(is_slow), &options.clip_input())?;
    if let Some(epsilon) = options.epsilon {
        net.set_epsilon(epsilon);
    }
    let published = match spelling == Spelling::Mmaction2 && !is_slow && !is_heavy(&net) {
        true => [2, 2],
        false => [1, 1],
    };
    let halving = Halving {
        stem: options.stem_time_strides.unwrap_or(published),
        pairs: !is_slow,
    };
    let mut x = features(&mut net, frames, halving)?;
    if spelling != Spelling::Mmaction2 {
        // The classifier is linear: it may as well come behind the mean of its rows.
        let kernel = [if is_slow { 8 } else { 4 }, 7, 7];
        x = net.fitted_pool("avgpool.windows", x, Pooling::Mean, &kernel, &[0; 3])?;
    }
    let features = net.mean_over_map("avgpool", x)?;
    let logits = net.linear(features, "fc")?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

fn features(net: &mut Net, frames: Wire, halving: Halving) -> Result<Wire, BuildError> {
    let [conv, pool] = halving.stem;
    let stem = Window::of(&[net.time_of("conv1", 5), 7, 7]).strides(&[conv, 2, 2]);
    let mut x = net.conv_norm(frames, "conv1", "bn1", stem)?;
    x = net.relu(x)?;
    x = net.max_pool("maxpool", x, Window::of(&[1, 3, 3]).strides(&[pool, 2, 2]))?;
    for (number, (stride, is_inflated)) in (1..).zip(STRIDES.into_iter().zip(INFLATED)) {
        let stage = format!("layer{number}");
        x = inflated_resnet::stage(net, x, &stage, stride, |net, x, block, stride, index| {
            let frames = if is_inflated(index) { 3 } else { 1 };
            inflated_resnet::residual(net, x, block, stride, frames)
        })?;
        if number == 1 && halving.pairs {
            let pairs = Window::of(&[2, 1, 1]).strides(&[2, 1, 1]).unpadded();
            x = net.max_pool("pool2", x, pairs)?;
        }
    }
    Ok(x)
}

/// Whether this is Slow. pytorchvideo counts its missing pool as no block; mmaction2's has a stem
/// that sees single frames, as none of its other networks.
fn is_slow(weights: &Weights, spelling: Spelling) -> bool {
    match spelling {
        Spelling::PytorchVideo => !weights.any(|name| name.starts_with("blocks.6.")),
        _ => matches!(
            weights.shape("backbone.conv1.conv.weight"),
            Some([_, _, 1, ..])
        ),
    }
}

/// Whether the last stage's first block sees three frames, which it does where all do.
fn is_heavy(net: &Net) -> bool {
    net.time_of("layer4.0.conv1", 1) > 1
}

impl Spelling {
    fn of(weights: &Weights) -> Spelling {
        match weights {
            Weights::Random { .. } => Spelling::Bare,
            _ if weights.any(|name| name.starts_with("blocks.")) => Spelling::PytorchVideo,
            _ => Spelling::Mmaction2,
        }
    }

    fn names(self, is_slow: bool) -> Names {
        match self {
            Spelling::Mmaction2 => Names::spelled(mmaction2),
            Spelling::PytorchVideo => Names::spelled(move |layer| pytorchvideo(layer, is_slow)),
            Spelling::Bare => Names::bare(),
        }
    }
}

pub(crate) fn mmaction2(layer: &str) -> String {
    match layer {
        "fc" => "cls_head.fc_cls".to_owned(),
        _ => format!("backbone.{}", inflated_resnet::mmaction2(layer)),
    }
}

/// The pool behind the first stage counts as a block, so that the stages are 1, 3, 4 and 5; in Slow,
/// which has none, they are 1 to 4.
fn pytorchvideo(layer: &str, is_slow: bool) -> String {
    let pool = usize::from(!is_slow);
    let mut parts = layer.splitn(3, '.');
    let block = match parts.next().unwrap_or_default() {
        "conv1" => return "blocks.0.conv".to_owned(),
        "bn1" => return "blocks.0.norm".to_owned(),
        "fc" => return format!("blocks.{}.proj", 5 + pool),
        "layer1" => 1,
        "layer2" => 2 + pool,
        "layer3" => 3 + pool,
        _ => 4 + pool,
    };
    let sequence = format!("blocks.{block}.res_blocks");
    let (Some(index), Some(part)) = (parts.next(), parts.next()) else {
        return sequence;
    };
    format!("{sequence}.{index}.{}", inflated_resnet::pytorchvideo(part))
}

pub(super) fn published_layers() -> Layers {
    let mut layers = inflated_resnet::published_layers("", 64, &[3, 4, 6, 3]);
    layers.push(("fc".to_owned(), 400));
    layers
}
