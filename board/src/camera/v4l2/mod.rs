//! The V4L2 calls that a capture needs, made safe. All of the program's `unsafe` is here.
//!
//! The device, the request numbers and the structures are the `v4l` crate's. Its stream is not
//! used: it panics when a camera fails while a stream is dropped, and it queues a buffer twice
//! after a failed dequeue. Nor are its conversions, which panic on a camera whose name was cut in
//! the middle of a character.

#![allow(unsafe_code)]

mod clock;
mod ring;

use std::io;
use std::mem::{size_of, zeroed};
use std::os::raw::{c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use v4l::device::Handle;
use v4l::v4l_sys::{
    V4L2_CAP_DEVICE_CAPS, v4l2_buffer, v4l2_capability, v4l2_fmtdesc, v4l2_format, v4l2_pix_format,
    v4l2_requestbuffers, v4l2_streamparm,
};
use v4l::v4l2::{self, vidioc};

pub use clock::instant_of;
pub use ring::{Filled, Ring};

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE`
const CAPTURE: u32 = 1;
/// `V4L2_MEMORY_MMAP`
const MMAP: u32 = 1;

/// Structures that the kernel fills.
///
/// # Safety
///
/// Every pattern of bits is a value of the type, all zeros too.
unsafe trait Plain {}

macro_rules! plain {
    ($($name:ty),*) => {$(
        // SAFETY: numbers, and pointers that Rust never follows.
        unsafe impl Plain for $name {}
    )*};
}

plain!(
    v4l2_buffer,
    v4l2_capability,
    v4l2_fmtdesc,
    v4l2_format,
    v4l2_pix_format
);
plain!(v4l2_requestbuffers, v4l2_streamparm, c_int);

fn blank<T: Plain>() -> T {
    // SAFETY: all zeros are a value of a `Plain` type.
    unsafe { zeroed() }
}

/// An open device node.
pub struct Device {
    handle: Arc<Handle>,
}

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its name for people.
    pub card: String,
    /// Where it is plugged in.
    pub bus: String,
    /// What this node can do: `V4L2_CAP_*`.
    pub flags: u32,
}

/// The format that a device grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Four-character code.
    pub code: [u8; 4],
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bytes from one row to the next; 0 if that means nothing.
    pub stride: u32,
    /// `V4L2_COLORSPACE_*`
    pub colorspace: u32,
    /// `V4L2_YCBCR_ENC_*`
    pub encoding: u32,
    /// `V4L2_QUANTIZATION_*`
    pub quantization: u32,
}

impl Device {
    /// Opens the node at `path`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Self {
            handle: v4l::Device::with_path(path)?.handle(),
        })
    }

    /// Name and abilities; fails on what is no V4L2 device.
    pub fn capability(&self) -> io::Result<Capability> {
        let mut found: v4l2_capability = blank();
        self.call(vidioc::VIDIOC_QUERYCAP, &mut found)?;
        let text = |bytes: &[u8]| {
            let text = bytes.split(|&byte| byte == 0).next();
            String::from_utf8_lossy(text.unwrap_or_default())
                .trim()
                .to_owned()
        };
        let own = found.capabilities & V4L2_CAP_DEVICE_CAPS != 0;
        Ok(Capability {
            card: text(&found.card),
            bus: text(&found.bus_info),
            flags: if own {
                found.device_caps
            } else {
                found.capabilities
            },
        })
    }

    /// The pixel formats that the device offers, as four-character codes.
    pub fn formats(&self) -> Vec<[u8; 4]> {
        let one = |index| {
            let mut found = v4l2_fmtdesc {
                index,
                type_: CAPTURE,
                ..blank()
            };
            self.call(vidioc::VIDIOC_ENUM_FMT, &mut found).ok()?;
            Some(found.pixelformat.to_le_bytes())
        };
        // No device has more; a driver that never says "no more" is not followed for ever.
        (0..256).map_while(one).collect()
    }

    /// Asks for a format; gives what is granted, which may differ in every respect.
    pub fn set_format(&self, code: [u8; 4], width: u32, height: u32) -> io::Result<Granted> {
        let pixelformat = u32::from_le_bytes(code);
        let mut format = v4l2_format {
            type_: CAPTURE,
            ..blank()
        };
        format.fmt.pix = v4l2_pix_format {
            width,
            height,
            pixelformat,
            ..blank()
        };
        self.call(vidioc::VIDIOC_S_FMT, &mut format)?;
        // SAFETY: `pix` is the member for a capture device, and it is plain numbers in any case.
        let pix = unsafe { format.fmt.pix };
        Ok(Granted {
            code: pix.pixelformat.to_le_bytes(),
            width: pix.width,
            height: pix.height,
            stride: pix.bytesperline,
            colorspace: pix.colorspace,
            // SAFETY: both members of this union are the same number, named for YUV and for HSV.
            encoding: unsafe { pix.__bindgen_anon_1.ycbcr_enc },
            quantization: pix.quantization,
        })
    }

    /// Asks for `frames` in `seconds`; gives the ratio that is granted.
    pub fn set_rate(&self, frames: u32, seconds: u32) -> io::Result<(u32, u32)> {
        let mut parameters = v4l2_streamparm {
            type_: CAPTURE,
            ..blank()
        };
        self.call(vidioc::VIDIOC_G_PARM, &mut parameters)?;
        // SAFETY: `capture` is the member for this type, and it is plain numbers in any case.
        let capture = unsafe { &mut parameters.parm.capture };
        (
            capture.timeperframe.numerator,
            capture.timeperframe.denominator,
        ) = (seconds, frames);
        self.call(vidioc::VIDIOC_S_PARM, &mut parameters)?;
        // SAFETY: as above.
        let granted = unsafe { parameters.parm.capture.timeperframe };
        Ok((granted.denominator, granted.numerator))
    }

    fn call<T: Plain>(&self, request: vidioc::_IOC_TYPE, value: &mut T) -> io::Result<()> {
        let size = (request >> 16) & 0x3fff;
        if usize::try_from(size) != Ok(size_of::<T>()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let value = ptr::from_mut(value).cast::<c_void>();
        loop {
            // SAFETY: the kernel reads and writes as many bytes as the request says, which is the
            // size of `T`; any bytes that it leaves are a `T`, for `T` is `Plain`. The pointers in
            // these structures are not followed for the types and the memory that are used here.
            let result = unsafe { v4l2::ioctl(self.handle.fd(), request, value) };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_refuses_every_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let device = Device::open(&path).unwrap();
        assert!(device.capability().is_err());
        assert!(device.formats().is_empty());
        assert!(device.set_format(*b"YUYV", 640, 480).is_err());
        assert!(device.set_rate(30, 1).is_err());
        assert!(Ring::start(device, 4).is_err());
        assert!(Device::open(&folder.path().join("none")).is_err());
        assert!(Device::open(Path::new("a\0b")).is_err());
    }

    #[test]
    fn a_request_of_another_size_is_not_made() {
        let device = Device::open(Path::new("/dev/null")).unwrap();
        let error = device.call(vidioc::VIDIOC_QBUF, &mut 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
