//! What all requests share, and the beat that brings it up to date.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::live::Live;
use super::picture::Pictures;
use super::{Access, Subject};
use crate::telemetry::{History, Stage, Telemetry};

/// The page's state. It lives on the page's thread.
pub struct Site {
    pub telemetry: Arc<Telemetry>,
    pub access: Access,
    pub subject: Subject,
    pub history: RefCell<History>,
    pub live: RefCell<Live>,
    pub pictures: RefCell<Pictures>,
}

/// Whether the pipeline lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// No frame has gone through yet.
    Starting,
    /// Frames go through.
    Live,
    /// The source failed and is being tried again.
    Away,
    /// A stage hangs.
    Stalled(Stage),
}

impl Site {
    /// A page that nobody has looked at.
    pub fn new(telemetry: Arc<Telemetry>, access: Access, subject: Subject) -> Rc<Self> {
        Rc::new(Self {
            telemetry,
            access,
            subject,
            history: RefCell::default(),
            live: RefCell::default(),
            pictures: RefCell::default(),
        })
    }

    /// Whether the pipeline lives.
    pub fn health(&self) -> Health {
        let progress = self.telemetry.progress();
        match Stage::ALL.into_iter().find(|&stage| progress.hangs(stage)) {
            Some(stage) => Health::Stalled(stage),
            None if progress.is_away() => Health::Away,
            None if self.telemetry.counts().processed.get() == 0 => Health::Starting,
            None => Health::Live,
        }
    }
}

/// Takes in what the pipeline left and pushes it to the browsers, every `tick`.
pub async fn tick(site: Rc<Site>, tick: Duration) {
    let mut beat = tokio::time::interval(tick);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        site.history.borrow_mut().update(&site.telemetry);
        site.live.borrow_mut().push(&site);
    }
}
