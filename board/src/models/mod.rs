//! Models on the device: installed whole or not at all, tried, and given up for the one before.

mod disk;
mod signature;
mod state;
mod store;
mod trial;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use praxiscope_runtime::bundle::{BYTES_CAP, Bundle};
use praxiscope_runtime::stream::Model;

use crate::cli;
use crate::demo::DEMO_MODEL;
use crate::page::Card;
use crate::places;
use crate::run::say;
use disk::Folder;
use store::Store;
pub use trial::{Trial, self_test};

/// A model that is ready, and what goes with it.
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// What the page says of it.
    pub card: Card,
    /// Its first run, if this is to be that.
    pub trial: Option<Trial>,
}

/// `praxiscope install`
///
/// # Errors
///
/// One sentence for the user; the device runs what it ran before then.
pub fn install(arguments: &cli::Install) -> Result<()> {
    let path = &arguments.model;
    let shown = path.display();
    let refused = || format!("the model {shown} is refused");
    let bytes = read(path).with_context(refused)?;
    if let Some(key) = &arguments.verify_key {
        signature::check(path, &bytes, key)?;
    }
    let bundle = Bundle::from_bytes(&bytes).with_context(refused)?;
    let folder = folder(arguments.models.as_deref())
        .context("there is no folder for models: name one with --models")?;
    let place = folder.display();
    let failed = || format!("{shown} was not installed in {place}, where all is as it was");
    let open = || -> Result<Store<Folder>> { Store::open(Folder::make(&folder)?) };
    let digest = bundle.digest();
    let new = open()
        .and_then(|mut store| store.prepare(&bytes, &digest))
        .with_context(failed)?;
    // Meanwhile the store is not locked, so that a service can start.
    let tried = trial::in_its_own_process(&folder.join(new.slot.file()))
        .context("it fails its self-test")
        .and_then(|()| open()?.activate(&new));
    if let Err(error) = tried {
        open().with_context(failed)?.discard(&new);
        return Err(error.context(failed()));
    }
    let name = &bundle.manifest().name;
    let checked = match arguments.verify_key {
        Some(_) => "signed by the key, ",
        None => "",
    };
    say(&format!(
        "praxiscope: {name} is installed ({checked}whole, and it passes its self-test): the next \
         `praxiscope run` tries it, and goes back to the one before if that fails"
    ));
    Ok(())
}

/// The model at `path`; without one the active model of the store, or else the demo model.
///
/// # Errors
///
/// When the model is none, or the store holds none that it promises. A store whose state is damaged
/// promises nothing: the demo model runs, and its card says why.
pub fn load(path: Option<&Path>, models: Option<&Path>, to_run: bool) -> Result<Loaded> {
    if let Some(path) = path {
        let refused = || format!("the model {} is refused", path.display());
        return loaded(Bundle::read(path).with_context(refused)?).with_context(refused);
    }
    let Some(folder) = folder(models).filter(|folder| folder.is_dir()) else {
        return demo();
    };
    let place = folder.display();
    let unread = || format!("the installed models in {place}");
    let mut store = Store::at(&folder).with_context(unread)?;
    if store.is_damaged().with_context(unread)? {
        let mut demo = demo()?;
        let warning = format!(
            "the state of the installed models in {place} is damaged, so the demo model runs: install \
             the model again"
        );
        if to_run {
            say(&format!("praxiscope: note: {warning}"));
        }
        demo.card.warning = Some(warning);
        return Ok(demo);
    }
    let is_tried = |slot| Trial::is_under_way(&folder, slot);
    let looks_on = !to_run || store.active_slot().is_some_and(is_tried);
    if looks_on && let Some(bundle) = store.active() {
        return loaded(bundle).with_context(unread);
    }
    let Some(chosen) = store.choose().with_context(unread)? else {
        return demo();
    };
    if let Some(note) = &chosen.note {
        say(&format!("praxiscope: note: {note}"));
    }
    let trial = chosen
        .on_trial
        .then(|| Trial::of(&folder, chosen.slot, chosen.bundle.digest()))
        .transpose()?;
    drop(store);
    match (loaded(chosen.bundle), trial) {
        (Ok(found), trial) => Ok(Loaded { trial, ..found }),
        (Err(error), None) => Err(error).with_context(unread),
        (Err(_), Some(trial)) => {
            trial.failed();
            let chosen = Store::at(&folder)?.choose()?;
            let chosen = chosen.context("no model is left").with_context(unread)?;
            loaded(chosen.bundle).with_context(unread)
        }
    }
}

/// The built-in model.
///
/// # Errors
///
/// Never, in a program that was built well.
pub fn demo() -> Result<Loaded> {
    let damaged = "the demo model is damaged";
    loaded(Bundle::take(DEMO_MODEL).context(damaged)?).context(damaged)
}

fn loaded(bundle: Bundle) -> Result<Loaded> {
    Ok(Loaded {
        card: Card::of(&bundle),
        model: Model::take(bundle)?,
        trial: None,
    })
}

fn folder(named: Option<&Path>) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(places::models)
}

/// The bytes that are checked are those that are installed: the file is read once.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = vec![];
    File::open(path)?
        .take(BYTES_CAP + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_CAP {
        bail!("it has more than the {BYTES_CAP} bytes that a bundle may have");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
