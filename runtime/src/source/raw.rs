//! Bare samples: frames of a known layout, one after the other, without any header.

use std::io::{BufRead, Read};
use std::time::Instant;

use super::{Captured, FrameRate, FrameSource, SourceError, bytes_ahead, check_size};
use crate::frame::{Frame, FrameLayout};

/// Reads frames from a stream.
pub struct RawReader<R> {
    name: String,
    input: R,
    layout: FrameLayout,
    frame_bytes: usize,
    rate: FrameRate,
    next: u64,
}

impl<R: BufRead + Send> RawReader<R> {
    /// Reads the stream called `name`, every frame of which is laid out as `layout` says.
    ///
    /// # Errors
    ///
    /// When the layout is unsound, or its picture too large.
    pub fn new(
        name: &str,
        input: R,
        layout: FrameLayout,
        rate: FrameRate,
    ) -> Result<Self, SourceError> {
        let frame_bytes = layout.bytes()?;
        check_size(layout.width, layout.height).map_err(|error| SourceError::Malformed {
            name: name.into(),
            problem: format!("cannot be read: {error}"),
        })?;
        Ok(Self {
            name: name.into(),
            input,
            layout,
            frame_bytes,
            rate,
            next: 0,
        })
    }
}

impl<R: BufRead + Send> FrameSource for RawReader<R> {
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        let (name, number) = (&self.name, self.next);
        let unreadable = |source| SourceError::Read {
            what: format!("frame {number} of {name}"),
            source,
        };
        if bytes_ahead(&mut self.input).map_err(unreadable)?.is_empty() {
            return match number {
                0 => Err(SourceError::Empty {
                    name: name.clone(),
                    lack: "holds no frame",
                }),
                _ => Ok(None),
            };
        }
        let started = Instant::now();
        let mut data = Vec::with_capacity(self.frame_bytes);
        let wanted = self.frame_bytes as u64;
        let taken = self.input.by_ref().take(wanted).read_to_end(&mut data);
        if taken.map_err(unreadable)? < self.frame_bytes {
            return Err(SourceError::CutOff {
                name: name.clone(),
                frame: number,
            });
        }
        self.next += 1;
        let frame = Frame::new(self.layout, data)?.with_time(number, self.rate.time_of(number));
        Ok(Some(Captured {
            frame,
            took: started.elapsed(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;

    fn reader(bytes: &[u8]) -> RawReader<&[u8]> {
        let layout = FrameLayout::packed(PixelFormat::I420, 2, 2);
        RawReader::new("test", bytes, layout, FrameRate::USUAL).unwrap()
    }

    #[test]
    fn frames_follow_one_another() {
        let mut reader = reader(b"abcdefghijkl");
        for (number, samples) in [b"abcdef", b"ghijkl"].into_iter().enumerate() {
            let frame = reader.next_frame().unwrap().unwrap().frame;
            assert_eq!((frame.data(), frame.index()), (&samples[..], number as u64));
        }
        assert!(reader.next_frame().unwrap().is_none());
    }

    #[test]
    fn a_frame_that_is_cut_off_and_nothing_at_all_are_told() {
        let mut cut = reader(b"abcdefgh");
        assert!(cut.next_frame().is_ok());
        let error = cut.next_frame().unwrap_err();
        assert!(matches!(error, SourceError::CutOff { frame: 1, .. }));
        let error = reader(b"").next_frame().unwrap_err();
        assert!(matches!(error, SourceError::Empty { .. }));
    }

    #[test]
    fn a_picture_that_is_too_large_is_refused() {
        let layout = FrameLayout::packed(PixelFormat::Grey, 16_384, 16_384);
        let refused = RawReader::new("test", &b""[..], layout, FrameRate::USUAL);
        assert!(refused.is_err());
    }
}
