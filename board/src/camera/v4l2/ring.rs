//! Capturing into a ring of buffers that the driver fills.

use std::io;
use std::os::raw::{c_int, c_void};
use std::ptr;
use std::time::Duration;

use v4l::v4l_sys::{
    V4L2_BUF_FLAG_ERROR, V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
    v4l2_buffer, v4l2_requestbuffers,
};
use v4l::v4l2::{self, vidioc};

use super::{CAPTURE, Device, MMAP, blank};

// The same on every Linux.
const POLLIN: i16 = 1;
const PROT_READ: c_int = 1;
const MAP_SHARED: c_int = 1;

/// What the driver says of a filled buffer.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// Counts the frames, those that the camera dropped too.
    pub sequence: u32,
    /// When it was taken, on the system's monotonic clock; nothing if the driver does not say.
    pub time: Option<Duration>,
    /// The driver marks the content as damaged.
    pub damaged: bool,
}

/// The buffers of a running capture. Dropping it stops the capture.
pub struct Ring {
    device: Device,
    maps: Vec<Mapping>,
}

struct Mapping {
    start: *mut c_void,
    bytes: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and `Ring` is its only user.
unsafe impl Send for Mapping {}

impl Ring {
    /// Starts capturing into `count` buffers, or as many as are granted.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn start(device: Device, count: u32) -> io::Result<Self> {
        let mut request = v4l2_requestbuffers {
            count,
            type_: CAPTURE,
            memory: MMAP,
            ..blank()
        };
        device.call(vidioc::VIDIOC_REQBUFS, &mut request)?;
        let mut ring = Self {
            device,
            maps: vec![],
        };
        for index in 0..request.count {
            ring.map(index)?;
        }
        for index in 0..request.count {
            ring.queue(index)?;
        }
        ring.device
            .call(vidioc::VIDIOC_STREAMON, &mut CAPTURE.cast_signed())?;
        Ok(ring)
    }

    /// Waits for the next filled buffer, shows it to `look`, and gives it back to the driver;
    /// nothing when none came in time.
    ///
    /// # Errors
    ///
    /// What the driver says. The ring is of no more use then.
    pub fn next<T>(
        &mut self,
        timeout: Duration,
        look: impl FnOnce(&[u8], Filled) -> T,
    ) -> io::Result<Option<T>> {
        let millis = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        match self.device.handle.poll(POLLIN, millis) {
            Ok(0) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            ready => _ = ready?,
        }
        let mut buffer = v4l2_buffer {
            type_: CAPTURE,
            memory: MMAP,
            ..blank()
        };
        match self.device.call(vidioc::VIDIOC_DQBUF, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            result => result?,
        }
        let map = self
            .maps
            .get(buffer.index as usize)
            .ok_or(io::ErrorKind::InvalidData)?;
        let used = map.bytes.min(buffer.bytesused as usize);
        // SAFETY: the mapping is readable for `used` bytes at least and lives as long as `self`.
        // The driver does not write to a dequeued buffer, and this one is queued again only below.
        let bytes = unsafe { std::slice::from_raw_parts(map.start.cast::<u8>(), used) };
        let seen = look(bytes, filled(&buffer));
        self.queue(buffer.index)?;
        Ok(Some(seen))
    }

    fn map(&mut self, index: u32) -> io::Result<()> {
        let mut buffer = v4l2_buffer {
            index,
            type_: CAPTURE,
            memory: MMAP,
            ..blank()
        };
        self.device.call(vidioc::VIDIOC_QUERYBUF, &mut buffer)?;
        let bytes = buffer.length as usize;
        // SAFETY: for a mapped buffer the kernel filled `offset`, a number in any case.
        let offset = unsafe { buffer.m.offset };
        let fd = self.device.handle.fd();
        // SAFETY: the system chooses an address at which nothing lies; no other memory is touched.
        let start = unsafe {
            v4l2::mmap(
                ptr::null_mut(),
                bytes,
                PROT_READ,
                MAP_SHARED,
                fd,
                offset.into(),
            )
        }?;
        self.maps.push(Mapping { start, bytes });
        Ok(())
    }

    fn queue(&self, index: u32) -> io::Result<()> {
        let mut buffer = v4l2_buffer {
            index,
            type_: CAPTURE,
            memory: MMAP,
            ..blank()
        };
        self.device.call(vidioc::VIDIOC_QBUF, &mut buffer)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // A device that has gone refuses all of this, and nothing is left to be done then.
        let _ = self
            .device
            .call(vidioc::VIDIOC_STREAMOFF, &mut CAPTURE.cast_signed());
        for map in self.maps.drain(..) {
            // SAFETY: this is what was mapped, and no reference to it outlives `next`.
            let _ = unsafe { v4l2::munmap(map.start, map.bytes) };
        }
        let mut release = v4l2_requestbuffers {
            type_: CAPTURE,
            memory: MMAP,
            ..blank()
        };
        let _ = self.device.call(vidioc::VIDIOC_REQBUFS, &mut release);
    }
}

fn filled(buffer: &v4l2_buffer) -> Filled {
    let monotonic =
        buffer.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    let (seconds, micros) = (buffer.timestamp.tv_sec, buffer.timestamp.tv_usec);
    let time = u64::try_from(seconds)
        .ok()
        .zip(u32::try_from(micros).ok())
        .and_then(|(seconds, micros)| {
            Duration::from_secs(seconds).checked_add(Duration::from_micros(micros.into()))
        });
    Filled {
        sequence: buffer.sequence,
        time: time.filter(|time| monotonic && !time.is_zero()),
        damaged: buffer.flags & V4L2_BUF_FLAG_ERROR != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_flags_are_read() {
        let mut buffer: v4l2_buffer = blank();
        (buffer.timestamp.tv_sec, buffer.timestamp.tv_usec) = (3, 250_000);
        buffer.flags = V4L2_BUF_FLAG_ERROR;
        assert!(filled(&buffer).damaged);
        assert_eq!(filled(&buffer).time, None);
        buffer.flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        assert_eq!(filled(&buffer).time, Some(Duration::from_millis(3250)));
        buffer.timestamp.tv_sec = -1;
        assert_eq!(filled(&buffer).time, None);
    }
}
