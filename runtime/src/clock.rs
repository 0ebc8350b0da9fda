//! The model's clock: which frames enter the network, whatever rate the source has.

use std::collections::VecDeque;
use std::time::Duration;

use crate::frame::Frame;

/// A frame is not expected to come sooner than the soonest of so many before it.
const INTERVALS: usize = 8;

/// Picks, for each tick of the model's frame rate, the frame nearest in time (the earlier one of two
/// that are equally near).
///
/// A 30-frame camera, a 12-frame file and a dropped frame mean the same to a network that was trained
/// at 12 frames a second: frames between ticks are skipped, and a frame that is nearest to several
/// ticks is taken several times. Ticks count from the first frame.
///
/// A live stream does not wait to be sure. A tick that lies ahead of a frame by at most half of the
/// shortest of the last intervals is taken at once: no frame is to be expected that is nearer. Only where
/// one comes sooner than any of them did is it not the nearest that was taken, and never one that is
/// further away than frames of that rate always are. Other ticks are decided when a frame at or after them
/// has come.
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
    /// Times from one frame to the next up to this one, in seconds; the newest last.
    intervals: VecDeque<f64>,
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
        self.take(frame, true)
    }

    /// Takes a frame before which others were thrown away: how far it is from the one before says
    /// nothing of when the next one is to be expected.
    pub fn push_after_others(&mut self, frame: &Frame) -> Ticks {
        self.take(frame, false)
    }

    fn take(&mut self, frame: &Frame, is_next: bool) -> Ticks {
        let Some(held) = &mut self.held else {
            self.held = Some(Held {
                frame: frame.clone(),
                origin: frame.time(),
                next_tick: 1,
                intervals: VecDeque::with_capacity(INTERVALS),
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
        if is_next {
            if held.intervals.len() == INTERVALS {
                held.intervals.pop_front();
            }
            held.intervals.push_back(now - before);
        }
        let soonest = held
            .intervals
            .iter()
            .copied()
            .reduce(f64::min)
            .unwrap_or_default();
        let ahead = last_tick_at_or_before(now + soonest / 2.0, self.period).max(due);
        let later_ticks = ahead - to_earlier;
        let mut ticks = Ticks::default();
        if earlier_ticks > 0 {
            held.taken = true;
            ticks.frames.push((held.frame.clone(), earlier_ticks));
        }
        ticks.skipped = u64::from(!held.taken);
        if later_ticks > 0 {
            ticks.frames.push((frame.clone(), later_ticks));
        }
        held.frame = frame.clone();
        held.next_tick = ahead + 1;
        held.taken = later_ticks > 0;
        ticks
    }

    /// Ends the recording: gives the ticks that the last frame is still nearest to, as if one more
    /// frame had come after the same interval. The next frame starts a new count.
    pub fn finish(&mut self) -> Ticks {
        let Some(held) = self.held.take() else {
            return Ticks::default();
        };
        let interval = held.intervals.back().copied().unwrap_or_default();
        let end = seconds(held.origin, held.frame.time()) + interval / 2.0;
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
    fn a_tick_ahead_is_taken_when_no_nearer_frame_is_to_be_expected() {
        let mut clock = Clock::new(12.0);
        let taken: Vec<u64> = (0..7)
            .map(|index| {
                let ticks = clock.push(&frame(index, index as f64 / 25.0)).frames;
                assert!(ticks.iter().all(|(taken, _)| taken.index() == index));
                ticks.iter().map(|(_, count)| count).sum()
            })
            .collect();
        // Ticks at 0, 83, 167 and 250 ms; frames every 40 ms.
        assert_eq!(taken, [1, 0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn frames_that_come_in_bursts_are_waited_for() {
        let times = [0.0, 0.001, 0.08, 0.081, 0.16, 0.161];
        assert_eq!(run(10.0, &times).0, [0, 3]);
    }

    #[test]
    fn behind_frames_that_were_thrown_away_no_tick_ahead_is_taken() {
        let mut clock = Clock::new(10.0);
        let mut ticks = |index: u64| {
            let ticks = clock.push_after_others(&frame(index, index as f64 / 10.0));
            ticks.frames.iter().map(|(_, count)| count).sum::<u64>()
        };
        assert_eq!([ticks(0), ticks(4), ticks(8)], [1, 4, 4]);
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
                let index = index as usize;
                let before = &times[index.saturating_sub(INTERVALS)..=index];
                let soonest = before.windows(2).map(|pair| pair[1] - pair[0]).reduce(f64::min);
                // Taken before a frame came that is nearer, and sooner than was to be expected.
                let ahead = tick >= times[index];
                let expected = soonest.filter(|_| ahead).unwrap_or_default() / 2.0;
                prop_assert!(distance(times[index]) <= best.max(expected) + slack);
            }
            let distinct = taken.iter().collect::<std::collections::BTreeSet<_>>().len();
            prop_assert_eq!(distinct as u64 + skipped, times.len() as u64);
        }

        /// A source of any rate, told to the microsecond: from the third frame on none is waited for.
        #[test]
        fn of_a_regular_source_no_frame_is_waited_for(
            rate in 1.0f64..60.0, source in 1.0f64..120.0, count in 3usize..80,
        ) {
            let times: Vec<f64> =
                regular(source, count).iter().map(|t| (t * 1e6).round() / 1e6).collect();
            let mut clock = Clock::new(rate);
            let mut tick = 0;
            for (index, &time) in times.iter().enumerate() {
                for (taken, count) in clock.push(&frame(index as u64, time)).frames {
                    let last = f64::from(tick + count as u32 - 1) / rate;
                    tick += count as u32;
                    // Half way between two frames, rounding decides.
                    let off = last - taken.time().as_secs_f64() - 0.5 / source;
                    let even = off.abs() <= TOLERANCE / rate + 2e-6;
                    prop_assert!(index < 2 || taken.index() == index as u64 || even);
                }
            }
        }
    }
}
