//! What the inflated ResNets have in common, and how mmaction2 and pytorchvideo spell them.
//!
//! | layers | what | channels | blocks of 50, 101, 152 | stride over space |
//! |---|---|---|---|---|
//! | `conv1`, `bn1` | t x7x7 | 64 | | 2 |
//! | | largest of 1x3x3 | 64 | | 2 |
//! | `layer1` | t x1x1, 1x3x3, 1x1x1 | 64, 64, 256 | 3, 3, 3 | 1 |
//! | `layer2` | t x1x1, 1x3x3, 1x1x1 | 128, 128, 512 | 4, 4, 8 | 2 |
//! | `layer3` | t x1x1, 1x3x3, 1x1x1 | 256, 256, 1024 | 6, 23, 36 | 2 |
//! | `layer4` | t x1x1, 1x3x3, 1x1x1 | 512, 512, 2048 | 3, 3, 3 | 2 |
//!
//! The stride is that of a stage's first block, whose 1x3x3 convolution has it. Each convolution's
//! extent over time is read off its weight. A network of 18 or 34 layers, which mmaction2 can make,
//! has basic blocks: t x3x3 twice, the first with the stride.

use crate::error::BuildError;
use crate::layers::{Net, Window, Wire};
use crate::weights::Layers;

/// The stride over space of each stage.
pub(crate) const STRIDES: [usize; 4] = [1, 2, 2, 2];

/// A bottleneck gives so many times the channels that it has inside.
const EXPANSION: usize = 4;

/// The 3D convolution `conv{number}` and the batch-norm `bn{number}` of a block.
pub(crate) fn unit(
    net: &mut Net,
    x: Wire,
    block: &str,
    number: usize,
    window: Window,
) -> Result<Wire, BuildError> {
    let (conv, norm) = (
        format!("{block}.conv{number}"),
        format!("{block}.bn{number}"),
    );
    net.conv_norm(x, &conv, &norm, window)
}

/// A kernel of `side` x `side` pixels and as many frames as the weight of the block's `number`th
/// convolution says, or else as are `published`.
pub(crate) fn kernel(
    net: &Net,
    block: &str,
    number: usize,
    published: usize,
    side: usize,
) -> Window {
    let time = net.time_of(&format!("{block}.conv{number}"), published);
    Window::of(&[time, side, side])
}

/// The block that the file has: a basic one where the first convolution looks around, else a
/// bottleneck. `time` is how many frames an inflated convolution sees unless its weight says else.
pub(crate) fn residual(
    net: &mut Net,
    x: Wire,
    block: &str,
    stride: usize,
    time: usize,
) -> Result<Wire, BuildError> {
    let first = net.names().tensor(&format!("{block}.conv1"), "weight");
    match net.weights().shape(&first) {
        Some([_, _, _, side, _]) if *side > 1 => basic(net, x, block, stride, time),
        _ => bottleneck(net, x, block, stride, time),
    }
}

fn basic(
    net: &mut Net,
    x: Wire,
    block: &str,
    stride: usize,
    time: usize,
) -> Result<Wire, BuildError> {
    let window = kernel(net, block, 1, time, 3).strides(&[1, stride, stride]);
    let mut y = unit(net, x, block, 1, window)?;
    y = net.relu(y)?;
    let window = kernel(net, block, 2, time, 3);
    y = unit(net, y, block, 2, window)?;
    add_shortcut(net, block, y, x, stride)
}

/// `relu(branch(x) + x)`; the first convolution sees `time` frames unless its weight says else.
pub(crate) fn bottleneck(
    net: &mut Net,
    x: Wire,
    block: &str,
    stride: usize,
    time: usize,
) -> Result<Wire, BuildError> {
    let window = kernel(net, block, 1, time, 1);
    let mut y = unit(net, x, block, 1, window)?;
    y = net.relu(y)?;
    let window = kernel(net, block, 2, 1, 3).strides(&[1, stride, stride]);
    y = unit(net, y, block, 2, window)?;
    y = net.relu(y)?;
    y = unit(net, y, block, 3, Window::cube(1))?;
    add_shortcut(net, block, y, x, stride)
}

/// `relu(y + x)`, with a 1x1x1 convolution on the shortcut where the map changes its size.
pub(crate) fn add_shortcut(
    net: &mut Net,
    block: &str,
    y: Wire,
    x: Wire,
    stride: usize,
) -> Result<Wire, BuildError> {
    let [conv, norm] = [0, 1].map(|part| format!("{block}.downsample.{part}"));
    let is_resized = stride != 1 || net.channels(x)? != net.channels(y)?;
    let mut shortcut = x;
    if is_resized || net.has(&conv) {
        let window = Window::cube(1).strides(&[1, stride, stride]);
        shortcut = net.conv_norm(x, &conv, &norm, window)?;
    }
    let sum = net.add(&format!("{block}.add"), y, shortcut)?;
    net.relu(sum)
}

/// `layer{number}`, made of `block`s, which are given their name, their stride and their place.
pub(crate) fn stage(
    net: &mut Net,
    mut x: Wire,
    name: &str,
    stride: usize,
    block: impl Fn(&mut Net, Wire, &str, usize, usize) -> Result<Wire, BuildError>,
) -> Result<Wire, BuildError> {
    for index in 0..net.count(name).max(1) {
        let stride = if index == 0 { stride } else { 1 };
        x = block(net, x, &format!("{name}.{index}"), stride, index)?;
    }
    Ok(x)
}

/// The convolutions of a published network under `prefix`: its stem has `base` channels, its stages
/// so many blocks.
pub(crate) fn published_layers(prefix: &str, base: usize, blocks: &[usize]) -> Layers {
    let mut layers = vec![(format!("{prefix}conv1"), base)];
    for (stage, &count) in blocks.iter().enumerate() {
        let (planes, name) = (base << stage, format!("{prefix}layer{}", stage + 1));
        for index in 0..count {
            let widths = [planes, planes, planes * EXPANSION];
            let convs = (1..).zip(widths);
            layers.extend(convs.map(|(at, width)| (format!("{name}.{index}.conv{at}"), width)));
        }
        layers.push((format!("{name}.0.downsample.0"), planes * EXPANSION));
    }
    layers
}

/// mmaction2's name of a layer: a convolution and its batch-norm are `conv` and `bn` of one module.
pub(crate) fn mmaction2(layer: &str) -> String {
    let (stem, last) = layer.rsplit_once('.').unwrap_or(("", layer));
    let dot = if stem.is_empty() { "" } else { "." };
    if let Some(number) = last.strip_prefix("bn") {
        format!("{stem}{dot}conv{number}.bn")
    } else if last.starts_with("conv") {
        format!("{layer}.conv")
    } else if stem.ends_with("downsample") {
        let part = if last == "0" { "conv" } else { "bn" };
        format!("{stem}.{part}")
    } else {
        layer.to_owned()
    }
}

/// pytorchvideo's name of a layer of a block (`conv1` is `branch2.conv_a`).
pub(crate) fn pytorchvideo(part: &str) -> &'static str {
    match part {
        "conv1" => "branch2.conv_a",
        "bn1" => "branch2.norm_a",
        "conv2" => "branch2.conv_b",
        "bn2" => "branch2.norm_b",
        "conv3" => "branch2.conv_c",
        "bn3" => "branch2.norm_c",
        "downsample.0" => "branch1_conv",
        _ => "branch1_norm",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mmaction2_puts_a_convolution_and_its_norm_into_one_module() {
        for (layer, name) in [
            ("conv1", "conv1.conv"),
            ("bn1", "conv1.bn"),
            ("layer1.0.conv3", "layer1.0.conv3.conv"),
            ("layer1.0.bn3", "layer1.0.conv3.bn"),
            ("layer1.0.downsample.0", "layer1.0.downsample.conv"),
            ("layer1.0.downsample.1", "layer1.0.downsample.bn"),
            ("layer1", "layer1"),
        ] {
            assert_eq!(mmaction2(layer), name);
        }
    }
}
