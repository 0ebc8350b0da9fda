//! `praxc evaluate`.

use std::collections::HashSet;
use std::num::NonZero;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use praxiscope_runtime::source::Reading;
use praxiscope_tools::evaluate::EvaluateError;
use praxiscope_tools::evaluate::column::Column;
use praxiscope_tools::evaluate::dataset::{self, Dataset};
use praxiscope_tools::evaluate::journal::{self, Header, Journal, Line};
use praxiscope_tools::evaluate::run::{Work, run};
use praxiscope_tools::evaluate::score::{ColumnReport, Level, Report, report};
use praxiscope_tools::evaluate::views::{Crops, Sampling, Spread};
use praxiscope_tools::reference::Device;
use praxiscope_tools::report::{evaluation_page, percent};

use super::{print_json, progress_bar, read_bundle};
use crate::Outcome;
use crate::cli::{CropsArg, DeviceArg, Evaluate, ListOptions, Shard, SpreadArg};

pub fn evaluate(arguments: &Evaluate, json: bool) -> Result<Outcome> {
    let (header, lines) = match arguments.merge.as_slice() {
        [] => run_all(arguments, json)?,
        files => journal::merge(files)?,
    };
    let report = report(&header, &lines);
    if let Some(path) = &arguments.html {
        let page = evaluation_page(&report, &header.labels)?;
        std::fs::write(path, page)
            .with_context(|| format!("cannot write the page {}", path.display()))?;
    }
    match json {
        true => print_json(&report)?,
        false => print_report(&report),
    }
    if report.unreadable.len() == lines.len() {
        bail!("not one of {} videos could be read", lines.len());
    }
    Ok(Outcome::Good)
}

/// Runs what is not done yet.
fn run_all(arguments: &Evaluate, json: bool) -> Result<(Header, Vec<Line>)> {
    let columns = columns(arguments)?;
    let first = columns.first().and_then(Column::model);
    let labels = first.map(|model| model.manifest().labels.clone());
    let labels = labels.unwrap_or_default();
    let path = arguments.dataset.dataset.as_deref();
    let path = path.context("no --dataset was given")?;
    let dataset = read_dataset(path, &labels, &arguments.dataset.list)?;
    for left_out in &dataset.left_out {
        eprintln!("praxc: note: the class {left_out:?} is left out");
    }
    let sampling = sampling(arguments);
    let name = path.file_name().unwrap_or_default();
    let header = Header {
        version: Header::VERSION,
        dataset: name.to_string_lossy().into_owned(),
        dataset_digest: dataset.digest(),
        items: dataset.items.len(),
        labels,
        sampling,
        columns: columns.iter().map(|column| column.facts.clone()).collect(),
    };
    let mut journal = None;
    let mut lines = vec![];
    if let Some(path) = &arguments.results {
        let (opened, there) = Journal::open(path, &header)?;
        (journal, lines) = (Some(opened), there);
    }
    if let Some(folder) = &arguments.dump_tensors {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let Shard(shard, shards) = arguments.shard.unwrap_or(Shard(0, 1));
    let done: HashSet<usize> = lines.iter().map(|line| line.item).collect();
    let work = Work {
        jobs: arguments.jobs.unwrap_or_else(|| {
            std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
        }),
        shard: (shard, shards),
        reading: Reading {
            rate: arguments.dataset.list.input_fps,
            ..Reading::default()
        },
        dump: arguments.dump_tensors.clone(),
    };
    let bar = progress_bar(json, "{wide_bar} {pos}/{len} videos, {eta} to go");
    bar.set_length(dataset.items.len().div_ceil(shards) as u64);
    bar.set_position(lines.len() as u64);
    let ended = run(&dataset, &columns, &sampling, &work, &done, |line| {
        if let Some(journal) = &mut journal {
            journal.add(&line)?;
        }
        lines.push(line);
        bar.inc(1);
        Ok(())
    });
    bar.finish_and_clear();
    ended.map_err(unwrapped)?;
    Ok((header, lines))
}

/// The bundles, and the source network.
fn columns(arguments: &Evaluate) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = vec![];
    for path in &arguments.bundles {
        let column = Column::of_bundle(path, &read_bundle(path)?);
        let column = column.with_context(|| format!("{} was refused", path.display()))?;
        if let Some(first) = columns.first().and_then(Column::model) {
            let other = column.model().map(|model| &model.manifest().labels);
            ensure!(
                other == Some(&first.manifest().labels),
                "{} has other labels than {}: they cannot stand side by side",
                path.display(),
                arguments.bundles[0].display()
            );
        }
        columns.push(column);
    }
    if let Some(source) = &arguments.source {
        let device = match arguments.device {
            DeviceArg::Cpu => Device::Cpu,
            DeviceArg::Cuda => Device::Cuda,
        };
        columns.push(Column::of_source(source, &columns, device).map_err(unwrapped)?);
    }
    Ok(columns)
}

fn sampling(arguments: &Evaluate) -> Sampling {
    Sampling {
        views: arguments.views.get(),
        crops: match arguments.crops {
            CropsArg::One => Crops::One,
            CropsArg::Three => Crops::Three,
        },
        spread: match arguments.sampling {
            SpreadArg::Dense => Spread::Dense,
            SpreadArg::Segments => Spread::Segments,
        },
        frames: arguments.frames.map(NonZero::get),
    }
}

/// A folder or list, its classes as the network's outputs.
pub fn read_dataset(path: &Path, labels: &[String], list: &ListOptions) -> Result<Dataset> {
    let names = list.labels.as_deref().map(|file| {
        let text = dataset::read_text(file);
        let text = text.map_err(anyhow::Error::msg);
        text.with_context(|| format!("cannot read the labels {}", file.display()))
    });
    let names = names.transpose()?;
    let lines = |text: String| text.lines().map(|line| line.trim().to_owned()).collect();
    let reading = dataset::Reading {
        videos: list.videos.clone(),
        labels: names.map(lines),
        skip_unknown: list.skip_unknown,
    };
    Ok(Dataset::read(path, labels, &reading)?)
}

/// What is absent is told apart by the reference's own error.
fn unwrapped(error: EvaluateError) -> anyhow::Error {
    match error {
        EvaluateError::Reference(error) => error.into(),
        error => error.into(),
    }
}

fn print_report(report: &Report) {
    println!(
        "{}: {} videos, {} view(s){}",
        report.dataset,
        report.items,
        report.sampling.views,
        match report.sampling.crops {
            Crops::One => "",
            Crops::Three => " x 3 crops",
        }
    );
    for (name, reason) in &report.unreadable {
        println!("not read: {name}: {reason}");
    }
    let has_clips = report.columns.iter().any(|column| column.clip.asked > 0);
    if has_clips {
        println!(
            "\n{:<28} {:<6} {:<6} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6}",
            "", "mode", "", "clip@1", "clip@5", "video@1", "video@5", "by class", "none"
        );
    }
    for column in report.columns.iter().filter(|column| column.clip.asked > 0) {
        print_column(column);
    }
    if has_clips && report.columns.len() > 1 {
        println!("\nsame first class, video by video:");
        for (column, row) in report.columns.iter().zip(&report.agreement) {
            let shares = row.iter().map(|share| format!("{:>9}", percent(*share)));
            let shares: Vec<String> = shares.collect();
            println!("{:<28} {}", column.facts.name, shares.join(" "));
        }
    }
    for column in &report.columns {
        print_events(column);
    }
}

fn print_column(column: &ColumnReport) {
    let shares = |level: &Level| [level.top1_share(), level.top5_share()].map(percent);
    let ([clip1, clip5], [video1, video5]) = (shares(&column.clip), shares(&column.video));
    println!(
        "{:<28} {:<6} {:<6} {clip1:>9} {clip5:>9} {video1:>9} {video5:>9} {:>9} {:>6}",
        column.facts.name,
        column.facts.mode.split(' ').next().unwrap_or_default(),
        column.facts.arithmetic,
        percent(column.mean_class_top1),
        column.clip.unanswered
    );
}

fn print_events(column: &ColumnReport) {
    let Some(events) = &column.events else {
        return;
    };
    let (counts, rates) = (&events.counts, &events.rates);
    let number = |number: Option<f64>| number.map_or("-".into(), |n| format!("{n:.2}"));
    println!(
        "\n{} ({}, {}): {} events over {:.1} s that show {} actions\n\
         precision {}, recall {}, {} false alarms/h, known after {} s (median), {} more events for \
         an action",
        column.facts.name,
        column.facts.mode,
        column.facts.arithmetic,
        counts.events,
        counts.seconds,
        counts.spans,
        percent(rates.precision),
        percent(rates.recall),
        number(rates.false_alarms_per_hour),
        number(rates.median_delay),
        number(rates.flicker_per_span),
    );
}
