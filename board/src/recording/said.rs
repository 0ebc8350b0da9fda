//! `lines.jsonl`: what the network said then, held against what it says now.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::{LINES, RecordingError};

/// A longer line is no line of a recording.
const LINE_CAP: u64 = 1 << 20;

/// The lines that were recorded, read as the same come again.
pub struct Said {
    input: BufReader<File>,
    /// Lines that came.
    count: u64,
    /// Of them, those that are as they were recorded.
    same: u64,
    first: Option<String>,
}

impl Said {
    /// The lines of the recording in a folder.
    ///
    /// # Errors
    ///
    /// When there is no such file.
    pub fn open(folder: &Path) -> Result<Self, RecordingError> {
        let file = File::open(folder.join(LINES)).map_err(unreadable)?;
        Ok(Self {
            input: BufReader::new(file),
            count: 0,
            same: 0,
            first: None,
        })
    }

    /// Compares the next line, with its end, with the next one that was recorded.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn hold_against(&mut self, line: &[u8]) -> Result<(), RecordingError> {
        self.count += 1;
        let Some(then) = self.next()? else {
            return Ok(());
        };
        if then == line {
            self.same += 1;
        } else if self.first.is_none() {
            let [then, now] =
                [&then, line].map(|line| String::from_utf8_lossy(line).trim().to_owned());
            self.first = Some(format!("line {} is now {now} and was {then}", self.count));
        }
        Ok(())
    }

    /// How what came differs from what was recorded, where it does. `whole` is how many lines a whole
    /// recording has; of one that was cut off, either may have more lines than the other.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn difference(&mut self, whole: Option<u64>) -> Result<Option<String>, RecordingError> {
        let difference = self.first.clone();
        let Some(wanted) = whole.filter(|_| difference.is_none()) else {
            return Ok(difference);
        };
        let mut kept = self.same;
        while self.next()?.is_some() {
            kept += 1;
        }
        let counts = [self.count, wanted, kept];
        Ok((counts != [wanted; 3]).then(|| {
            let [now, then, kept] = counts;
            format!("{now} lines come, {then} were recorded, and {kept} are in its lines.jsonl")
        }))
    }

    /// How many of the lines that came are as they were recorded, and how many came.
    pub fn counts(&self) -> (u64, u64) {
        (self.same, self.count)
    }

    /// The next whole line that was recorded.
    fn next(&mut self) -> Result<Option<Vec<u8>>, RecordingError> {
        let mut line = vec![];
        let mut input = self.input.by_ref().take(LINE_CAP);
        input.read_until(b'\n', &mut line).map_err(unreadable)?;
        Ok(line.ends_with(b"\n").then_some(line))
    }
}

fn unreadable(source: std::io::Error) -> RecordingError {
    RecordingError::Read {
        file: LINES,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &str, now: &[&str]) -> Said {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LINES), lines).unwrap();
        let mut said = Said::open(folder.path()).unwrap();
        now.iter()
            .for_each(|line| said.hold_against(line.as_bytes()).unwrap());
        said
    }

    #[test]
    fn of_a_whole_recording_every_line_has_to_come() {
        let difference = |lines, now: &[&str], whole| said(lines, now).difference(whole).unwrap();
        assert_eq!(difference("a\nb\n", &["a\n", "b\n"], Some(2)), None);
        assert!(difference("a\nb\n", &["a\n"], Some(2)).is_some());
        assert!(difference("a\n", &["a\n", "b\n"], Some(2)).is_some());
        assert!(difference("a\nb\n", &["a\n", "b\n"], Some(3)).is_some());
        let other = difference("a\nb\n", &["a\n", "c\n"], Some(2)).unwrap();
        assert!(
            other.contains("line 2") && other.contains("now c and was b"),
            "{other}"
        );
    }

    #[test]
    fn of_one_that_was_cut_off_the_lines_that_are_there_have_to_come() {
        for (lines, now) in [
            ("a\nb\n", &["a\n"][..]),
            ("a\nb", &["a\n", "bcd\n"]),
            ("", &["a\n"]),
        ] {
            assert_eq!(
                said(lines, now).difference(None).unwrap(),
                None,
                "{lines:?}"
            );
        }
        assert!(
            said("a\nb\n", &["a\n", "c\n"])
                .difference(None)
                .unwrap()
                .is_some()
        );
        assert_eq!(said("a\nb\n", &["x\n", "b\n"]).counts(), (1, 2));
    }
}
