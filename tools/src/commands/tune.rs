//! `praxc tune`.

use anyhow::{Context, Result, bail, ensure};
use praxiscope_runtime::bundle::{Bundle, Manifest};
use praxiscope_runtime::source::Reading;
use praxiscope_runtime::stream::Model;
use praxiscope_tools::evaluate::dataset::Truth;
use praxiscope_tools::evaluate::recordings::Recording;
use praxiscope_tools::evaluate::spans::{Counts, as_triples};
use praxiscope_tools::evaluate::tune::{Labelled, Tuned, tune as tuned};
use praxiscope_tools::report::percent;

use super::evaluate::read_dataset;
use super::{print_json, read_bundle};
use crate::Outcome;
use crate::cli::Tune;

pub fn tune(arguments: &Tune, json: bool) -> Result<Outcome> {
    let budget = arguments.false_alarms_per_hour;
    ensure!(
        budget >= 0.0 && budget.is_finite(),
        "a budget of {budget} false alarms an hour is none"
    );
    let bundle = read_bundle(&arguments.bundle)?;
    let refused = || format!("{} was refused", arguments.bundle.display());
    let model = Model::load(&bundle).with_context(refused)?;
    let dataset = read_dataset(
        &arguments.dataset,
        &model.manifest().labels,
        &arguments.list,
    )?;
    let reading = Reading {
        rate: arguments.list.input_fps,
        ..Reading::default()
    };
    let mut videos = vec![];
    for item in &dataset.items {
        let Truth::Spans(spans) = &item.truth else {
            bail!(
                "{} is a list of clips; thresholds are tuned on long videos: path,start,end,label",
                arguments.dataset.display()
            );
        };
        let recording = Recording::run(&model, &item.path, reading)
            .with_context(|| format!("{} was not used", item.name))?;
        let spans = as_triples(spans);
        videos.push(Labelled { recording, spans });
    }
    let tuned = tuned(&model, &videos, budget)?;
    if tuned.is_within {
        with_events(&bundle, &tuned)?.write(&arguments.output)?;
    }
    if json {
        print_json(&serde_json::json!({
            "events": tuned.settings,
            "within": tuned.is_within,
            "tried": tuned.tried,
            "before": { "counts": tuned.before, "rates": tuned.before.rates() },
            "after": { "counts": tuned.counts, "rates": tuned.counts.rates() },
        }))?;
    } else {
        print_tuned(&tuned, budget)?;
    }
    Ok(match tuned.is_within {
        true => Outcome::Good,
        false => Outcome::ComparisonFailed,
    })
}

/// The same bundle with other event settings.
fn with_events(bundle: &Bundle, tuned: &Tuned) -> Result<Bundle> {
    let manifest = Manifest {
        events: tuned.settings.clone(),
        ..bundle.manifest().clone()
    };
    let mut archive = bundle.archive().clone();
    archive.insert("manifest.toml", manifest.to_toml()?.into_bytes())?;
    Ok(Bundle::from_archive(archive)?)
}

fn print_tuned(tuned: &Tuned, budget: f64) -> Result<()> {
    let show = |name: &str, counts: &Counts| {
        let rates = counts.rates();
        let alarms = rates.false_alarms_per_hour.unwrap_or_default();
        let delay = rates
            .median_delay
            .map_or("-".into(), |d| format!("{d:.2} s"));
        println!(
            "{name:<8} {:>3} of {} found, precision {}, {alarms:.1} false alarms/h, known after {delay}",
            counts.found,
            counts.spans,
            percent(rates.precision),
        );
    };
    show("before:", &tuned.before);
    show("after:", &tuned.counts);
    println!("{} settings were tried", tuned.tried);
    if !tuned.is_within {
        println!("NONE keeps within {budget} false alarms an hour; nothing was written");
        return Ok(());
    }
    let events = toml::to_string(&tuned.settings).context("the settings have no text")?;
    println!("\n[events]\n{events}");
    Ok(())
}
