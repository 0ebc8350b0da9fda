//! Motion JPEG: whole JPEG pictures one after the other, as cameras and `rpicam-vid` write them.

use std::io::{self, BufRead, Read};
use std::time::Instant;

use super::{Captured, FrameRate, FrameSource, Losses, SourceError, bytes_ahead, jpeg};

/// The first bytes of every JPEG picture.
pub const MAGIC: &[u8] = &[0xff, START, 0xff];

/// A longer picture is taken for damage.
const PICTURE_CAP: usize = 16 << 20;

// The second bytes of the markers that the splitter has to tell apart (ITU-T T.81, table B.1).
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const STUFFING: u8 = 0x00;
const RESTARTS: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
const TEMPORARY: u8 = 0x01;

/// Reads frames from a stream of pictures.
pub struct MjpegReader<R> {
    name: String,
    pictures: Pictures<R>,
    rate: FrameRate,
    next: u64,
    decoded: u64,
    losses: Losses,
}

impl<R: BufRead + Send> MjpegReader<R> {
    /// Reads the stream called `name`, which itself does not say how many pictures a second it has.
    pub fn new(name: &str, input: R, rate: FrameRate) -> Self {
        Self {
            name: name.into(),
            pictures: Pictures {
                input,
                started: false,
            },
            rate,
            next: 0,
            decoded: 0,
            losses: Losses::default(),
        }
    }
}

impl<R: BufRead + Send> FrameSource for MjpegReader<R> {
    /// A damaged picture is counted and passed over; its number stays unused, so that the times of
    /// the pictures behind it stay right.
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        loop {
            let name = &self.name;
            let unreadable = |source| SourceError::Read {
                what: format!("picture {} of {name}", self.next),
                source,
            };
            let Some((started, picture)) = self.pictures.next().map_err(unreadable)? else {
                return match self.decoded {
                    0 => Err(SourceError::Empty {
                        name: name.clone(),
                        lack: "holds no whole JPEG picture",
                    }),
                    _ => Ok(None),
                };
            };
            let number = self.next;
            self.next += 1;
            let decode = |bytes: Vec<u8>| jpeg::decode(&bytes).map(|frame| frame.with_jpeg(bytes));
            match picture.map(decode) {
                Some(Ok(frame)) => {
                    self.decoded += 1;
                    let frame = frame.with_time(number, self.rate.time_of(number));
                    return Ok(Some(Captured {
                        frame,
                        took: started.elapsed(),
                    }));
                }
                Some(Err(_)) | None => self.losses.broken += 1,
            }
        }
    }

    fn losses(&self) -> Losses {
        self.losses
    }
}

/// Splits a byte stream into pictures by walking through their segments, so that a thumbnail inside
/// a picture is not taken for one. What stands between two pictures is passed over.
struct Pictures<R> {
    input: R,
    /// The start of the next picture was met while reading the one before.
    started: bool,
}

impl<R: BufRead> Pictures<R> {
    /// The next picture with the moment at which it began; `None` in its place where it is cut off,
    /// too long or malformed.
    fn next(&mut self) -> io::Result<Option<(Instant, Option<Vec<u8>>)>> {
        if !std::mem::take(&mut self.started) && !self.find_start()? {
            return Ok(None);
        }
        let began = Instant::now();
        let mut picture = vec![0xff, START];
        let whole = self.read_segments(&mut picture)?;
        Ok(Some((began, whole.then_some(picture))))
    }

    fn find_start(&mut self) -> io::Result<bool> {
        let mut before = 0;
        while let Some(byte) = self.byte()? {
            if (before, byte) == (0xff, START) {
                return Ok(true);
            }
            before = byte;
        }
        Ok(false)
    }

    /// Appends all from behind the start marker to the end marker; false when there is none.
    fn read_segments(&mut self, picture: &mut Vec<u8>) -> io::Result<bool> {
        let mut marker = self.marker(picture)?;
        while let Some(code) = marker {
            marker = match code {
                END => return Ok(true),
                START => {
                    self.started = true;
                    return Ok(false);
                }
                STUFFING => return Ok(false),
                TEMPORARY | 0xd0..=0xd7 => self.marker(picture)?,
                _ if !self.copy_segment(picture)? => return Ok(false),
                SCAN => self.copy_scan(picture)?,
                _ => self.marker(picture)?,
            };
        }
        Ok(false)
    }

    /// The second byte of the marker that must stand here; nothing when there is none.
    fn marker(&mut self, picture: &mut Vec<u8>) -> io::Result<Option<u8>> {
        if self.byte()? != Some(0xff) {
            return Ok(None);
        }
        loop {
            match self.byte()? {
                Some(0xff) => {}
                Some(code) => {
                    picture.extend([0xff, code]);
                    return Ok(Some(code));
                }
                None => return Ok(None),
            }
        }
    }

    /// Copies a segment's length and content; false when it is cut off or the picture too long.
    fn copy_segment(&mut self, picture: &mut Vec<u8>) -> io::Result<bool> {
        let (Some(high), Some(low)) = (self.byte()?, self.byte()?) else {
            return Ok(false);
        };
        picture.extend([high, low]);
        let Some(length) = u16::from_be_bytes([high, low]).checked_sub(2) else {
            return Ok(false);
        };
        let copied = self
            .input
            .by_ref()
            .take(length.into())
            .read_to_end(picture)?;
        Ok(copied == usize::from(length) && picture.len() <= PICTURE_CAP)
    }

    /// Copies compressed samples up to the next marker that is none of their own.
    fn copy_scan(&mut self, picture: &mut Vec<u8>) -> io::Result<Option<u8>> {
        loop {
            let ahead = bytes_ahead(&mut self.input)?;
            if ahead.is_empty() || picture.len() > PICTURE_CAP {
                return Ok(None);
            }
            let plain = ahead
                .iter()
                .position(|&byte| byte == 0xff)
                .unwrap_or(ahead.len());
            picture.extend(&ahead[..plain]);
            self.input.consume(plain);
            if bytes_ahead(&mut self.input)?.first() == Some(&0xff) {
                match self.marker(picture)? {
                    Some(code) if code == STUFFING || RESTARTS.contains(&code) => {}
                    other => return Ok(other),
                }
            }
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = bytes_ahead(&mut self.input)?.first().copied();
        self.input.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

#[cfg(test)]
#[path = "mjpeg_tests.rs"]
mod tests;
