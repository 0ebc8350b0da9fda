//! Labelled videos: a folder for each class, or a list in one of the usual forms.
//!
//! | what is given | form |
//! |---|---|
//! | a folder | a folder inside for each class, videos (or folders of JPEG pictures) inside these |
//! | `.csv` with the columns `path`, `label` | clips |
//! | `.csv` with `path`, `start`, `end`, `label` | long videos; seconds; one row for each action |
//! | `.csv` with `label`, `youtube_id`, ... | Kinetics: `LABEL/ID_000010_000020.mp4`, or without the folder |
//! | `ID;LABEL` | Jester |
//! | `.json` | Something-Something |
//! | `PATH`, `PATH NUMBER`, `PATH FRAMES NUMBER` | UCF101 (with its `classInd.txt`), mmaction2, TSM |
//!
//! Paths are relative to `--videos`, else to the list's folder.

mod folder;
mod lists;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use praxiscope_runtime::bundle::hex_digest;

use super::EvaluateError;
use super::labels::Labels;

/// The largest list that is read.
const LIST_CAP: u64 = 256 << 20;

/// What is known of a video.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// It shows one class.
    Class(usize),
    /// It is long, and shows these; nothing in between.
    Spans(Vec<Span>),
}

/// A class is shown for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// From this second of the video on.
    pub start: f64,
    /// To this one.
    pub end: f64,
    /// The network's output.
    pub class: usize,
}

/// A labelled video.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// As the list names it; the same on every machine.
    pub name: String,
    /// The file, or folder of pictures.
    pub path: PathBuf,
    /// What it shows.
    pub truth: Truth,
}

/// Labelled videos, in the order of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The videos.
    pub items: Vec<Item>,
    /// Names of classes that the network does not have, whose videos are left out.
    pub left_out: BTreeSet<String>,
}

/// Where the videos of a list lie, and what its classes are called.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The folder that the paths of a list start from.
    pub videos: Option<PathBuf>,
    /// Names of the classes in the order of the network's outputs, where its own labels are others.
    pub labels: Option<Vec<String>>,
    /// Videos of classes that the network does not have are left out instead of refused.
    pub skip_unknown: bool,
}

/// A line of a list before its label was looked up.
struct Row {
    name: String,
    path: PathBuf,
    /// The class by name, or by number where the list counts its classes.
    label: String,
    span: Option<(f64, f64)>,
}

impl Dataset {
    /// Reads a folder or a list for a network with these labels.
    ///
    /// # Errors
    /// [`EvaluateError::Dataset`] names the line or class that cannot be used.
    pub fn read(
        path: &Path,
        labels: &[String],
        reading: &Reading,
    ) -> Result<Dataset, EvaluateError> {
        let refused = |reason: String| EvaluateError::Dataset {
            path: path.into(),
            reason,
        };
        let names = reading.labels.as_deref().unwrap_or(labels);
        if names.len() != labels.len() {
            return Err(refused(format!(
                "{} class names are given for the {} classes of the network",
                names.len(),
                labels.len()
            )));
        }
        let rows = match path.is_dir() {
            true => folder::rows(path),
            false => read_text(path).and_then(|text| {
                let beside = path.parent().unwrap_or(Path::new(""));
                let root = reading.videos.as_deref().unwrap_or(beside);
                lists::rows(&text, path, root)
            }),
        };
        let rows = rows.map_err(refused)?;
        Dataset::of_rows(rows, &Labels::new(names), reading.skip_unknown).map_err(refused)
    }

    fn of_rows(rows: Vec<Row>, labels: &Labels, skip_unknown: bool) -> Result<Dataset, String> {
        let mut dataset = Dataset {
            items: vec![],
            left_out: BTreeSet::new(),
        };
        for row in rows {
            let Some(class) = labels.named_or_numbered(&row.label) else {
                if skip_unknown {
                    dataset.left_out.insert(row.label);
                    continue;
                }
                return Err(format!(
                    "{} is of the class {:?}, which the network does not have; name its classes in \
                     the network's order with --labels, or leave such videos out with --skip-unknown",
                    row.name, row.label
                ));
            };
            dataset.add(row.name, row.path, class, row.span)?;
        }
        if dataset.items.is_empty() {
            return Err("it holds no labelled video".into());
        }
        Ok(dataset)
    }

    fn add(
        &mut self,
        name: String,
        path: PathBuf,
        class: usize,
        span: Option<(f64, f64)>,
    ) -> Result<(), String> {
        let Some((start, end)) = span else {
            let truth = Truth::Class(class);
            self.items.push(Item { name, path, truth });
            return Ok(());
        };
        if !(0.0 <= start && start < end && end.is_finite()) {
            return Err(format!(
                "{name} shows something from second {start} to {end}"
            ));
        }
        let span = Span { start, end, class };
        // The rows of a video follow one another.
        match self.items.last_mut() {
            Some(Item {
                name: last,
                truth: Truth::Spans(spans),
                ..
            }) if *last == name => spans.push(span),
            _ => {
                let truth = Truth::Spans(vec![span]);
                self.items.push(Item { name, path, truth });
            }
        }
        Ok(())
    }

    /// A digest of the names and of what they show: that two machines mean the same data set.
    pub fn digest(&self) -> String {
        let lines = self.items.iter();
        let text: String = lines
            .map(|item| format!("{}\t{:?}\n", item.name, item.truth))
            .collect();
        hex_digest(text.as_bytes())
    }

    /// Whether it is of long videos.
    pub fn has_spans(&self) -> bool {
        let is_long = |item: &Item| matches!(item.truth, Truth::Spans(_));
        self.items.iter().any(is_long)
    }
}

/// The text of a list.
///
/// # Errors
/// Why it cannot be read.
pub fn read_text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if size.len() > LIST_CAP {
        return Err(format!("a list of {} bytes is too long", size.len()));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}
