//! Trying a model: in a process of its own before it is installed, and in its first run.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::recognizer::RecognizerError;
use praxiscope_runtime::self_test::SelfTest;
use praxiscope_runtime::stream::{Model, Scores};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::Deserialize;

use super::state::{Slot, Standing};
use super::store::Store;
use crate::run::say;

/// How long a model may take for its self-test.
const PATIENCE: Duration = Duration::from_secs(120);
/// A model that has answered for so long, in the source's time, runs well.
const PROBATION: Duration = Duration::from_secs(30);

/// Runs the self-test of the bundle at `path` in a process of its own: a model that crashes this
/// program, or takes all memory, costs that process.
///
/// # Errors
///
/// Why the model is not good.
pub fn in_its_own_process(path: &Path) -> Result<()> {
    let program = std::env::current_exe().context("this program cannot be started again")?;
    let mut child = Command::new(program)
        .arg("self-test")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("this program cannot be started again")?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("it is not done after {} seconds", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    if status.success() {
        return Ok(());
    }
    let mut words = String::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(4096).read_to_string(&mut words)?;
    }
    let last = words.lines().last().unwrap_or_default();
    let last = last.trim_start_matches("praxiscope: ");
    match last {
        "" => Err(anyhow!("{status}")),
        last => Err(anyhow!("{last}")),
    }
}

#[derive(Deserialize)]
struct Certificate {
    self_test: Option<SelfTest>,
}

/// `praxiscope self-test`: runs the built-in vector of the bundle's certificate. A bundle without
/// one has to answer with numbers.
///
/// # Errors
///
/// Why the model is not good.
pub fn self_test(path: &Path) -> Result<()> {
    // Who waits for this may be killed, and then nobody does.
    set_parent_process_death_signal(Some(Signal::KILL))
        .context("cannot follow who started this")?;
    let bundle = Bundle::read(path)?;
    let certificate = bundle
        .certificate()
        .map(serde_json::from_slice::<Certificate>);
    let certificate = certificate
        .transpose()
        .context("its certificate is malformed")?;
    let model = Model::take(bundle)?;
    match certificate {
        Some(Certificate {
            self_test: Some(vector),
        }) => vector.check(&model)?,
        _ => drop(SelfTest::record(&model)?),
    }
    Ok(())
}

/// A new model's first run.
#[derive(Debug)]
pub struct Trial {
    folder: PathBuf,
    digest: String,
    /// Tells other programs that this one is at it.
    lock: File,
    answered: Option<(Duration, Duration)>,
}

impl Trial {
    pub(super) fn of(folder: &Path, slot: Slot, digest: String) -> Result<Self> {
        let lock = File::open(folder.join(slot.file()))?;
        // Only `is_under_way` of another program ever has it, and for a moment.
        lock.lock()?;
        Ok(Self {
            folder: folder.into(),
            digest,
            lock,
            answered: None,
        })
    }

    /// Whether another program is at the first run of the model in this slot.
    pub(super) fn is_under_way(folder: &Path, slot: Slot) -> bool {
        let file = File::open(folder.join(slot.file()));
        file.is_ok_and(|file| file.try_lock().is_err())
    }

    /// The model answered; true when it has done so for long enough.
    pub fn answered(&mut self, scores: &Scores) -> bool {
        let (first, newest) = self.answered.get_or_insert((scores.time, scores.time));
        *newest = (*newest).max(scores.time);
        *newest - *first >= PROBATION
    }

    /// The model runs well.
    pub fn passed(self) {
        self.ends(Standing::Good);
    }

    /// The run is over. What the source did wrong is not the model's fault.
    pub fn over(self, failure: Option<&anyhow::Error>, hung: bool) {
        let failed = failure.is_some_and(|failure| failure.is::<RecognizerError>()) || hung;
        match (failed, self.answered.is_some()) {
            (true, _) => self.failed(),
            (false, true) if failure.is_none() => self.ends(Standing::Good),
            _ => self.ends(Standing::New),
        }
    }

    /// The model does not run.
    pub fn failed(self) {
        let gave_up = Store::at(&self.folder).and_then(|mut store| store.give_up());
        match gave_up {
            Ok(true) => {
                say("praxiscope: note: the new model failed: the next start runs the one before")
            }
            Ok(false) => say("praxiscope: note: the new model failed, and there is none before it"),
            Err(error) => say(&format!(
                "praxiscope: note: the new model failed: {error:#}"
            )),
        }
    }

    fn ends(&self, standing: Standing) {
        let noted =
            Store::at(&self.folder).and_then(|mut store| store.tried(&self.digest, standing));
        if let Err(error) = noted {
            say(&format!(
                "praxiscope: note: how the new model runs cannot be noted: {error:#}"
            ));
        }
        // Not before: another program would take the trial for one that was cut off.
        let _ = self.lock.unlock();
    }
}
