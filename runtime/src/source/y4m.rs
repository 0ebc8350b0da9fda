//! YUV4MPEG2 (`.y4m`): a text header, then a line and the planes of each frame; read as it comes.

use std::io::{BufRead, Read, Write};
use std::time::{Duration, Instant};

use super::{Captured, FrameRate, FrameSource, SourceError, WriteError, bytes_ahead, check_size};
use crate::frame::{Frame, FrameLayout, PixelFormat, Range};

/// The first bytes of every such stream.
pub const MAGIC: &[u8] = b"YUV4MPEG2";
const FRAME: &[u8] = b"FRAME";

/// No header that a program writes comes near this.
const LINE_CAP: u64 = 1024;

/// Reads frames from a stream.
pub struct Y4mReader<R> {
    name: String,
    input: R,
    layout: FrameLayout,
    frame_bytes: usize,
    rate: FrameRate,
    next: u64,
}

impl<R: BufRead + Send> Y4mReader<R> {
    /// Reads the header of the stream called `name`. `rate` is for a header that gives none.
    ///
    /// # Errors
    ///
    /// A header that is malformed, or that asks for a format or size which is not read.
    pub fn new(name: &str, mut input: R, rate: FrameRate) -> Result<Self, SourceError> {
        let line = read_line(&mut input).map_err(|source| SourceError::Read {
            what: name.into(),
            source,
        })?;
        let bad_header = |problem: String| SourceError::Malformed {
            name: name.into(),
            problem: format!("has a bad YUV4MPEG2 header: {problem}"),
        };
        let (layout, declared) = parse_header(&line).map_err(bad_header)?;
        let frame_bytes = layout
            .bytes()
            .map_err(|error| bad_header(error.to_string()))?;
        Ok(Self {
            name: name.into(),
            input,
            layout,
            frame_bytes,
            rate: declared.unwrap_or(rate),
            next: 0,
        })
    }

    /// Frames per second.
    pub fn rate(&self) -> FrameRate {
        self.rate
    }

    /// Every frame's layout.
    pub fn layout(&self) -> FrameLayout {
        self.layout
    }

    /// The next frame's number, its samples, and the time it took to read them.
    ///
    /// # Errors
    ///
    /// As [`FrameSource::next_frame`].
    pub fn next_samples(&mut self) -> Result<Option<(u64, Vec<u8>, Duration)>, SourceError> {
        let (name, number) = (&self.name, self.next);
        let unreadable = |source| SourceError::Read {
            what: format!("frame {number} of {name}"),
            source,
        };
        let cut_off = || SourceError::CutOff {
            name: name.clone(),
            frame: number,
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
        let line = read_line(&mut self.input).map_err(unreadable)?;
        match line.strip_prefix(FRAME) {
            Some([b'\n' | b' ', ..]) => {}
            _ if line.last() != Some(&b'\n') && (line.len() as u64) < LINE_CAP => {
                return Err(cut_off());
            }
            _ => {
                return Err(SourceError::Malformed {
                    name: name.clone(),
                    problem: format!(
                        "is damaged: frame {number} does not begin with the word FRAME"
                    ),
                });
            }
        }
        let mut data = Vec::with_capacity(self.frame_bytes);
        let wanted = self.frame_bytes as u64;
        self.input
            .by_ref()
            .take(wanted)
            .read_to_end(&mut data)
            .map_err(unreadable)?;
        if data.len() < self.frame_bytes {
            return Err(cut_off());
        }
        self.next += 1;
        Ok(Some((number, data, started.elapsed())))
    }
}

impl<R: BufRead + Send> FrameSource for Y4mReader<R> {
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        let Some((index, data, took)) = self.next_samples()? else {
            return Ok(None);
        };
        let frame = Frame::new(self.layout, data)?.with_time(index, self.rate.time_of(index));
        Ok(Some(Captured { frame, took }))
    }
}

/// A line with its end; without one when the stream or the cap ends it.
fn read_line(input: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut line = vec![];
    input.take(LINE_CAP).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// What the header declares, or what is wrong with it.
fn parse_header(line: &[u8]) -> Result<(FrameLayout, Option<FrameRate>), String> {
    let text = line
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.strip_suffix(b"\n"))
        .and_then(|rest| std::str::from_utf8(rest).ok())
        .ok_or("its first line is not `YUV4MPEG2` and parameters")?;
    let (mut width, mut height) = (None, None);
    let (mut chroma, mut range, mut rate) = ("420", None, None);
    for parameter in text.split_ascii_whitespace() {
        let Some((tag, value)) = parameter.split_at_checked(1) else {
            continue;
        };
        match tag {
            "W" => width = value.parse().ok(),
            "H" => height = value.parse().ok(),
            "F" => rate = Some(value),
            "C" => chroma = value,
            "X" if value == "COLORRANGE=FULL" => range = Some(Range::Full),
            "X" if value == "COLORRANGE=LIMITED" => range = Some(Range::Limited),
            _ => {}
        }
    }
    let width = width.ok_or("its width (W) is missing or no number")?;
    let height = height.ok_or("its height (H) is missing or no number")?;
    check_size(width, height).map_err(|error| error.to_string())?;
    let mut layout = FrameLayout::packed(parse_chroma(chroma)?, width, height);
    if let Some(range) = range {
        layout.color.range = range;
    }
    let rate = rate.map(parse_rate).transpose()?.flatten();
    Ok((layout, rate))
}

fn parse_chroma(chroma: &str) -> Result<PixelFormat, String> {
    match chroma {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(PixelFormat::I420),
        "422" => Ok(PixelFormat::I422),
        "444" => Ok(PixelFormat::I444),
        "mono" => Ok(PixelFormat::Grey),
        other => Err(format!(
            "its samples (C{other}) are not read: C420, C422, C444 and Cmono are"
        )),
    }
}

/// `0:0` stands for a rate that is not known.
fn parse_rate(text: &str) -> Result<Option<FrameRate>, String> {
    let parts = text.split_once(':').and_then(|(frames, seconds)| {
        Some((frames.parse::<u32>().ok()?, seconds.parse::<u32>().ok()?))
    });
    match parts {
        Some((0, 0)) => Ok(None),
        Some((frames, seconds)) if FrameRate::new(frames, seconds).is_some() => {
            Ok(FrameRate::new(frames, seconds))
        }
        _ => Err(format!(
            "its frame rate (F{text}) is not between 0.01 and 1000 frames a second"
        )),
    }
}

/// Writes frames to a stream, all of the first one's format and size.
pub struct Y4mWriter<W> {
    output: W,
    layout: Option<FrameLayout>,
    rate: FrameRate,
}

impl<W: Write> Y4mWriter<W> {
    /// A stream of `rate` frames a second; the header is written with the first frame.
    pub fn new(output: W, rate: FrameRate) -> Self {
        Self {
            output,
            layout: None,
            rate,
        }
    }

    /// Appends a frame.
    ///
    /// # Errors
    ///
    /// When the output fails, or the frame is not planar or not like the first.
    pub fn write(&mut self, frame: &Frame) -> Result<(), WriteError> {
        match &self.layout {
            None => self.write_header(frame)?,
            Some(first) if first == frame.layout() => {}
            Some(_) => return Err(WriteError::NotLikeTheFirst(frame.index())),
        }
        self.output.write_all(FRAME)?;
        self.output.write_all(b"\n")?;
        let format = frame.format();
        for plane in 0..format.planes() {
            let (_, rows) = format.plane_size(plane, frame.width(), frame.height());
            for y in 0..rows {
                self.output.write_all(frame.row(plane, y))?;
            }
        }
        Ok(())
    }

    /// The output as it stands.
    pub fn get_ref(&self) -> &W {
        &self.output
    }

    /// The output, with all frames written to it.
    pub fn into_inner(self) -> W {
        self.output
    }

    fn write_header(&mut self, frame: &Frame) -> Result<(), WriteError> {
        let chroma = match frame.format() {
            PixelFormat::I420 => "420jpeg",
            PixelFormat::I422 => "422",
            PixelFormat::I444 => "444",
            PixelFormat::Grey => "mono",
            other => return Err(WriteError::Format(other)),
        };
        let range = match frame.color().range {
            Range::Full => "FULL",
            Range::Limited => "LIMITED",
        };
        let ((frames, seconds), width, height) = (self.rate.ratio(), frame.width(), frame.height());
        writeln!(
            self.output,
            "YUV4MPEG2 W{width} H{height} F{frames}:{seconds} Ip A1:1 C{chroma} \
             XCOLORRANGE={range}",
        )?;
        self.layout = Some(*frame.layout());
        Ok(())
    }
}

#[cfg(test)]
#[path = "y4m_tests.rs"]
mod tests;
