//! Which cameras there are.

use std::fs;
use std::path::{Path, PathBuf};

use v4l::v4l_sys::{V4L2_CAP_STREAMING, V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE};

use super::cannot_open;
use super::v4l2::Device;

/// A node that captures video.
#[derive(Clone, Debug)]
pub struct Node {
    /// The device node.
    pub path: PathBuf,
    /// Its name for people.
    pub card: String,
    /// The pixel formats that it offers.
    pub formats: Vec<String>,
    /// It captures in a way that this program reads.
    pub simple: bool,
}

/// All nodes that capture video, in order; one that may not be opened gives the reason.
pub fn survey() -> Vec<Result<Node, String>> {
    let nodes = fs::read_dir("/dev").into_iter().flatten();
    let nodes = nodes.filter_map(|node| node.ok()?.file_name().into_string().ok());
    let mut numbers: Vec<u32> = nodes
        .filter_map(|node| node.strip_prefix("video")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let paths = numbers
        .iter()
        .map(|n| PathBuf::from(format!("/dev/video{n}")));
    paths.filter_map(|path| look_at(&path)).collect()
}

/// Nothing for a node that has other work, as a camera's second one for metadata.
fn look_at(path: &Path) -> Option<Result<Node, String>> {
    let device = match Device::open(path) {
        Ok(device) => device,
        Err(error) => return Some(Err(format!("{:#}", cannot_open(path, &error)))),
    };
    let found = device.capability().ok()?;
    let captures = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE;
    if found.flags & captures == 0 {
        return None;
    }
    let simple = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    let name = |code: &[u8; 4]| String::from_utf8_lossy(code).trim().to_owned();
    Some(Ok(Node {
        path: path.into(),
        card: found.card,
        formats: device.formats().iter().map(name).collect(),
        simple: found.flags & simple == simple,
    }))
}
