//! A V4L2 camera as a source of frames.

mod find;
mod format;
mod numbering;
mod recovery;
mod survey;
mod v4l2;

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use praxiscope_runtime::source::{FrameRate, Liveness, Source};
use v4l::v4l_sys::{V4L2_CAP_STREAMING, V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE};

use crate::absent::Absent;
use crate::stop::Stop;
use crate::telemetry::Pulse;
use find::Identity;
pub use format::PictureSize;
use format::Pixels;
use recovery::{Cameras, Delivery, Feed, Limits, Recovering};
pub use survey::{Node, survey};
use v4l2::{Capability, Device, Ring};

const BUFFERS: u32 = 4;
const USUAL_RATE: (u32, u32) = (30, 1);

/// Which camera, and what is asked of it; it may grant something else.
#[derive(Clone, Debug)]
pub struct CameraSettings {
    /// The device node, one of its names under `/dev/v4l`, or the name of its card.
    pub path: PathBuf,
    /// Size of the picture.
    pub size: Option<PictureSize>,
    /// Frames per second.
    pub rate: Option<FrameRate>,
    /// The format of its pixels.
    pub format: Option<String>,
    /// How long it may be silent.
    pub timeout: Duration,
    /// How long it is tried again when it has gone.
    pub give_up: Duration,
}

/// Starts a camera; `stop` ends its wait for a frame.
///
/// # Errors
///
/// When there is no such camera, or none that this program reads.
pub fn open(settings: &CameraSettings, stop: &Stop, pulse: &Pulse) -> Result<Source> {
    let mut cameras = V4l2Cameras {
        settings: settings.clone(),
        seen: None,
        code: settings
            .format
            .as_deref()
            .map(format::code_of)
            .transpose()?,
    };
    let (feed, name, rate) = cameras.start(&cameras.node())?;
    let limits = Limits {
        timeout: settings.timeout,
        give_up: settings.give_up,
        ..Limits::default()
    };
    let shown = settings.path.display().to_string();
    Ok(Source {
        name,
        frames: Box::new(Recovering::new(shown, cameras, feed, limits, stop, pulse)),
        liveness: Liveness::Camera,
        rate,
    })
}

/// The machine's cameras, of which one is meant.
struct V4l2Cameras {
    settings: CameraSettings,
    /// Which one it was the last time.
    seen: Option<Identity>,
    code: Option<[u8; 4]>,
}

/// A running camera.
struct V4l2Feed {
    ring: Ring,
    pixels: Pixels,
}

impl Cameras for V4l2Cameras {
    type Feed = V4l2Feed;

    fn open(&mut self) -> Result<V4l2Feed> {
        Ok(self.start(&self.node())?.0)
    }
}

impl V4l2Cameras {
    /// Where the camera is now.
    fn node(&self) -> PathBuf {
        find::node(&self.settings.path, self.seen.as_ref(), &find::nodes())
    }

    fn start(&mut self, path: &Path) -> Result<(V4l2Feed, String, Option<FrameRate>)> {
        let shown = path.display();
        let node = fs::metadata(path).map_err(|error| cannot_open(path, &error))?;
        if !node.file_type().is_char_device() {
            bail!("{shown} is not a camera: it is no device");
        }
        let device = Device::open(path).map_err(|error| cannot_open(path, &error))?;
        let found = device
            .capability()
            .with_context(|| format!("{shown} is not a camera"))?;
        check_captures(path, &found)?;
        let size = self.settings.size.unwrap_or(PictureSize::USUAL);
        let code = self
            .code_of(&device, size)
            .with_context(|| format!("{shown} ({})", found.card))?;
        let refused = || format!("the camera {shown} ({}) does not start", found.card);
        let granted = device
            .set_format(code, size.width, size.height)
            .map_err(in_use)
            .with_context(refused)?;
        let pixels = Pixels::of(&granted).with_context(refused)?;
        let (frames, seconds) = self.settings.rate.map_or(USUAL_RATE, FrameRate::ratio);
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
            String::from_utf8_lossy(&granted.code),
            granted.width,
            granted.height,
        );
        let name = format!("{shown} ({}, {kind} {width}x{height}{at})", found.card);
        self.seen = Some(Identity {
            card: found.card,
            bus: found.bus,
        });
        Ok((V4l2Feed { ring, pixels }, name, rate))
    }

    /// The format to ask for: the one that is configured, or the cheapest.
    fn code_of(&self, device: &Device, size: PictureSize) -> Result<[u8; 4]> {
        let offered = device.formats();
        match self.code {
            Some(code) if offered.contains(&code) => Ok(code),
            Some(code) => bail!(
                "does not offer the format {}",
                String::from_utf8_lossy(&code)
            ),
            None => format::choose(&offered, size)
                .context("offers no format that is read here: YUYV, NV12 or MJPEG, for example"),
        }
    }
}

fn check_captures(path: &Path, found: &Capability) -> Result<()> {
    let shown = path.display();
    if found.flags & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE) == 0 {
        bail!("{shown} ({}) does not capture video", found.card);
    }
    if found.flags & V4L2_CAP_VIDEO_CAPTURE == 0 || found.flags & V4L2_CAP_STREAMING == 0 {
        bail!(
            "{shown} ({}) captures in a way that is not read here: let rpicam-vid or \
             gst-launch-1.0 write its frames to a pipe, as `source.command` of the configuration",
            found.card
        );
    }
    Ok(())
}

impl Feed for V4l2Feed {
    fn next(&mut self, timeout: Duration) -> io::Result<Option<Delivery>> {
        let pixels = self.pixels;
        self.ring.next(timeout, |bytes, filled| {
            let started = Instant::now();
            let frame = if filled.damaged {
                None
            } else {
                pixels.frame(bytes).ok()
            };
            Delivery {
                frame,
                filled,
                took: started.elapsed(),
            }
        })
    }
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
            Absent(format!("there is no camera {shown}: {there}")).into()
        }
        ErrorKind::PermissionDenied => {
            anyhow!("the camera {shown} may not be opened: put the user into the group `video`")
        }
        // The node is still there.
        _ if error.raw_os_error() == Some(recovery::NO_DEVICE) => {
            Absent(format!("the camera {shown} is no longer connected")).into()
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
                format: None,
                timeout: Duration::from_secs(5),
                give_up: Duration::from_secs(5),
            };
            let error = format!(
                "{:#}",
                open(&settings, &Stop::default(), &Pulse::default())
                    .err()
                    .unwrap()
            );
            assert!(error.contains(needle) && !error.contains('\n'), "{error}");
        }
    }
}
