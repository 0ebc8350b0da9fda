//! Events for an MQTT broker, and entities for Home Assistant.
//!
//! ```text
//! Queue -> messages -> client (protocol, one message under way) -> transport (TCP, TLS)
//! ```
//!
//! Events are sent so that they arrive exactly once (quality of service 2): a message stays here
//! until the broker has it, over any number of connections. While there is none, events wait in the
//! bounded queue, whose oldest ones go first.

mod client;
mod config;
mod messages;
mod transport;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Result;
use praxiscope_runtime::recognizer::Output;

use super::{Message, Queue, Surroundings, Taken, Tally, Worker};
use crate::backoff::Backoff;
use crate::run::say;
use client::Client;
pub use config::MqttConfig;
use messages::{Home, Publish};

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How soon the end is noticed while there is no connection, and an answer while there is one.
const LOOK: Duration = Duration::from_millis(20);
/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// The worker for a broker. That the broker is there is not asked for.
///
/// # Errors
///
/// When the settings or the files that they name are not sound.
pub fn worker(config: &MqttConfig, around: &Surroundings) -> Result<Worker> {
    let home = Home::new(config, around);
    let client = Client::new(config, &home)?;
    let sender = Sender {
        name: config.broker.clone(),
        client,
        home,
        greeting: VecDeque::new(),
        waiting: VecDeque::new(),
        backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
        retry: None,
        complained: false,
    };
    Ok(Box::new(move |inbox| sender.run(inbox)))
}

struct Sender {
    name: String,
    client: Client,
    home: Home,
    /// What a new connection begins with.
    greeting: VecDeque<Publish>,
    /// What became of the last message that was taken from the inbox.
    waiting: VecDeque<Publish>,
    backoff: Backoff,
    retry: Option<Instant>,
    complained: bool,
}

impl Sender {
    fn run(mut self, inbox: &Queue<Message>) -> Tally {
        let mut ended = None;
        loop {
            if ended.is_none() && inbox.is_closed() && inbox.len() == 0 {
                ended = Some(Instant::now() + FAREWELL);
            }
            if ended.is_some_and(|until| !self.client.is_connected() || Instant::now() > until) {
                break;
            }
            if !self.client.is_connected() {
                if inbox.is_closed() {
                    break;
                }
                self.try_to_connect();
                continue;
            }
            let turn = self.turn(inbox);
            match turn {
                Ok(true) if ended.is_some() => break,
                Ok(_) => {}
                Err(error) => self.lost_connection(&error),
            }
        }
        if self.client.is_connected() {
            self.client.farewell(self.home.offline(), FAREWELL);
        }
        let events = |messages: &VecDeque<Publish>| {
            messages
                .iter()
                .filter(|message| message.exactly_once)
                .count() as u64
        };
        let undelivered = events(&self.waiting)
            + u64::from(self.client.has_event_under_way())
            + inbox.len() as u64;
        Tally {
            lost: undelivered + self.client.refused(),
            fault: (undelivered > 0)
                .then(|| format!("no connection to {}", self.name))
                .or_else(|| self.client.refusal()),
        }
    }

    /// One step with a connection; true when there is nothing left to do.
    fn turn(&mut self, inbox: &Queue<Message>) -> Result<bool> {
        if self.client.is_busy() {
            self.client.look(LOOK)?;
            return Ok(false);
        }
        if let Some(message) = self.greeting.pop_front() {
            self.client.publish(message)?;
            return Ok(false);
        }
        if let Some(message) = self.waiting.pop_front() {
            self.client.publish(message)?;
            return Ok(false);
        }
        match inbox.take(Some(Instant::now() + LOOK)) {
            Taken::Thing(Message::Output(output)) => {
                if let Output::Event(event) = &*output {
                    self.waiting = self.home.event(event);
                }
            }
            Taken::Thing(Message::Muted(muted)) => self.waiting = self.home.mute(muted),
            Taken::Thing(Message::Frame(_)) => {}
            Taken::Late => self.client.look(Duration::ZERO)?,
            Taken::Closed => return Ok(true),
        }
        Ok(false)
    }

    fn try_to_connect(&mut self) {
        if let Some(retry) = self.retry
            && Instant::now() < retry
        {
            std::thread::sleep(LOOK);
            return;
        }
        match self.client.connect() {
            Ok(()) => {
                self.backoff.works();
                self.retry = None;
                self.greeting = self.home.greeting();
                if std::mem::take(&mut self.complained) {
                    say(&format!(
                        "praxiscope: note: connected to {} again",
                        self.name
                    ));
                }
            }
            Err(error) => self.lost_connection(&error),
        }
    }

    /// Told once, until it works again.
    fn lost_connection(&mut self, error: &anyhow::Error) {
        self.client.disconnect();
        self.retry = Some(Instant::now() + self.backoff.failed());
        if !std::mem::replace(&mut self.complained, true) {
            let name = &self.name;
            say(&format!(
                "praxiscope: note: no connection to {name}, events wait: {error:#}"
            ));
        }
    }
}
