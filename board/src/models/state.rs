//! Which slot is active: two files that are written in turn, so that there is always a whole one.

use std::io;

use praxiscope_runtime::bundle::hex_digest;
use serde::{Deserialize, Serialize};

use super::disk::Disk;

const FILES: [&str; 2] = ["state.0", "state.1"];

/// One of the two places for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// `a.prax`
    A,
    /// `b.prax`
    B,
}

impl Slot {
    /// The file in which the model lies.
    pub fn file(self) -> &'static str {
        match self {
            Self::A => "a.prax",
            Self::B => "b.prax",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A model that was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Where it lies.
    pub slot: Slot,
    /// The bundle's digest: a slot that holds anything else does not hold it.
    pub digest: String,
}

/// How far the active model is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It passed its self-test, and never ran.
    New,
    /// It runs for the first time; or did, and the program was killed.
    Trying,
    /// It has run well.
    Good,
}

/// What the store holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Counts the changes.
    pub sequence: u64,
    /// The model that is run.
    pub active: Installed,
    /// The one before, to which a failure of the active one leads back.
    pub fallback: Option<Installed>,
    /// How far the active one is trusted.
    pub standing: Standing,
}

impl State {
    /// The newest whole state; nothing where none was ever written, or none that was is whole.
    ///
    /// # Errors
    ///
    /// When the disk cannot be read.
    pub fn read(disk: &impl Disk) -> io::Result<Option<Self>> {
        let mut newest: Option<Self> = None;
        for file in FILES {
            let found = disk.read(file)?.and_then(|bytes| Self::from_bytes(&bytes));
            newest = newest.into_iter().chain(found).max_by_key(|s| s.sequence);
        }
        Ok(newest)
    }

    /// Whether one was written, whole or not.
    ///
    /// # Errors
    ///
    /// When the disk cannot be read.
    pub fn was_written(disk: &impl Disk) -> io::Result<bool> {
        for file in FILES {
            if disk.read(file)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes this the state; the one before stays in the other file.
    ///
    /// # Errors
    ///
    /// When the disk takes no more. The state is the one before then.
    pub fn write(&self, disk: &mut impl Disk) -> io::Result<()> {
        let file = FILES[usize::from(self.sequence % 2 == 1)];
        disk.put(file, &self.to_bytes())
    }

    fn to_bytes(&self) -> Vec<u8> {
        // Numbers and text always serialise.
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("{text}\n{}\n", hex_digest(text.as_bytes())).into_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (text, digest) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        let whole = digest.strip_suffix('\n') == Some(&hex_digest(text.as_bytes()));
        whole.then(|| serde_json::from_str(text).ok())?
    }
}
