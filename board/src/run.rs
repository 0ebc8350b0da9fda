//! The commands that watch something: from settings to a [`Watch`].

use std::io::{self, Write};
use std::net::SocketAddr;

use anyhow::{Context, Result};
use praxiscope_runtime::recognizer::{Recognizer, RecognizerOptions};

use crate::cli;
use crate::config::Config;
use crate::demo;
use crate::guard::GuardSettings;
use crate::models::{self, Loaded};
use crate::outputs::OutputsConfig;
use crate::page::PageSettings;
use crate::recording::RecordSettings;
use crate::sources;
use crate::stop::Stop;
use crate::threads;
use crate::watch::Watch;

const MEGABYTE: u64 = 1_000_000;

/// `praxiscope demo`
///
/// # Errors
///
/// One sentence for the user.
pub fn demo(arguments: &cli::Demo) -> Result<()> {
    if let Some(path) = &arguments.write {
        demo::write_clip(path)?;
        say(&format!("the clip is in {}", path.display()));
    }
    let Loaded { model, card, .. } = models::demo()?;
    let shown = arguments.page.is_some();
    let watch = Watch {
        paced: (arguments.pace || shown).then_some(1.0),
        scores: arguments.scores,
        outputs: OutputsConfig::default(),
        events: model.manifest().events.clone(),
        config: None,
        card,
        page: page_settings(arguments.page, None),
        guard: GuardSettings::default(),
        restartable: false,
        trial: None,
        record: None,
    };
    watch.run(&Stop::default(), |_, _| {
        let recognizer = Recognizer::new(&model, RecognizerOptions::default())?;
        let clip = if shown {
            demo::endless()?
        } else {
            demo::clip()?
        };
        Ok((clip, recognizer))
    })
}

/// `praxiscope run`
///
/// # Errors
///
/// One sentence for the user.
pub fn run(arguments: &cli::Run) -> Result<()> {
    let config = arguments
        .config
        .as_deref()
        .map(Config::read)
        .transpose()?
        .unwrap_or_default();
    let Loaded { model, card, trial } = models::load(
        arguments.model.as_deref().or(config.model.as_deref()),
        arguments.models.as_deref().or(config.models.as_deref()),
        true,
    )?;
    let events = config.events(&model.manifest().events)?;
    let options = RecognizerOptions {
        every_frame: arguments.every_frame || config.every_frame,
        events: events.clone(),
        team: threads::team(arguments.threads.or(config.threads))?,
    };
    let watch = Watch {
        paced: (!arguments.no_pace)
            .then(|| config.source.scale())
            .transpose()?,
        scores: arguments.scores || config.scores,
        outputs: config.outputs.clone(),
        events: events.unwrap_or_else(|| model.manifest().events.clone()),
        config: arguments.config.clone().map(|path| (path, config.clone())),
        card,
        page: page_settings(arguments.page, config.page.as_ref()),
        guard: config.guard,
        // Standard input cannot be opened again.
        restartable: arguments.input.is_none() && config.source.input.is_none(),
        trial,
        record: arguments.record.clone().map(|folder| RecordSettings {
            folder,
            limit: arguments.record_limit.saturating_mul(MEGABYTE),
            every_frame: options.every_frame,
        }),
    };
    watch.run(&Stop::default(), |stop, pulse| {
        let recognizer = Recognizer::new(&model, options.clone())
            .context("the model cannot be run with these settings")?;
        Ok((sources::open(arguments, &config, stop, pulse)?, recognizer))
    })
}

/// Where the page is to be, if there is one: the command line wins.
fn page_settings(
    asked: Option<Option<SocketAddr>>,
    config: Option<&PageSettings>,
) -> Option<PageSettings> {
    let mut settings = config.cloned();
    if let Some(address) = asked {
        let settings = settings.get_or_insert_default();
        settings.address = address.unwrap_or(settings.address);
    }
    settings
}

/// Writes to standard error; when nobody reads it, there is nobody to tell.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
