//! Frames in, scores and events out: the part of Praxiscope that runs on the device.
//!
//! The way of a frame:
//!
//! ```text
//! FrameSource -> Frame -> Clock -> Preprocessor -> Stream::step -> Scores -> EventDetector -> Event
//! ```
//!
//! [`Recognizer`](recognizer::Recognizer) is that whole way in one object; the modules below are its
//! stations, in order. A network comes as a [`Bundle`](bundle::Bundle) (`.prax`) and becomes a
//! [`Model`](stream::Model), which any number of streams share.

#![forbid(unsafe_code)]

pub mod bundle;
pub mod clock;
pub mod events;
pub mod files;
pub mod frame;
pub mod ops;
pub mod preprocess;
pub mod recognizer;
pub mod self_test;
pub mod source;
pub mod step;
pub mod stream;
#[cfg(test)]
mod test_bundles;
pub mod timing;
