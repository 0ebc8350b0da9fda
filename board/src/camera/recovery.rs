//! Frames of a camera that fails at times.
//!
//! Whatever goes wrong, the camera is closed and opened anew, after waits that grow, until it gives
//! frames again or has been away for too long.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Result;
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::source::{Captured, FrameSource, Losses, SourceError};

use super::numbering::Numbering;
use super::v4l2::{Filled, instant_of};
use crate::backoff::Backoff;
use crate::run::say;
use crate::stop::Stop;
use crate::telemetry::Pulse;

/// ENODEV, the same on every Linux.
pub const NO_DEVICE: i32 = 19;

/// Cameras of which one is meant.
pub trait Cameras: Send {
    /// A running camera.
    type Feed: Feed;

    /// Opens the camera, wherever it is by now.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    fn open(&mut self) -> Result<Self::Feed>;
}

/// A running camera. Dropping it stops it.
pub trait Feed: Send {
    /// The next buffer; nothing when none came in time.
    ///
    /// # Errors
    ///
    /// What the driver says. The feed is of no more use then.
    fn next(&mut self, timeout: Duration) -> io::Result<Option<Delivery>>;
}

/// What came in a buffer.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The frame; nothing when it is damaged.
    pub frame: Option<Frame>,
    /// What the driver says of it.
    pub filled: Filled,
    /// How long it took to read.
    pub took: Duration,
}

/// What is put up with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A camera that gives nothing for so long has failed. Some take seconds for their first frame.
    pub timeout: Duration,
    /// How soon a stop is noticed while no frame comes.
    pub slice: Duration,
    /// So many damaged frames in a row are a failure of the camera.
    pub damaged: u32,
    /// How long it is tried again.
    pub give_up: Duration,
    /// The wait before the first and the longest before a later try.
    pub waits: (Duration, Duration),
    /// A camera that ran for so long was well: its failure is a first one.
    pub well: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            slice: Duration::from_millis(100),
            damaged: 100,
            give_up: Duration::from_secs(600),
            waits: (Duration::from_millis(100), Duration::from_secs(5)),
            well: Duration::from_secs(30),
        }
    }
}

/// A camera that is opened anew when it fails.
pub struct Recovering<C: Cameras> {
    name: String,
    cameras: C,
    feed: Option<C::Feed>,
    limits: Limits,
    stop: Stop,
    pulse: Pulse,
    backoff: Backoff,
    numbering: Numbering,
    broken: u64,
    restarts: u64,
    /// When the newest frame was taken, if the driver says.
    taken: Option<Instant>,
    /// Damaged frames since the last good one.
    in_a_row: u32,
    opened: Instant,
    /// What the last failure was, while no frame has come since.
    fault: Option<String>,
}

impl<C: Cameras> Recovering<C> {
    /// The camera called `name`, which runs already.
    pub fn new(
        name: String,
        cameras: C,
        feed: C::Feed,
        limits: Limits,
        stop: &Stop,
        pulse: &Pulse,
    ) -> Self {
        let (first, longest) = limits.waits;
        Self {
            name,
            cameras,
            feed: Some(feed),
            limits,
            stop: stop.clone(),
            pulse: pulse.clone(),
            backoff: Backoff::new(first, longest),
            numbering: Numbering::default(),
            broken: 0,
            restarts: 0,
            taken: None,
            in_a_row: 0,
            opened: Instant::now(),
            fault: None,
        }
    }

    /// Closes the camera, and waits before it is opened again.
    fn failed(&mut self, what: String) {
        self.feed = None;
        self.restarts += 1;
        self.in_a_row = 0;
        if self.opened.elapsed() > self.limits.well {
            self.backoff.works();
        }
        if self.fault.is_none() {
            say(&format!(
                "praxiscope: note: the camera {} {what}: it is opened again",
                self.name
            ));
        }
        self.fault = Some(what);
        self.wait();
    }

    fn wait(&mut self) {
        let wait = self.backoff.failed();
        self.pulse.trying();
        self.stop.wait_until(Instant::now() + wait);
    }

    fn took(&mut self, delivery: Delivery) -> Option<Captured> {
        let (index, time) = self.numbering.next(delivery.filled);
        let Some(frame) = delivery.frame else {
            self.broken += 1;
            self.in_a_row += 1;
            return None;
        };
        self.in_a_row = 0;
        self.taken = delivery.filled.time.and_then(instant_of);
        if self.fault.take().is_some() {
            say(&format!(
                "praxiscope: note: the camera {} gives frames again",
                self.name
            ));
        }
        Some(Captured {
            frame: frame.with_time(index, time),
            took: delivery.took,
        })
    }
}

impl<C: Cameras> FrameSource for Recovering<C> {
    /// A buffer that is flagged, too short or no picture is counted and passed over.
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        let without = Instant::now();
        let mut silent = Instant::now();
        while !self.stop.asked() {
            let Some(feed) = &mut self.feed else {
                match self.cameras.open() {
                    Ok(feed) => {
                        self.feed = Some(feed);
                        self.opened = Instant::now();
                        silent = self.opened;
                    }
                    Err(error) if without.elapsed() > self.limits.give_up => {
                        let what = self.fault.take().unwrap_or_else(|| "has gone".into());
                        return Err(SourceError::Lost {
                            name: format!("the camera {}", self.name),
                            what: format!("{what} and does not come back: {error:#}"),
                        });
                    }
                    Err(_) => self.wait(),
                }
                continue;
            };
            match feed.next(self.limits.slice) {
                Ok(Some(delivery)) => {
                    if let Some(captured) = self.took(delivery) {
                        return Ok(Some(captured));
                    }
                    silent = Instant::now();
                    if self.in_a_row >= self.limits.damaged {
                        self.failed("gives only damaged frames".into());
                    }
                }
                Ok(None) if silent.elapsed() < self.limits.timeout => {}
                Ok(None) => {
                    let seconds = self.limits.timeout.as_secs_f64();
                    self.failed(format!("gave no frame for {seconds} seconds"));
                }
                Err(error) if error.raw_os_error() == Some(NO_DEVICE) => {
                    self.failed("was disconnected".into());
                }
                Err(error) => self.failed(format!("failed: {error}")),
            }
            if self.feed.is_none() && without.elapsed() > self.limits.give_up {
                return Err(SourceError::Lost {
                    name: format!("the camera {}", self.name),
                    what: self.fault.take().unwrap_or_else(|| "has gone".into()),
                });
            }
        }
        Ok(None)
    }

    fn taken(&self) -> Option<Instant> {
        self.taken
    }

    fn losses(&self) -> Losses {
        Losses {
            broken: self.broken,
            missed: self.numbering.missed(),
            restarts: self.restarts,
        }
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
