//! A program that writes frames to a pipe: what CSI and network cameras come through.
//!
//! The program is started again when it ends, fails or falls silent, and it never outlives a run.

mod child;
mod rtsp;

use std::io::BufReader;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use praxiscope_runtime::frame::{FrameLayout, PixelFormat};
use praxiscope_runtime::source::{
    Captured, FrameRate, FrameSource, Liveness, Losses, MjpegReader, RawReader, Source,
    SourceError, Y4mReader,
};

use crate::backoff::Backoff;
use crate::camera::PictureSize;
use crate::run::say;
use crate::stop::Stop;
use crate::telemetry::Pulse;
use child::{Output, Program};
pub use rtsp::through_ffmpeg;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A program that ran for so long was well: its end is a first failure.
const WELL: Duration = Duration::from_secs(30);
/// A program that fails so often without a single frame is not the right one.
const VAIN_STARTS: u64 = 5;

/// What a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeFormat {
    /// JPEG pictures one after the other.
    Mjpeg,
    /// YUV4MPEG2.
    Y4m,
    /// Bare samples of this format, without padding.
    Raw(PixelFormat),
}

impl FromStr for PipeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "mjpeg" => Self::Mjpeg,
            "y4m" => Self::Y4m,
            "yuv420" | "i420" => Self::Raw(PixelFormat::I420),
            "nv12" => Self::Raw(PixelFormat::Nv12),
            "yuyv" => Self::Raw(PixelFormat::Yuyv),
            "uyvy" => Self::Raw(PixelFormat::Uyvy),
            "rgb24" => Self::Raw(PixelFormat::Rgb24),
            "bgr24" => Self::Raw(PixelFormat::Bgr24),
            "grey" => Self::Raw(PixelFormat::Grey),
            _ => {
                return Err(format!(
                    "{text:?} is no format of a command: mjpeg, y4m, yuv420, nv12, yuyv, uyvy, \
                     rgb24, bgr24 and grey are"
                ));
            }
        })
    }
}

/// Which program, and what it writes.
#[derive(Clone, Debug)]
pub struct CommandSettings {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What a person calls it.
    pub name: String,
    /// What it writes.
    pub format: PipeFormat,
    /// The picture's size, where the format does not say.
    pub size: Option<PictureSize>,
    /// Frames a second, where the format does not say.
    pub rate: Option<FrameRate>,
    /// Whether it is started again when it has ended.
    pub restart: bool,
    /// How long it may be silent.
    pub timeout: Duration,
    /// How long it is tried again without one frame.
    pub give_up: Duration,
    /// Whether every frame counts.
    pub every_frame: bool,
}

/// Starts the program.
///
/// # Errors
///
/// When there is no such program, or its size is not known.
pub fn open(settings: CommandSettings, stop: &Stop, pulse: &Pulse) -> Result<Source> {
    if settings.command.first().is_none_or(String::is_empty) {
        bail!("the configuration's source.command names no program");
    }
    if let (PipeFormat::Raw(_), None) = (settings.format, settings.size) {
        bail!("the configuration's source.command writes bare samples: give their `size`");
    }
    let (name, rate) = (settings.name.clone(), settings.rate);
    let every_frame = settings.every_frame;
    let mut frames = CommandSource {
        backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
        program: Program::new(&settings.command, stop),
        stop: stop.clone(),
        pulse: pulse.clone(),
        settings,
        reader: None,
        next: 0,
        base: (0, Duration::ZERO),
        outages: Duration::ZERO,
        gone: Losses::default(),
        started: Instant::now(),
        frames: 0,
        newest: Instant::now(),
    };
    frames
        .program
        .start()
        .with_context(|| format!("cannot start {name}"))?;
    Ok(Source {
        name,
        frames: Box::new(frames),
        liveness: if every_frame {
            Liveness::Recorded
        } else {
            Liveness::Pipe
        },
        rate,
    })
}

struct CommandSource {
    settings: CommandSettings,
    program: Program,
    stop: Stop,
    pulse: Pulse,
    backoff: Backoff,
    reader: Option<Box<dyn FrameSource>>,
    /// The number of the frame that comes next.
    next: u64,
    /// Number and time of the first frame since the last start.
    base: (u64, Duration),
    /// How long there were no frames, of a live source.
    outages: Duration,
    /// What earlier starts lost.
    gone: Losses,
    /// When the program was started last.
    started: Instant,
    frames: u64,
    /// When the newest frame came.
    newest: Instant,
}

impl CommandSource {
    /// A reader of what the program writes, which is started where it does not run.
    fn reader(&mut self) -> Result<&mut Box<dyn FrameSource>> {
        if self.reader.is_none() {
            let output = self.program.output(self.settings.timeout)?;
            let reader = open_reader(&self.settings, output)?;
            self.reader = Some(reader);
        }
        self.reader.as_mut().context("it does not run")
    }

    /// The next frame since the last start; nothing when the program has ended.
    fn try_next(&mut self) -> Result<Option<Captured>> {
        Ok(self.reader()?.next_frame()?)
    }

    fn lost(&self, what: String) -> SourceError {
        SourceError::Lost {
            name: self.settings.name.clone(),
            what,
        }
    }

    /// Ends the program and prepares the next start, or gives up.
    fn failed(&mut self, why: &str) -> Result<(), SourceError> {
        let last_words = self.program.end();
        if let Some(reader) = self.reader.take() {
            self.gone.broken += reader.losses().broken;
        }
        let why = match last_words {
            Some(words) => format!("{why} ({words})"),
            None => why.into(),
        };
        if self.frames == 0 && self.gone.restarts + 1 >= VAIN_STARTS {
            return Err(self.lost(format!("gave no frame in {VAIN_STARTS} starts: it {why}")));
        }
        if self.newest.elapsed() > self.settings.give_up {
            return Err(self.lost(format!("gives no frame any more: it {why}")));
        }
        self.gone.restarts += 1;
        if self.started.elapsed() > WELL {
            self.backoff.works();
        }
        let wait = self.backoff.failed();
        if wait == FIRST_WAIT {
            let name = &self.settings.name;
            say(&format!(
                "praxiscope: note: {name} {why}: it is started again"
            ));
        }
        self.pulse.trying();
        self.stop.wait_until(Instant::now() + wait);
        self.started = Instant::now();
        if !self.settings.every_frame {
            self.outages += self.newest.elapsed();
        }
        let rate = self.settings.rate.unwrap_or(FrameRate::USUAL);
        self.base = (self.next, rate.time_of(self.next) + self.outages);
        Ok(())
    }
}

impl FrameSource for CommandSource {
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        while !self.stop.asked() {
            let why = match self.try_next() {
                Ok(Some(Captured { frame, took })) => {
                    let (index, time) = self.base;
                    let (index, time) = (index + frame.index(), time + frame.time());
                    self.next = index + 1;
                    self.frames += 1;
                    self.newest = Instant::now();
                    let frame = frame.with_time(index, time);
                    return Ok(Some(Captured { frame, took }));
                }
                Ok(None) if !self.settings.restart => return Ok(None),
                Ok(None) => "has ended".into(),
                Err(error) => format!("failed: {error:#}"),
            };
            if self.stop.asked() {
                break;
            }
            if !self.settings.restart {
                let words = self.program.end();
                let words = words.map(|words| format!(" ({words})"));
                return Err(self.lost(format!("{why}{}", words.unwrap_or_default())));
            }
            self.failed(&why)?;
        }
        self.program.end();
        Ok(None)
    }

    fn losses(&self) -> Losses {
        let now = self.reader.as_ref().map(|reader| reader.losses());
        Losses {
            broken: self.gone.broken + now.unwrap_or_default().broken,
            ..self.gone
        }
    }
}

fn open_reader(settings: &CommandSettings, output: Output) -> Result<Box<dyn FrameSource>> {
    let rate = settings.rate.unwrap_or(FrameRate::USUAL);
    let name = "its output";
    let input = BufReader::with_capacity(1 << 16, output);
    Ok(match (settings.format, settings.size) {
        (PipeFormat::Mjpeg, _) => Box::new(MjpegReader::new(name, input, rate)),
        (PipeFormat::Y4m, _) => Box::new(Y4mReader::new(name, input, rate)?),
        (PipeFormat::Raw(format), Some(PictureSize { width, height })) => {
            let layout = FrameLayout::packed(format, width as usize, height as usize);
            Box::new(RawReader::new(name, input, layout, rate)?)
        }
        (PipeFormat::Raw(_), None) => bail!("the size of its frames is not known"),
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
