//! One clip, frame by frame.

use std::io::{BufWriter, Write};

use anyhow::Result;
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::source::{WriteError, Y4mWriter};

use super::folder::Part;
use super::{ClipsConfig, Format};
use crate::picture;

/// A clip that is being written.
pub struct Clip {
    output: Output,
    /// Width and height of the first frame.
    size: Option<(usize, usize)>,
}

enum Output {
    Mjpeg(BufWriter<Part>, u8),
    Y4m(Y4mWriter<BufWriter<Part>>),
}

impl Clip {
    /// A clip without frames.
    pub fn new(part: Part, config: &ClipsConfig) -> Self {
        let buffered = BufWriter::with_capacity(1 << 16, part);
        Self {
            output: match config.format {
                Format::Mjpeg => Output::Mjpeg(buffered, config.quality),
                Format::Y4m => Output::Y4m(Y4mWriter::new(buffered, config.fps)),
            },
            size: None,
        }
    }

    /// Appends a frame; false when it has no place in this clip, for it is not like the first.
    ///
    /// # Errors
    ///
    /// When the disk takes no more.
    pub fn write(&mut self, frame: &Frame) -> Result<bool> {
        let size = (frame.width(), frame.height());
        if *self.size.get_or_insert(size) != size {
            return Ok(false);
        }
        match &mut self.output {
            Output::Mjpeg(output, quality) => {
                output.write_all(&picture::jpeg(frame, *quality)?)?;
                Ok(true)
            }
            Output::Y4m(output) => match output.write(&picture::planar(frame)?) {
                Ok(()) => Ok(true),
                Err(WriteError::NotLikeTheFirst(_)) => Ok(false),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// How large it is so far.
    pub fn bytes(&self) -> u64 {
        match &self.output {
            Output::Mjpeg(output, _) => output.get_ref().bytes(),
            Output::Y4m(output) => output.get_ref().get_ref().bytes(),
        }
    }

    /// The file, with all frames in it.
    ///
    /// # Errors
    ///
    /// When the disk takes no more.
    pub fn finish(self) -> Result<Part> {
        let buffered = match self.output {
            Output::Mjpeg(output, _) => output,
            Output::Y4m(output) => output.into_inner(),
        };
        Ok(buffered.into_inner().map_err(|error| error.into_error())?)
    }
}
