//! The times of many frames in a few numbers.

use std::time::Duration;

use serde::Serialize;

/// Milliseconds of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Times {
    /// The least.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// On the average.
    pub mean: f64,
    /// All but one in a hundred take at most this.
    pub p99: f64,
}

impl Times {
    /// `None` for no frames.
    pub fn of(frames: &[Duration]) -> Option<Times> {
        let sorted = sorted(frames.iter());
        let rank = (sorted.len() * 99).div_ceil(100).checked_sub(1)?;
        Some(Times {
            min: *sorted.first()?,
            median: *sorted.get(sorted.len() / 2)?,
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
            p99: *sorted.get(rank)?,
        })
    }
}

/// Milliseconds of a frame, on the average over the frames after which a network repeats itself. Minimum
/// and median are taken of each such frame apart, so that what else the machine does stays out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cycle {
    /// Frames of a cycle; 1 where every frame costs the same.
    pub frames: usize,
    /// Of the least of each.
    pub min: f64,
    /// Of the middle one of each.
    pub median: f64,
}

impl Cycle {
    /// `None` for fewer frames than a cycle has.
    pub fn of(frames: &[Duration], cycle: usize) -> Option<Cycle> {
        if cycle == 0 || frames.len() < cycle {
            return None;
        }
        let (mut min, mut median) = (0.0, 0.0);
        for first in 0..cycle {
            let phase: Vec<Duration> = frames.iter().skip(first).step_by(cycle).copied().collect();
            let times = Times::of(&phase)?;
            min += times.min / cycle as f64;
            median += times.median / cycle as f64;
        }
        Some(Cycle {
            frames: cycle,
            min,
            median,
        })
    }
}

fn sorted<'a>(frames: impl Iterator<Item = &'a Duration>) -> Vec<f64> {
    let mut times: Vec<f64> = frames.map(|time| 1e3 * time.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(times: &[u64]) -> Vec<Duration> {
        times.iter().map(|&t| Duration::from_millis(t)).collect()
    }

    #[test]
    fn times_are_those_of_the_sorted_frames() {
        let times = Times::of(&milliseconds(&[4, 1, 3, 2, 90])).unwrap();
        assert_eq!((times.min, times.median, times.p99), (1.0, 3.0, 90.0));
        assert!((times.mean - 20.0).abs() < 1e-9);
        assert_eq!(Times::of(&[]), None);
    }

    #[test]
    fn a_cycle_takes_the_least_of_each_of_its_frames() {
        let cycle = Cycle::of(&milliseconds(&[10, 1, 30, 3, 10, 1]), 2).unwrap();
        assert!((cycle.min - 5.5).abs() < 1e-9 && (cycle.median - 5.5).abs() < 1e-9);
        assert_eq!(Cycle::of(&milliseconds(&[1]), 2), None);
    }
}
