//! The residual networks of clips that R3D, MCx, R(2+1)D and CSN share.
//!
//! | layers | what | channels | stride in time, space |
//! |---|---|---|---|
//! | `stem` | 7x7, over 3 frames where the network is 3D there | 64 | 1, 2 |
//! | | largest of 1x3x3, in some | 64 | 1, 2 |
//! | `layer1` | blocks | 64 | 1, 1 |
//! | `layer2` | blocks | 128 | 2, 2 |
//! | `layer3` | blocks | 256 | 2, 2 |
//! | `layer4` | blocks | 512 | 2, 2 |
//! | `fc` | mean over the clip, linear | classes | |
//!
//! A bottleneck gives four times as many channels. The stride is that of a stage's first block;
//! what sees single frames has no stride in time.
//!
//! Layers have the names of torchvision's `VideoResNet`: `layer1.0.conv1.0` is a convolution and
//! `layer1.0.conv1.1` the batch-norm behind it.

mod dialect;
mod published;
#[cfg(test)]
mod tests;

pub(crate) use dialect::{MMACTION_FACTORED, MMACTION_IP_CSN, MMACTION_IR_CSN, PYTORCHVIDEO};

use praxiscope_runtime::ops::Pooling;

use crate::build::{BuildOptions, ClipGraph, Rows};
use crate::error::BuildError;
use crate::layers::{Net, Window, Wire};
use crate::names::Names;
use crate::weights::Weights;

/// What stands in the place of a 3x3x3 convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// 3x3x3.
    Cube,
    /// 1x3x3: single frames.
    Flat,
    /// 1x3x3, batch-norm, activation, 3x1x1.
    SpaceThenTime,
    /// 3x1x1, batch-norm, activation, 1x3x3.
    TimeThenSpace,
    /// 3x3x3 on each channel by itself.
    Depthwise,
    /// 1x1x1, batch-norm, then 3x3x3 on each channel by itself.
    PointThenDepthwise,
}

/// The convolutions of a block's residual branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Kernel, kernel.
    Basic,
    /// 1x1x1 to fewer channels, kernel, 1x1x1 to more.
    Bottleneck,
}

/// The wiring of one network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trunk {
    /// The first convolution: [`Kernel::Cube`], [`Kernel::Flat`] or [`Kernel::SpaceThenTime`], with
    /// 7x7 pixels.
    pub stem: Kernel,
    /// Whether a pool is behind it.
    pub pool: bool,
    pub block: Block,
    /// The kernel of each stage's blocks.
    pub kernels: [Kernel; 4],
    /// The strides of each stage's first block in time and in space.
    pub strides: [(usize, usize); 4],
    /// What is averaged, step by step, before the mean over the clip; the whole map if `None`.
    pub head: Option<[usize; 3]>,
    /// What batch-norms add to the variance.
    pub epsilon: f64,
    /// The same of those between the halves of a factored convolution.
    pub inner_epsilon: f64,
}

/// The strides of all published networks but one.
pub(crate) const STRIDES: [(usize, usize); 4] = [(1, 1), (2, 2), (2, 2), (2, 2)];

/// Builds the network: `[1, 3, T, H, W]` to `[1, classes]`.
pub(crate) fn build(
    weights: Weights,
    names: Names,
    options: &BuildOptions,
    published: Trunk,
) -> Result<ClipGraph, BuildError> {
    let trunk = Trunk {
        pool: options.stem_pool.unwrap_or(published.pool),
        epsilon: options.epsilon.unwrap_or(published.epsilon),
        inner_epsilon: options.epsilon.unwrap_or(published.inner_epsilon),
        ..published
    };
    let (net, frames) = Net::new(weights, names, &options.clip_input())?;
    let mut net = net.with_epsilon(trunk.epsilon);
    let mut x = trunk.stem(&mut net, frames)?;
    for (number, (kernel, strides)) in (1..).zip(trunk.kernels.into_iter().zip(trunk.strides)) {
        let stage = format!("layer{number}");
        for index in 0..net.count(&stage).max(1) {
            let strides = if index == 0 { strides } else { (1, 1) };
            x = trunk.residual(&mut net, x, &format!("{stage}.{index}"), kernel, strides)?;
        }
    }
    if let Some(kernel) = trunk.head {
        x = net.fitted_pool("avgpool.windows", x, Pooling::Mean, &kernel, &[0; 3])?;
    }
    let features = net.mean_over_map("avgpool", x)?;
    let logits = net.linear(features, "fc")?;
    ClipGraph::new(net.finish(logits)?, Rows::PerClip)
}

impl Trunk {
    fn stem(self, net: &mut Net, frames: Wire) -> Result<Wire, BuildError> {
        let over = |time: usize, side: usize| Window::of(&[time, side, side]);
        let in_space = [1, 2, 2];
        let mut x = match self.stem {
            Kernel::SpaceThenTime => {
                let window = over(1, 7).strides(&in_space);
                let x = self.inner_norm(net, frames, "stem.0", "stem.1", window)?;
                net.conv_norm(x, "stem.3", "stem.4", over(3, 1))?
            }
            kernel => {
                let time = if kernel == Kernel::Flat { 1 } else { 3 };
                net.conv_norm(frames, "stem.0", "stem.1", over(time, 7).strides(&in_space))?
            }
        };
        x = net.relu(x)?;
        match self.pool {
            true => net.max_pool("stem.pool", x, over(1, 3).strides(&in_space)),
            false => Ok(x),
        }
    }

    /// `relu(branch(x) + x)`, with a 1x1x1 convolution on the shortcut where the map changes its
    /// size.
    fn residual(
        self,
        net: &mut Net,
        x: Wire,
        block: &str,
        kernel: Kernel,
        (time, space): (usize, usize),
    ) -> Result<Wire, BuildError> {
        let time = if kernel == Kernel::Flat { 1 } else { time };
        let strides = (time, space);
        let conv = |number: usize| format!("{block}.conv{number}");
        let point = || Window::cube(1);
        let mut y = x;
        match self.block {
            Block::Basic => {
                y = self.kernel_norm(net, y, &conv(1), kernel, strides)?;
                y = net.relu(y)?;
                y = self.kernel_norm(net, y, &conv(2), kernel, (1, 1))?;
            }
            Block::Bottleneck => {
                y = self.point_norm(net, y, &conv(1))?;
                y = net.relu(y)?;
                y = self.kernel_norm(net, y, &conv(2), kernel, strides)?;
                y = net.relu(y)?;
                y = self.point_norm(net, y, &conv(3))?;
            }
        }
        let is_resized = strides != (1, 1) || net.channels(x)? != net.channels(y)?;
        let (conv, norm) = (part(block, "downsample.0"), part(block, "downsample.1"));
        let mut shortcut = x;
        if net.has(&part(&conv, "0")) {
            // A factored shortcut, of 1x1x1 both. The published second half has the stride in time;
            // what looks at single places may as well drop them first.
            let window = point().strides(&[time, space, space]);
            shortcut = self.inner_norm(net, x, &part(&conv, "0"), &part(&conv, "1"), window)?;
            shortcut = net.conv_norm(shortcut, &part(&conv, "3"), &norm, point())?;
        } else if is_resized || net.has(&conv) {
            let window = point().strides(&[time, space, space]);
            shortcut = net.conv_norm(x, &conv, &norm, window)?;
        }
        let sum = net.add(&part(block, "add"), y, shortcut)?;
        net.relu(sum)
    }

    /// The 1x1x1 convolution `{conv}.0` and the batch-norm `{conv}.1`. mmaction2 factors such ones
    /// too; then the second half may see several frames, as its weight says.
    fn point_norm(self, net: &mut Net, x: Wire, conv: &str) -> Result<Wire, BuildError> {
        let (whole, norm) = (part(conv, "0"), part(conv, "1"));
        let [first, between, second] = ["0", "1", "3"].map(|index| part(&whole, index));
        if !net.has(&first) {
            return net.conv_norm(x, &whole, &norm, Window::cube(1));
        }
        let x = self.inner_norm(net, x, &first, &between, Window::cube(1))?;
        let in_time = Window::of(&[net.time_of(&second, 1), 1, 1]);
        net.conv_norm(x, &second, &norm, in_time)
    }

    /// The kernel `{conv}.0`, whose parts are `{conv}.0.0` and so on where it has parts, and the
    /// batch-norm `{conv}.1`.
    fn kernel_norm(
        self,
        net: &mut Net,
        x: Wire,
        conv: &str,
        kernel: Kernel,
        (time, space): (usize, usize),
    ) -> Result<Wire, BuildError> {
        let (whole, norm) = (part(conv, "0"), part(conv, "1"));
        let part = |index: &str| part(&whole, index);
        let cube = Window::cube(3).strides(&[time, space, space]);
        let in_space = Window::of(&[1, 3, 3]).strides(&[1, space, space]);
        match kernel {
            Kernel::Cube => net.conv_norm(x, &whole, &norm, cube),
            Kernel::Flat => net.conv_norm(x, &whole, &norm, in_space),
            Kernel::SpaceThenTime => {
                let x = self.inner_norm(net, x, &part("0"), &part("1"), in_space)?;
                let frames = net.time_of(&part("3"), 3);
                let in_time = Window::of(&[frames, 1, 1]).strides(&[time, 1, 1]);
                net.conv_norm(x, &part("3"), &norm, in_time)
            }
            Kernel::TimeThenSpace => {
                let in_time = Window::of(&[3, 1, 1]).strides(&[time, 1, 1]);
                let x = self.inner_norm(net, x, &part("0"), &part("1"), in_time)?;
                net.conv_norm(x, &part("3"), &norm, in_space)
            }
            Kernel::Depthwise => net.depthwise_norm(x, &whole, &norm, cube),
            Kernel::PointThenDepthwise => {
                let x = net.conv_norm(x, &part("0"), &part("1"), Window::cube(1))?;
                net.depthwise_norm(x, &part("2"), &norm, cube)
            }
        }
    }

    /// The first half of a factored convolution, with its batch-norm and activation.
    fn inner_norm(
        self,
        net: &mut Net,
        x: Wire,
        conv: &str,
        norm: &str,
        window: Window,
    ) -> Result<Wire, BuildError> {
        let outer = net.set_epsilon(self.inner_epsilon);
        let x = net.conv_norm(x, conv, norm, window)?;
        net.set_epsilon(outer);
        net.relu(x)
    }
}

fn part(of: &str, part: &str) -> String {
    format!("{of}.{part}")
}
