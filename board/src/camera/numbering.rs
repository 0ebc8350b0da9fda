//! The number and the time of each frame, from what the driver counts.

use std::time::{Duration, Instant};

use super::v4l2::Filled;

/// Numbers frames from 0, leaving out the numbers of those that the camera dropped, and times them
/// from the first one.
#[derive(Debug, Default)]
pub struct Numbering {
    newest: Option<Newest>,
    missed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    index: u64,
    time: Duration,
    sequence: u32,
    origin: Origin,
}

/// The time of the first frame.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Driver(Duration),
    /// The driver gives no times: frames are timed as they arrive.
    Arrival(Instant),
}

impl Numbering {
    /// The next frame's number and time.
    pub fn next(&mut self, filled: Filled) -> (u64, Duration) {
        let (index, time, origin) = match self.newest {
            None => {
                let arrival = || Origin::Arrival(Instant::now());
                (
                    0,
                    Duration::ZERO,
                    filled.time.map_or_else(arrival, Origin::Driver),
                )
            }
            Some(newest) => {
                let step = match filled.sequence.wrapping_sub(newest.sequence) {
                    step @ 1..=0x7fff_ffff => step,
                    // A driver that does not count, or begins again.
                    _ => 1,
                };
                self.missed += u64::from(step) - 1;
                let since = match newest.origin {
                    Origin::Driver(first) => filled.time.and_then(|time| time.checked_sub(first)),
                    Origin::Arrival(first) => Some(first.elapsed()),
                };
                // Time never runs backwards, whatever a driver says.
                let time = newest.time.max(since.unwrap_or_default());
                (newest.index + u64::from(step), time, newest.origin)
            }
        };
        self.newest = Some(Newest {
            index,
            time,
            sequence: filled.sequence,
            origin,
        });
        (index, time)
    }

    /// How many frames the camera dropped.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(frames: &[(u32, Option<u64>)]) -> (Vec<u64>, Vec<u64>, u64) {
        let mut numbering = Numbering::default();
        let (indices, times) = frames
            .iter()
            .map(|&(sequence, millis)| {
                let time = millis.map(Duration::from_millis);
                let (index, time) = numbering.next(Filled {
                    sequence,
                    time,
                    damaged: false,
                });
                (index, time.as_millis() as u64)
            })
            .unzip();
        (indices, times, numbering.missed())
    }

    #[test]
    fn dropped_frames_leave_their_numbers_unused() {
        let (indices, times, missed) = run(&[
            (7, Some(1000)),
            (8, Some(1033)),
            (11, Some(1133)),
            (12, Some(1167)),
        ]);
        assert_eq!(
            (indices, times, missed),
            (vec![0, 1, 4, 5], vec![0, 33, 133, 167], 2)
        );
    }

    #[test]
    fn the_drivers_counter_may_wrap_stand_still_or_begin_again() {
        let sequences = [u32::MAX, 0, 2, 2, 2, 0, 1];
        let frames: Vec<_> = sequences
            .iter()
            .map(|&sequence| (sequence, Some(5)))
            .collect();
        let (indices, _, missed) = run(&frames);
        assert_eq!((indices, missed), (vec![0, 1, 3, 4, 5, 6, 7], 1));
    }

    #[test]
    fn time_does_not_run_backwards() {
        let (_, times, _) = run(&[(0, Some(50)), (1, Some(80)), (2, Some(20)), (3, None)]);
        assert_eq!(times, [0, 30, 30, 30]);
        let (_, times, _) = run(&[(0, None), (1, None), (2, Some(9_000_000))]);
        assert!(times.is_sorted() && times[2] < 9_000_000);
    }
}
