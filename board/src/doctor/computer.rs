//! The computer around the camera: lines, heat, supply, memory, disk, clock.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::Finding;
use crate::telemetry::System;

const HOT: f64 = 80.0;
const WARM: f64 = 70.0;
const MB: u64 = 1 << 20;
/// Below this a model and its frames hardly fit.
const LITTLE_MEMORY: u64 = 64 * MB;
/// Below this an update and some clips hardly fit.
const LITTLE_DISK: u64 = 100 * MB;
/// The clock cannot be right before this program was written: 2026-01-01.
const WRITTEN: Duration = Duration::from_secs(1_767_225_600);

/// The GPIO chips.
pub fn gpio() -> Finding {
    const NAME: &str = "gpio";
    let chips = fs::read_dir("/dev").into_iter().flatten();
    let chips = chips.filter_map(|chip| chip.ok()?.file_name().into_string().ok());
    let mut chips: Vec<_> = chips.filter(|chip| chip.starts_with("gpiochip")).collect();
    chips.sort();
    if chips.is_empty() {
        return Finding::unknown(NAME, "no GPIO chip");
    }
    let may_not = |chip: &&String| {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .open(Path::new("/dev").join(chip));
        opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    match chips.iter().find(may_not) {
        Some(chip) => Finding::bad(
            NAME,
            format!("/dev/{chip} may not be opened"),
            "as root: usermod -aG gpio USER, then log in again",
        ),
        None => Finding::good(NAME, chips.join(" ")),
    }
}

/// The temperature.
pub fn temperature(system: &System) -> Finding {
    const NAME: &str = "temperature";
    match system.celsius {
        None => Finding::unknown(NAME, "no sensor"),
        Some(celsius) if celsius >= HOT => {
            let advice = "cool the board: at this heat its clock is held down";
            Finding::bad(NAME, format!("{celsius:.1} °C"), advice)
        }
        Some(celsius) if celsius >= WARM => {
            Finding::good(NAME, format!("{celsius:.1} °C, which is warm"))
        }
        Some(celsius) => Finding::good(NAME, format!("{celsius:.1} °C")),
    }
}

/// How the processor's clock is governed.
pub fn governor(system: &System) -> Finding {
    const NAME: &str = "governor";
    let Some(governor) = &system.governor else {
        return Finding::unknown(NAME, "not told");
    };
    let mut found = governor.name.clone();
    if let Some((now, most)) = governor.clock {
        found += &format!(", {} of {} MHz", now / 1000, most / 1000);
    }
    if governor.name == "powersave" {
        let advice = "as root: echo performance | \
                      tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
        return Finding::bad(NAME, found, advice);
    }
    Finding::good(NAME, found)
}

/// Whether the supply is too weak or the processor too hot.
pub fn throttling(system: &System) -> Finding {
    const NAME: &str = "throttling";
    let Some(found) = system.throttling else {
        return Finding::unknown(NAME, "not told");
    };
    let stronger = "use the board's own supply and a short, thick cable";
    if found.undervoltage() {
        Finding::bad(NAME, "the voltage is too low now", stronger)
    } else if found.throttled() {
        Finding::bad(NAME, "the clock is held down now", "cool the board")
    } else if found.undervoltage_before() {
        Finding::bad(NAME, "the voltage was too low since the start", stronger)
    } else if found.throttled_before() {
        Finding::good(NAME, "none now; the clock was held down since the start")
    } else {
        Finding::good(NAME, "none since the start")
    }
}

/// The memory that is left.
pub fn memory() -> Finding {
    const NAME: &str = "memory";
    let table = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    match available(&table) {
        None => Finding::unknown(NAME, "not told"),
        Some(bytes) if bytes < LITTLE_MEMORY => {
            let found = format!("{} MB available", bytes / MB);
            Finding::bad(NAME, found, "end other programs, or take a smaller model")
        }
        Some(bytes) => Finding::good(NAME, format!("{} MB available", bytes / MB)),
    }
}

fn available(table: &str) -> Option<u64> {
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The disk that keeps the program's state.
pub fn disk() -> Finding {
    const NAME: &str = "disk";
    let state = std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    let service = || PathBuf::from("/var/lib");
    let place = state.unwrap_or_else(service);
    let place = place.ancestors().find(|place| place.exists());
    let place = place.unwrap_or(Path::new("/"));
    let shown = place.display();
    let Ok(found) = statvfs(place) else {
        return Finding::unknown(NAME, format!("{shown} does not tell"));
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let read_only = found.f_flag.contains(StatVfsMountFlags::RDONLY);
    disk_of(&shown.to_string(), free, read_only)
}

fn disk_of(shown: &str, free: u64, read_only: bool) -> Finding {
    const NAME: &str = "disk";
    let found = format!("{} MB free on {shown}", free / MB);
    if read_only {
        let advice = "mount it for writing, or keep state elsewhere";
        Finding::bad(NAME, format!("{shown} can only be read"), advice)
    } else if free < LITTLE_DISK {
        Finding::bad(NAME, found, "make room: old clips and logs first")
    } else {
        Finding::good(NAME, found)
    }
}

/// The wall clock.
pub fn clock() -> Finding {
    let synchronised = Path::new("/run/systemd/timesync/synchronized").exists();
    clock_at(SystemTime::now(), synchronised)
}

fn clock_at(now: SystemTime, synchronised: bool) -> Finding {
    const NAME: &str = "clock";
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let found = format!("{} UTC", date(since));
    if since < WRITTEN {
        let advice = "connect the board to a network and switch time on: timedatectl set-ntp true";
        Finding::bad(NAME, found, advice)
    } else if synchronised {
        Finding::good(NAME, format!("{found}, synchronised"))
    } else {
        Finding::good(NAME, found)
    }
}

/// A day and a time, from the time since 1970 (Howard Hinnant, "chrono-compatible low-level date
/// algorithms": `civil_from_days`).
fn date(since: Duration) -> String {
    let minutes = since.as_secs() / 60;
    let days = minutes / (24 * 60) + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let day = day - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Governor, Throttling};

    #[test]
    fn heat_is_judged() {
        let at = |celsius| {
            temperature(&System {
                celsius,
                ..System::default()
            })
        };
        assert!(at(None).is_good() && at(Some(45.0)).is_good() && at(Some(75.0)).is_good());
        assert!(!at(Some(81.0)).is_good());
    }

    #[test]
    fn a_clock_that_is_held_low_is_found() {
        let under = |name: &str| {
            governor(&System {
                governor: Some(Governor {
                    name: name.into(),
                    clock: Some((600_000, 1_500_000)),
                }),
                ..System::default()
            })
        };
        assert!(under("ondemand").is_good() && !under("powersave").is_good());
    }

    #[test]
    fn a_weak_supply_is_found_even_when_it_is_over() {
        for (bits, good) in [
            (0, true),
            (1, false),
            (4, false),
            (1 << 16, false),
            (1 << 18, true),
        ] {
            let found = throttling(&System {
                throttling: Some(Throttling::from_bits(bits)),
                ..System::default()
            });
            assert_eq!(found.is_good(), good, "{bits:x}");
        }
    }

    #[test]
    fn memory_is_read_from_the_kernels_table() {
        let table = "MemTotal:  100 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(available(table), Some(2 * MB));
        assert_eq!(available("MemTotal: 100 kB"), None);
    }

    #[test]
    fn a_full_or_sealed_disk_is_found() {
        assert!(disk_of("/", 200 * MB, false).is_good());
        assert!(!disk_of("/", 50 * MB, false).is_good());
        assert!(!disk_of("/", 200 * MB, true).is_good());
    }

    #[test]
    fn a_clock_that_was_never_set_is_found() {
        assert!(!clock_at(UNIX_EPOCH, true).is_good());
        assert!(clock_at(UNIX_EPOCH + WRITTEN, false).is_good());
    }

    #[test]
    fn dates_are_written_as_the_calendar_has_them() {
        for (seconds, wanted) in [
            (0, "1970-01-01 00:00"),
            (951_827_696, "2000-02-29 12:34"),
            (1_767_225_599, "2025-12-31 23:59"),
            (1_767_225_600, "2026-01-01 00:00"),
        ] {
            assert_eq!(date(Duration::from_secs(seconds)), wanted);
        }
    }
}
