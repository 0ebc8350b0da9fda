//! Any other video, through the `ffmpeg` program when it is installed.
//!
//! FFmpeg writes YUV4MPEG2 to a pipe, frame by frame as it decodes them. That format has no time
//! stamps, so they (and the colour matrix) are taken from what its `showinfo` filter reports of
//! each frame on standard error. A video of changing rate keeps its times.

use std::io::{self, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use super::showinfo::{self, Stamp};
use super::y4m::Y4mReader;
use super::{Captured, FrameRate, FrameSource, SourceError, bytes_ahead};
use crate::frame::{Frame, Matrix};

/// Real containers and elementary streams. Playlists are left out, for they name other files and
/// addresses, and so is the demuxer that takes any text for a picture of a terminal.
const CONTAINERS: &str = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,h264,hevc,av1,obu,ivf,\
    gif,apng,nut,mxf,dv,wtv,rm,m4v,vc1,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,yuv4mpegpipe,mjpeg";

/// The sample formats that are read without a further conversion.
const FILTERS: &str = "format=yuv420p|yuv422p|yuv444p|gray,showinfo=checksum=0";

/// Reads a video file through FFmpeg.
pub struct FfmpegReader {
    name: String,
    frames: Option<Y4mReader<BufReader<ChildStdout>>>,
    stamps: Receiver<Stamp>,
    report: Option<JoinHandle<Option<String>>>,
    child: Child,
    first: Option<i64>,
    newest: Duration,
}

impl FfmpegReader {
    /// Starts FFmpeg on the file at `path`.
    ///
    /// # Errors
    ///
    /// When FFmpeg is not installed, or says that the file is no video.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let version = version().map_err(|error| failed(&name, "start", error))?;
        let mut input = std::ffi::OsString::from("file:");
        input.push(path);
        let mut child = Command::new("ffmpeg")
            .args([
                "-hide_banner",
                "-nostdin",
                "-nostats",
                "-loglevel",
                "level+info",
            ])
            // The decoder gives the same samples on every CPU.
            .args(["-fflags", "+bitexact", "-flags:v", "+bitexact"])
            .args([
                "-format_whitelist",
                CONTAINERS,
                "-protocol_whitelist",
                "file",
                "-i",
            ])
            .arg(input)
            .args(["-map", "0:V:0", "-vf", FILTERS])
            .args(every_frame_once(&version))
            .args(["-bitexact", "-sws_flags", "bitexact+accurate_rnd+bicubic"])
            .args(["-f", "yuv4mpegpipe", "pipe:1"])
            .env("AV_LOG_FORCE_NOCOLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&name, "start", error))?;
        let (stdout, stderr) = child
            .stdout
            .take()
            .zip(child.stderr.take())
            .ok_or_else(|| failed(&name, "read from", ErrorKind::BrokenPipe.into()))?;
        let (stamps, report) = showinfo::follow(stderr);
        let mut reader = Self {
            name,
            frames: None,
            stamps,
            report: Some(report),
            child,
            first: None,
            newest: Duration::ZERO,
        };
        let mut video = BufReader::new(stdout);
        if bytes_ahead(&mut video)
            .map_err(|error| failed(&reader.name, "read from", error))?
            .is_empty()
        {
            reader.finish()?;
            return Err(SourceError::Empty {
                name: reader.name.clone(),
                lack: "holds no video",
            });
        }
        reader.frames = Some(Y4mReader::new(&reader.name, video, FrameRate::USUAL)?);
        Ok(reader)
    }

    /// The rate that the file declares; its frames may come at another.
    pub fn rate(&self) -> Option<FrameRate> {
        self.frames.as_ref().map(Y4mReader::rate)
    }

    /// Waits for FFmpeg and reports its failure in its own words.
    fn finish(&mut self) -> Result<(), SourceError> {
        self.frames = None;
        let status = self
            .child
            .wait()
            .map_err(|error| failed(&self.name, "wait for", error))?;
        let complaint = self
            .report
            .take()
            .and_then(|thread| thread.join().ok())
            .flatten();
        if status.success() {
            return Ok(());
        }
        let complaint = complaint.unwrap_or_else(|| status.to_string());
        let complaint = complaint
            .strip_prefix(&format!("{}: ", self.name))
            .unwrap_or(&complaint);
        Err(SourceError::FfmpegRefused {
            name: self.name.clone(),
            complaint: complaint.into(),
        })
    }

    /// The time of the next frame and its colour matrix, as far as they are known.
    fn next_stamp(&mut self) -> (Duration, Option<Matrix>) {
        let Ok(stamp) = self.stamps.recv() else {
            return (self.newest, None);
        };
        let time = stamp.nanos.and_then(|nanos| {
            let first = *self.first.get_or_insert(nanos);
            u64::try_from(nanos.checked_sub(first)?).ok()
        });
        // A frame without a stamp of its own, or with one that runs backwards, comes at once.
        self.newest = self
            .newest
            .max(Duration::from_nanos(time.unwrap_or_default()));
        (self.newest, stamp.matrix)
    }
}

impl FrameSource for FfmpegReader {
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        let Some(frames) = &mut self.frames else {
            return Ok(None);
        };
        match frames.next_samples() {
            Ok(Some((index, samples, took))) => {
                let mut layout = frames.layout();
                let (time, matrix) = self.next_stamp();
                layout.color.matrix = matrix.unwrap_or(layout.color.matrix);
                let frame = Frame::new(layout, samples)?.with_time(index, time);
                Ok(Some(Captured { frame, took }))
            }
            Ok(None) => self.finish().map(|()| None),
            Err(cut) => self.finish().and(Err(cut)),
        }
    }
}

impl Drop for FfmpegReader {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it means that `action` on FFmpeg failed.
fn failed(name: &str, action: &'static str, source: io::Error) -> SourceError {
    let name = name.into();
    match source.kind() {
        ErrorKind::NotFound => SourceError::FfmpegMissing { name },
        _ => SourceError::Ffmpeg {
            name,
            action,
            source,
        },
    }
}

/// The first line that `ffmpeg -version` prints.
fn version() -> io::Result<String> {
    let output = Command::new("ffmpeg")
        .arg("-version")
        .stdin(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().into())
}

/// The option by which no frame is repeated or left out; its name changed with FFmpeg 5.1.
fn every_frame_once(version: &str) -> [&'static str; 2] {
    let number = version.strip_prefix("ffmpeg version ").unwrap_or_default();
    let mut parts = number
        .trim_start_matches('n')
        .split(|c: char| !c.is_ascii_digit());
    let mut part = || parts.next().and_then(|part| part.parse::<u32>().ok());
    match (part(), part()) {
        (Some(major), minor) if (major, minor.unwrap_or(0)) < (5, 1) => ["-vsync", "passthrough"],
        _ => ["-fps_mode", "passthrough"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_fits_the_version() {
        for (version, option) in [
            ("ffmpeg version 4.4.2-0ubuntu0 Copyright", "-vsync"),
            ("ffmpeg version 5.0 Copyright", "-vsync"),
            ("ffmpeg version 5.1.9-0+deb12u1 Copyright", "-fps_mode"),
            ("ffmpeg version n7.1 Copyright", "-fps_mode"),
            ("ffmpeg version N-112-gabcdef Copyright", "-fps_mode"),
            ("", "-fps_mode"),
        ] {
            assert_eq!(every_frame_once(version)[0], option, "{version}");
        }
    }
}
