//! What is told to the world: JSON lines, GPIO lines, an MQTT broker, clips.
//!
//! ```text
//! pipeline -> Outputs -+-> Queue -> thread of the JSON lines
//!                      +-> Queue -> thread of the GPIO lines
//!                      +-> ...
//! ```
//!
//! Each output has a thread and a bounded [`queue`] of its own, so that one that hangs or fails holds
//! up neither the network nor another output. Of a live source the oldest things are dropped then,
//! and counted. A recording waits for standard output and for the clips, for every line of it counts.

mod buttons;
mod clips;
mod config;
mod gpio;
mod lines;
mod mqtt;
mod queue;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::recognizer::Output;

use crate::controls::Controls;
use crate::run::say;
use crate::stop::Stop;
use crate::telemetry::Telemetry;
pub use config::OutputsConfig;
pub use lines::{JsonLines, Wording};
use queue::{Full, Queue, Taken};

/// Things that may wait for an output that is slow.
const WAITING: usize = 1024;
/// Frames that may wait for the clips: each of them is large.
const FRAMES_WAITING: usize = 32;
/// How long an output may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// What an output is told.
#[derive(Clone, Debug)]
enum Message {
    /// The network's answer, an event, or a fresh start.
    Output(Arc<Output>),
    /// The source's next frame.
    Frame(Frame),
    /// From now on nothing is to be shown, or all again.
    Muted(bool),
}

/// An output, about to run on a thread of its own until its inbox is closed.
type Worker = Box<dyn FnOnce(&Queue<Message>) -> Tally + Send>;

/// What an output has to say when it is over.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// Things that it took and could not bring out.
    lost: u64,
    /// The last reason.
    fault: Option<String>,
}

/// How an output fared.
#[derive(Clone, Debug)]
pub struct Fared {
    /// What a person calls it.
    pub name: &'static str,
    /// Things that it did not take in time.
    pub dropped: u64,
    /// Things that it could not bring out.
    pub lost: u64,
    /// Why.
    pub fault: Option<String>,
}

impl Fared {
    /// Whether this was standard output.
    pub fn is_lines(&self) -> bool {
        self.name == Kind::Lines.name()
    }
}

/// What the outputs have to know of the run.
#[derive(Clone)]
pub struct Surroundings {
    /// The model's labels, in order.
    pub labels: Vec<String>,
    /// The classes that can give events.
    pub classes: Vec<String>,
    /// What a person calls the model.
    pub model: String,
    /// Whether the source goes on without waiting.
    pub live: bool,
    /// Whether somebody may look on at the page.
    pub page: bool,
    /// Whether each answer's scores are written.
    pub scores: bool,
    /// What a button acts on.
    pub controls: Arc<Controls>,
    /// Is told when an event's line is written.
    pub telemetry: Arc<Telemetry>,
    /// Ends the run.
    pub stop: Stop,
}

/// The kinds of outputs. Each kind is started, replaced and ended as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lines,
    Gpio,
    Buttons,
    Mqtt,
    Clips,
}

impl Kind {
    const ALL: [Kind; 5] = [
        Kind::Lines,
        Kind::Gpio,
        Kind::Buttons,
        Kind::Mqtt,
        Kind::Clips,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Lines => "standard output",
            Self::Gpio => "GPIO",
            Self::Buttons => "buttons",
            Self::Mqtt => "MQTT",
            Self::Clips => "clips",
        }
    }

    fn wants(self, message: &Message, scores: bool) -> bool {
        match message {
            Message::Frame(_) => self == Self::Clips,
            Message::Output(output) if matches!(**output, Output::Scores(_)) => {
                self == Self::Lines && scores
            }
            Message::Output(_) => self != Self::Buttons,
            Message::Muted(_) => !matches!(self, Self::Lines | Self::Buttons),
        }
    }
}

struct Running {
    kind: Kind,
    inbox: Arc<Queue<Message>>,
    thread: JoinHandle<Tally>,
}

/// All outputs of a run.
pub struct Outputs {
    around: Surroundings,
    state: Mutex<State>,
    /// Whether there is anything besides standard output.
    others: Arc<AtomicBool>,
    events: AtomicU64,
    muted: AtomicBool,
}

struct State {
    config: OutputsConfig,
    classes: Vec<String>,
    running: Vec<Running>,
    ended: Vec<Fared>,
}

impl Outputs {
    /// Starts what the configuration names.
    ///
    /// # Errors
    ///
    /// When it names what is not there: a class, a file, a GPIO line.
    pub fn start(config: &OutputsConfig, around: Surroundings) -> Result<Self> {
        config.check(&around.classes)?;
        let outputs = Self {
            state: Mutex::new(State {
                config: config.clone(),
                classes: around.classes.clone(),
                running: vec![],
                ended: vec![],
            }),
            around,
            others: Arc::default(),
            events: AtomicU64::new(0),
            muted: AtomicBool::new(false),
        };
        for kind in Kind::ALL {
            if let Err(error) = outputs.start_kind(kind, config) {
                outputs.finish();
                return Err(error);
            }
        }
        outputs.note_others(config);
        Ok(outputs)
    }

    /// Passes on what the recognizer gives.
    pub fn give(&self, output: Output) {
        if matches!(output, Output::Event(_)) {
            self.events.fetch_add(1, Ordering::Relaxed);
        }
        let muted = self.around.controls.muted();
        if self.muted.swap(muted, Ordering::Relaxed) != muted {
            self.pass_on(&Message::Muted(muted), |_| true);
        }
        let message = Message::Output(Arc::new(output));
        self.pass_on(&message, |kind| !muted || kind == Kind::Lines);
    }

    /// Passes on a frame of the source.
    pub fn frame(&self, frame: &Frame) {
        self.pass_on(&Message::Frame(frame.clone()), |_| true);
    }

    fn pass_on(&self, message: &Message, to: impl Fn(Kind) -> bool) {
        let inboxes: Vec<_> = {
            let state = self.lock();
            let takers = state.running.iter().filter(|output| {
                to(output.kind)
                    && output.kind.wants(message, self.around.scores)
                    && !output.thread.is_finished()
            });
            takers.map(|output| Arc::clone(&output.inbox)).collect()
        };
        for inbox in inboxes {
            inbox.give(message.clone());
        }
    }

    /// Replaces the outputs whose settings differ; the others are not touched. `classes` are those
    /// that can give events from now on.
    ///
    /// # Errors
    ///
    /// As [`Outputs::start`]. All outputs are then as they were.
    pub fn reconfigure(&self, new: &OutputsConfig, classes: &[String]) -> Result<()> {
        new.check(classes)?;
        let (old, old_classes) = {
            let mut state = self.lock();
            let classes = std::mem::replace(&mut state.classes, classes.to_vec());
            (state.config.clone(), classes)
        };
        // Only the broker is told which classes there are.
        let reclassed = |kind| kind == Kind::Mqtt && old_classes != classes;
        let kinds = Kind::ALL.into_iter();
        let mut replaced = vec![];
        for kind in kinds.filter(|&kind| old.differs(new, kind) || reclassed(kind)) {
            // A line or a client's name can be had once: the old one goes before the new one comes.
            self.end_kind(kind, Instant::now() + GRACE);
            replaced.push(kind);
            if let Err(error) = self.start_kind(kind, new) {
                self.lock().classes = old_classes;
                for kind in replaced {
                    self.end_kind(kind, Instant::now() + GRACE);
                    if let Err(lost) = self.start_kind(kind, &old) {
                        say(&format!(
                            "praxiscope: note: {lost:#}: {} is off",
                            kind.name()
                        ));
                    }
                }
                return Err(error);
            }
        }
        self.note_others(new);
        self.lock().config = new.clone();
        Ok(())
    }

    /// Ends all outputs; tells how they fared, standard output first.
    pub fn finish(&self) -> Vec<Fared> {
        for output in &self.lock().running {
            output.inbox.close();
        }
        let until = Instant::now() + GRACE;
        for kind in Kind::ALL {
            self.end_kind(kind, until);
        }
        std::mem::take(&mut self.lock().ended)
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    fn start_kind(&self, kind: Kind, config: &OutputsConfig) -> Result<()> {
        let around = &Surroundings {
            classes: self.lock().classes.clone(),
            ..self.around.clone()
        };
        let worker: Option<Worker> = match kind {
            Kind::Lines => config
                .json_lines
                .then(|| lines::worker(around, Arc::clone(&self.others)))
                .transpose()?,
            Kind::Gpio => gpio::worker(&config.gpio)?,
            Kind::Buttons => buttons::worker(&config.button, around)?,
            Kind::Mqtt => config
                .mqtt
                .as_ref()
                .map(|settings| mqtt::worker(settings, around))
                .transpose()?,
            Kind::Clips => config.clips.as_ref().map(clips::worker).transpose()?,
        };
        let Some(worker) = worker else { return Ok(()) };
        let waits = !around.live && matches!(kind, Kind::Lines | Kind::Clips);
        let full = if waits {
            Full::Waits
        } else {
            Full::DropsOldest
        };
        let waiting = match (kind, &config.mqtt) {
            (Kind::Mqtt, Some(mqtt)) => mqtt.queue,
            (Kind::Clips, _) => FRAMES_WAITING,
            _ => WAITING,
        };
        let inbox = Arc::new(Queue::new(waiting, full));
        if matches!(kind, Kind::Gpio | Kind::Buttons) {
            // Lines become safe as soon as the run is to end, whatever hangs elsewhere.
            let inbox = Arc::clone(&inbox);
            around.stop.then(move || inbox.close());
        }
        let taker = Taker(Arc::clone(&inbox));
        let thread = std::thread::Builder::new()
            .name(kind.name().into())
            .spawn(move || worker(&taker.0))
            .context("no thread for an output")?;
        self.lock().running.push(Running {
            kind,
            inbox,
            thread,
        });
        Ok(())
    }

    /// Ends the outputs of a kind. One that hangs until the deadline is left behind; a recording's
    /// lines and clips are waited for, unless somebody wants the end.
    fn end_kind(&self, kind: Kind, deadline: Instant) {
        let ending: Vec<_> = {
            let mut state = self.lock();
            state.running.extract_if(.., |o| o.kind == kind).collect()
        };
        let patient = !self.around.live && matches!(kind, Kind::Lines | Kind::Clips);
        for output in ending {
            output.inbox.close();
            let mut deadline = deadline;
            while !output.thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
                if patient && !self.around.stop.asked() {
                    deadline = Instant::now() + GRACE;
                }
            }
            let fared = output.end();
            self.lock().ended.push(fared);
        }
    }

    fn note_others(&self, config: &OutputsConfig) {
        let others = !config.gpio.is_empty() || config.mqtt.is_some() || config.clips.is_some();
        let others = others || self.around.page;
        self.others.store(others, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// How the output fared; its thread has ended, or hangs.
    fn end(self) -> Fared {
        let hangs = !self.thread.is_finished();
        self.inbox.cut_off();
        let tally = if hangs {
            Tally {
                lost: 0,
                fault: Some("it hangs".into()),
            }
        } else {
            self.thread.join().unwrap_or_else(|_| Tally {
                lost: 0,
                fault: Some("it failed".into()),
            })
        };
        Fared {
            name: self.kind.name(),
            dropped: self.inbox.dropped(),
            lost: tally.lost,
            fault: tally.fault,
        }
    }
}

/// An output's end of its queue: when the thread is over, however it ended, nobody waits for it.
struct Taker(Arc<Queue<Message>>);

impl Drop for Taker {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
impl Surroundings {
    /// Those of a test.
    fn of_test() -> Self {
        Self {
            labels: vec![],
            classes: vec![],
            model: "test".into(),
            live: true,
            page: false,
            scores: false,
            controls: Arc::default(),
            telemetry: Telemetry::new(Duration::MAX),
            stop: Stop::default(),
        }
    }
}
