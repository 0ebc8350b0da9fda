//! From the fast to the slow pathway (the paper's section 3.3 and table 5b).

use super::Laterals;
use crate::error::BuildError;
use crate::layers::{Net, Window, Wire};
use crate::weights::Layers;

/// How the fast pathway's features are fitted to the slow one's frames.
///
/// Where the slow stage behind it takes more channels than the slow pathway has, they are set
/// beside its own, else added to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateral {
    /// A convolution over time in steps of alpha, with a batch-norm and ReLU if the weights have
    /// one: what published checkpoints have.
    Convolution,
    /// The first of every alpha frames.
    Sampling,
    /// All alpha frames: the channels of the first, then those of the second, and so on.
    TimeToChannel,
    /// None: the pathways meet in the head alone.
    Absent,
}

/// The slow pathway's features with what the fast one lends them behind stage `number` (0: the
/// stem).
pub(super) fn fuse(
    net: &mut Net,
    slow: Wire,
    fast: Wire,
    number: usize,
    laterals: Laterals,
) -> Result<Wire, BuildError> {
    let (own, lent) = (net.channels(slow)?, net.channels(fast)?);
    let next = format!("slow.layer{}.0.conv1", number + 1);
    let taken = net.inputs_of(&next);
    let (name, alpha) = (format!("lateral{number}"), laterals.alpha);
    let found = || kind(net, &name, taken, own, lent, alpha);
    let given = match laterals.kind.unwrap_or_else(found) {
        Lateral::Convolution => convolution(net, &name, fast, laterals)?,
        Lateral::Sampling => net.every_frame(&name, fast, alpha, 0)?,
        Lateral::TimeToChannel => {
            let mut frames = vec![];
            for first in 0..alpha {
                frames.push(net.every_frame(&format!("{name}.{first}"), fast, alpha, first)?);
            }
            net.concat(&name, &frames)?
        }
        Lateral::Absent => return Ok(slow),
    };
    let name = format!("{name}.fused");
    match taken == Some(own) && net.channels(given)? == own {
        true => net.add(&name, slow, given),
        false => net.concat(&name, &[slow, given]),
    }
}

/// The kind that fits the channels which the next slow stage takes, where the slow pathway has
/// `own` and the fast one `lent`.
fn kind(
    net: &Net,
    name: &str,
    taken: Option<usize>,
    own: usize,
    lent: usize,
    alpha: usize,
) -> Lateral {
    let fits = |given: usize| taken == Some(own + given) || (taken == Some(own) && given == own);
    if net.has(&format!("{name}.conv")) {
        Lateral::Convolution
    } else if fits(lent) {
        Lateral::Sampling
    } else if fits(lent * alpha) {
        Lateral::TimeToChannel
    } else if taken == Some(own) {
        Lateral::Absent
    } else {
        Lateral::Convolution
    }
}

/// Without a batch-norm there is no activation either, as in mmaction2.
fn convolution(
    net: &mut Net,
    name: &str,
    fast: Wire,
    laterals: Laterals,
) -> Result<Wire, BuildError> {
    let (conv, norm) = (format!("{name}.conv"), format!("{name}.bn"));
    let time = net.time_of(&conv, laterals.time);
    let window = Window::of(&[time, 1, 1]).strides(&[laterals.alpha, 1, 1]);
    if !net.has(&norm) {
        return net.conv(fast, &conv, window);
    }
    let given = net.conv_norm(fast, &conv, &norm, window)?;
    net.relu(given)
}

/// Convolutions to twice the channels that the fast pathway of the published network has, and their
/// batch-norms.
pub(super) fn published_layers() -> Layers {
    let outputs = (0..).zip([16, 64, 128, 256]);
    let layers = outputs.flat_map(|(number, outputs)| {
        ["conv", "bn"].map(|part| (format!("lateral{number}.{part}"), outputs))
    });
    layers.collect()
}
