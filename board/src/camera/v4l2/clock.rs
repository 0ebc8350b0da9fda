//! The clock that drivers stamp frames by.

use std::time::{Duration, Instant};

/// A time of the system's monotonic clock as the standard library's, which is the same clock but
/// does not tell its reading; nothing for one that lies ahead.
pub fn instant_of(time: Duration) -> Option<Instant> {
    let mut reading = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec that outlives the call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut reading) } != 0;
    let now = Instant::now();
    let seconds = u64::try_from(reading.tv_sec).ok().filter(|_| !failed)?;
    let nanos = u64::try_from(reading.tv_nsec).ok()?;
    let reading = Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanos))?;
    now.checked_sub(reading.checked_sub(time)?)
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
