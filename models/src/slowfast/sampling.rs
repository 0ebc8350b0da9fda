//! Which frames the slow pathway sees.

use super::Lateral;

/// Where the slow pathway's frames come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowFrames {
    /// An input of their own: the network has the inputs `slow` `[1, 3, T / alpha, H, W]` and
    /// `fast` `[1, 3, T, H, W]`.
    Given,
    /// The first of every alpha frames.
    Strided,
    /// T / alpha frames as evenly as can be from the first to the last, as pytorchvideo's
    /// `PackPathway` takes them. They are not equally far from each other, so that a stream has no
    /// such frames.
    Packed,
}

/// What the weights of a SlowFast network do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pathways {
    /// How many fast frames there are for one slow frame; `None` takes the family's.
    pub alpha: Option<usize>,
    /// Where the slow frames come from; `None` takes what the checkpoint's names tell: mmaction2's
    /// networks take the first of every alpha frames, others are given them.
    pub slow: Option<SlowFrames>,
    /// The kind of lateral; `None` takes the kind that fits the weights.
    pub lateral: Option<Lateral>,
}
