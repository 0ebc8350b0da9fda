//! MobileNetV2 (Sandler et al.: "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018,
//! table 2) with shifts, of any width.
//!
//! | layers | what | expansion | channels at width 1 | blocks | stride |
//! |---|---|---|---|---|---|
//! | `features.0` | 3x3 | | 32 | | 2 |
//! | `features.1` | block | 1 | 16 | 1 | 1 |
//! | `features.2..=3` | block | 6 | 24 | 2 | 2 |
//! | `features.4..=6` | block | 6 | 32 | 3 | 2 |
//! | `features.7..=10` | block | 6 | 64 | 4 | 2 |
//! | `features.11..=13` | block | 6 | 96 | 3 | 1 |
//! | `features.14..=16` | block | 6 | 160 | 3 | 2 |
//! | `features.17` | block | 6 | 320 | 1 | 1 |
//! | `features.18` | 1x1 | | 1280 | | 1 |
//! | `classifier` | mean over the picture, linear | | classes | | |
//!
//! The stride is that of a stage's first block; the shifts stand in the blocks that repeat it.

use super::{Place, mmaction};
use crate::error::BuildError;
use crate::layers::{Net, Shift, Window, Wire};
use crate::names::Names;
use crate::weights::{Layers, Weights};

/// Blocks of each stage, and the stride of its first. The checkpoint tells the rest.
const STAGES: [(usize, usize); 7] = [(1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)];

/// Expansion and channels of each stage's blocks at width 1.
const WIDTHS: [(usize, usize); 7] = [
    (1, 16),
    (6, 24),
    (6, 32),
    (6, 64),
    (6, 96),
    (6, 160),
    (6, 320),
];

/// The network of width 1 with the 27 gestures of MIT's `online_demo`.
pub(super) fn published_layers() -> Layers {
    let (stem, last, classes) = (32, 1280, 27);
    let mut layers = vec![("features.0.0".to_owned(), stem)];
    let (mut index, mut inputs) = (1, stem);
    for ((blocks, _), (expansion, outputs)) in STAGES.into_iter().zip(WIDTHS) {
        for _ in 0..blocks {
            let hidden = inputs * expansion;
            let convs = [(0, hidden), (3, hidden), (6, outputs)];
            // A block that expands nothing lacks the expansion, and its layers move up.
            let convs = if expansion == 1 {
                vec![(0, hidden), (3, outputs)]
            } else {
                convs.to_vec()
            };
            let named = |(at, outputs)| (format!("features.{index}.conv.{at}"), outputs);
            layers.extend(convs.into_iter().map(named));
            index += 1;
            inputs = outputs;
        }
    }
    layers.push((format!("features.{index}.0"), last));
    layers.push(("classifier".to_owned(), classes));
    layers
}

pub(super) fn features(net: &mut Net, frames: Wire, shift: Shift) -> Result<Wire, BuildError> {
    let stem = Window::square(3).stride(2);
    let mut x = net.conv_norm(frames, "features.0.0", "features.0.1", stem)?;
    x = net.relu6(x)?;
    let named = named_stages(net);
    let last = match &named {
        Some(lengths) => lengths.iter().sum::<usize>() + 1,
        None => net.count("features").saturating_sub(1).max(1),
    };
    for (index, place) in (1..last).zip(places(net, last - 1, named, shift)?) {
        x = inverted_residual(net, x, &format!("features.{index}.conv"), place)?;
    }
    let (conv, norm) = (format!("features.{last}.0"), format!("features.{last}.1"));
    x = net.conv_norm(x, &conv, &norm, Window::square(1))?;
    net.relu6(x)
}

/// Expansion (1x1), depthwise convolution (3x3), projection (1x1, no activation). A block that
/// expands nothing lacks the expansion.
fn inverted_residual(
    net: &mut Net,
    x: Wire,
    block: &str,
    place: Place,
) -> Result<Wire, BuildError> {
    let layer = |index: usize| format!("{block}.{index}");
    let (depthwise, projection) = layers_of(net, block);
    let outputs = net.outputs_of(&layer(projection))?;
    let residual = place.stride == 1 && net.channels(x)? == outputs;
    let point = Window::square(1);
    let mut y = x;
    if depthwise > 0 {
        let published = place.published && residual;
        let place = Place { published, ..place };
        y = place.conv_norm(net, x, &layer(0), &layer(1), point.clone())?;
        y = net.relu6(y)?;
    }
    let (conv, norm) = (layer(depthwise), layer(depthwise + 1));
    y = net.depthwise_norm(y, &conv, &norm, Window::square(3).stride(place.stride))?;
    y = net.relu6(y)?;
    y = net.conv_norm(y, &layer(projection), &layer(projection + 1), point)?;
    match residual {
        true => net.add(&format!("{block}.add"), x, y),
        false => Ok(y),
    }
}

/// Where the depthwise convolution and the projection stand among a block's layers.
fn layers_of(net: &Net, block: &str) -> (usize, usize) {
    // Convolutions, batch-norms and activations; modules of them where the stages have names.
    let without_expansion = if mmaction::spells(net.names()) { 2 } else { 5 };
    match net.count(block) > without_expansion {
        true => (3, 6),
        false => (0, 3),
    }
}

/// The blocks of each stage, where the checkpoint's names have the stages (`layer1` to `layer7`).
fn named_stages(net: &Net) -> Option<Vec<usize>> {
    mmaction::spells(net.names()).then(|| stage_lengths(net.names(), net.weights()))
}

/// The blocks of each stage, never more than there are tensors, whatever numbers the names have; a
/// stage of which nothing is left is missed by its first block.
pub(super) fn stage_lengths(names: &Names, weights: &Weights) -> Vec<usize> {
    let most = weights.names().count().max(1);
    let stages = (1..=STAGES.len()).map(|stage| format!("layer{stage}"));
    let lengths = stages.map(|stage| names.count(weights, &stage).clamp(1, most));
    lengths.collect()
}

/// A network of another depth than the published one has a new stage wherever the width changes,
/// unless its stages have names.
fn places(
    net: &Net,
    blocks: usize,
    named: Option<Vec<usize>>,
    shift: Shift,
) -> Result<Vec<Place>, BuildError> {
    let published = STAGES.map(|(blocks, _)| blocks);
    let lengths = match named {
        Some(lengths) => lengths,
        None if blocks == published.iter().sum::<usize>() => published.to_vec(),
        None => runs_of_one_width(net, blocks)?,
    };
    let (found, wanted) = (lengths.len(), STAGES.len());
    if found != wanted {
        let file = net.weights().file().to_owned();
        return Err(BuildError::Stages {
            file,
            blocks,
            found,
            wanted,
        });
    }
    let stages = lengths.into_iter().zip(STAGES);
    let places = stages.flat_map(|(length, (_, stride))| {
        (0..length).map(move |at| Place {
            stride: if at == 0 { stride } else { 1 },
            published: at > 0,
            shift: Some(shift),
        })
    });
    Ok(places.collect())
}

fn runs_of_one_width(net: &Net, blocks: usize) -> Result<Vec<usize>, BuildError> {
    let mut widths = vec![];
    for index in 1..=blocks {
        let block = format!("features.{index}.conv");
        let (_, projection) = layers_of(net, &block);
        widths.push(net.outputs_of(&format!("{block}.{projection}"))?);
    }
    Ok(widths.chunk_by(|a, b| a == b).map(<[usize]>::len).collect())
}
