//! The folder of clips: numbered files, of which the oldest go when there are too many.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::{ClipsConfig, Format, MEGABYTE};

/// What a file is called while it is written.
const PART: &str = "part";

/// A folder, and what it may hold.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    ending: &'static str,
    max_clips: usize,
    max_bytes: u64,
    next: u64,
}

/// A clip that is not whole yet; without [`Folder::keep`] it is removed.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    name: String,
    file: File,
    bytes: u64,
    kept: bool,
}

impl Folder {
    /// Makes the folder where it is missing, and removes what an earlier run left half written.
    ///
    /// # Errors
    ///
    /// When there can be no such folder.
    pub fn open(config: &ClipsConfig) -> Result<Self> {
        let path = config.folder.clone();
        fs::create_dir_all(&path)?;
        let mut folder = Self {
            path,
            ending: match config.format {
                Format::Mjpeg => "mjpeg",
                Format::Y4m => "y4m",
            },
            max_clips: config.max_clips,
            max_bytes: config.max_megabytes.saturating_mul(MEGABYTE),
            next: 0,
        };
        for file in folder.files()? {
            folder.next = folder.next.max(file.number + 1);
            if file.half {
                // One that cannot be removed is tried again at the next start.
                let _ = fs::remove_file(folder.path.join(file.name));
            }
        }
        Ok(folder)
    }

    /// Begins a clip about `label`.
    ///
    /// # Errors
    ///
    /// When no file can be made.
    pub fn begin(&mut self, label: &str) -> Result<Part> {
        let number = self.next;
        self.next += 1;
        let when = utc(SystemTime::now());
        let name = format!("{number:08}-{when}-{}.{}", plain(label), self.ending);
        let path = self.path.join(format!("{name}.{PART}"));
        let file = File::create(&path).context("no file can be made")?;
        Ok(Part {
            path,
            name,
            file,
            bytes: 0,
            kept: false,
        })
    }

    /// Gives a whole clip its name, and removes the oldest ones where there are too many.
    ///
    /// # Errors
    ///
    /// When the disk takes no more.
    pub fn keep(&mut self, mut part: Part) -> Result<()> {
        if part.bytes == 0 {
            return Ok(());
        }
        part.file.sync_all().context("the disk takes no more")?;
        let mut clips: Vec<_> = self
            .files()?
            .into_iter()
            .filter(|file| !file.half)
            .collect();
        clips.sort_by_key(|clip| clip.number);
        let mut bytes: u64 = part.bytes + clips.iter().map(|clip| clip.bytes).sum::<u64>();
        let mut count = clips.len() + 1;
        for clip in clips {
            if count <= self.max_clips && bytes <= self.max_bytes {
                break;
            }
            fs::remove_file(self.path.join(&clip.name))
                .with_context(|| format!("{} cannot be removed", clip.name))?;
            count -= 1;
            bytes -= clip.bytes;
        }
        fs::rename(&part.path, self.path.join(&part.name))?;
        part.kept = true;
        Ok(())
    }

    /// The files here that are named as clips; others belong to somebody else.
    fn files(&self) -> io::Result<Vec<Found>> {
        let mut files = vec![];
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let (whole, half) = match name.strip_suffix(&format!(".{PART}")) {
                Some(whole) => (whole, true),
                None => (name.as_str(), false),
            };
            let ours = whole.ends_with(".mjpeg") || whole.ends_with(".y4m");
            let number = whole.split('-').next().filter(|number| number.len() >= 8);
            let number = number.and_then(|number| number.parse().ok());
            if let (true, Some(number), Ok(about)) = (ours, number, entry.metadata())
                && about.is_file()
            {
                files.push(Found {
                    number,
                    half,
                    bytes: about.len(),
                    name,
                });
            }
        }
        Ok(files)
    }
}

struct Found {
    number: u64,
    half: bool,
    bytes: u64,
    name: String,
}

impl Part {
    /// How much was written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A label as a part of a file's name.
fn plain(label: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    label.chars().take(40).map(kept).collect()
}

/// Date and time as `20261125T023551Z`.
fn utc(now: SystemTime) -> String {
    let seconds = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, so that a leap day is the last of its year (Hinnant,
    // "chrono-Compatible Low-Level Date Algorithms").
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(
                utc(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
                text
            );
        }
    }

    #[test]
    fn a_label_cannot_leave_the_folder() {
        assert_eq!(plain("../../etc/passwd"), "______etc_passwd");
        assert_eq!(plain("swipe_left"), "swipe_left");
    }
}
