//! What the nodes of a step program do.

use tract_core::internal::*;

/// The window of an operator over time, in frames of its input.
///
/// Frame j of the output is made of the input's frames `j * stride - before + i * dilation` for i
/// from 0 to `kernel - 1`. There is a frame j as long as its window ends at most `after` frames behind
/// the recording's last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeWindow {
    /// Frames that are combined.
    pub kernel: usize,
    /// From the window of one output to the next.
    pub stride: usize,
    /// From one frame of a window to the next.
    pub dilation: usize,
    /// Frames of padding before the recording's first.
    pub before: usize,
    /// Frames of padding behind its last.
    pub after: usize,
}

impl TimeWindow {
    /// The frame alone.
    pub const FRAME: TimeWindow = TimeWindow {
        kernel: 1,
        stride: 1,
        dilation: 1,
        before: 0,
        after: 0,
    };

    /// From a window's first frame to its last.
    pub fn reach(&self) -> usize {
        self.kernel.saturating_sub(1) * self.dilation
    }

    /// Outputs over a recording of `frames` frames.
    pub fn outputs(&self, frames: usize) -> usize {
        match (frames + self.before + self.after).checked_sub(self.reach() + 1) {
            Some(last) => last / self.stride + 1,
            None => 0,
        }
    }
}

/// The window of an operator over the map, as (height, width), in pixels of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpaceWindow {
    /// Pixels that are combined.
    pub kernel: [usize; 2],
    /// From one output to the next.
    pub stride: [usize; 2],
    /// From one pixel of a window to the next.
    pub dilation: [usize; 2],
    /// Pixels of padding before and behind the map.
    pub padding: [[usize; 2]; 2],
}

impl SpaceWindow {
    /// The pixel alone.
    pub const PIXEL: SpaceWindow = SpaceWindow {
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [[0, 0], [0, 0]],
    };

    /// The map that is made of a map of `height` x `width`; `None` if the window does not fit.
    pub fn output(&self, height: usize, width: usize) -> Option<[usize; 2]> {
        let side = |axis: usize, extent: usize| {
            let [before, after] = self.padding[axis];
            let reach = self.kernel[axis].checked_sub(1)? * self.dilation[axis];
            let last = (extent + before + after).checked_sub(reach + 1)?;
            Some(last.checked_div(self.stride[axis])? + 1)
        };
        Some([side(0, height)?, side(1, width)?])
    }
}

/// A function of one number, the last thing that a node does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// The number, but at least `low` and at most `high`: ReLU is from 0 to infinity.
    Clamp {
        /// Lower end.
        low: f32,
        /// Upper end.
        high: f32,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `clamp(x / 6 + 1 / 2, 0, 1)`.
    HardSigmoid,
    /// `x * sigmoid(x)`.
    Swish,
    /// `x * hard_sigmoid(x)`.
    HardSwish,
    /// Hyperbolic tangent.
    Tanh,
    /// `x * Phi(x)`, by the error function.
    Gelu,
}

impl Activation {
    /// Nothing below zero.
    pub const RELU: Activation = Activation::Clamp {
        low: 0.0,
        high: f32::INFINITY,
    };

    /// What becomes of a number, with the same bits on every CPU.
    pub fn of(self, number: f32) -> f32 {
        super::compute::kernel_activation(self).of(number)
    }
}

/// A convolution over time and the map. Inputs: the stream, the weights `[O, C / groups, t, h, w]`, the
/// bias `[O]`, and perhaps a second stream that is added before the activation (a residual).
///
/// A fully connected layer is a convolution of a map of one pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv {
    /// Over time; the padding is zeros.
    pub time: TimeWindow,
    /// Over the map; the padding is zeros.
    pub space: SpaceWindow,
    /// Groups of channels that are convolved apart; as many as channels in a depthwise convolution.
    pub groups: usize,
    /// What is done with the sums.
    pub activation: Activation,
}

/// What is taken of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The largest.
    Max,
    /// The mean.
    Mean,
}

/// A pool over time and the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// What is taken of a window.
    pub of: Reduction,
    /// Over time.
    pub time: TimeWindow,
    /// Over the map.
    pub space: SpaceWindow,
    /// Whether the padding counts as zeros: for a mean in its divisor, for a maximum as a candidate.
    /// Otherwise there is nothing there.
    pub zero_padded: bool,
}

/// The largest or the mean of the last frames, one for each frame: what stands for an operator over a
/// whole clip. Until so many frames have come, of those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sliding {
    /// What is taken, place by place.
    pub of: Reduction,
    /// Frames of the window, its newest included; `None`: all since the recording began.
    pub frames: Option<usize>,
    /// From one frame of the window to the next.
    pub dilation: usize,
}

/// What weighs the places of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weighting {
    /// Softmax over the places.
    Softmax,
    /// The product divided by the number of places (Non-local's "dot product").
    Mean,
}

/// Attention of each place of the newest frame to all places of the last frames. Inputs: query
/// `[H, W, C]`, key `[H', W', C]`, value `[H', W', V]`; output `[H, W, V]`. Keys and values are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// What weighs the places.
    pub weighting: Weighting,
    /// Factor of the products of query and key.
    pub scale: f32,
    /// Frames of the window, its newest included.
    pub frames: usize,
    /// From one frame of the window to the next.
    pub dilation: usize,
}

/// An arithmetic of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient.
    Div,
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// An arithmetic place by place. Each input is a stream or a constant; an extent of 1 is broadcast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binary {
    /// Which.
    pub arithmetic: Arithmetic,
    /// What is done with the result.
    pub activation: Activation,
}

/// What a node of a step program does. Every operator has one output.
#[derive(Clone, Debug, PartialEq)]
pub enum StepOp {
    /// A convolution.
    Conv(Conv),
    /// A pool.
    Pool(Pool),
    /// The temporal shift; see [`ShiftDirection`](crate::ops::ShiftDirection) for which channels come
    /// from where. Zeros enter at the recording's ends.
    Shift {
        /// Which way.
        direction: crate::ops::ShiftDirection,
        /// Channels that are moved one way.
        fold: usize,
    },
    /// Every `every`th frame from number `first` on.
    Sample {
        /// Frames from one that is kept to the next.
        every: usize,
        /// The first that is kept.
        first: usize,
    },
    /// The largest or the mean of the last frames.
    Sliding(Sliding),
    /// Attention to the last frames.
    Attention(Attention),
    /// An arithmetic of two values.
    Binary(Binary),
    /// A function of each number.
    Activation(Activation),
    /// The maps of all inputs, channels behind channels.
    Concat,
    /// The channels from `start` to before `end`.
    Channels {
        /// The first.
        start: usize,
        /// Behind the last.
        end: usize,
    },
    /// The largest or the mean over the map: `[1, 1, C]`.
    OverMap(Reduction),
    /// Softmax over the channels.
    Softmax,
    /// Something with 8-bit values.
    Int(super::IntOp),
}
