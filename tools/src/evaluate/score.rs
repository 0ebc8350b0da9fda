//! The report: made of a journal's lines, and of nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::column::Facts;
use super::journal::{Answers, Found, Header, Line};
use super::spans::{Counts, Rates};
use super::views::Sampling;

/// What came of all videos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What the data set is called.
    pub dataset: String,
    /// Its digest.
    pub dataset_digest: String,
    /// Its videos.
    pub items: usize,
    /// How they were seen.
    pub sampling: Sampling,
    /// Names of videos that could not be read, and why; they count nowhere.
    pub unreadable: Vec<(String, String)>,
    /// Each column's result.
    pub columns: Vec<ColumnReport>,
    /// Share of the videos for which two columns name the same first class, row by row.
    pub agreement: Vec<Vec<Option<f64>>>,
}

/// What came of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Who it is.
    #[serde(flatten)]
    pub facts: Facts,
    /// Each view for itself.
    pub clip: Level,
    /// The views of a video together.
    pub video: Level,
    /// Mean of the classes' own top-1, on the video level.
    pub mean_class_top1: Option<f64>,
    /// For each class that is shown, its videos.
    pub per_class: Vec<ClassReport>,
    /// On the video level: class, first answer, and how often; answers that are missing aside.
    pub confusion: Vec<(usize, usize, usize)>,
    /// Of long videos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<EventReport>,
}

/// How many answers were right.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Answers that were asked for.
    pub asked: usize,
    /// Of these, not given.
    pub unanswered: usize,
    /// The right class came first.
    pub top1: usize,
    /// It was among the first five.
    pub top5: usize,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// Its label.
    pub label: String,
    /// Its videos.
    #[serde(flatten)]
    pub level: Level,
}

/// Events of long videos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventReport {
    /// What was counted.
    pub counts: Counts,
    /// The same as rates.
    pub rates: Rates,
}

impl Level {
    fn add(&mut self, truth: usize, best: &[u32]) {
        let place = best.iter().position(|&class| class as usize == truth);
        self.asked += 1;
        self.unanswered += usize::from(best.is_empty());
        self.top1 += usize::from(place == Some(0));
        self.top5 += usize::from(place.is_some());
    }

    /// Share of the answers whose first class is right.
    pub fn top1_share(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.top1 as f64 / self.asked as f64)
    }

    /// Share of the answers with the right class among the first five.
    pub fn top5_share(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.top5 as f64 / self.asked as f64)
    }
}

/// Makes the report of all lines, whatever their order.
pub fn report(header: &Header, lines: &[Line]) -> Report {
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by_key(|line| line.item);
    let unreadable = lines.iter().filter_map(|line| match &line.found {
        Found::Unreadable(reason) => Some((line.name.clone(), reason.clone())),
        _ => None,
    });
    let count = header.columns.len();
    let columns = (0..count).map(|column| column_report(header, &lines, column));
    let agreement = (0..count).map(|a| (0..count).map(|b| agreement(&lines, a, b)).collect());
    Report {
        dataset: header.dataset.clone(),
        dataset_digest: header.dataset_digest.clone(),
        items: header.items,
        sampling: header.sampling,
        unreadable: unreadable.collect(),
        columns: columns.collect(),
        agreement: agreement.collect(),
    }
}

/// The videos of one class, with a column's answers.
fn clips<'a>(lines: &'a [&Line], column: usize) -> impl Iterator<Item = (usize, &'a Answers)> + 'a {
    lines.iter().filter_map(move |line| match &line.found {
        Found::Clip { truth, columns } => Some((*truth, columns.get(column)?)),
        _ => None,
    })
}

fn column_report(header: &Header, lines: &[&Line], column: usize) -> ColumnReport {
    let (mut clip, mut video) = (Level::default(), Level::default());
    let mut classes: BTreeMap<usize, Level> = BTreeMap::new();
    let mut confusion: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (truth, answers) in clips(lines, column) {
        answers.views.iter().for_each(|view| clip.add(truth, view));
        video.add(truth, &answers.video);
        classes.entry(truth).or_default().add(truth, &answers.video);
        if let Some(&first) = answers.video.first() {
            *confusion.entry((truth, first as usize)).or_default() += 1;
        }
    }
    let shares: Vec<f64> = classes.values().filter_map(Level::top1_share).collect();
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let label = |class: usize| header.labels.get(class).cloned().unwrap_or_default();
    let confusion = confusion.into_iter();
    ColumnReport {
        facts: header.columns[column].clone(),
        clip,
        video,
        mean_class_top1: (!shares.is_empty()).then_some(mean),
        per_class: classes
            .into_iter()
            .map(|(class, level)| ClassReport {
                label: label(class),
                level,
            })
            .collect(),
        confusion: confusion.map(|((a, b), count)| (a, b, count)).collect(),
        events: events(header, lines, column),
    }
}

fn events(header: &Header, lines: &[&Line], column: usize) -> Option<EventReport> {
    let mut counts: Option<Counts> = None;
    let name_of = |class: usize| {
        let label = header.labels.get(class)?;
        let names = &header.columns[column].event_names;
        names.get(label).cloned().unwrap_or(Some(label.clone()))
    };
    for line in lines {
        if let Found::Recording {
            seconds,
            spans,
            columns,
        } = &line.found
        {
            let events = columns.get(column).map_or(&[][..], Vec::as_slice);
            let counts = counts.get_or_insert_with(Counts::default);
            counts.add(*seconds, spans, events, &name_of);
        }
    }
    let counts = counts?;
    let rates = counts.rates();
    Some(EventReport { counts, rates })
}

fn agreement(lines: &[&Line], a: usize, b: usize) -> Option<f64> {
    let pairs = clips(lines, a).zip(clips(lines, b));
    let same = pairs.map(|((_, a), (_, b))| a.video.first() == b.video.first());
    let same: Vec<bool> = same.collect();
    let count = same.iter().filter(|same| **same).count();
    (!same.is_empty()).then(|| count as f64 / same.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_right_at_its_place() {
        let mut level = Level::default();
        level.add(3, &[3, 1, 2]);
        level.add(3, &[1, 2, 4, 5, 3]);
        level.add(3, &[1]);
        level.add(3, &[]);
        assert_eq!(
            (level.asked, level.unanswered, level.top1, level.top5),
            (4, 1, 1, 2)
        );
        assert_eq!(level.top1_share(), Some(0.25));
    }
}
