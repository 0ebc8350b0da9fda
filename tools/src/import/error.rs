//! Why an ONNX file was refused.

use std::path::PathBuf;

use thiserror::Error;

/// Why an ONNX file was refused.
#[derive(Debug, Error)]
pub enum ImportError {
    /// Not an ONNX file, or one with operators that are not known.
    #[error("cannot read the ONNX file {path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// No input looks like a frame.
    #[error("the network has no input that takes frames: {0}")]
    NoFrame(String),
    /// Several clips at once.
    #[error(
        "the network takes {0} clips at once, and one is needed; export it with a batch of one"
    )]
    Batch(usize),
    /// The picture's size stands neither in the file nor on the command line.
    #[error("the network leaves the size of its frames open; say it with --size")]
    SizeOpen,
    /// The picture's size stands in the file and is another.
    #[error("the network takes frames of {found}, not {wanted}")]
    SizeOther {
        /// Height x width in the file.
        found: String,
        /// Height x width asked for.
        wanted: String,
    },
    /// A clip network where a step network was wanted.
    #[error("the network takes {frames} frames at once; a network of single frames was wanted")]
    ClipNetwork {
        /// Frames of its clip.
        frames: String,
    },
    /// The window's length stands nowhere.
    #[error("the network leaves the number of frames open; say it with --frames")]
    FramesOpen,
    /// The graph contradicts the open number of frames that its input promises.
    #[error(
        "the network's input leaves the number of frames open, but its nodes fit {fits} frames \
         alone: the exporter fixed the number that it traced; say --frames {fits}, or export it \
         anew without sizes that were made Python numbers"
    )]
    FramesFixed {
        /// The number that fits.
        fits: usize,
    },
    /// Two clips of which one is no part of the other.
    #[error(
        "the network takes two clips, of {few} and of {many} frames, and a camera gives one: only a \
         clip of every so many frames can be made of another"
    )]
    Pathways {
        /// Frames of the shorter one.
        few: usize,
        /// Frames of the longer one.
        many: usize,
    },
    /// A cache that is no temporal shift.
    #[error("the network's cache input {input:?} is not a temporal shift: {reason}")]
    Cache {
        /// The graph input.
        input: String,
        /// What was found instead.
        reason: String,
    },
    /// An output that nobody carries on.
    #[error("the network has {0} outputs besides its caches; exactly one, the scores, is needed")]
    Outputs(usize),
    /// A window that is answered more than once.
    #[error(
        "the network gives {0} rows of scores for one window, and one is needed; end it with the mean \
         over them when it is exported"
    )]
    Rows(usize),
    /// The file contradicts itself, or has what tract does not know.
    #[error(
        "the network's shapes do not fit together: {0}; if ONNX Runtime refuses the file as well, \
         correct that node in PyTorch (a squeeze or view that changes nothing is best left away) and \
         export it anew"
    )]
    Shapes(String),
    /// tract refuses the graph.
    #[error("the network cannot be used: {0}")]
    Graph(String),
}
