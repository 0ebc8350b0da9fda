//! Two slots for models, and the rules by which one of them is active.
//!
//! The active slot is never written, and the state names the other one only when it is on the disk
//! whole. So a power cut at any moment leaves the old model or the new one, whatever the file system
//! had not written yet.

use std::path::Path;

use anyhow::{Context, Result, bail};
use praxiscope_runtime::bundle::Bundle;

use super::disk::{Disk, Folder};
use super::state::{Installed, Slot, Standing, State};

/// A store of models.
#[derive(Debug)]
pub struct Store<D> {
    disk: D,
    state: Option<State>,
}

/// The model that is to be run.
#[derive(Debug)]
pub struct Chosen {
    /// The bundle.
    pub bundle: Bundle,
    /// Its place.
    pub slot: Slot,
    /// Whether it has yet to show that it runs well.
    pub on_trial: bool,
    /// What a person should know of the choice.
    pub note: Option<String>,
}

impl Store<Folder> {
    /// The store in a folder that is there.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn at(folder: &Path) -> Result<Self> {
        Self::open(Folder::open(folder)?)
    }
}

impl<D: Disk> Store<D> {
    /// The store on this disk.
    ///
    /// # Errors
    ///
    /// When the disk cannot be read.
    pub fn open(disk: D) -> Result<Self> {
        let state = State::read(&disk).context("its state cannot be read")?;
        Ok(Self { disk, state })
    }

    /// Whether there was a state, and nothing of it is whole: which models were installed is not known
    /// any more.
    ///
    /// # Errors
    ///
    /// When the disk cannot be read.
    pub fn is_damaged(&self) -> Result<bool> {
        Ok(self.state.is_none() && State::was_written(&self.disk)?)
    }

    /// Writes a bundle into the slot that is free. Nothing names it yet.
    ///
    /// # Errors
    ///
    /// When the disk takes no more.
    pub fn prepare(&mut self, bytes: &[u8], digest: &str) -> Result<Installed> {
        // A model that was never seen to run well makes place for the next one.
        self.give_up()?;
        let new = Installed {
            slot: self.free(),
            digest: digest.into(),
        };
        self.disk
            .put(new.slot.file(), bytes)
            .context("the model cannot be written")?;
        if self.holds(&new).is_none() {
            bail!("the disk does not give back what was written to it");
        }
        Ok(new)
    }

    /// Makes a prepared model the active one; the one before is what its failure leads back to.
    ///
    /// # Errors
    ///
    /// When the disk takes no more, or the slot has been taken by somebody else meanwhile.
    pub fn activate(&mut self, new: &Installed) -> Result<()> {
        if new.slot != self.free() || self.holds(new).is_none() {
            bail!("another model was installed at the same time");
        }
        let old = self.state.as_ref().map(|state| state.active.clone());
        let fallback = old.filter(|old| self.holds(old).is_some());
        self.commit(new.clone(), fallback, Standing::New)
    }

    /// Removes a prepared model.
    pub fn discard(&mut self, new: &Installed) {
        if new.slot == self.free() {
            // Left there, it is overwritten by the next one.
            let _ = self.disk.remove(new.slot.file());
        }
    }

    fn free(&self) -> Slot {
        let active = self.state.as_ref().map(|state| state.active.slot);
        active.map_or(Slot::A, Slot::other)
    }

    /// The model that is to be run, and from now on is being tried if it is new. A model that was
    /// being tried when its program was killed has failed, and so has one that is damaged.
    ///
    /// # Errors
    ///
    /// When no slot holds a model that was installed.
    pub fn choose(&mut self) -> Result<Option<Chosen>> {
        let mut note = None;
        if self
            .state
            .as_ref()
            .is_some_and(|s| s.standing == Standing::Trying)
            && self.give_up()?
        {
            note =
                Some("the new model's first run did not end well: back to the one before".into());
        }
        let Some(state) = &self.state else {
            return Ok(None);
        };
        let (active, standing) = (state.active.clone(), state.standing);
        let old = state.fallback.clone();
        let found = match self.holds(&active) {
            Some(bundle) if standing == Standing::Good => {
                return Ok(Some(Chosen {
                    bundle,
                    slot: active.slot,
                    on_trial: false,
                    note,
                }));
            }
            found => found,
        };
        let fallback = old.and_then(|old| Some((self.holds(&old)?, old)));
        let Some(bundle) = found else {
            let Some((bundle, old)) = fallback else {
                bail!("the installed model is damaged: install it again");
            };
            let slot = old.slot;
            // What cannot be written now is found out again at the next start.
            let _ = self.commit(old, None, Standing::Good);
            return Ok(Some(Chosen {
                bundle,
                slot,
                on_trial: false,
                note: Some("the installed model is damaged: back to the one before".into()),
            }));
        };
        let slot = active.slot;
        let old = fallback.as_ref().map(|(_, old)| old.clone());
        match (self.commit(active, old, Standing::Trying), fallback) {
            (Err(error), Some((bundle, old))) => Ok(Some(Chosen {
                bundle,
                slot: old.slot,
                on_trial: false,
                note: Some(format!(
                    "the new model cannot be tried, so the old one runs: {error:#}"
                )),
            })),
            (tried, _) => Ok(Some(Chosen {
                bundle,
                slot,
                on_trial: tried.is_ok(),
                note,
            })),
        }
    }

    /// The place of the active model, whatever lies there.
    pub fn active_slot(&self) -> Option<Slot> {
        Some(self.state.as_ref()?.active.slot)
    }

    /// The active model, without a change to anything.
    pub fn active(&self) -> Option<Bundle> {
        self.holds(&self.state.as_ref()?.active)
    }

    /// How the first run of the model with this digest went; nothing happens when it is not being
    /// tried any more.
    ///
    /// # Errors
    ///
    /// When the disk takes no more.
    pub fn tried(&mut self, digest: &str, standing: Standing) -> Result<()> {
        match self.state.clone() {
            Some(state) if state.active.digest == digest && state.standing == Standing::Trying => {
                self.commit(state.active, state.fallback, standing)
            }
            _ => Ok(()),
        }
    }

    /// Goes back to the model before one that is not good yet; true if there is one.
    ///
    /// # Errors
    ///
    /// When the disk takes no more.
    pub fn give_up(&mut self) -> Result<bool> {
        let untried = self
            .state
            .as_ref()
            .filter(|state| state.standing != Standing::Good);
        let fallback = untried.and_then(|state| state.fallback.clone());
        match fallback.filter(|old| self.holds(old).is_some()) {
            Some(old) => self.commit(old, None, Standing::Good).map(|()| true),
            None => Ok(false),
        }
    }

    /// The bundle, if its slot holds it whole.
    fn holds(&self, installed: &Installed) -> Option<Bundle> {
        let bytes = self.disk.read(installed.slot.file()).ok()??;
        let bundle = Bundle::take(bytes).ok()?;
        (bundle.digest() == installed.digest).then_some(bundle)
    }

    fn commit(
        &mut self,
        active: Installed,
        fallback: Option<Installed>,
        standing: Standing,
    ) -> Result<()> {
        let state = State {
            sequence: self.state.as_ref().map_or(0, |state| state.sequence) + 1,
            active,
            fallback,
            standing,
        };
        state
            .write(&mut self.disk)
            .context("the store's state cannot be written")?;
        self.state = Some(state);
        Ok(())
    }
}
