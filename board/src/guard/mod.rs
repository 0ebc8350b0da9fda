//! Watches over the pipeline: finds a stage that hangs, tells systemd that frames really go
//! through, and reads how the board fares.
//!
//! All times are the monotonic clock's, so a jump of the wall clock does nothing.

mod systemd;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::stop::Stop;
use crate::telemetry::{Stage, Sys, System, Telemetry};
pub use systemd::Systemd;

/// How often the stages are looked at, unless systemd wants to hear more often.
const BEAT: Duration = Duration::from_secs(1);
/// How often the board's own state is read, and systemd's status line written.
const ROUND: Duration = Duration::from_secs(5);
/// A run that was stopped because a stage hung, and does not come back for so long, is given up.
const GRACE: Duration = Duration::from_secs(20);

/// When a stage hangs, and what is done about it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSettings {
    /// Seconds without a frame from a live source after which it hangs. The network has four times
    /// as long for a frame.
    pub stall: f64,
    /// How often in an hour the pipeline is started again before the program gives up.
    pub restarts: usize,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            stall: 30.0,
            restarts: 3,
        }
    }
}

impl GuardSettings {
    /// The limit as a duration, within reason.
    pub fn limit(&self) -> Duration {
        Duration::try_from_secs_f64(self.stall.max(0.1)).unwrap_or(Duration::MAX / 8)
    }
}

/// The watch over one program.
#[derive(Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

struct Shared {
    telemetry: Arc<Telemetry>,
    systemd: Systemd,
    run: Mutex<Run>,
}

#[derive(Default)]
struct Run {
    stop: Option<Stop>,
    stalled: Option<Stage>,
}

impl Guard {
    /// Begins to watch, on a thread of its own. `give_up` ends the program when a run that was
    /// stopped does not come back.
    pub fn start(
        telemetry: &Arc<Telemetry>,
        systemd: Systemd,
        give_up: impl Fn(Stage) + Send + 'static,
    ) -> Self {
        let guard = Self {
            shared: Arc::new(Shared {
                telemetry: Arc::clone(telemetry),
                systemd,
                run: Mutex::default(),
            }),
        };
        let watching = guard.clone();
        // The thread lives as long as the program.
        std::thread::spawn(move || watching.watch_over(give_up));
        guard
    }

    /// From now on a stage that hangs stops this run.
    pub fn watch(&self, run: &Stop) {
        *self.run() = Run {
            stop: Some(run.clone()),
            stalled: None,
        };
    }

    /// The program ends: systemd is told.
    pub fn stopping(&self) {
        self.shared.systemd.stopping();
    }

    /// The run came back: the stage that hung, if one did.
    pub fn came_back(&self) -> Option<Stage> {
        std::mem::take(&mut *self.run()).stalled
    }

    fn watch_over(&self, give_up: impl Fn(Stage)) {
        let Shared {
            telemetry, systemd, ..
        } = &*self.shared;
        let hangs_after = telemetry.progress().limit(Stage::Capture);
        let beat = systemd.period().map_or(BEAT, |period| period / 4);
        let beat = beat.min(BEAT).min(hangs_after / 4);
        let sys = Sys::default();
        let mut fed = 0;
        let mut round = Round::default();
        let mut stopped: Option<Instant> = None;
        loop {
            if round.is_due() {
                let system = sys.read();
                complain(&telemetry.system(), &system);
                telemetry.set_system(system);
                systemd.status(&round.status(telemetry));
            }
            let processed = telemetry.counts().processed.get();
            // A source that is being tried again is alive as long as the tries go on.
            let progress = telemetry.progress();
            if processed > fed || progress.is_away() && !progress.hangs(Stage::Capture) {
                systemd.alive();
            }
            fed = processed;
            match self.look() {
                None => stopped = None,
                Some(stage) => {
                    let since = *stopped.get_or_insert_with(Instant::now);
                    if since.elapsed() >= GRACE {
                        give_up(stage);
                    }
                }
            }
            std::thread::sleep(beat);
        }
    }

    /// Stops the run if a stage hangs; gives the stage that it was stopped for.
    fn look(&self) -> Option<Stage> {
        let progress = self.shared.telemetry.progress();
        let mut run = self.run();
        let stop = run.stop.clone()?;
        if run.stalled.is_none() {
            // An output that hangs costs lines, not frames.
            let stages = [Stage::Capture, Stage::Inference];
            run.stalled = stages.into_iter().find(|&stage| progress.hangs(stage));
            if run.stalled.is_some() {
                drop(run);
                stop.now();
                return self.run().stalled;
            }
        }
        run.stalled
    }

    fn run(&self) -> std::sync::MutexGuard<'_, Run> {
        let run = self.shared.run.lock();
        run.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says once when the supply becomes too weak or the processor too hot.
fn complain(before: &System, now: &System) {
    let (before, now) = (before.throttling.unwrap_or_default(), now.throttling);
    let Some(now) = now else { return };
    if now.undervoltage() && !before.undervoltage() {
        crate::run::say("praxiscope: note: the supply's voltage is too low: use a stronger one");
    }
    if now.throttled() && !before.throttled() {
        crate::run::say("praxiscope: note: the processor's clock is held down: cool the board");
    }
}

/// What is done every few seconds.
#[derive(Default)]
struct Round {
    last: Option<(Instant, u64)>,
    rate: f64,
}

impl Round {
    fn is_due(&self) -> bool {
        self.last.is_none_or(|(at, _)| at.elapsed() >= ROUND)
    }

    fn status(&mut self, telemetry: &Telemetry) -> String {
        let counts = telemetry.counts();
        let steps = counts.steps.get();
        if let Some((at, before)) = self.last.replace((Instant::now(), steps)) {
            self.rate = (steps - before) as f64 / at.elapsed().as_secs_f64().max(0.001);
        }
        let hanging = Stage::ALL.into_iter();
        match hanging.into_iter().find(|&s| telemetry.progress().hangs(s)) {
            Some(stage) => format!("the {} stage hangs", stage.name()),
            None if telemetry.progress().is_away() => "the source is away, and tried again".into(),
            None => format!(
                "{:.1} steps a second, {} events",
                self.rate,
                counts.events.get()
            ),
        }
    }
}

/// How often a run may be started again.
#[derive(Debug)]
pub struct Restarts {
    allowed: usize,
    past: Vec<Instant>,
}

impl Restarts {
    const WITHIN: Duration = Duration::from_secs(3600);

    /// So many in an hour.
    pub fn new(allowed: usize) -> Self {
        Self {
            allowed,
            past: vec![],
        }
    }

    /// Whether one more is allowed; it counts then.
    pub fn take(&mut self) -> bool {
        self.past.retain(|past| past.elapsed() < Self::WITHIN);
        let allowed = self.past.len() < self.allowed;
        if allowed {
            self.past.push(Instant::now());
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(limit: Duration) -> (Arc<Telemetry>, Guard) {
        let telemetry = Telemetry::new(limit);
        let shared = Shared {
            telemetry: Arc::clone(&telemetry),
            systemd: Systemd::default(),
            run: Mutex::default(),
        };
        let shared = Arc::new(shared);
        (telemetry, Guard { shared })
    }

    #[test]
    fn a_stage_that_hangs_stops_the_run() {
        let (telemetry, guard) = guard(Duration::from_millis(1));
        let stop = Stop::default();
        guard.watch(&stop);
        assert_eq!(guard.look(), None);
        telemetry.progress().begin(Stage::Capture);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(guard.look(), Some(Stage::Capture));
        assert!(stop.asked());
        assert_eq!(guard.came_back(), Some(Stage::Capture));
        assert_eq!((guard.look(), guard.came_back()), (None, None));
    }

    #[test]
    fn an_output_that_hangs_stops_nothing() {
        let (telemetry, guard) = guard(Duration::from_millis(1));
        let stop = Stop::default();
        guard.watch(&stop);
        telemetry.progress().begin(Stage::Output);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(guard.look(), None);
        assert!(!stop.asked());
    }

    #[test]
    fn restarts_are_limited() {
        let mut restarts = Restarts::new(2);
        assert_eq!(
            [(); 4].map(|()| restarts.take()),
            [true, true, false, false]
        );
    }

    #[test]
    fn limits_are_kept_within_reason() {
        for stall in [f64::NAN, -1.0, 0.0, f64::INFINITY, 1e300] {
            let settings = GuardSettings {
                stall,
                ..GuardSettings::default()
            };
            assert!(settings.limit() >= Duration::from_millis(100), "{stall}");
        }
    }
}
