//! Keeping a source to its own speed.

use std::time::{Duration, Instant};

use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::source::{Liveness, Source};

use crate::stop::Stop;

/// How much faster than its declared rate a live pipe may be. A camera's clock and ours never agree
/// quite: held to exactly its rate, a fast one would pile up frames in the pipe.
const LIVE_HASTE: f64 = 1.03;

/// A live pipe whose frames' times leave out more than this between two frames was started again: it is
/// at its beginning, and that no frame was due for so long is no reason to race through it now.
const OUTAGE: Duration = Duration::from_millis(200);

/// Holds frames until they are due, and gives live ones the time of their arrival.
#[derive(Debug)]
pub struct Pace {
    /// Source seconds per second; nothing for as fast as possible.
    speed: Option<f64>,
    stamps: Stamps,
    /// Source seconds per second of the clock.
    scale: f64,
    started: Option<Instant>,
    /// A moment and the frame's time that is due then.
    anchor: Option<(Instant, Duration)>,
    /// The time of the frame before.
    newest: Duration,
    /// From one frame to the next, where the source says.
    interval: Duration,
}

/// Whose time a frame gets.
#[derive(Clone, Copy, Debug)]
enum Stamps {
    /// The source's, as it is.
    Source,
    /// A camera's, which is that of the clock.
    Camera,
    /// That of the frame's arrival.
    Arrival,
}

impl Pace {
    /// As fast as the source gives frames and the network takes them.
    pub fn unbounded() -> Self {
        Self {
            speed: None,
            stamps: Stamps::Source,
            scale: 1.0,
            started: None,
            anchor: None,
            newest: Duration::ZERO,
            interval: Duration::ZERO,
        }
    }

    /// A recording is played at its own speed. A live pipe with a rate of its own is read only a
    /// little faster, so that a recording that is piped in is played and not raced through. Cameras
    /// keep their own time.
    ///
    /// A second of the clock counts as `scale` seconds of the source: below 1, a network that is too
    /// slow for the source (on an emulated board) is shown it in slow motion.
    pub fn real_time(source: &Source, scale: f64) -> Self {
        let speed = match source.liveness {
            Liveness::Recorded => Some(scale),
            Liveness::Pipe => source.rate.map(|_| LIVE_HASTE * scale),
            Liveness::Camera => None,
        };
        Self {
            speed,
            stamps: match source.liveness {
                Liveness::Recorded => Stamps::Source,
                Liveness::Pipe => Stamps::Arrival,
                Liveness::Camera => Stamps::Camera,
            },
            scale,
            started: None,
            anchor: None,
            newest: Duration::ZERO,
            interval: source.rate.map(|rate| rate.time_of(1)).unwrap_or_default(),
        }
    }

    /// Waits until `frame` is due; nothing when the run was stopped.
    pub fn hold(&mut self, frame: Frame, stop: &Stop) -> Option<Frame> {
        let started = *self.started.get_or_insert_with(Instant::now);
        if let Some(speed) = self.speed
            && let Some(due) = self.due(frame.time(), speed)
        {
            stop.wait_until(due);
        }
        if stop.asked() {
            return None;
        }
        let (index, time) = (frame.index(), frame.time());
        Some(match self.stamps {
            Stamps::Source => frame,
            Stamps::Camera => frame.with_time(index, self.scaled(time)),
            Stamps::Arrival => frame.with_time(index, self.scaled(started.elapsed())),
        })
    }

    /// When a frame with this time is due; nothing for one that is too far away to tell.
    fn due(&mut self, time: Duration, speed: f64) -> Option<Instant> {
        let before = std::mem::replace(&mut self.newest, time);
        let again =
            matches!(self.stamps, Stamps::Arrival) && time > before + self.interval + OUTAGE;
        let (moment, first) = match self.anchor {
            Some(anchor) if !again => anchor,
            Some(_) => (Instant::now(), time),
            None => (Instant::now(), Duration::ZERO),
        };
        self.anchor = Some((moment, first));
        let ahead = time.saturating_sub(first).as_secs_f64() / speed;
        moment.checked_add(Duration::try_from_secs_f64(ahead).ok()?)
    }

    /// A time of the clock as one of the source. Unscaled times stay as they are to the nanosecond.
    fn scaled(&self, time: Duration) -> Duration {
        if self.scale == 1.0 {
            return time;
        }
        Duration::try_from_secs_f64(time.as_secs_f64() * self.scale).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::frame::{FrameLayout, PixelFormat};
    use praxiscope_runtime::source::{Captured, FrameRate, FrameSource, SourceError};

    use super::*;

    struct Nothing;

    impl FrameSource for Nothing {
        fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
            Ok(None)
        }
    }

    fn pace(liveness: Liveness, rate: Option<FrameRate>) -> Pace {
        scaled(liveness, rate, 1.0)
    }

    fn scaled(liveness: Liveness, rate: Option<FrameRate>, scale: f64) -> Pace {
        let source = Source {
            name: "test".into(),
            frames: Box::new(Nothing),
            liveness,
            rate,
        };
        Pace::real_time(&source, scale)
    }

    fn frame(index: u64, time: Duration) -> Frame {
        let layout = FrameLayout::packed(PixelFormat::Grey, 1, 1);
        Frame::new(layout, vec![0]).unwrap().with_time(index, time)
    }

    #[test]
    fn a_recording_is_held_to_its_times_and_keeps_them() {
        let (mut pace, stop) = (pace(Liveness::Recorded, None), Stop::default());
        let started = Instant::now();
        for (index, time) in [0, 20, 40]
            .map(Duration::from_millis)
            .into_iter()
            .enumerate()
        {
            let held = pace.hold(frame(index as u64, time), &stop).unwrap();
            assert_eq!(held.time(), time);
            assert!(started.elapsed() >= time);
        }
    }

    #[test]
    fn a_live_pipe_is_stamped_on_arrival() {
        let (mut pace, stop) = (pace(Liveness::Pipe, None), Stop::default());
        pace.hold(frame(0, Duration::ZERO), &stop).unwrap();
        let far = Duration::from_secs(1_000_000);
        let held = pace.hold(frame(7, far), &stop).unwrap();
        assert!(held.time() < far);
        assert_eq!(held.index(), 7);
    }

    #[test]
    fn a_live_pipe_with_a_rate_is_not_raced_through() {
        let (mut pace, stop) = (pace(Liveness::Pipe, FrameRate::new(50, 1)), Stop::default());
        let started = Instant::now();
        pace.hold(frame(0, Duration::ZERO), &stop).unwrap();
        pace.hold(frame(2, Duration::from_millis(40)), &stop)
            .unwrap();
        assert!(started.elapsed() >= Duration::from_millis(38));
    }

    #[test]
    fn a_live_pipe_that_was_started_again_is_not_raced_through() {
        let (mut pace, stop) = (pace(Liveness::Pipe, FrameRate::new(50, 1)), Stop::default());
        pace.hold(frame(0, Duration::ZERO), &stop).unwrap();
        let before = Instant::now();
        let again = Duration::from_secs(1000);
        pace.hold(frame(1, again), &stop).unwrap();
        assert!(before.elapsed() < again / 2);
        let began = Instant::now();
        pace.hold(frame(3, again + Duration::from_millis(40)), &stop)
            .unwrap();
        assert!(began.elapsed() >= Duration::from_millis(38));
    }

    #[test]
    fn a_scaled_clock_slows_every_source() {
        let (second, stop) = (Duration::from_secs(1), Stop::default());
        let mut camera = scaled(Liveness::Camera, None, 0.25);
        assert_eq!(
            camera.hold(frame(0, second), &stop).unwrap().time(),
            second / 4
        );
        let mut recording = scaled(Liveness::Recorded, None, 0.5);
        let started = Instant::now();
        recording.hold(frame(0, Duration::ZERO), &stop).unwrap();
        let late = Duration::from_millis(20);
        assert_eq!(recording.hold(frame(1, late), &stop).unwrap().time(), late);
        assert!(started.elapsed() >= 2 * late);
        let mut pipe = scaled(Liveness::Pipe, None, 1e-9);
        pipe.hold(frame(0, Duration::ZERO), &stop).unwrap();
        let held = pipe.hold(frame(1, second), &stop).unwrap();
        assert!(held.time() < Duration::from_micros(1));
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let (mut pace, stop) = (pace(Liveness::Recorded, None), Stop::default());
        pace.hold(frame(0, Duration::ZERO), &stop).unwrap();
        let stopper = stop.clone();
        let thread = std::thread::spawn(move || stopper.now());
        assert!(
            pace.hold(frame(1, Duration::from_secs(3600)), &stop)
                .is_none()
        );
        thread.join().unwrap();
    }
}
