//! The file of results: a header, then a line for each video.
//!
//! Lines are written as videos are done, in any order. A run that was cut off leaves at most one line
//! that is not whole, which is done again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::EvaluateError;
use super::column::Facts;
use super::views::Sampling;

/// The largest file of results that is read.
const BYTES_CAP: u64 = 4 << 30;

/// What a run is of. Runs of the same header belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The form of this file.
    pub version: u32,
    /// What the data set is called.
    pub dataset: String,
    /// Its digest.
    pub dataset_digest: String,
    /// Its videos.
    pub items: usize,
    /// The classes, in the order of the outputs.
    pub labels: Vec<String>,
    /// How videos are seen.
    pub sampling: Sampling,
    /// Who is evaluated.
    pub columns: Vec<Facts>,
}

impl Header {
    /// The form that this program writes.
    pub const VERSION: u32 = 1;
}

/// What came of one video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its number in the data set.
    pub item: usize,
    /// Its name.
    pub name: String,
    /// What was found, or why nothing was.
    pub found: Found,
}

/// What was found in a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// Of a video of one class.
    Clip {
        /// That class.
        truth: usize,
        /// The answers of each column.
        columns: Vec<Answers>,
    },
    /// Of a long video.
    Recording {
        /// Its length in seconds.
        seconds: f64,
        /// What it shows: start, end, class.
        spans: Vec<(f64, f64, usize)>,
        /// The events of each column.
        columns: Vec<Vec<Detection>>,
    },
    /// It could not be read.
    Unreadable(String),
}

/// A column's answers to one video, as the best classes, best first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// Of each view; empty where there was no answer.
    pub views: Vec<Vec<u32>>,
    /// Of all views together.
    pub video: Vec<u32>,
}

/// An event of a long video, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// The class, by its name: of several merged ones the new name.
    pub label: String,
    /// From here on.
    pub start: f64,
    /// To here.
    pub end: f64,
    /// When the start was known.
    pub known: f64,
}

/// A file of results that is being written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens the results of this header, new or begun; gives the lines that are there.
    ///
    /// # Errors
    /// [`EvaluateError::Journal`], also for results of another run.
    pub fn open(path: &Path, header: &Header) -> Result<(Journal, Vec<Line>), EvaluateError> {
        let failed = |error: io::Error| refused(path, error.to_string());
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        let mut text = String::new();
        let length = file.metadata().map_err(failed)?.len();
        let mut lines = vec![];
        if length > 0 {
            read_capped(&mut file, path, &mut text)?;
            let (found, read, whole) = parse(&text).map_err(|reason| refused(path, reason))?;
            if found != *header {
                return Err(refused(
                    path,
                    "they are of another run (other bundles, videos or options); name another file"
                        .into(),
                ));
            }
            lines = read;
            file.set_len(whole as u64).map_err(failed)?;
            file.seek(SeekFrom::End(0)).map_err(failed)?;
        }
        let path = path.into();
        let mut journal = Journal { file, path };
        if length == 0 {
            journal.write(header)?;
        }
        Ok((journal, lines))
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`EvaluateError::Journal`].
    pub fn add(&mut self, line: &Line) -> Result<(), EvaluateError> {
        self.write(line)
    }

    fn write(&mut self, value: &impl Serialize) -> Result<(), EvaluateError> {
        let text = serde_json::to_string(value).map_err(|error| error.to_string());
        let mut text = text.map_err(|reason| refused(&self.path, reason))?;
        text.push('\n');
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| refused(&self.path, error.to_string()))
    }
}

/// Puts the results of several machines together, in the order of the data set.
///
/// # Errors
/// [`EvaluateError::Journal`] where they do not belong together, or a video is missing.
pub fn merge(paths: &[PathBuf]) -> Result<(Header, Vec<Line>), EvaluateError> {
    let mut merged: Option<(Header, Vec<Line>)> = None;
    for path in paths {
        let mut text = String::new();
        let mut file = File::open(path).map_err(|error| refused(path, error.to_string()))?;
        read_capped(&mut file, path, &mut text)?;
        let (header, lines, _) = parse(&text).map_err(|reason| refused(path, reason))?;
        match &mut merged {
            None => merged = Some((header, lines)),
            Some((first, _)) if *first != header => {
                let reason = format!("they are of another run than {}", paths[0].display());
                return Err(refused(path, reason));
            }
            Some((_, all)) => all.extend(lines),
        }
    }
    let Some((header, mut lines)) = merged else {
        return Err(EvaluateError::Settings("no results were given".into()));
    };
    lines.sort_by_key(|line| line.item);
    lines.dedup();
    let numbers = lines.iter().map(|line| line.item);
    if let Some(wrong) = (0..header.items).zip(numbers).find(|(a, b)| a != b) {
        let (number, _) = wrong;
        let reason = format!("video {number} is missing, or stands in two of them");
        return Err(refused(&paths[0], reason));
    }
    if lines.len() != header.items {
        let (there, all) = (lines.len(), header.items);
        let reason = format!("{there} of {all} videos are there; a shard is missing or not done");
        return Err(refused(&paths[0], reason));
    }
    Ok((header, lines))
}

/// Header, lines, and how many bytes of them are whole.
fn parse(text: &str) -> Result<(Header, Vec<Line>, usize), String> {
    let mut header = None;
    let mut lines = vec![];
    let mut whole = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if !line.ends_with('\n') {
            break;
        }
        let wrong = |error: serde_json::Error| format!("line {}: {error}", number + 1);
        match &header {
            None => header = Some(serde_json::from_str::<Header>(line).map_err(wrong)?),
            Some(_) => lines.push(serde_json::from_str(line).map_err(wrong)?),
        }
        whole += line.len();
    }
    match header {
        Some(header) if header.version == Header::VERSION => Ok((header, lines, whole)),
        Some(header) => Err(format!(
            "they have the form {}, this program reads {}",
            header.version,
            Header::VERSION
        )),
        None => Err("they have no header".into()),
    }
}

fn read_capped(file: &mut File, path: &Path, text: &mut String) -> Result<(), EvaluateError> {
    let read = file.take(BYTES_CAP).read_to_string(text);
    read.map_err(|error| refused(path, error.to_string()))?;
    Ok(())
}

fn refused(path: &Path, reason: String) -> EvaluateError {
    EvaluateError::Journal {
        path: path.into(),
        reason,
    }
}
