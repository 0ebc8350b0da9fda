//! Frame rates, exact.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

const SLOWEST: f64 = 0.01;
const FASTEST: f64 = 1000.0;

/// Frames per second as a ratio of whole numbers, so that a frame's time does not drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct FrameRate {
    frames: u32,
    seconds: u32,
}

impl FrameRate {
    /// What FFmpeg assumes for a stream of pictures that does not say.
    pub const USUAL: FrameRate = FrameRate {
        frames: 25,
        seconds: 1,
    };

    /// `frames` in `seconds`; nothing outside 0.01 to 1000 frames a second.
    pub fn new(frames: u32, seconds: u32) -> Option<Self> {
        let rate = f64::from(frames) / f64::from(seconds);
        (SLOWEST..=FASTEST)
            .contains(&rate)
            .then_some(Self { frames, seconds })
    }

    /// The time at which frame `index` is due, from 0 for frame 0, rounded down to nanoseconds.
    pub fn time_of(self, index: u64) -> Duration {
        let seconds = u128::from(index) * u128::from(self.seconds);
        let nanos = seconds * 1_000_000_000 / u128::from(self.frames);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Frames and seconds, as `24:1` stands in a YUV4MPEG2 header.
    pub fn ratio(self) -> (u32, u32) {
        (self.frames, self.seconds)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = f64::from(self.frames) / f64::from(self.seconds);
        let text = format!("{rate:.3}");
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for FrameRate {
    type Err = String;

    /// Reads `30`, `29.97` or `30000/1001`.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((frames, seconds)) = text.split_once('/') else {
            return text
                .parse()
                .map_err(|_| refused(text))
                .and_then(|rate: f64| rate.try_into());
        };
        let ratio = frames.parse().ok().zip(seconds.parse().ok());
        ratio
            .and_then(|(f, s)| Self::new(f, s))
            .ok_or_else(|| refused(text))
    }
}

impl TryFrom<f64> for FrameRate {
    type Error = String;

    /// Exact to a thousandth of a frame a second.
    fn try_from(rate: f64) -> Result<Self, String> {
        let bounded = Some(rate).filter(|rate| (SLOWEST..=FASTEST).contains(rate));
        if let Some(whole) = bounded.filter(|rate| rate.fract() == 0.0) {
            return Self::new(whole as u32, 1).ok_or_else(|| refused(rate));
        }
        let thousandths = bounded.map(|rate| (rate * 1000.0).round() as u32);
        thousandths
            .and_then(|t| Self::new(t, 1000))
            .ok_or_else(|| refused(rate))
    }
}

fn refused(rate: impl fmt::Display) -> String {
    format!("{rate} is no frame rate: 30, 29.97 or 30000/1001, from 0.01 to 1000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_do_not_drift() {
        let rate: FrameRate = "30000/1001".parse().unwrap();
        assert_eq!(rate.time_of(0), Duration::ZERO);
        assert_eq!(rate.time_of(30_000), Duration::from_secs(1001));
        assert_eq!(rate.time_of(u64::MAX), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn whole_decimal_and_fractional_rates_are_read_and_shown() {
        for (text, shown) in [("30", "30"), ("29.97", "29.97"), ("24000/1001", "23.976")] {
            assert_eq!(text.parse::<FrameRate>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn impossible_rates_are_refused() {
        for text in [
            "0",
            "-1",
            "NaN",
            "inf",
            "1001",
            "1/0",
            "0/0",
            "1/4294967295",
            "",
            "x",
            "3/",
        ] {
            assert!(text.parse::<FrameRate>().is_err(), "{text}");
        }
    }
}
