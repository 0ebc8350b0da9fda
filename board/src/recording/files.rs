//! The two files of a recording that grow, step by step.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Result, bail};

use super::log::{MAGIC, framed};
use super::record::Record;
use super::recorder::{Kept, RecordSettings, Step};
use super::{About, FRAMES, LINES};
use crate::outputs::Wording;

/// Room that is kept for the record that closes the recording.
const CLOSING: u64 = 512;

/// The files that are being written.
pub struct Files {
    frames: Written,
    lines: Written,
    line_count: u64,
    frame_count: u64,
    limit: u64,
    wording: Wording,
}

/// A file of which only whole things are kept.
struct Written {
    file: File,
    bytes: u64,
}

impl Written {
    fn create(path: &Path) -> io::Result<Self> {
        let file = File::create_new(path)?;
        Ok(Self { file, bytes: 0 })
    }

    fn cut_to(&mut self, bytes: u64) {
        // What cannot be taken back is half a record, which a reader passes over.
        let _ = self.file.set_len(bytes);
        let _ = self.file.seek(SeekFrom::Start(bytes));
        self.bytes = bytes;
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Files {
    /// Begins them in a folder that holds no recording yet.
    ///
    /// # Errors
    ///
    /// When it cannot be made or written, or holds one.
    pub fn create(settings: &RecordSettings, about: &About, labels: &[String]) -> Result<Self> {
        let folder = &settings.folder;
        fs::create_dir_all(folder)?;
        match about.write(folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("it holds a recording already: name another folder")
            }
            written => written?,
        }
        let mut files = Self {
            frames: Written::create(&folder.join(FRAMES))?,
            lines: Written::create(&folder.join(LINES))?,
            line_count: 0,
            frame_count: 0,
            limit: settings.limit,
            wording: Wording::new(labels),
        };
        files.frames.append(MAGIC)?;
        files.sync()?;
        File::open(folder)?.sync_all()?;
        Ok(files)
    }

    /// Writes a step whole.
    ///
    /// # Errors
    ///
    /// Why not; nothing of the step stands there then.
    pub fn write(&mut self, step: &Step) -> Result<(), String> {
        let frames: Vec<u8> = step.records.iter().flat_map(framed).collect();
        let lines: Vec<u8> = step
            .outputs
            .iter()
            .flat_map(|o| self.wording.line(o))
            .collect();
        let (before, lines_before) = (self.frames.bytes, self.lines.bytes);
        let all = before + lines_before + (frames.len() + lines.len()) as u64;
        if all + CLOSING > self.limit {
            return Err(format!("its limit of {} bytes is reached", self.limit));
        }
        let written = self
            .frames
            .append(&frames)
            .and_then(|()| self.lines.append(&lines));
        if let Err(error) = written {
            self.frames.cut_to(before);
            self.lines.cut_to(lines_before);
            return Err(fault_of(&error));
        }
        self.line_count += step.outputs.len() as u64;
        let is_frame = |record: &&Record| matches!(record, Record::Frame(_));
        self.frame_count += step.records.iter().filter(is_frame).count() as u64;
        Ok(())
    }

    /// Writes the record behind which nothing comes. Without room for this too, it is a recording that was cut off behind its last step.
    pub fn close(&mut self, why: &str) {
        let closed = framed(&Record::Closed {
            lines: self.line_count,
            why: why.into(),
        });
        let before = self.frames.bytes;
        if self.frames.append(&closed).is_err() {
            self.frames.cut_to(before);
        }
        let _ = self.sync();
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn sync(&self) -> io::Result<()> {
        self.frames
            .file
            .sync_data()
            .and_then(|()| self.lines.file.sync_data())
    }

    /// What was kept so far, and the `fault` that ended it.
    pub fn kept(&self, fault: Option<String>) -> Kept {
        Kept {
            frames: self.frame_count,
            bytes: self.frames.bytes + self.lines.bytes,
            fault,
        }
    }
}

/// What the system said, in words.
pub fn fault_of(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full".into(),
        ErrorKind::FileTooLarge => "the file system has no longer files".into(),
        _ => error.to_string(),
    }
}
