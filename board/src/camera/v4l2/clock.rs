//! The clock that drivers stamp frames by.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A time of the system's monotonic clock as the standard library's, which is the same clock but
/// does not tell its reading; nothing for one that lies ahead.
pub fn instant_of(time: Duration) -> Option<Instant> {
    let reading = Duration::try_from(clock_gettime(ClockId::Monotonic)).ok()?;
    Instant::now().checked_sub(reading.checked_sub(time)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_clock_is_a_moment_of_the_past() {
        let booted = instant_of(Duration::ZERO).unwrap();
        let later = instant_of(Duration::from_millis(250)).unwrap();
        // Between the two readings of the clocks the test may have to wait.
        let apart = later.duration_since(booted);
        assert!(apart.abs_diff(Duration::from_millis(250)) < Duration::from_secs(5));
        assert!(later < Instant::now());
        assert_eq!(instant_of(Duration::MAX), None);
    }
}
