//! What can go wrong between a file, a pipe or a device and its frames.

use std::io;

use thiserror::Error;

use super::MAX_PIXELS;
use crate::frame::{FrameError, PixelFormat};

/// Why a source was refused, or ended before its time. Each message is one sentence that names the
/// source; where the system said more, that is the error's `source`.
#[derive(Debug, Error)]
pub enum SourceError {
    /// There is no such file, or it may not be opened.
    #[error("cannot open {name}")]
    Open {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Reading failed.
    #[error("cannot read {what}")]
    Read {
        /// The source, or one frame of it.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is not one frame in it.
    #[error("{name} {lack}")]
    Empty {
        /// The source.
        name: String,
        /// The rest of the sentence: `is empty`, or which thing it does not hold.
        lack: &'static str,
    },
    /// It is no video, or of a format that is not read from such a place.
    #[error("{name} {what}")]
    NotVideo {
        /// The source.
        name: String,
        /// The rest of the sentence: what it is, and where there is one, what to do instead.
        what: &'static str,
    },
    /// It contradicts its own format, or asks for something that is not read.
    #[error("{name} {problem}")]
    Malformed {
        /// The source.
        name: String,
        /// The rest of the sentence.
        problem: String,
    },
    /// It ends inside a frame. All frames before that one were good.
    #[error("{name} is cut off in the middle of frame {frame}: the frames before it were used")]
    CutOff {
        /// The source.
        name: String,
        /// The frame that is not whole.
        frame: u64,
    },
    /// A frame's samples do not fit its layout.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Only FFmpeg reads it, and FFmpeg is not installed.
    #[error(
        "cannot read {name}: only YUV4MPEG2 and Motion JPEG are read without the ffmpeg program, \
         which is not installed (on Debian: apt-get install ffmpeg)"
    )]
    FfmpegMissing {
        /// The file.
        name: String,
    },
    /// FFmpeg says that it is no video.
    #[error("{name} is no video that ffmpeg can read ({complaint})")]
    FfmpegRefused {
        /// The file.
        name: String,
        /// FFmpeg's own words.
        complaint: String,
    },
    /// FFmpeg is there and could not be used.
    #[error("cannot read {name}: cannot {action} ffmpeg")]
    Ffmpeg {
        /// The file.
        name: String,
        /// What was tried with it.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A device that was there gives no frames any more.
    #[error("{name} {what}")]
    Lost {
        /// The device.
        name: String,
        /// The rest of the sentence.
        what: String,
    },
}

/// Why a picture was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PictureError {
    /// A picture without pixels.
    #[error("a picture of {width}x{height} pixels is empty")]
    Empty {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A picture of more than [`MAX_PIXELS`].
    #[error("a picture of {width}x{height} pixels is refused: at most {MAX_PIXELS} pixels")]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// Not a whole JPEG picture.
    #[error("{0}")]
    Jpeg(String),
    /// The samples do not fit their layout.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Why a frame was not written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// Writing failed.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// It is not like the frames before it.
    #[error("frame {0} has another size or format")]
    NotLikeTheFirst(u64),
    /// Its format has no place in the file's.
    #[error("{0} frames cannot be written as YUV4MPEG2")]
    Format(PixelFormat),
}
