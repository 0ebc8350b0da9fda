//! The configuration, read again on SIGHUP: thresholds, classes and outputs.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::stream::Model;
use signal_hook::consts::SIGHUP;
use signal_hook::low_level;

use crate::config::Config;
use crate::controls::Controls;
use crate::outputs::Outputs;
use crate::run::say;

/// What a configuration is read into.
pub struct Reloading {
    /// Where it stands.
    pub path: PathBuf,
    /// As it was read last.
    pub config: Config,
    /// How scores become events by now.
    pub events: EventSettings,
    /// The model, which stays.
    pub model: Model,
    /// Takes new event settings.
    pub controls: Arc<Controls>,
    /// Takes new outputs.
    pub outputs: Arc<Outputs>,
}

/// From now on SIGHUP reads the configuration again.
///
/// # Errors
///
/// When the system refuses.
pub fn on_signal(mut reloading: Reloading) -> Result<()> {
    let refused = "cannot watch for signals";
    let (mut signalled, wake) = UnixStream::pair().context(refused)?;
    low_level::pipe::register(SIGHUP, wake).context(refused)?;
    std::thread::spawn(move || {
        // Signals that come while one is heeded are one.
        let mut bytes = [0; 64];
        while signalled.read(&mut bytes).is_ok_and(|read| read > 0) {
            let shown = reloading.path.display().to_string();
            match reloading.reload() {
                Ok(()) => say(&format!("praxiscope: note: {shown} is in force")),
                Err(error) => say(&format!("praxiscope: note: all stays as it was: {error:#}")),
            }
        }
    });
    Ok(())
}

impl Reloading {
    /// Reads the configuration and puts it in force, whole or not at all.
    ///
    /// # Errors
    ///
    /// Why it is not in force.
    pub fn reload(&mut self) -> Result<()> {
        let new = Config::read(&self.path)?;
        let manifest = self.model.manifest();
        let events = new
            .events(&manifest.events)?
            .unwrap_or_else(|| manifest.events.clone());
        events.check(&manifest.labels)?;
        let classes = events.speaking(&manifest.labels, manifest.idle.as_deref());
        self.outputs.reconfigure(&new.outputs, &classes)?;
        if events != self.events {
            self.controls.set_events(events.clone());
            self.events = events;
        }
        if new.needs_restart_after(&self.config) {
            say(
                "praxiscope: note: another model, source, `scores`, `every_frame` or `threads` takes a \
                 restart",
            );
        }
        self.config = new;
        Ok(())
    }
}
