//! How many threads share the network's work.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use praxiscope_runtime::step::Team;
use serde::Deserialize;

/// More than these seldom pay: the rows of a frame's late maps are few.
const USEFUL: usize = 4;
/// More than any board has cores.
const MOST: usize = 256;
/// What Linux tells of a core: its capacity on ARM, or else its highest frequency. A core is big from
/// that share (in percent) of the biggest one's on.
const MEASURES: [(&str, u64); 2] = [("cpu_capacity", 75), ("cpufreq/cpuinfo_max_freq", 90)];

const CORES: &str = "/sys/devices/system/cpu";

/// A number of threads that a person asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "usize")]
pub struct Threads(usize);

impl TryFrom<usize> for Threads {
    type Error = String;

    fn try_from(count: usize) -> Result<Self, String> {
        match count {
            1..=MOST => Ok(Threads(count)),
            _ => Err(format!("from 1 to {MOST} threads there may be")),
        }
    }
}

impl std::str::FromStr for Threads {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse::<usize>().map_err(|error| error.to_string())?;
        Threads::try_from(count)
    }
}

/// The threads that were asked for, or as many as there are big cores.
///
/// # Errors
///
/// When the system gives no more threads.
pub fn team(asked: Option<Threads>) -> Result<Arc<Team>> {
    let count = asked.map_or_else(usual, |Threads(count)| count);
    let team = Team::new(count).context("the system gives no more threads")?;
    Ok(Arc::new(team))
}

/// As many as there are big cores that this program may use.
fn usual() -> usize {
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    let big = big_cores(Path::new(CORES)).unwrap_or(usable);
    big.min(usable).clamp(1, USEFUL)
}

/// The cores that are about as capable as the best one; nothing where the system does not tell.
fn big_cores(folder: &Path) -> Option<usize> {
    MEASURES.iter().find_map(|(measure, percent)| {
        let cores = fs::read_dir(folder).ok()?.flatten().filter_map(|core| {
            let name = core.file_name();
            let number = name.to_str()?.strip_prefix("cpu")?;
            number.parse::<u16>().ok()?;
            let text = fs::read_to_string(core.path().join(measure)).ok()?;
            text.trim().parse::<u64>().ok()
        });
        let cores: Vec<u64> = cores.collect();
        let least = u128::from(*cores.iter().max()?) * u128::from(*percent);
        let is_big = |core: &&u64| u128::from(**core) * 100 >= least;
        Some(cores.iter().filter(is_big).count())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(measure: &str, values: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (number, value) in values.iter().enumerate() {
            let place = folder.path().join(format!("cpu{number}")).join(measure);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, format!("{value}\n")).unwrap();
        }
        // Neighbours that are no cores.
        fs::create_dir(folder.path().join("cpufreq")).unwrap();
        fs::write(folder.path().join("online"), "0-7\n").unwrap();
        folder
    }

    #[test]
    fn big_cores_are_told_by_capacity_or_by_frequency() {
        let rk3588 = ["414", "414", "414", "414", "1009", "1009", "1024", "1024"];
        let odroid_n2 = [
            "1896000", "1896000", "2208000", "2208000", "2208000", "2208000",
        ];
        let pi = ["1500000"; 4];
        for (measure, values, wanted) in [
            ("cpu_capacity", &rk3588[..], 4),
            ("cpu_capacity", &["378", "378", "1024", "1024"], 2),
            ("cpufreq/cpuinfo_max_freq", &pi, 4),
            ("cpufreq/cpuinfo_max_freq", &odroid_n2, 4),
            ("cpufreq/cpuinfo_max_freq", &["1400000", "2400000"], 1),
        ] {
            let folder = cores(measure, values);
            assert_eq!(big_cores(folder.path()), Some(wanted), "{values:?}");
        }
    }

    #[test]
    fn where_the_system_does_not_tell_nothing_is_known() {
        assert_eq!(big_cores(Path::new("/nowhere")), None);
        let folder = cores("cpu_capacity", &["fast", ""]);
        assert_eq!(big_cores(folder.path()), None);
        assert!((1..=USEFUL).contains(&usual()));
    }

    #[test]
    fn no_threads_and_far_too_many_are_refused() {
        assert_eq!("3".parse(), Ok(Threads(3)));
        for bad in ["0", "257", "-1", "two", ""] {
            assert!(bad.parse::<Threads>().is_err(), "{bad:?}");
        }
    }
}
