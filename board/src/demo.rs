//! The model and the clip that are built into the program.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use praxiscope_runtime::source::{
    Captured, FrameRate, FrameSource, Liveness, MjpegReader, Source, SourceError, Y4mWriter,
};
use serde::Deserialize;

/// The bundle of the demo model.
pub const DEMO_MODEL: &[u8] = include_bytes!("../../models/demo/demo.prax");

const CLIP: &[u8] = include_bytes!("../../models/demo/clip.mjpeg");
const NAME: &str = "the demo clip";
const ABOUT_CLIP: &str = include_str!("../../models/demo/clip.json");

#[derive(Deserialize)]
struct AboutClip {
    fps: u32,
}

/// The clip, every frame of it.
///
/// # Errors
///
/// When the description of the clip does not fit it: a fault of the build.
pub fn clip() -> Result<Source> {
    let rate = clip_rate()?;
    Ok(Source {
        name: NAME.into(),
        frames: frames(rate),
        liveness: Liveness::Recorded,
        rate: Some(rate),
    })
}

fn frames(rate: FrameRate) -> Box<dyn FrameSource> {
    Box::new(MjpegReader::new(NAME, CLIP, rate))
}

/// The clip again and again, as one recording without an end.
///
/// # Errors
///
/// As [`clip`].
pub fn endless() -> Result<Source> {
    let source = clip()?;
    let rate = clip_rate()?;
    let frames = Box::new(Endless {
        frames: source.frames,
        rate,
        origin: (0, Duration::ZERO),
        next: (0, Duration::ZERO),
    });
    Ok(Source {
        name: format!("{NAME}, again and again"),
        frames,
        ..source
    })
}

struct Endless {
    frames: Box<dyn FrameSource>,
    rate: FrameRate,
    /// Number and time of this round's first frame.
    origin: (u64, Duration),
    /// Number and time of the frame after the newest one.
    next: (u64, Duration),
}

impl FrameSource for Endless {
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        let mut captured = self.frames.next_frame()?;
        if captured.is_none() && self.next != self.origin {
            self.origin = self.next;
            self.frames = frames(self.rate);
            captured = self.frames.next_frame()?;
        }
        Ok(captured.map(|captured| {
            let (index, time) = self.origin;
            let index = index + captured.frame.index();
            let time = time + captured.frame.time();
            self.next = (index + 1, time + self.rate.time_of(1));
            Captured {
                frame: captured.frame.with_time(index, time),
                ..captured
            }
        }))
    }
}

fn clip_rate() -> Result<FrameRate> {
    let about: AboutClip = serde_json::from_str(ABOUT_CLIP).context("the demo clip is damaged")?;
    FrameRate::new(about.fps, 1).context("the demo clip has no frame rate")
}

/// Writes the clip as YUV4MPEG2, whole or not at all. An older file at `path` is replaced.
///
/// # Errors
///
/// When `path` is something other than a file, or cannot be written.
pub fn write_clip(path: &Path) -> Result<()> {
    let shown = path.display();
    if path.file_name().is_none() || fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        bail!("{shown} is not a file that the demo clip could be written to");
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = Path::new(&name);
    let written = write_clip_to(part).and_then(|()| Ok(fs::rename(part, path)?));
    if written.is_err() {
        // The error that counts is the one before.
        let _ = fs::remove_file(part);
    }
    written.with_context(|| format!("cannot write {shown}"))
}

fn write_clip_to(path: &Path) -> Result<()> {
    let mut writer = Y4mWriter::new(BufWriter::new(File::create(path)?), clip_rate()?);
    let mut frames = clip()?.frames;
    while let Some(captured) = frames.next_frame()? {
        writer.write(&captured.frame)?;
    }
    let mut buffered = writer.into_inner();
    buffered.flush()?;
    Ok(buffered.get_ref().sync_all()?)
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::source::{Reading, file};

    use super::*;

    #[test]
    fn the_written_clip_is_the_embedded_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.y4m");
        fs::write(&path, "older").unwrap();
        write_clip(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut written = file(&path, Reading::default()).unwrap();
        let mut embedded = clip().unwrap();
        assert_eq!(written.rate, embedded.rate);
        while let Some(a) = embedded.frames.next_frame().unwrap() {
            let b = written.frames.next_frame().unwrap().unwrap();
            assert_eq!(
                (a.frame.layout(), a.frame.time()),
                (b.frame.layout(), b.frame.time())
            );
            assert_eq!(a.frame.data(), b.frame.data());
        }
        assert!(written.frames.next_frame().unwrap().is_none());
        assert_eq!(embedded.frames.losses().broken, 0);
    }

    #[test]
    fn the_endless_clip_goes_on_where_it_ended() {
        let mut frames = clip().unwrap().frames;
        let count = std::iter::from_fn(|| frames.next_frame().unwrap()).count() as u64;
        let mut endless = endless().unwrap().frames;
        let rate = clip_rate().unwrap();
        for index in 0..2 * count + 3 {
            let frame = endless.next_frame().unwrap().unwrap().frame;
            assert_eq!(frame.index(), index);
            assert!(frame.time().abs_diff(rate.time_of(index)) < Duration::from_micros(1));
        }
    }

    #[test]
    fn the_clip_is_written_to_files_only() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            Path::new("/dev/null"),
            folder.path(),
            Path::new("/"),
            Path::new(""),
        ] {
            assert!(write_clip(path).is_err());
        }
        let missing = folder.path().join("none/clip.y4m");
        let error = format!("{:#}", write_clip(&missing).unwrap_err());
        assert!(error.contains("clip.y4m"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
