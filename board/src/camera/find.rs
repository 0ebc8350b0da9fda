//! Where a camera is: nodes change their numbers when cameras come and go.

use std::fs;
use std::path::{Path, PathBuf};

use v4l::v4l_sys::V4L2_CAP_VIDEO_CAPTURE;

use super::v4l2::Device;

/// What a camera is known by when its node has another number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name for people.
    pub card: String,
    /// Where it is plugged in.
    pub bus: String,
}

/// The nodes that capture video, in the order of their numbers.
pub fn nodes() -> Vec<(PathBuf, Identity)> {
    let numbered = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let number: u32 = name.strip_prefix("video")?.parse().ok()?;
        Some((number, path))
    };
    let entries = fs::read_dir("/dev").into_iter().flatten();
    let mut paths: Vec<_> = entries
        .filter_map(|entry| numbered(entry.ok()?.path()))
        .collect();
    paths.sort();
    let identified = |path: PathBuf| {
        let found = Device::open(&path).ok()?.capability().ok()?;
        let captures = found.flags & V4L2_CAP_VIDEO_CAPTURE != 0;
        let identity = Identity {
            card: found.card,
            bus: found.bus,
        };
        captures.then_some((path, identity))
    };
    paths
        .into_iter()
        .filter_map(|(_, path)| identified(path))
        .collect()
}

/// The node of the camera that is configured as `wanted`, a path or the name of a card, and that was
/// `seen` before. Where there is no better one, what is configured.
pub fn node(wanted: &Path, seen: Option<&Identity>, nodes: &[(PathBuf, Identity)]) -> PathBuf {
    let pick = |fits: &dyn Fn(&Path, &Identity) -> bool| {
        let fitting = nodes.iter().find(|(path, identity)| fits(path, identity));
        fitting.map(|(path, _)| path.clone())
    };
    // `/dev/v4l/by-id/...` is a link to a node.
    let real = fs::canonicalize(wanted).unwrap_or_else(|_| wanted.into());
    let is_wanted = |path: &Path, identity: &Identity| {
        path == real || wanted.as_os_str() == identity.card.as_str()
    };
    let found = match seen {
        None => pick(&is_wanted),
        Some(seen) => pick(&|path, identity| is_wanted(path, identity) && identity == seen)
            .or_else(|| pick(&|_, identity| identity == seen))
            .or_else(|| pick(&|_, identity| identity.card == seen.card)),
    };
    match found {
        // The name that was configured is the one to be shown.
        Some(path) if path == real => wanted.into(),
        Some(path) => path,
        None => wanted.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(card: &str, bus: &str) -> Identity {
        Identity {
            card: card.into(),
            bus: bus.into(),
        }
    }

    fn there(nodes: &[(&str, &str, &str)]) -> Vec<(PathBuf, Identity)> {
        let node = |&(path, card, bus): &(&str, &str, &str)| (path.into(), identity(card, bus));
        nodes.iter().map(node).collect()
    }

    #[test]
    fn a_camera_is_found_by_path_or_card() {
        let nodes = there(&[
            ("/dev/video70", "Door", "usb-1"),
            ("/dev/video71", "Yard", "usb-2"),
        ]);
        for (wanted, found) in [
            ("/dev/video71", "/dev/video71"),
            ("Yard", "/dev/video71"),
            ("/dev/video99", "/dev/video99"),
            ("Cellar", "Cellar"),
        ] {
            assert_eq!(node(Path::new(wanted), None, &nodes), Path::new(found));
        }
    }

    #[test]
    fn one_that_came_back_under_another_number_is_found() {
        let seen = identity("Door", "usb-1");
        let wanted = Path::new("/dev/video70");
        let find = |nodes: &[_]| node(wanted, Some(&seen), &there(nodes));
        let door = "/dev/video72";
        // Its number is free, or another camera's.
        assert_eq!(find(&[(door, "Door", "usb-1")]), Path::new(door));
        let yard = ("/dev/video70", "Yard", "usb-2");
        assert_eq!(find(&[yard, (door, "Door", "usb-1")]), Path::new(door));
        // Of two alike the one in the same place; in another place the one that is alike.
        let twin = ("/dev/video71", "Door", "usb-3");
        assert_eq!(find(&[twin, (door, "Door", "usb-1")]), Path::new(door));
        assert_eq!(find(&[yard, twin]), Path::new("/dev/video71"));
        assert_eq!(find(&[]), wanted);
    }

    #[test]
    fn a_link_that_stays_is_preferred() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("video5"), folder.path().join("by-id"));
        fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let nodes = [(fs::canonicalize(&real).unwrap(), identity("Door", "usb-1"))];
        assert_eq!(node(&link, Some(&identity("Door", "usb-1")), &nodes), link);
    }
}
