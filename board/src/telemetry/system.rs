//! The board's own state, as the kernel tells it under `/sys`: temperature, governor, throttling.

use std::fs;
use std::path::{Path, PathBuf};

/// The largest file that is read: those under `/sys` have a page at most.
const BYTES_CAP: u64 = 4096;

/// Where the kernel's files lie: `/`, or a folder made up by a test.
#[derive(Clone, Debug)]
pub struct Sys {
    root: PathBuf,
}

/// What the board says of itself. What it does not tell is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct System {
    /// The hottest of its thermal zones, in degrees Celsius.
    pub celsius: Option<f64>,
    /// How its first processor's clock is governed.
    pub governor: Option<Governor>,
    /// A Raspberry Pi's own report.
    pub throttling: Option<Throttling>,
}

/// How a processor's clock is governed.
#[derive(Clone, Debug, PartialEq)]
pub struct Governor {
    /// `performance`, `ondemand`, `powersave`, ...
    pub name: String,
    /// Its clock now and at most, in kHz.
    pub clock: Option<(u64, u64)>,
}

/// Whether the supply is too weak or the processor too hot, now and since the board was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttling {
    /// Bits 0 to 3 now, bits 16 to 19 since the start: undervoltage, capped clock, throttled, soft
    /// limit of temperature.
    bits: u32,
}

impl Throttling {
    /// As the firmware's `get_throttled` gives it.
    pub fn from_bits(bits: u32) -> Self {
        Self { bits }
    }

    /// The supply's voltage is too low.
    pub fn undervoltage(self) -> bool {
        self.bits & 1 != 0
    }

    /// The clock is held down, for the supply or for the heat.
    pub fn throttled(self) -> bool {
        self.bits & 0b1110 != 0
    }

    /// The supply's voltage has been too low since the board was started.
    pub fn undervoltage_before(self) -> bool {
        self.bits & 1 << 16 != 0
    }

    /// The clock has been held down since the board was started.
    pub fn throttled_before(self) -> bool {
        self.bits & 0b1110 << 16 != 0
    }
}

impl Default for Sys {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Sys {
    /// The kernel's files below another folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Reads everything.
    pub fn read(&self) -> System {
        System {
            celsius: self.celsius(),
            governor: self.governor(),
            throttling: self.throttling(),
        }
    }

    fn celsius(&self) -> Option<f64> {
        let zones = self.entries("sys/class/thermal", "thermal_zone");
        let millis = zones.filter_map(|zone| number::<i64>(&zone.join("temp")));
        // A zone without a sensor behind it says something absurd.
        let sane = millis.filter(|millis| (-55_000..=200_000).contains(millis));
        Some(sane.max()? as f64 / 1000.0)
    }

    fn governor(&self) -> Option<Governor> {
        let folder = self.root.join("sys/devices/system/cpu/cpu0/cpufreq");
        let clock = |name| number(&folder.join(name));
        Some(Governor {
            name: text(&folder.join("scaling_governor"))?,
            clock: clock("scaling_cur_freq").zip(clock("cpuinfo_max_freq")),
        })
    }

    fn throttling(&self) -> Option<Throttling> {
        let firmware = "sys/devices/platform/soc/soc:firmware/get_throttled";
        if let Some(bits) = text(&self.root.join(firmware)) {
            let bits = bits.trim_start_matches("0x");
            return Some(Throttling::from_bits(u32::from_str_radix(bits, 16).ok()?));
        }
        // Newer kernels tell of the voltage as a sensor's alarm.
        let sensors = self.entries("sys/class/hwmon", "hwmon");
        let volt = sensors
            .filter(|sensor| text(&sensor.join("name")).as_deref() == Some("rpi_volt"))
            .find_map(|sensor| number::<u32>(&sensor.join("in0_lcrit_alarm")))?;
        Some(Throttling::from_bits(u32::from(volt != 0)))
    }

    fn entries(&self, folder: &str, prefix: &'static str) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(self.root.join(folder)).into_iter().flatten();
        entries.filter_map(move |entry| {
            let entry = entry.ok()?;
            let named = entry.file_name().to_str()?.starts_with(prefix);
            named.then(|| entry.path())
        })
    }
}

/// A short file's only line.
fn text(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    file.take(BYTES_CAP).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

fn number<N: std::str::FromStr>(path: &Path) -> Option<N> {
    text(path)?.parse().ok()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A folder with these files in it.
    pub fn made_up(files: &[(&str, &str)]) -> (tempfile::TempDir, Sys) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let sys = Sys::at(folder.path());
        (folder, sys)
    }

    #[test]
    fn a_board_that_tells_nothing_is_read_as_such() {
        let (_folder, sys) = made_up(&[]);
        assert_eq!(sys.read(), System::default());
    }

    #[test]
    fn the_hottest_zone_counts_and_absurd_ones_do_not() {
        let (_folder, sys) = made_up(&[
            ("sys/class/thermal/thermal_zone0/temp", "48312\n"),
            ("sys/class/thermal/thermal_zone1/temp", "61000\n"),
            ("sys/class/thermal/thermal_zone2/temp", "-274000\n"),
            ("sys/class/thermal/thermal_zone3/temp", "hot\n"),
            ("sys/class/thermal/cooling_device0/temp", "99000\n"),
        ]);
        assert_eq!(sys.read().celsius, Some(61.0));
    }

    #[test]
    fn the_firmware_tells_now_from_before() {
        let firmware = "sys/devices/platform/soc/soc:firmware/get_throttled";
        for (text, now, before) in [
            ("0\n", (false, false), (false, false)),
            ("0x50005\n", (true, true), (true, true)),
            ("50000\n", (false, false), (true, true)),
            ("2\n", (false, true), (false, false)),
        ] {
            let (_folder, sys) = made_up(&[(firmware, text)]);
            let found = sys.read().throttling.unwrap();
            assert_eq!((found.undervoltage(), found.throttled()), now, "{text}");
            let past = (found.undervoltage_before(), found.throttled_before());
            assert_eq!(past, before, "{text}");
        }
    }

    #[test]
    fn a_sensor_stands_in_for_the_firmware() {
        let (_folder, sys) = made_up(&[
            ("sys/class/hwmon/hwmon0/name", "cpu_thermal\n"),
            ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
            ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
        ]);
        assert!(sys.read().throttling.unwrap().undervoltage());
    }

    #[test]
    fn the_governor_is_read_with_its_clock() {
        let folder = "sys/devices/system/cpu/cpu0/cpufreq";
        let files = [
            (format!("{folder}/scaling_governor"), "ondemand\n"),
            (format!("{folder}/scaling_cur_freq"), "600000\n"),
            (format!("{folder}/cpuinfo_max_freq"), "1500000\n"),
        ];
        let files: Vec<_> = files.iter().map(|(name, text)| (&**name, *text)).collect();
        let (_folder, sys) = made_up(&files);
        let found = sys.read().governor.unwrap();
        assert_eq!(found.name, "ondemand");
        assert_eq!(found.clock, Some((600_000, 1_500_000)));
    }
}
