//! Recordings: what a run saw, kept as it came, so that it can be run again to the same bytes.
//!
//! A recording is a folder of three files.
//!
//! **`about.json`**, written first: one JSON object with the format's version (`"format": 1`), the
//! program, the model's name and digest, the source's name, whether every frame entered the network,
//! and the event settings.
//!
//! **`lines.jsonl`**: what the network said, one JSON object a line, as `run --scores` writes it.
//!
//! **`frames.log`**: what the network was given, in order. Behind the eight bytes `PRAXREC1` stands one
//! record after the other; all numbers are little-endian.
//!
//! | bytes | of a record |
//! |---|---|
//! | 1 | its kind |
//! | 4 | the length of its content |
//! | | its content |
//! | 4 | CRC-32 (IEEE 802.3) of all that |
//!
//! | kind | content |
//! |---|---|
//! | `N` | none: from here on a network that has seen nothing |
//! | `S` | event settings from here on, as JSON |
//! | `F` | a frame: its number (8 bytes), its time (8 bytes of seconds, 4 of nanoseconds), how many frames were thrown away before it because the network was not ready (4), flags (1; bit 0: the network is started afresh before it), and a picture |
//! | `E` | none: the source ended, and what was owed was given |
//! | `C` | the number of lines (8 bytes), and as text why the recording is over |
//!
//! | bytes | of a picture |
//! |---|---|
//! | 4 | `NONE`: no tick of the model's clock took the frame; `JPEG`; or how its samples are laid down: `RGB3`, `BGR3`, `YUYV`, `UYVY`, `NV12`, `YU12`, `422P`, `444P`, `GREY` |
//! | | `JPEG`: the picture to the end of the record |
//! | 1, 1 | else the matrix (0 BT.601, 1 BT.709) and the range (0 limited, 1 full) |
//! | 4 x 5 | width, height, and the bytes from row to row of three planes |
//! | | the samples, to the end of the record |
//!
//! A recording without `C` was cut off, by a power cut say. Its whole records count; half a record, or
//! zeros, at the file's end are what such a cut leaves.

mod about;
mod error;
mod files;
mod log;
mod picture;
mod record;
mod recorder;
mod said;
mod tape;

pub use about::{About, AboutModel};
pub use error::RecordingError;
pub use log::Log;
pub use record::{Given, Record};
pub use recorder::{Kept, RecordSettings, Recorder};
pub use said::Said;
pub use tape::Tape;

/// The files of a recording.
const ABOUT: &str = "about.json";
const LINES: &str = "lines.jsonl";
const FRAMES: &str = "frames.log";
