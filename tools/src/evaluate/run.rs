//! Runs all videos through all columns, several at once.

use std::collections::HashSet;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use ndarray::{Array2, Array5, ArrayD, Axis};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::source::Reading;

use super::column::{Column, Rows, Runner, Window};
use super::dataset::{Dataset, Item, Span, Truth};
use super::journal::{Answers, Found, Line};
use super::ranking::{best, mean_probabilities};
use super::recordings::{self, Recording};
use super::views::{Decoded, Sampling};
use super::{EvaluateError, spans};
use crate::npy;

/// How a run is done; none of it changes what comes out.
#[derive(Clone, Debug)]
pub struct Work {
    /// Videos at once.
    pub jobs: NonZero<usize>,
    /// Of `N` machines this is number `I`, from 0: it does every Nth video.
    pub shard: (usize, usize),
    /// How videos are read.
    pub reading: Reading,
    /// Where inputs and logits are written as tensors, if they are to be.
    pub dump: Option<PathBuf>,
}

/// Runs all videos of the shard that are not done yet; gives each line as it comes, in any order.
///
/// # Errors
/// Any [`EvaluateError`] but those of single videos, which become lines.
pub fn run(
    dataset: &Dataset,
    columns: &[Column],
    sampling: &Sampling,
    work: &Work,
    done: &HashSet<usize>,
    mut take: impl FnMut(Line) -> Result<(), EvaluateError>,
) -> Result<(), EvaluateError> {
    let (shard, shards) = work.shard;
    let numbers = (0..dataset.items.len()).filter(|number| number % shards == shard);
    let numbers: Vec<usize> = numbers.filter(|number| !done.contains(number)).collect();
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let jobs = work.jobs.get().min(numbers.len().max(1));
    let (sender, lines) = channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let sender = sender.clone();
            let (numbers, next, failure) = (&numbers, &next, &failure);
            scope.spawn(move || {
                let mut worker = Worker {
                    columns,
                    sampling,
                    work,
                };
                let ended = worker.go_on(dataset, numbers, next, &sender);
                if let (Err(error), Ok(mut failure)) = (ended, failure.lock()) {
                    failure.get_or_insert(error);
                }
            });
        }
        drop(sender);
        for line in lines {
            take(line)?;
        }
        Ok::<(), EvaluateError>(())
    })?;
    match failure.into_inner().unwrap_or_default() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

struct Worker<'a> {
    columns: &'a [Column],
    sampling: &'a Sampling,
    work: &'a Work,
}

impl Worker<'_> {
    fn go_on(
        &mut self,
        dataset: &Dataset,
        numbers: &[usize],
        next: &AtomicUsize,
        sender: &Sender<Line>,
    ) -> Result<(), EvaluateError> {
        let runners = self.columns.iter().map(Column::runner);
        let mut runners = runners.collect::<Result<Vec<Runner>, _>>()?;
        while let Some(&number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
            let item = &dataset.items[number];
            let found = match &item.truth {
                Truth::Class(class) => self.clip(number, item, *class, &mut runners),
                Truth::Spans(spans) => self.recording(item, spans),
            };
            let found = match found {
                Ok(found) => found,
                // A file that is no video says nothing about the network.
                Err(EvaluateError::Frames(error)) => Found::Unreadable(error.to_string()),
                Err(error) => return Err(error),
            };
            let name = item.name.clone();
            let line = Line {
                item: number,
                name,
                found,
            };
            if sender.send(line).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn clip(
        &self,
        number: usize,
        item: &Item,
        truth: usize,
        runners: &mut [Runner],
    ) -> Result<Found, EvaluateError> {
        let first_clip = self.columns.iter().find_map(Column::clip);
        let mut videos: Vec<Decoded> = vec![];
        let mut answers = vec![];
        for (place, (column, runner)) in self.columns.iter().zip(runners).enumerate() {
            let known = videos.iter().position(|video| video.is_for(column.input()));
            let at = match known {
                Some(at) => at,
                None => {
                    let (reading, crops) = (self.work.reading, self.sampling.crops);
                    videos.push(Decoded::read(&item.path, reading, column.input(), crops)?);
                    videos.len() - 1
                }
            };
            let video = &videos[at];
            let length = column.clip().map(|clip| clip.frames);
            let length = length.or(self.sampling.frames);
            let length = length.or(first_clip.map(|clip| clip.frames));
            let windows = self
                .sampling
                .windows(video.ticks(), length.unwrap_or(video.ticks()));
            let mut rows: Rows = vec![];
            for crop in 0..video.crops() {
                rows.extend(runner.rows(video, crop, &windows, self.sampling.spread)?);
            }
            if let Some(folder) = &self.work.dump {
                let stem = format!("{number:06}.{place}");
                dump(folder, &stem, video, &windows, &rows)?;
            }
            answers.push(ranked(&rows));
        }
        let columns = answers;
        Ok(Found::Clip { truth, columns })
    }

    fn recording(&self, item: &Item, truth: &[Span]) -> Result<Found, EvaluateError> {
        let mut columns = vec![];
        let mut seconds = 0f64;
        for column in self.columns {
            let Some(model) = column.model() else {
                return Err(EvaluateError::Settings(
                    "long videos are for bundles: leave --source away".into(),
                ));
            };
            let recording = Recording::run(model, &item.path, self.work.reading)?;
            seconds = seconds.max(recording.seconds);
            let settings: &EventSettings = &model.manifest().events;
            columns.push(recordings::detections(model, &recording, settings)?);
        }
        Ok(Found::Recording {
            seconds,
            spans: spans::as_triples(truth),
            columns,
        })
    }
}

fn ranked(rows: &Rows) -> Answers {
    let of_view = |row: &Option<Vec<f32>>| match row {
        Some(logits) => best(&logits.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()),
        None => vec![],
    };
    Answers {
        views: rows.iter().map(of_view).collect(),
        video: mean_probabilities(rows).map_or(vec![], |mean| best(&mean)),
    }
}

/// Writes what the network was given, `[views, T, 3, H, W]`, and what it answered, `[views, classes]`
/// (no number where it did not).
fn dump(
    folder: &std::path::Path,
    stem: &str,
    video: &Decoded,
    windows: &[Window],
    rows: &Rows,
) -> Result<(), EvaluateError> {
    let clips = (0..video.crops()).flat_map(|crop| windows.iter().map(move |w| (crop, w)));
    let mut stacked = vec![];
    for (crop, window) in clips {
        let frames: Vec<ArrayD<f32>> = window.iter().map(|&t| video.frame(crop, t)).collect();
        let views: Vec<_> = frames.iter().map(|frame| frame.view()).collect();
        stacked.extend(ndarray::stack(Axis(0), &views));
    }
    let views: Vec<_> = stacked.iter().map(|clip| clip.view()).collect();
    let inputs = ndarray::stack(Axis(0), &views)
        .unwrap_or_else(|_| Array5::zeros((0, 0, 3, 0, 0)).into_dyn());
    npy::write(&folder.join(format!("{stem}.input.npy")), inputs.view())?;
    let classes = rows.iter().flatten().map(Vec::len).next().unwrap_or(0);
    let mut logits = Array2::from_elem((rows.len(), classes), f32::NAN);
    for (mut row, found) in logits.outer_iter_mut().zip(rows) {
        if let Some(found) = found {
            row.iter_mut().zip(found).for_each(|(to, from)| *to = *from);
        }
    }
    Ok(npy::write(
        &folder.join(format!("{stem}.logits.npy")),
        logits.view(),
    )?)
}
