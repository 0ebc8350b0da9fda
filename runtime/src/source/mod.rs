//! Where frames come from: video files and pipes. Cameras and other sources are added by a
//! [`FrameSource`] of the program's own.
//!
//! YUV4MPEG2 and Motion JPEG are read here, with the same bytes on every platform; all else goes
//! through the `ffmpeg` program where that is installed.
//!
//! ```no_run
//! use praxiscope_runtime::source::{self, Reading};
//!
//! let mut video = source::file("clip.y4m".as_ref(), Reading::default())?;
//! while let Some(captured) = video.frames.next_frame()? {
//!     println!("{:?}", captured.frame.time());
//! }
//! # Ok::<(), source::SourceError>(())
//! ```

mod error;
mod ffmpeg;
mod jpeg;
mod mjpeg;
mod open;
mod rate;
mod raw;
mod showinfo;
mod y4m;

use std::io::{self, BufRead};
use std::time::{Duration, Instant};

use crate::frame::Frame;
pub use error::{PictureError, SourceError, WriteError};
pub use ffmpeg::FfmpegReader;
pub use jpeg::decode as decode_jpeg;
pub use mjpeg::MjpegReader;
pub use open::{Reading, file, standard_input};
pub use rate::FrameRate;
pub use raw::RawReader;
pub use y4m::{Y4mReader, Y4mWriter};

/// The largest picture that any source may bring, in pixels: a little above 5K. A header can ask
/// for more than a board has memory, so it is held against this before anything is allocated.
pub const MAX_PIXELS: usize = 4096 * 4096;

/// A frame, and how long its source worked on it: from its first byte being there to its pixels.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The picture, with its number and time.
    pub frame: Frame,
    /// Reading and decoding, without the time that was spent waiting for the frame to begin.
    pub took: Duration,
}

/// Frames that a source saw and could not give, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Pictures that could not be decoded, or that the driver marked as damaged.
    pub broken: u64,
    /// Frames that the camera counted and never delivered.
    pub missed: u64,
    /// Times that the source failed and was started again.
    pub restarts: u64,
}

/// Something that gives one frame after the other.
pub trait FrameSource: Send {
    /// The next frame; nothing when the source has ended.
    ///
    /// # Errors
    ///
    /// A [`SourceError`]. No further frame is to be expected then.
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError>;

    /// When the frame that was given last was taken, if the source itself knows; else that is when its
    /// first byte was there.
    fn taken(&self) -> Option<Instant> {
        None
    }

    /// What was lost so far.
    fn losses(&self) -> Losses {
        Losses::default()
    }
}

/// How a source keeps time, which decides what happens when the network is slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Frames come when they come; the newest counts, and its time is that of its arrival.
    Pipe,
    /// As [`Liveness::Pipe`], but the source itself knows when each frame was taken.
    Camera,
    /// Frames wait to be read; every one counts.
    Recorded,
}

/// A source that is ready, with what its reader has to know about it.
pub struct Source {
    /// What a person calls it: a path, `standard input`, a camera's name and size.
    pub name: String,
    /// Gives the frames.
    pub frames: Box<dyn FrameSource>,
    /// Whether frames wait.
    pub liveness: Liveness,
    /// The rate, where the source has one of its own.
    pub rate: Option<FrameRate>,
}

/// Refuses a picture that is empty or larger than [`MAX_PIXELS`].
///
/// # Errors
///
/// [`PictureError::Empty`] or [`PictureError::TooLarge`].
pub fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    match width.saturating_mul(height) {
        0 => Err(PictureError::Empty { width, height }),
        pixels if pixels > MAX_PIXELS => Err(PictureError::TooLarge { width, height }),
        _ => Ok(()),
    }
}

/// The bytes that `input` has read ahead, waiting for some if there are none; empty at the end.
fn bytes_ahead(input: &mut impl BufRead) -> io::Result<&[u8]> {
    while let Err(error) = input.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    input.fill_buf()
}
