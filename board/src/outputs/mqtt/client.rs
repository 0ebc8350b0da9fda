//! One client of a broker: connects, and brings one message after the other to its end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::{
    GenericPacketTrait, Packet, Property, Qos, SessionExpiryInterval, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, ConnectReturnCode, MqttError};
use mqtt_protocol_core::mqtt::{Connection, Version, role};

use super::config::MqttConfig;
use super::messages::{Home, Publish};
use super::transport::{Dialer, Link};

/// How often the broker is shown that the device is alive, in seconds.
const KEEP_ALIVE: u16 = 30;
/// How long the broker keeps what it knows of a device that has gone, in seconds (MQTT 5).
const SESSION: u32 = 24 * 3600;
/// The broker has nothing to say that is longer.
const LONGEST_PACKET: u32 = 64 << 10;

/// A client, connected or not.
pub struct Client {
    dialer: Dialer,
    version: Version,
    timeout: Duration,
    id: String,
    will: Publish,
    credentials: Option<(String, String)>,
    protocol: Connection<role::Client>,
    link: Option<Link>,
    /// When to send a ping, and by when its answer must have come.
    timers: [Option<Instant>; 2],
    /// Whether the broker knows of this run of the program.
    known: bool,
    under_way: Option<UnderWay>,
    greeted: Option<Result<bool, String>>,
    refused: u64,
    refusal: Option<String>,
}

#[derive(Debug)]
struct UnderWay {
    id: u16,
    message: Publish,
    /// The broker has it, and only the rest of the handshake is left.
    received: bool,
    since: Instant,
}

impl Client {
    /// A client that is not connected yet.
    ///
    /// # Errors
    ///
    /// When the settings or the files that they name are not sound.
    pub fn new(config: &MqttConfig, home: &Home) -> Result<Self> {
        let version = config.version()?;
        let mut options = ConnectionOptions::default();
        options.maximum_packet_size_recv = LONGEST_PACKET;
        let mut protocol = Connection::with_options(version, options);
        let timeout = Duration::from_secs_f64(config.timeout);
        protocol.set_auto_pub_response(true);
        protocol.set_pingresp_recv_timeout(timeout.as_millis() as u64);
        Ok(Self {
            dialer: Dialer::new(config)?,
            version,
            timeout,
            id: home.client_id(),
            will: home.offline(),
            credentials: config.credentials()?,
            protocol,
            link: None,
            timers: [None; 2],
            known: false,
            under_way: None,
            greeted: None,
            refused: 0,
            refusal: None,
        })
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Whether a message is under way: the next one has to wait.
    pub fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether an event is under way that the broker does not have yet.
    pub fn has_event_under_way(&self) -> bool {
        let event = |under_way: &UnderWay| under_way.message.exactly_once && !under_way.received;
        self.under_way.as_ref().is_some_and(event)
    }

    /// How many messages the broker did not want.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Why, the last time.
    pub fn refusal(&self) -> Option<String> {
        self.refusal.clone()
    }

    /// Connects, and takes up the message that was under way.
    ///
    /// # Errors
    ///
    /// When the broker is not there, does not answer in time, or refuses.
    pub fn connect(&mut self) -> Result<()> {
        if !self.known {
            // An earlier run may have left half a handshake behind, whose number the first message
            // of this one would be taken for. Only MQTT 5 forgets that and remembers from then on;
            // with 3.1.1 it takes a connection of its own.
            self.open(true)?;
            self.known = true;
            if self.version == Version::V5_0 {
                return Ok(());
            }
            self.hang_up();
        }
        let remembered = self.open(false)?;
        let Some(UnderWay {
            message, received, ..
        }) = self.under_way.take_if(|_| !remembered)
        else {
            return Ok(());
        };
        // The broker has forgotten the session. Of a message that it had, only the release was left,
        // and sent again it would be a second one.
        if received {
            Ok(())
        } else {
            self.publish(message)
        }
    }

    /// Sends a message; it is under way then.
    ///
    /// # Errors
    ///
    /// When the connection is over. The message is kept for the next one.
    pub fn publish(&mut self, message: Publish) -> Result<()> {
        let id = self
            .protocol
            .acquire_packet_id()
            .map_err(|error| anyhow!("no number for a message: {error}"))?;
        let packet = packet_of(&message, id, self.version);
        self.under_way = Some(UnderWay {
            id,
            message,
            received: false,
            since: Instant::now(),
        });
        match packet {
            Ok(packet) => {
                let events = self.protocol.send(packet);
                self.perform(events)
            }
            Err(error) => {
                self.under_way = None;
                self.refuse(format!("no message: {error}"));
                Ok(())
            }
        }
    }

    /// Takes what the broker says within `wait`, and keeps the connection alive.
    ///
    /// # Errors
    ///
    /// When the connection is over, or the broker says nothing where it should.
    pub fn look(&mut self, wait: Duration) -> Result<()> {
        let mut buffer = [0; 4096];
        let link = self.link.as_mut().context("no connection")?;
        let read = link.read(&mut buffer, wait)?;
        let mut bytes = Cursor::new(&buffer[..read]);
        while !bytes.remaining_slice().is_empty() {
            let events = self.protocol.recv(&mut bytes);
            self.perform(events)?;
        }
        for (index, kind) in [TimerKind::PingreqSend, TimerKind::PingrespRecv]
            .into_iter()
            .enumerate()
        {
            if self.timers[index]
                .take_if(|due| *due <= Instant::now())
                .is_some()
            {
                let events = self.protocol.notify_timer_fired(kind);
                self.perform(events)?;
            }
        }
        match &self.under_way {
            Some(under_way) if under_way.since.elapsed() > self.timeout => {
                bail!("the broker does not answer")
            }
            _ => Ok(()),
        }
    }

    /// Says goodbye; within `patience`, whatever the broker does.
    pub fn farewell(&mut self, last: Publish, patience: Duration) {
        let until = Instant::now() + patience;
        if !self.is_busy() && self.publish(last).is_ok() {
            while self.is_busy() && Instant::now() < until {
                if self.look(Duration::from_millis(20)).is_err() {
                    break;
                }
            }
        }
        self.hang_up();
    }

    /// Drops the connection.
    pub fn disconnect(&mut self) {
        if self.link.take().is_some() {
            // What it tells of timers and numbers is about the connection that is over.
            let _ = self.protocol.notify_closed();
        }
        self.timers = [None; 2];
    }

    /// Ends the connection in order: the broker then does not say that the device has gone.
    fn hang_up(&mut self) {
        let packet: Option<Packet> = match self.version {
            Version::V5_0 => v5_0::Disconnect::builder().build().ok().map(Into::into),
            _ => v3_1_1::Disconnect::builder().build().ok().map(Into::into),
        };
        if let (Some(packet), true) = (packet, self.is_connected()) {
            let events = self.protocol.send(packet);
            // It is over in any case.
            let _ = self.perform(events);
        }
        self.disconnect();
    }

    /// Opens a connection; tells whether the broker remembers the last one.
    fn open(&mut self, clean: bool) -> Result<bool> {
        self.link = Some(self.dialer.dial()?);
        self.greeted = None;
        let opened = self.introduce(clean);
        if opened.is_err() {
            self.disconnect();
        }
        opened
    }

    fn introduce(&mut self, clean: bool) -> Result<bool> {
        let packet = self
            .connect_packet(clean)
            .map_err(|error| anyhow!("no greeting for the broker: {error}"))?;
        let until = Instant::now() + self.timeout;
        let events = self.protocol.send(packet);
        self.perform(events)?;
        while Instant::now() < until {
            if let Some(greeted) = self.greeted.take() {
                if let Some(under_way) = &mut self.under_way {
                    under_way.since = Instant::now();
                }
                return greeted.map_err(|why| anyhow!("the broker refuses: {why}"));
            }
            self.look(Duration::from_millis(20))?;
        }
        bail!("the broker does not answer")
    }

    fn connect_packet(&self, clean: bool) -> Result<Packet, MqttError> {
        let Publish { topic, payload, .. } = &self.will;
        macro_rules! build {
            ($builder:expr) => {{
                let mut builder = $builder
                    .client_id(self.id.as_str())?
                    .clean_start(clean)
                    .keep_alive(KEEP_ALIVE)
                    .will_message(topic.as_str(), payload, Qos::AtLeastOnce, true)?;
                if let Some((user, password)) = &self.credentials {
                    builder = builder
                        .user_name(user.as_str())?
                        .password(password.as_str())?;
                }
                builder
            }};
        }
        Ok(match self.version {
            Version::V5_0 => {
                let expiry = Property::SessionExpiryInterval(SessionExpiryInterval::new(SESSION)?);
                build!(v5_0::Connect::builder())
                    .props(vec![expiry])
                    .build()?
                    .into()
            }
            _ => build!(v3_1_1::Connect::builder()).build()?.into(),
        })
    }

    /// Does what the protocol asks for.
    fn perform(&mut self, events: Vec<Event>) -> Result<()> {
        let mut fault = None;
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    let link = self.link.as_mut().context("no connection")?;
                    link.write(&packet.to_continuous_buffer())?;
                }
                Event::NotifyPacketReceived(packet) => self.received(&packet),
                Event::NotifyPacketIdReleased(id) => {
                    self.under_way.take_if(|under_way| under_way.id == id);
                }
                Event::RequestTimerReset { kind, duration_ms } => {
                    let due = Instant::now().checked_add(Duration::from_millis(duration_ms));
                    if let Some(timer) = self.timer(kind) {
                        *timer = due;
                    }
                }
                Event::RequestTimerCancel(kind) => {
                    if let Some(timer) = self.timer(kind) {
                        *timer = None;
                    }
                }
                Event::NotifyError(error) => {
                    fault = Some(anyhow!("the protocol is broken: {error}"))
                }
                Event::RequestClose => {
                    fault.get_or_insert_with(|| anyhow!("the broker ended the connection"));
                }
            }
        }
        fault.map_or(Ok(()), Err)
    }

    fn received(&mut self, packet: &Packet) {
        match packet {
            Packet::V3_1_1Connack(answer) => {
                let code = answer.return_code();
                let good = code == ConnectReturnCode::Accepted;
                self.greeted = Some(if good {
                    Ok(answer.session_present())
                } else {
                    Err(format!("{code:?}"))
                });
            }
            Packet::V5_0Connack(answer) => {
                let code = answer.reason_code();
                let good = code == ConnectReasonCode::Success;
                self.greeted = Some(if good {
                    Ok(answer.session_present())
                } else {
                    Err(format!("{code:?}"))
                });
            }
            Packet::V3_1_1Pubrec(_) => self.note_received(),
            Packet::V5_0Pubrec(answer) => match answer.reason_code() {
                Some(code) if code.is_failure() => self.refuse(format!("refused: {code:?}")),
                _ => self.note_received(),
            },
            Packet::V5_0Puback(answer) => {
                if let Some(code) = answer.reason_code().filter(|code| code.is_failure()) {
                    self.refuse(format!("refused: {code:?}"));
                }
            }
            _ => {}
        }
    }

    fn note_received(&mut self) {
        if let Some(under_way) = &mut self.under_way {
            under_way.received = true;
        }
    }

    fn refuse(&mut self, why: String) {
        self.refused += 1;
        self.refusal = Some(why);
    }

    fn timer(&mut self, kind: TimerKind) -> Option<&mut Option<Instant>> {
        match kind {
            TimerKind::PingreqSend => self.timers.first_mut(),
            TimerKind::PingrespRecv => self.timers.last_mut(),
            TimerKind::PingreqRecv => None,
        }
    }
}

fn packet_of(message: &Publish, id: u16, version: Version) -> Result<Packet, MqttError> {
    let qos = if message.exactly_once {
        Qos::ExactlyOnce
    } else {
        Qos::AtLeastOnce
    };
    macro_rules! build {
        ($builder:expr) => {
            $builder
                .topic_name(message.topic.as_str())?
                .qos(qos)
                .retain(message.retain)
                .packet_id(id)
                .payload(message.payload.as_slice())
                .build()?
                .into()
        };
    }
    Ok(match version {
        Version::V5_0 => build!(v5_0::Publish::builder()),
        _ => build!(v3_1_1::Publish::builder()),
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
