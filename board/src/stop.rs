//! A clean end, asked for by a signal or by a reader that has gone.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// The exit status of a second signal, which does not wait for the clean end.
const IMPATIENT: i32 = 130;

/// A supervisor may send a signal to the program and to its group as well: only one that comes this
/// much later is a second one.
const ONE_SIGNAL: Duration = Duration::from_secs(1);

/// Asks the threads of one run to end. Clones mean the same run.
#[derive(Clone, Default)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Default)]
struct Asked {
    stopped: bool,
    then: Vec<Box<dyn FnOnce() + Send>>,
}

impl Stop {
    /// From now on SIGINT and SIGTERM stop the run; a second one ends the program at once.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn on_signals(&self) -> Result<()> {
        let refused = "cannot watch for signals";
        let (mut signalled, wake) = UnixStream::pair().context(refused)?;
        for signal in [SIGINT, SIGTERM] {
            let wake = wake.try_clone().context(refused)?;
            low_level::pipe::register(signal, wake).context(refused)?;
        }
        let watched = self.clone();
        std::thread::spawn(move || {
            // The other end stays open as long as the program runs.
            let _ = signalled.read_exact(&mut [0]);
            watched.now();
            std::thread::sleep(ONE_SIGNAL);
            for signal in [SIGINT, SIGTERM] {
                let always = Arc::new(AtomicBool::new(true));
                // Refused, only the clean end is left, and that is under way.
                let _ = flag::register_conditional_shutdown(signal, IMPATIENT, always);
            }
        });
        Ok(())
    }

    /// Stops the run.
    pub fn now(&self) {
        let then = {
            let mut asked = self
                .shared
                .asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            asked.stopped = true;
            std::mem::take(&mut asked.then)
        };
        self.shared.changed.notify_all();
        then.into_iter().for_each(|act| act());
    }

    /// Whether the run is to end.
    pub fn asked(&self) -> bool {
        self.shared
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stopped
    }

    /// Another run, which this one's stop ends too.
    pub fn child(&self) -> Self {
        let child = Self::default();
        let ended = child.clone();
        self.then(move || ended.now());
        child
    }

    /// Does `act` when the run is stopped, at once if it is already.
    pub fn then(&self, act: impl FnOnce() + Send + 'static) {
        let mut asked = self
            .shared
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if asked.stopped {
            drop(asked);
            act();
        } else {
            asked.then.push(Box::new(act));
        }
    }

    /// Waits until `moment`; true if the run was stopped by then.
    pub fn wait_until(&self, moment: Instant) -> bool {
        let mut asked = self
            .shared
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = moment.saturating_duration_since(Instant::now());
            if asked.stopped || left == Duration::ZERO {
                return asked.stopped;
            }
            let waited = self.shared.changed.wait_timeout(asked, left);
            asked = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn stopping_acts_once_and_ends_waits() {
        let stop = Stop::default();
        let acts = Arc::new(AtomicU32::new(0));
        let count = || {
            let acts = Arc::clone(&acts);
            move || _ = acts.fetch_add(1, Ordering::SeqCst)
        };
        stop.then(count());
        assert!(!stop.asked() && !stop.wait_until(Instant::now()));
        let waiter = stop.clone();
        let far = Instant::now() + Duration::from_secs(3600);
        let waiting = std::thread::spawn(move || waiter.wait_until(far));
        stop.now();
        assert!(waiting.join().unwrap() && stop.asked());
        stop.then(count());
        stop.now();
        assert_eq!(acts.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_child_is_stopped_alone_or_with_its_parent() {
        let parent = Stop::default();
        let (first, second) = (parent.child(), parent.child());
        first.now();
        assert!(first.asked() && !parent.asked() && !second.asked());
        parent.now();
        assert!(second.asked() && parent.child().asked());
    }

    #[test]
    fn a_signal_stops() {
        let stop = Stop::default();
        stop.on_signals().unwrap();
        low_level::raise(SIGTERM).unwrap();
        assert!(stop.wait_until(Instant::now() + Duration::from_secs(60)));
    }
}
