//! The thread that writes a recording.
//!
//! It is bounded in memory by the steps that may wait, and on the disk by a limit. A disk that is full
//! or fails ends the recording and nothing else.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use praxiscope_runtime::recognizer::Output;

use super::About;
use super::files::{Files, fault_of};
use super::record::Record;
use super::tape::Tape;
use crate::run::say;

/// Steps that may wait for the disk: seconds of a camera.
const WAITING: usize = 64;
/// After so long what was written is brought to the disk: a power cut costs no more.
const BETWEEN_SYNCS: Duration = Duration::from_secs(2);
const TOO_SLOW: &str = "the disk is too slow for the frames that come";
/// How long a slow disk is waited for at the end.
const GRACE: Duration = Duration::from_secs(10);

/// Where a run is recorded, and how much of it.
#[derive(Clone, Debug)]
pub struct RecordSettings {
    /// The folder, which holds no recording yet.
    pub folder: PathBuf,
    /// The most bytes that are written.
    pub limit: u64,
    /// Whether every frame enters the network.
    pub every_frame: bool,
}

/// What was kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Frames, those without a picture too.
    pub frames: u64,
    /// In both files.
    pub bytes: u64,
    /// Why it was over before the run was.
    pub fault: Option<String>,
}

/// What happened to the network in one step, and what it said.
pub(super) struct Step {
    pub records: Vec<Record>,
    pub outputs: Vec<Output>,
}

pub(super) enum Entry {
    /// Of the network with this number.
    Step(u64, Step),
    /// Nothing comes any more.
    Finish,
}

/// What the threads know of each other.
pub(super) struct Shared {
    /// Whether the source goes on without waiting.
    pub live: bool,
    over: AtomicBool,
    overrun: AtomicBool,
    kept: Mutex<Kept>,
}

impl Shared {
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.has_overrun()
    }

    fn has_overrun(&self) -> bool {
        self.overrun.load(Ordering::Relaxed)
    }

    pub fn overrun(&self) {
        self.overrun.store(true, Ordering::Relaxed);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A recording that is being made.
pub struct Recorder {
    sender: SyncSender<Entry>,
    shared: Arc<Shared>,
    networks: AtomicU64,
    thread: JoinHandle<()>,
    folder: PathBuf,
}

impl Recorder {
    /// Begins a recording of a model with these labels.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or written, or holds a recording already.
    pub fn start(
        settings: &RecordSettings,
        about: &About,
        labels: &[String],
        live: bool,
    ) -> Result<Self> {
        let folder = settings.folder.clone();
        let files = Files::create(settings, about, labels)
            .with_context(|| format!("nothing can be recorded in {}", folder.display()))?;
        let shared = Arc::new(Shared {
            live,
            over: AtomicBool::new(false),
            overrun: AtomicBool::new(false),
            kept: Mutex::default(),
        });
        let (sender, entries) = sync_channel(WAITING);
        let writes = Arc::clone(&shared);
        let place = folder.display().to_string();
        let thread = std::thread::Builder::new()
            .name("recording".into())
            .spawn(move || run(files, &entries, &writes, &place))
            .context("no thread for the recording")?;
        Ok(Self {
            sender,
            shared,
            networks: AtomicU64::new(0),
            thread,
            folder,
        })
    }

    /// For the next network of the run; what an earlier one still does is not recorded any more.
    pub fn tape(&self) -> Tape {
        let generation = 1 + self.networks.fetch_add(1, Ordering::Relaxed);
        Tape::new(generation, self.sender.clone(), Arc::clone(&self.shared))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends the recording. A disk that hangs is not waited for.
    pub fn finish(&self) -> Kept {
        let until = Instant::now() + GRACE;
        let mut told = false;
        while !self.thread.is_finished() && Instant::now() < until {
            told = told
                || !matches!(
                    self.sender.try_send(Entry::Finish),
                    Err(TrySendError::Full(_))
                );
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut kept = self.shared.kept().clone();
        if !self.thread.is_finished() {
            kept.fault.get_or_insert_with(|| "the disk hangs".into());
        }
        kept
    }
}

/// What the thread does.
fn run(mut files: Files, entries: &Receiver<Entry>, shared: &Shared, place: &str) {
    let mut newest = 0;
    let mut synced = Instant::now();
    let fault = loop {
        let written = match entries.recv_timeout(BETWEEN_SYNCS) {
            Ok(Entry::Step(network, step)) if network >= newest => {
                newest = network;
                files.write(&step)
            }
            Ok(Entry::Step(..)) => Ok(()),
            // Nothing is sent any more once it has been overrun: what waited is written.
            Err(RecvTimeoutError::Timeout) if !shared.has_overrun() => Ok(()),
            _ => break shared.has_overrun().then(|| TOO_SLOW.into()),
        };
        let written = written.and_then(|()| match synced.elapsed() < BETWEEN_SYNCS {
            true => Ok(()),
            false => {
                synced = Instant::now();
                files.sync().map_err(|error| fault_of(&error))
            }
        });
        *shared.kept() = files.kept(None);
        if let Err(fault) = written {
            break Some(fault);
        }
    };
    shared.over.store(true, Ordering::Relaxed);
    if let Some(fault) = &fault {
        say(&format!(
            "praxiscope: note: the recording in {place} ends here, and the run goes on: {fault}"
        ));
    }
    files.close(fault.as_deref().unwrap_or("the run was over"));
    *shared.kept() = files.kept(fault);
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
