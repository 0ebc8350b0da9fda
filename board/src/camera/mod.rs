//! A V4L2 camera as a source of frames.

mod format;
mod numbering;
mod survey;
mod v4l2;

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use praxiscope_runtime::source::{
    Captured, FrameRate, FrameSource, Liveness, Losses, Source, SourceError,
};
use v4l::v4l_sys::{V4L2_CAP_STREAMING, V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE};

use crate::stop::Stop;
pub use format::PictureSize;
use format::Pixels;
use numbering::Numbering;
pub use survey::{Node, survey};
use v4l2::{Device, Ring};

const BUFFERS: u32 = 4;
const USUAL_RATE: (u32, u32) = (30, 1);
/// ENODEV, the same on every Linux.
const NO_DEVICE: i32 = 19;

/// A camera that gives nothing for so long has failed. Some take seconds for their first frame.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How soon a stop is noticed while no frame comes.
const SLICE: Duration = Duration::from_millis(100);

/// Which camera, and what is asked of it; it may grant something else.
#[derive(Clone, Debug)]
pub struct CameraSettings {
    /// The device node.
    pub path: PathBuf,
    /// Size of the picture.
    pub size: Option<PictureSize>,
    /// Frames per second.
    pub rate: Option<FrameRate>,
}

/// Starts a camera; `stop` ends its wait for a frame.
///
/// # Errors
///
/// When there is no such camera, or none that this program reads.
pub fn open(settings: &CameraSettings, stop: &Stop) -> Result<Source> {
    let path = &settings.path;
    let shown = path.display();
    let node = fs::metadata(path).map_err(|error| cannot_open(path, &error))?;
    if !node.file_type().is_char_device() {
        bail!("{shown} is not a camera: it is no device");
    }
    let device = Device::open(path).map_err(|error| cannot_open(path, &error))?;
    let found = device
        .capability()
        .with_context(|| format!("{shown} is not a camera"))?;
    if found.flags & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE) == 0 {
        bail!("{shown} ({}) does not capture video", found.card);
    }
    if found.flags & V4L2_CAP_VIDEO_CAPTURE == 0 || found.flags & V4L2_CAP_STREAMING == 0 {
        bail!(
            "{shown} ({}) captures in a way that is not read here: let rpicam-vid or \
             gst-launch-1.0 write its frames to a pipe and use `--input -`",
            found.card
        );
    }
    let size = settings.size.unwrap_or(PictureSize::USUAL);
    let code = format::choose(&device.formats(), size)
        .with_context(|| format!("{shown} ({}) offers neither YUYV nor MJPEG", found.card))?;
    let refused = || format!("the camera {shown} ({}) does not start", found.card);
    let granted = device
        .set_format(code, size.width, size.height)
        .map_err(in_use)
        .with_context(refused)?;
    let pixels = Pixels::of(&granted).with_context(refused)?;
    let (frames, seconds) = settings.rate.map_or(USUAL_RATE, FrameRate::ratio);
    // A camera whose rate cannot be set has one of its own.
    let rate = device
        .set_rate(frames, seconds)
        .ok()
        .and_then(|(f, s)| FrameRate::new(f, s));
    let ring = Ring::start(device, BUFFERS)
        .map_err(in_use)
        .with_context(refused)?;
    let at = rate
        .map(|rate| format!(", {rate} a second"))
        .unwrap_or_default();
    let (kind, width, height) = (
        String::from_utf8_lossy(&code),
        granted.width,
        granted.height,
    );
    Ok(Source {
        name: format!("{shown} ({}, {kind} {width}x{height}{at})", found.card),
        frames: Box::new(Camera {
            path: shown.to_string(),
            ring,
            pixels,
            numbering: Numbering::default(),
            broken: 0,
            stop: stop.clone(),
        }),
        liveness: Liveness::Camera,
        rate,
    })
}

fn cannot_open(path: &Path, error: &io::Error) -> anyhow::Error {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => {
            let mut nodes: Vec<_> = fs::read_dir("/dev")
                .into_iter()
                .flatten()
                .filter_map(|node| node.ok()?.file_name().into_string().ok())
                .filter(|node| node.starts_with("video"))
                .map(|node| format!("/dev/{node}"))
                .collect();
            nodes.sort();
            let there = match &nodes[..] {
                [] => "no camera is connected".into(),
                nodes => format!("there is {}", nodes.join(", ")),
            };
            anyhow!("there is no camera {shown}: {there}")
        }
        ErrorKind::PermissionDenied => {
            anyhow!("the camera {shown} may not be opened: put the user into the group `video`")
        }
        _ => anyhow!("cannot open the camera {shown}: {error}"),
    }
}

fn in_use(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::ResourceBusy => io::Error::other("another program is using it"),
        _ => error,
    }
}

struct Camera {
    path: String,
    ring: Ring,
    pixels: Pixels,
    numbering: Numbering,
    broken: u64,
    stop: Stop,
}

impl Camera {
    fn lost(&self, what: String) -> SourceError {
        SourceError::Lost {
            name: format!("the camera {}", self.path),
            what,
        }
    }
}

impl FrameSource for Camera {
    /// A buffer that is flagged, too short or no picture is counted and passed over.
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        let mut waiting_since = Instant::now();
        while !self.stop.asked() {
            let pixels = self.pixels;
            let seen = self.ring.next(SLICE, |bytes, filled| {
                let started = Instant::now();
                let frame = if filled.damaged {
                    None
                } else {
                    pixels.frame(bytes).ok()
                };
                (frame, filled, started.elapsed())
            });
            match seen {
                Ok(Some((frame, filled, took))) => {
                    let (index, time) = self.numbering.next(filled);
                    if let Some(frame) = frame {
                        return Ok(Some(Captured {
                            frame: frame.with_time(index, time),
                            took,
                        }));
                    }
                    self.broken += 1;
                    waiting_since = Instant::now();
                }
                Ok(None) if waiting_since.elapsed() < TIMEOUT => {}
                Ok(None) => {
                    let seconds = TIMEOUT.as_secs();
                    return Err(self.lost(format!("gave no frame for {seconds} seconds")));
                }
                Err(error) if error.raw_os_error() == Some(NO_DEVICE) => {
                    return Err(self.lost("was disconnected".into()));
                }
                Err(error) => return Err(self.lost(format!("failed: {error}"))),
            }
        }
        Ok(None)
    }

    fn losses(&self) -> Losses {
        Losses {
            broken: self.broken,
            missed: self.numbering.missed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_is_refused_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for (path, needle) in [
            (
                Path::new("/dev/video4321"),
                "there is no camera /dev/video4321",
            ),
            (Path::new("/dev/null"), "/dev/null is not a camera"),
            (folder.path(), "is not a camera"),
            (&file, "is not a camera"),
        ] {
            let settings = CameraSettings {
                path: path.into(),
                size: None,
                rate: None,
            };
            let error = format!("{:#}", open(&settings, &Stop::default()).err().unwrap());
            assert!(error.contains(needle) && !error.contains('\n'), "{error}");
        }
    }
}
