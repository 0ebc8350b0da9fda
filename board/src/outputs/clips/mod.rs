//! Short videos of what happened, with what came before and after it, in a folder that stays small.

mod folder;
mod writer;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use praxiscope_runtime::events::{Event, EventKind};
use praxiscope_runtime::frame::Frame;
use praxiscope_runtime::recognizer::Output;
use praxiscope_runtime::source::FrameRate;
use serde::Deserialize;

use super::{Message, Queue, Taken, Tally, Worker};
use crate::run::say;
use folder::Folder;
use writer::Clip;

/// The answer for a frame may come so much later than the frame.
const LATENESS: Duration = Duration::from_secs(1);
const MEGABYTE: u64 = 1 << 20;

/// `[outputs.clips]`: what is kept, and how much of it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ClipsConfig {
    /// Where clips are kept. Only files that are named as clips are ever touched there.
    pub folder: PathBuf,
    /// The classes whose events are kept; all, where none is named.
    #[serde(default)]
    pub labels: Vec<String>,
    /// How much is shown from before the start, in seconds.
    #[serde(default = "two")]
    pub pre: f64,
    /// How much is shown from behind the end, in seconds.
    #[serde(default = "two")]
    pub post: f64,
    /// What the files are.
    #[serde(default)]
    pub format: Format,
    /// Frames a second; further ones are left out.
    #[serde(default = "ten_a_second")]
    pub fps: FrameRate,
    /// JPEG's quality.
    #[serde(default = "eighty")]
    pub quality: u8,
    /// The longest clip, in seconds.
    #[serde(default = "thirty")]
    pub max_seconds: f64,
    /// How many clips there may be; the oldest go first.
    #[serde(default = "two_hundred")]
    pub max_clips: usize,
    /// How large they may be together, in megabytes.
    #[serde(default = "five_hundred")]
    pub max_megabytes: u64,
    /// How much memory the frames from before an event may take, in megabytes.
    #[serde(default = "sixty_four")]
    pub memory_megabytes: u64,
}

fn two() -> f64 {
    2.0
}
fn ten_a_second() -> FrameRate {
    FrameRate::new(10, 1).unwrap_or(FrameRate::USUAL)
}
fn eighty() -> u8 {
    80
}
fn thirty() -> f64 {
    30.0
}
fn two_hundred() -> usize {
    200
}
fn five_hundred() -> u64 {
    500
}
fn sixty_four() -> u64 {
    64
}

/// What a clip's file is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG pictures one after the other.
    #[default]
    Mjpeg,
    /// YUV4MPEG2, without loss.
    Y4m,
}

impl ClipsConfig {
    /// Refuses what no clip could be made by.
    pub fn check(&self) -> Result<()> {
        for (name, seconds) in [
            ("pre", self.pre),
            ("post", self.post),
            ("max_seconds", self.max_seconds),
        ] {
            if !(0.0..=3600.0).contains(&seconds) {
                bail!("{name} is {seconds} seconds: 0 to 3600 is possible");
            }
        }
        if !(1..=100).contains(&self.quality) {
            bail!("a quality of {}: 1 to 100 is possible", self.quality);
        }
        if self.max_clips == 0 || self.max_megabytes == 0 || self.memory_megabytes == 0 {
            bail!("max_clips, max_megabytes and memory_megabytes must be 1 at least");
        }
        Ok(())
    }
}

/// The worker for a folder of clips.
///
/// # Errors
///
/// When there can be no such folder.
pub fn worker(config: &ClipsConfig) -> Result<Worker> {
    let shown = config.folder.display();
    let folder =
        Folder::open(config).with_context(|| format!("no clips can be kept in {shown}"))?;
    let recorder = Recorder::new(config.clone(), folder);
    Ok(Box::new(move |inbox| recorder.run(inbox)))
}

struct Recorder {
    config: ClipsConfig,
    folder: Folder,
    /// The newest frames, for events that are known only later.
    recent: VecDeque<Frame>,
    recent_bytes: usize,
    /// When the next frame is due that is not left out.
    due: Duration,
    clip: Option<Running>,
    tally: Tally,
    complained: bool,
}

struct Running {
    clip: Clip,
    began: Duration,
    /// When it is over; nothing while the event lasts.
    until: Option<Duration>,
}

impl Recorder {
    fn new(config: ClipsConfig, folder: Folder) -> Self {
        Self {
            config,
            folder,
            recent: VecDeque::new(),
            recent_bytes: 0,
            due: Duration::ZERO,
            clip: None,
            tally: Tally::default(),
            complained: false,
        }
    }

    fn run(mut self, inbox: &Queue<Message>) -> Tally {
        loop {
            match inbox.take(None) {
                Taken::Thing(Message::Frame(frame)) => self.frame(frame),
                Taken::Thing(Message::Output(output)) => {
                    if let Output::Event(event) = &*output {
                        self.event(event);
                    }
                }
                Taken::Thing(Message::Muted(_)) => self.finish(),
                Taken::Late => {}
                Taken::Closed => break,
            }
        }
        self.finish();
        self.tally
    }

    fn frame(&mut self, frame: Frame) {
        let time = frame.time();
        if self
            .recent
            .back()
            .is_some_and(|newest| newest.time() > time)
        {
            // The source began anew.
            self.forget(|_| true);
            self.due = time;
        }
        if time < self.due {
            return;
        }
        let (frames, seconds) = self.config.fps.ratio();
        let gap = Duration::from_secs_f64(f64::from(seconds) / f64::from(frames));
        // As near to the rate as the source's own times allow, and without catching up.
        self.due = (self.due + gap).max(time + gap / 2);
        if let Some(running) = &self.clip {
            let over = running.until.is_some_and(|until| time > until);
            let long = time.saturating_sub(running.began).as_secs_f64() > self.config.max_seconds;
            if over || long || running.clip.bytes() > self.config.max_megabytes * MEGABYTE {
                self.finish();
            }
        }
        self.write(&frame);
        self.recent_bytes += frame.bytes_held();
        self.recent.push_back(frame);
        let kept = Duration::from_secs_f64(self.config.pre) + LATENESS;
        self.forget(|oldest| oldest.time() + kept < time);
        let most = usize::try_from(self.config.memory_megabytes * MEGABYTE).unwrap_or(usize::MAX);
        while self.recent_bytes > most && self.recent.len() > 1 {
            self.forget_one();
        }
    }

    fn event(&mut self, event: &Event) {
        if !self.config.labels.is_empty() && !self.config.labels.contains(&event.label) {
            return;
        }
        match event.kind {
            EventKind::Start => {
                if self.clip.is_none() {
                    self.begin(event);
                }
                if let Some(running) = &mut self.clip {
                    running.until = None;
                }
            }
            EventKind::End => {
                if let Some(running) = &mut self.clip {
                    running.until = Some(event.time + Duration::from_secs_f64(self.config.post));
                }
            }
        }
    }

    fn begin(&mut self, event: &Event) {
        let from = event
            .time
            .saturating_sub(Duration::from_secs_f64(self.config.pre));
        match self.folder.begin(&event.label) {
            Ok(part) => {
                self.clip = Some(Running {
                    clip: Clip::new(part, &self.config),
                    began: from,
                    until: None,
                });
                let before = self.recent.iter().filter(|frame| frame.time() >= from);
                for frame in before.cloned().collect::<Vec<_>>() {
                    self.write(&frame);
                }
            }
            Err(error) => self.lose(&error),
        }
    }

    fn write(&mut self, frame: &Frame) {
        let Some(running) = &mut self.clip else {
            return;
        };
        match running.clip.write(frame) {
            Ok(true) => {}
            // Another size: what there is, is a clip.
            Ok(false) => self.finish(),
            Err(error) => {
                self.clip = None;
                self.lose(&error);
            }
        }
    }

    fn finish(&mut self) {
        let Some(running) = self.clip.take() else {
            return;
        };
        match running
            .clip
            .finish()
            .and_then(|part| self.folder.keep(part))
        {
            Ok(()) => self.complained = false,
            Err(error) => self.lose(&error),
        }
    }

    /// Counts a clip that could not be kept; told once, until one can be kept again.
    fn lose(&mut self, error: &anyhow::Error) {
        self.tally.lost += 1;
        let fault = format!("{error:#}");
        if !std::mem::replace(&mut self.complained, true) {
            say(&format!(
                "praxiscope: note: a clip could not be kept: {fault}"
            ));
        }
        self.tally.fault = Some(fault);
    }

    fn forget(&mut self, old: impl Fn(&Frame) -> bool) {
        while self.recent.front().is_some_and(&old) {
            self.forget_one();
        }
    }

    fn forget_one(&mut self) {
        if let Some(frame) = self.recent.pop_front() {
            self.recent_bytes -= frame.bytes_held();
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
