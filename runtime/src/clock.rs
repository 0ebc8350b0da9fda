//! The model's clock: which frames enter the network, whatever rate the source has.

use std::time::Duration;

use crate::frame::Frame;

/// Picks, for each tick of the model's frame rate, the frame nearest in time (the earlier one of two
/// that are equally near).
///
/// A 30-frame camera, a 12-frame file and a dropped frame mean the same to a network that was trained
/// at 12 frames a second: frames between ticks are skipped, and a frame that is nearest to several
/// ticks is taken several times. Ticks count from the first frame. A tick is decided when a frame at
/// or after it has come, so a live stream waits for at most one more frame.
#[derive(Clone, Debug)]
pub struct Clock {
    period: f64,
    held: Option<Held>,
}

#[derive(Clone, Debug)]
struct Held {
    frame: Frame,
    origin: Duration,
    next_tick: u64,
    /// Time from the frame before to this one, in seconds.
    interval: f64,
    taken: bool,
}

/// What a frame did to the clock.
#[derive(Clone, Debug, Default)]
pub struct Ticks {
    /// A frame and how many ticks in a row it is nearest to, in order of time.
    pub frames: Vec<(Frame, u64)>,
    /// Frames that are now past and that no tick took.
    pub skipped: u64,
}

impl Ticks {
    /// Leaves one tick, that of the newest frame; gives how many were dropped.
    pub fn keep_newest(&mut self) -> u64 {
        let all: u64 = self.frames.iter().map(|(_, ticks)| ticks).sum();
        self.frames.drain(..self.frames.len().saturating_sub(1));
        self.frames.iter_mut().for_each(|(_, ticks)| *ticks = 1);
        all - self.frames.len() as u64
    }
}

impl Clock {
    /// A clock of `rate` ticks a second.
    ///
    /// `rate` is positive and finite, as a manifest's `frame_rate` is.
    pub fn new(rate: f64) -> Clock {
        Clock {
            period: 1.0 / rate,
            held: None,
        }
    }

    /// Takes the next frame of the source; frames come in order of time.
    pub fn push(&mut self, frame: &Frame) -> Ticks {
        let Some(held) = &mut self.held else {
            self.held = Some(Held {
                frame: frame.clone(),
                origin: frame.time(),
                next_tick: 1,
                interval: 0.0,
                taken: true,
            });
            return Ticks {
                frames: vec![(frame.clone(), 1)],
                skipped: 0,
            };
        };
        let [before, now] = [held.frame.time(), frame.time()].map(|t| seconds(held.origin, t));
        let due = last_tick_at_or_before(now, self.period).max(held.next_tick - 1);
        let to_earlier = last_tick_at_or_before((before + now) / 2.0, self.period)
            .clamp(held.next_tick - 1, due);
        let earlier_ticks = to_earlier + 1 - held.next_tick;
        let later_ticks = due - to_earlier;
        let mut ticks = Ticks::default();
        if earlier_ticks > 0 {
            held.taken = true;
            ticks.frames.push((held.frame.clone(), earlier_ticks));
        }
        ticks.skipped = u64::from(!held.taken);
        if later_ticks > 0 {
            ticks.frames.push((frame.clone(), later_ticks));
        }
        *held = Held {
            frame: frame.clone(),
            origin: held.origin,
            next_tick: due + 1,
            interval: now - before,
            taken: later_ticks > 0,
        };
        ticks
    }

    /// Ends the recording: gives the ticks that the last frame is still nearest to, as if one more
    /// frame had come after the same interval. The next frame starts a new count.
    pub fn finish(&mut self) -> Ticks {
        let Some(held) = self.held.take() else {
            return Ticks::default();
        };
        let end = seconds(held.origin, held.frame.time()) + held.interval / 2.0;
        let due = (last_tick_at_or_before(end, self.period) + 1).saturating_sub(held.next_tick);
        match due {
            0 => Ticks {
                frames: vec![],
                skipped: u64::from(!held.taken),
            },
            due => Ticks {
                frames: vec![(held.frame, due)],
                skipped: 0,
            },
        }
    }

    /// The time of the newest frame since the start or the last [`finish`](Clock::finish).
    pub fn newest(&self) -> Option<Duration> {
        self.held.as_ref().map(|held| held.frame.time())
    }
}

fn seconds(origin: Duration, time: Duration) -> f64 {
    time.saturating_sub(origin).as_secs_f64()
}

/// Source times are rounded to nanoseconds or microseconds; a tick that misses a frame by less than
/// this part of a period coincides with it.
const TOLERANCE: f64 = 1e-3;

fn last_tick_at_or_before(seconds: f64, period: f64) -> u64 {
    (seconds / period + TOLERANCE).floor() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{FrameLayout, PixelFormat};

    fn frame(index: u64, time: f64) -> Frame {
        Frame::new(FrameLayout::packed(PixelFormat::Grey, 1, 1), vec![0])
            .unwrap()
            .with_time(index, Duration::from_secs_f64(time))
    }

    /// The numbers of the frames that enter the network, in order, and how many were skipped.
    fn run(rate: f64, times: &[f64]) -> (Vec<u64>, u64) {
        let mut clock = Clock::new(rate);
        let mut taken = vec![];
        let mut skipped = 0;
        let mut take = |ticks: Ticks| {
            skipped += ticks.skipped;
            for (frame, times) in ticks.frames {
                taken.extend((0..times).map(|_| frame.index()));
            }
        };
        for (index, &time) in times.iter().enumerate() {
            take(clock.push(&frame(index as u64, time)));
        }
        take(clock.finish());
        (taken, skipped)
    }

    fn regular(rate: f64, count: usize) -> Vec<f64> {
        (0..count).map(|i| i as f64 / rate).collect()
    }

    #[test]
    fn a_source_at_the_models_rate_passes_frame_by_frame() {
        assert_eq!(run(12.0, &regular(12.0, 50)), ((0..50).collect(), 0));
    }

    #[test]
    fn a_faster_source_is_thinned() {
        let (taken, skipped) = run(12.0, &regular(24.0, 100));
        assert_eq!(taken, (0..100).step_by(2).collect::<Vec<_>>());
        assert_eq!(skipped, 50);
    }

    #[test]
    fn a_slower_source_is_repeated() {
        let (taken, skipped) = run(24.0, &regular(12.0, 4));
        assert_eq!((taken, skipped), (vec![0, 0, 1, 1, 2, 2, 3, 3], 0));
    }

    #[test]
    fn a_dropped_frame_is_replaced_by_its_nearest_neighbour() {
        let times = [0.0, 0.1, 0.3, 0.4];
        assert_eq!(run(10.0, &times).0, [0, 1, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn every_tick_takes_its_nearest_frame(
            rate in 1.0f64..60.0, steps in proptest::collection::vec(0.001f64..0.3, 1..40),
        ) {
            let times: Vec<f64> = std::iter::once(0.0)
                .chain(steps.iter().scan(0.0, |t, step| { *t += step; Some(*t) }))
                .collect();
            let (taken, skipped) = run(rate, &times);
            for (tick, &index) in taken.iter().enumerate() {
                let tick = tick as f64 / rate;
                let distance = |time: f64| (time - tick).abs();
                let best = times.iter().map(|&t| distance(t)).fold(f64::MAX, f64::min);
                let slack = 2.1 * TOLERANCE / rate + 1e-8;
                prop_assert!(distance(times[index as usize]) <= best + slack);
            }
            let distinct = taken.iter().collect::<std::collections::BTreeSet<_>>().len();
            prop_assert_eq!(distinct as u64 + skipped, times.len() as u64);
        }
    }
}
