//! Lists of labelled videos.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};
use serde::Deserialize;

use super::{Row, read_text};
use crate::listing::VIDEOS;

/// The rows of a list whose paths start from `root`.
pub fn rows(text: &str, path: &Path, root: &Path) -> Result<Vec<Row>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    if text.trim_start().starts_with(['[', '{']) {
        return something(text, root);
    }
    if path.extension().is_some_and(|suffix| suffix == "csv") && first.contains(',') {
        return table(text, root);
    }
    match first.contains(';') {
        true => jester(text, root),
        false => words(text, &classes_beside(path)?, root),
    }
}

/// Rows under a line of names; a Kinetics list, or one of our own.
fn table(text: &str, root: &Path) -> Result<Vec<Row>, String> {
    let mut reader = ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |names: &[&str]| {
        let is_one = |name: &str| names.contains(&name.to_ascii_lowercase().as_str());
        header.iter().position(is_one)
    };
    let label = column(&["label", "class"]).ok_or("it has no column `label`")?;
    let path = column(&["path", "video", "file"]);
    let kinetics = [
        column(&["youtube_id"]),
        column(&["time_start"]),
        column(&["time_end"]),
    ];
    let times = column(&["start"]).zip(column(&["end"]));
    let mut rows = vec![];
    for (number, record) in reader.records().enumerate() {
        let at = |problem: String| format!("row {}: {problem}", number + 1);
        let record = record.map_err(|error| at(error.to_string()))?;
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let name = match (path, kinetics) {
            (Some(path), _) => cell(path).to_owned(),
            (None, [Some(id), Some(start), Some(end)]) => {
                kinetics_name(&record, cell(label), [id, start, end], root).map_err(at)?
            }
            _ => return Err("it has neither a column `path` nor `youtube_id`".into()),
        };
        let seconds = |column: usize| {
            let text = cell(column);
            let seconds = text.parse::<f64>();
            seconds.map_err(|_| at(format!("{text:?} is no number of seconds")))
        };
        let span = match times {
            Some((start, end)) => Some((seconds(start)?, seconds(end)?)),
            None => None,
        };
        rows.push(row(root, name, cell(label), span));
    }
    Ok(rows)
}

/// How the usual downloaders name the clips of Kinetics, with and without a folder for each class.
fn kinetics_name(
    record: &StringRecord,
    label: &str,
    [id, start, end]: [usize; 3],
    root: &Path,
) -> Result<String, String> {
    let cell = |column: usize| record.get(column).unwrap_or_default();
    let time = |column: usize| {
        let seconds = cell(column).parse::<f64>().map(|seconds| seconds as u64);
        seconds.map_err(|_| format!("{:?} is no number of seconds", cell(column)))
    };
    let long = format!("{}_{:06}_{:06}", cell(id), time(start)?, time(end)?);
    let underscored = label.replace(' ', "_");
    for stem in [long.as_str(), cell(id)] {
        for folder in [
            format!("{label}/"),
            format!("{underscored}/"),
            String::new(),
        ] {
            if let Some(found) = with_suffix(root, &format!("{folder}{stem}")) {
                return Ok(found);
            }
        }
    }
    // What is not there is reported as a video that cannot be read, not as a wrong list.
    Ok(format!("{label}/{long}.mp4"))
}

/// `ID;LABEL`, as Jester has it.
fn jester(text: &str, root: &Path) -> Result<Vec<Row>, String> {
    let mut reader = ReaderBuilder::new()
        .delimiter(b';')
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut rows = vec![];
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let (Some(id), Some(label)) = (record.get(0), record.get(1)) else {
            return Err("a line is not ID;LABEL; lists without labels cannot be evaluated".into());
        };
        let name = with_suffix(root, id).unwrap_or_else(|| id.to_owned());
        rows.push(row(root, name, label, None));
    }
    Ok(rows)
}

/// One entry of Something-Something's list.
#[derive(Deserialize)]
struct Entry {
    id: String,
    template: Option<String>,
    label: Option<String>,
}

/// Something-Something: templates without their brackets are the classes.
fn something(text: &str, root: &Path) -> Result<Vec<Row>, String> {
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut rows = vec![];
    for Entry {
        id,
        template,
        label,
    } in entries
    {
        let class = template.or(label);
        let class = class.ok_or_else(|| format!("{id} has neither `template` nor `label`"))?;
        let name = with_suffix(root, &id).unwrap_or_else(|| format!("{id}.webm"));
        rows.push(row(root, name, &class.replace(['[', ']'], ""), None));
    }
    Ok(rows)
}

/// Lines of words: a path, maybe the number of its pictures, maybe the number of its class. Without one
/// the folder is the class.
fn words(text: &str, classes: &HashMap<String, String>, root: &Path) -> Result<Vec<Row>, String> {
    let mut rows = vec![];
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let numbers = words
            .iter()
            .rev()
            .take(2)
            .take_while(|word| is_number(word));
        let numbers = numbers.count().min(words.len() - 1);
        let name = words[..words.len() - numbers].join(" ");
        let label = match numbers {
            0 => folder_of(&name).ok_or_else(|| format!("{name} has no class"))?,
            _ => words[words.len() - 1].to_owned(),
        };
        let label = match numbers {
            0 => label,
            _ => classes.get(&label).cloned().unwrap_or(label),
        };
        rows.push(row(root, name, &label, None));
    }
    Ok(rows)
}

/// UCF101's numbers of classes, which count from 1, where the list's folder has them.
fn classes_beside(path: &Path) -> Result<HashMap<String, String>, String> {
    let file = path.with_file_name("classInd.txt");
    if !file.is_file() {
        return Ok(HashMap::new());
    }
    let text = read_text(&file)?;
    let pairs = text.lines().filter_map(|line| line.trim().split_once(' '));
    Ok(pairs
        .map(|(number, name)| (number.to_owned(), name.trim().to_owned()))
        .collect())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn folder_of(name: &str) -> Option<String> {
    let folder = Path::new(name).parent()?.file_name()?;
    Some(folder.to_string_lossy().into_owned())
}

/// What there is of this name: a folder of pictures, or a video of any suffix.
fn with_suffix(root: &Path, stem: &str) -> Option<String> {
    if root.join(stem).exists() {
        return Some(stem.to_owned());
    }
    let names = VIDEOS.iter().map(|suffix| format!("{stem}.{suffix}"));
    names.into_iter().find(|name| root.join(name).is_file())
}

fn row(root: &Path, name: String, label: &str, span: Option<(f64, f64)>) -> Row {
    Row {
        path: PathBuf::from(root).join(&name),
        name,
        label: label.trim().to_owned(),
        span,
    }
}
