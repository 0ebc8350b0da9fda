//! Why a recording cannot be replayed.

use std::io;

use praxiscope_runtime::source::PictureError;
use thiserror::Error;

/// What is wrong with a recording. Each message goes on from the recording's name.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// One of its files cannot be read.
    #[error("its {file} cannot be read")]
    Read {
        /// The file.
        file: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// `about.json` is none.
    #[error("its about.json is damaged: {0}")]
    About(String),
    /// It was written by a program that came later.
    #[error("it is of format {0}, and this program reads format 1")]
    Format(u64),
    /// `frames.log` is something else.
    #[error("its frames.log is no log of frames")]
    NoLog,
    /// The file ends in the middle of a record.
    #[error("it is cut off behind {0} bytes of its frames.log")]
    CutOff(u64),
    /// A record whose checksum, length or content cannot be.
    #[error("its frames.log is damaged at byte {at}: {what}")]
    Damaged {
        /// Where the record begins.
        at: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// Why a record's content is none.
#[derive(Debug, Error)]
pub enum ContentError {
    /// It is too short, or too long.
    #[error("a record has an impossible length")]
    Length,
    /// A kind, a format or a flag that this program does not know.
    #[error("an unknown {0}")]
    Unknown(&'static str),
    /// Nanoseconds beyond a second.
    #[error("an impossible time")]
    Time,
    /// Event settings that are no JSON of such.
    #[error("event settings that are none")]
    Settings,
    /// A picture that is none.
    #[error("a picture that is none ({0})")]
    Picture(#[from] PictureError),
}
