//! ResNet (He et al.: "Deep Residual Learning for Image Recognition", 2015, table 1) with shifts in
//! `blockres` placement, on the residual branch, or in `block` placement, before the block and so
//! before its shortcut too; of any width and depth.
//!
//! | layers | what | channels | blocks of 18, 34 | 50, 101, 152 | stride |
//! |---|---|---|---|---|---|
//! | `conv1` | 7x7 | 64 | | | 2 |
//! | | largest of 3x3 | 64 | | | 2 |
//! | `layer1` | block | 64 | 2, 3 | 3, 3, 3 | 1 |
//! | `layer2` | block | 128 | 2, 4 | 4, 4, 8 | 2 |
//! | `layer3` | block | 256 | 2, 6 | 6, 23, 36 | 2 |
//! | `layer4` | block | 512 | 2, 3 | 3, 3, 3 | 2 |
//! | `fc` | mean over the picture, linear | classes | | | |
//!
//! With MIT's pool over time, which the file tells by naming the second stage `layer2.net`, that
//! stage and those behind it see the largest of every three frames, in steps of two.
//!
//! A bottleneck gives four times as many channels. The stride is that of a stage's first block; in
//! a bottleneck the 3x3 convolution has it, as in torchvision.

use super::Place;
use crate::error::BuildError;
use crate::layers::{Net, Shift, Window, Wire};
use crate::weights::Layers;

/// The stride of each stage. The checkpoint tells the rest.
const STRIDES: [usize; 4] = [1, 2, 2, 2];

/// How a file that has a pool over time names the stage behind it.
const POOLED_STAGE: &str = "layer2.net";

/// With as many blocks in the third stage, only every second block of each stage is shifted.
const SPARSE_FROM: usize = 23;

/// The layers of a block's residual branch.
pub(crate) type Branch = fn(&mut Net, Wire, &str, Place) -> Result<Wire, BuildError>;

/// A published ResNet over the 400 classes of Kinetics.
pub(crate) fn published_layers(blocks: &[usize], is_bottleneck: bool) -> Layers {
    let mut layers = vec![("conv1".to_owned(), 64)];
    let mut inputs = 64;
    for (stage, &blocks) in blocks.iter().enumerate() {
        let width = 64 << stage;
        let (convs, outputs) = match is_bottleneck {
            true => (vec![width, width, 4 * width], 4 * width),
            false => (vec![width, width], width),
        };
        for index in 0..blocks {
            let block = format!("layer{}.{index}", stage + 1);
            for (number, &width) in (1..).zip(&convs) {
                layers.push((format!("{block}.conv{number}"), width));
            }
            if index == 0 && inputs != outputs {
                layers.push((format!("{block}.downsample.0"), outputs));
            }
        }
        inputs = outputs;
    }
    layers.push(("fc".to_owned(), 400));
    layers
}

/// The first convolution, and the pool behind it if there is one.
pub(crate) fn stem(net: &mut Net, frames: Wire, pool: bool) -> Result<Wire, BuildError> {
    let x = net.conv_norm(frames, "conv1", "bn1", Window::square(7).stride(2))?;
    activate(net, x, pool)
}

/// What follows the first convolution.
pub(crate) fn activate(net: &mut Net, x: Wire, pool: bool) -> Result<Wire, BuildError> {
    let x = net.relu(x)?;
    match pool {
        true => net.max_pool("maxpool", x, Window::square(3).stride(2)),
        false => Ok(x),
    }
}

/// Whether only every second frame is left from the second stage on.
pub(super) fn pools_over_time(net: &Net) -> bool {
    net.count(POOLED_STAGE) > 0
}

/// The four stages of blocks.
pub(crate) fn stages(
    net: &mut Net,
    mut x: Wire,
    shift: Option<Shift>,
    branch: Branch,
) -> Result<Wire, BuildError> {
    let is_deep = net.count("layer3") >= SPARSE_FROM;
    for (number, stride) in (1..).zip(STRIDES) {
        let mut stage = format!("layer{number}");
        if number == 2 && pools_over_time(net) {
            let window = Window::of(&[3, 1, 1]).strides(&[2, 1, 1]);
            x = net.max_over_frames("layer2.pool", x, window)?;
            stage = POOLED_STAGE.to_owned();
        }
        for index in 0..net.count(&stage).max(1) {
            let place = Place {
                stride: if index == 0 { stride } else { 1 },
                published: !is_deep || index % 2 == 0,
                shift,
            };
            let block = format!("{stage}.{index}");
            x = match shift.filter(|_| net.has(&format!("{block}.net.conv1"))) {
                Some(shift) => shifted_block(net, x, &block, (place, shift), branch)?,
                None => residual(net, x, &block, place, branch)?,
            };
        }
    }
    Ok(x)
}

/// The whole block, which the file names `net`, sees shifted features, and no layer of it more.
fn shifted_block(
    net: &mut Net,
    x: Wire,
    block: &str,
    (place, shift): (Place, Shift),
    branch: Branch,
) -> Result<Wire, BuildError> {
    let x = net.shift(&format!("{block}.shift"), x, shift)?;
    let place = Place {
        shift: None,
        ..place
    };
    residual(net, x, &format!("{block}.net"), place, branch)
}

/// `relu(branch(x) + x)`, with a 1x1 convolution on the shortcut where the map changes its size.
fn residual(
    net: &mut Net,
    x: Wire,
    block: &str,
    place: Place,
    branch: Branch,
) -> Result<Wire, BuildError> {
    let y = branch(net, x, block, place)?;
    let (conv, norm) = (
        format!("{block}.downsample.0"),
        format!("{block}.downsample.1"),
    );
    let is_resized = place.stride != 1 || net.channels(x)? != net.channels(y)?;
    let mut shortcut = x;
    if is_resized || net.has(&conv) {
        shortcut = net.conv_norm(x, &conv, &norm, Window::square(1).stride(place.stride))?;
    }
    let sum = net.add(&format!("{block}.add"), y, shortcut)?;
    net.relu(sum)
}

/// 3x3, 3x3.
pub(crate) fn basic(net: &mut Net, x: Wire, block: &str, place: Place) -> Result<Wire, BuildError> {
    let layer = |name: &str| format!("{block}.{name}");
    let resizing = Window::square(3).stride(place.stride);
    let y = place.conv_norm(net, x, &layer("conv1"), &layer("bn1"), resizing)?;
    let y = net.relu(y)?;
    net.conv_norm(y, &layer("conv2"), &layer("bn2"), Window::square(3))
}

/// 1x1 to fewer channels, 3x3, 1x1 to more.
pub(crate) fn bottleneck(
    net: &mut Net,
    x: Wire,
    block: &str,
    place: Place,
) -> Result<Wire, BuildError> {
    let layer = |name: &str| format!("{block}.{name}");
    let y = place.conv_norm(net, x, &layer("conv1"), &layer("bn1"), Window::square(1))?;
    let y = net.relu(y)?;
    let resizing = Window::square(3).stride(place.stride);
    let y = net.conv_norm(y, &layer("conv2"), &layer("bn2"), resizing)?;
    let y = net.relu(y)?;
    net.conv_norm(y, &layer("conv3"), &layer("bn3"), Window::square(1))
}
