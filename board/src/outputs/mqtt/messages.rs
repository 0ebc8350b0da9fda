//! What the broker is told: topics and contents, Home Assistant's among them.

use std::collections::{BTreeSet, VecDeque};
use std::time::SystemTime;

use praxiscope_runtime::events::{Event, EventKind};
use serde_json::{Value, json};

use super::super::Surroundings;
use super::super::lines::{EventLine, json_bytes};
use super::MqttConfig;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Whether who comes later is told too.
    pub retain: bool,
    /// An event, which must arrive once; else a state, which may arrive again.
    pub exactly_once: bool,
}

/// The device as the broker's other guests see it.
#[derive(Clone, Debug)]
pub struct Home {
    base: String,
    id: String,
    model: String,
    discovery: String,
    gestures: Vec<String>,
    lasting: Vec<String>,
    on: BTreeSet<String>,
    muted: bool,
    /// Tells this run's events from those of others.
    run: String,
    count: u64,
}

impl Home {
    /// A device that has seen nothing yet.
    pub fn new(config: &MqttConfig, around: &Surroundings) -> Self {
        let id = config.id.clone().unwrap_or_else(machine_name);
        let gestures = around
            .classes
            .iter()
            .filter(|class| !config.lasting.contains(class));
        Self {
            base: format!("praxiscope/{id}"),
            id,
            model: around.model.clone(),
            discovery: config.discovery.clone(),
            gestures: gestures.cloned().collect(),
            lasting: config.lasting.clone(),
            on: BTreeSet::new(),
            muted: false,
            run: run_name(),
            count: 0,
        }
    }

    /// The device's name at the broker.
    pub fn client_id(&self) -> String {
        format!("praxiscope-{}", self.id)
    }

    /// What the broker says in the device's name when it has gone.
    pub fn offline(&self) -> Publish {
        self.state("availability", "offline")
    }

    /// What a new connection begins with: that the device is there, what it has, and how it is.
    pub fn greeting(&self) -> VecDeque<Publish> {
        let mut messages = VecDeque::from([self.state("availability", "online")]);
        if !self.discovery.is_empty() {
            messages.extend(self.entities());
        }
        messages.push_back(self.muted_state());
        messages.extend(self.lasting.iter().map(|label| self.lasting_state(label)));
        messages
    }

    /// What an event is told by.
    pub fn event(&mut self, event: &Event) -> VecDeque<Publish> {
        self.count += 1;
        let id = format!("{}-{}", self.run, self.count);
        let line = EventLine::of(event);
        let mut told = serde_json::to_value(&line).unwrap_or_default();
        told["id"] = json!(id);
        let mut messages = VecDeque::from([self.once("events", &told)]);
        if self.lasting.contains(&event.label) {
            match event.kind {
                EventKind::Start => self.on.insert(event.label.clone()),
                EventKind::End => self.on.remove(&event.label),
            };
            messages.push_back(self.lasting_state(&event.label));
        } else if event.kind == EventKind::Start {
            let mut gesture = told;
            gesture["event_type"] = json!(event.label);
            messages.push_back(self.once("gesture", &gesture));
        }
        messages
    }

    /// What muting is told by: nothing is on then.
    pub fn mute(&mut self, muted: bool) -> VecDeque<Publish> {
        self.muted = muted;
        self.on.clear();
        let states = self.lasting.iter().map(|label| self.lasting_state(label));
        states.chain([self.muted_state()]).collect()
    }

    fn entities(&self) -> Vec<Publish> {
        let mut entities = vec![];
        if !self.gestures.is_empty() {
            let about = json!({
                "name": "Gesture",
                "state_topic": self.topic("gesture"),
                "event_types": self.gestures,
            });
            entities.push(self.entity("event", "gesture", about));
        }
        for label in &self.lasting {
            let about = json!({ "name": label, "state_topic": self.topic(&lasting_topic(label)) });
            entities.push(self.entity("binary_sensor", &format!("lasting_{}", slug(label)), about));
        }
        let about = json!({
            "name": "Muted",
            "state_topic": self.topic("muted"),
            "entity_category": "diagnostic",
        });
        entities.push(self.entity("binary_sensor", "muted", about));
        entities
    }

    fn entity(&self, component: &str, name: &str, mut about: Value) -> Publish {
        let id = &self.id;
        about["unique_id"] = json!(format!("praxiscope_{id}_{name}"));
        about["availability_topic"] = json!(self.topic("availability"));
        about["device"] = json!({
            "identifiers": [format!("praxiscope_{id}")],
            "name": format!("Praxiscope {id}"),
            "manufacturer": "Praxiscope",
            "model": self.model,
            "sw_version": env!("CARGO_PKG_VERSION"),
        });
        about["origin"] = json!({ "name": "praxiscope", "sw": env!("CARGO_PKG_VERSION") });
        Publish {
            topic: format!(
                "{}/{component}/praxiscope_{id}/{name}/config",
                self.discovery
            ),
            payload: about.to_string().into_bytes(),
            retain: true,
            exactly_once: false,
        }
    }

    fn lasting_state(&self, label: &str) -> Publish {
        let on = self.on.contains(label);
        self.state(&lasting_topic(label), if on { "ON" } else { "OFF" })
    }

    fn muted_state(&self) -> Publish {
        self.state("muted", if self.muted { "ON" } else { "OFF" })
    }

    fn state(&self, topic: &str, payload: &str) -> Publish {
        Publish {
            topic: self.topic(topic),
            payload: payload.into(),
            retain: true,
            exactly_once: false,
        }
    }

    fn once(&self, topic: &str, content: &Value) -> Publish {
        let mut payload = json_bytes(content);
        payload.pop();
        Publish {
            topic: self.topic(topic),
            payload,
            retain: false,
            exactly_once: true,
        }
    }

    fn topic(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }
}

fn lasting_topic(label: &str) -> String {
    format!("lasting/{}", slug(label))
}

/// A label as a part of a topic: letters, digits and `_`. Others are told apart by their numbers.
fn slug(label: &str) -> String {
    let part = |c: char| match c {
        'a'..='z' | '0'..='9' | '_' => c.to_string(),
        'A'..='Z' => c.to_ascii_lowercase().to_string(),
        ' ' | '-' => "_".into(),
        other => format!("{:x}", u32::from(other)),
    };
    label.chars().map(part).collect()
}

fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let kept: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(40)
        .collect();
    if kept.is_empty() {
        "board".into()
    } else {
        kept
    }
}

fn run_name() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = now.map_or(0, |now| now.as_nanos() as u64);
    format!("{nanos:x}-{:x}", std::process::id())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn home(text: &str) -> Home {
        let config = format!("broker = 'mqtt://a'\nid = 'door'\n{text}");
        let around = Surroundings {
            classes: ["wave", "typing"].map(String::from).into(),
            ..Surroundings::of_test()
        };
        Home::new(&toml::from_str(&config).unwrap(), &around)
    }

    fn event(kind: EventKind, label: &str) -> Event {
        Event {
            kind,
            label: label.into(),
            frame: 7,
            time: Duration::from_millis(250),
            decided: 8,
            score: 0.5,
        }
    }

    fn told(messages: &VecDeque<Publish>) -> Vec<(&str, String)> {
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
        messages
            .iter()
            .map(|m| (&*m.topic, text(&m.payload)))
            .collect()
    }

    #[test]
    fn a_gesture_is_told_at_its_start_and_a_lasting_action_is_on_or_off() {
        let mut home = home("lasting = ['typing']");
        let start = home.event(&event(EventKind::Start, "wave"));
        let end = home.event(&event(EventKind::End, "wave"));
        let topics = |messages: &VecDeque<Publish>| -> Vec<String> {
            messages.iter().map(|m| m.topic.clone()).collect()
        };
        assert_eq!(
            topics(&start),
            ["praxiscope/door/events", "praxiscope/door/gesture"]
        );
        assert_eq!(topics(&end), ["praxiscope/door/events"]);
        let gesture: Value = serde_json::from_slice(&start[1].payload).unwrap();
        assert_eq!(
            (&gesture["event_type"], &gesture["t"]),
            (&json!("wave"), &json!(0.25))
        );
        assert!(
            start
                .iter()
                .all(|message| message.exactly_once && !message.retain)
        );
        for (kind, state) in [(EventKind::Start, "ON"), (EventKind::End, "OFF")] {
            let messages = home.event(&event(kind, "typing"));
            assert_eq!(
                told(&messages)[1],
                ("praxiscope/door/lasting/typing", state.into())
            );
            assert!(messages[1].retain && !messages[1].exactly_once);
        }
    }

    #[test]
    fn no_two_events_have_the_same_id() {
        let mut home = home("");
        let mut ids = BTreeSet::new();
        for _ in 0..10 {
            let messages = home.event(&event(EventKind::Start, "wave"));
            let content: Value = serde_json::from_slice(&messages[0].payload).unwrap();
            assert!(ids.insert(content["id"].to_string()));
        }
    }

    #[test]
    fn home_assistant_finds_each_entity_with_its_availability() {
        let greeting = home("lasting = ['typing']").greeting();
        let entities: Vec<Value> = greeting
            .iter()
            .filter(|message| message.topic.ends_with("/config"))
            .map(|message| serde_json::from_slice(&message.payload).unwrap())
            .collect();
        assert_eq!(entities.len(), 3);
        assert_eq!(entities[0]["event_types"], json!(["wave"]));
        for entity in &entities {
            assert_eq!(entity["availability_topic"], "praxiscope/door/availability");
            assert!(entity["unique_id"].is_string() && entity["device"]["identifiers"].is_array());
        }
        assert!(greeting.iter().all(|message| message.retain));
        assert!(
            home("discovery = ''")
                .greeting()
                .iter()
                .all(|m| !m.topic.contains("config"))
        );
    }

    #[test]
    fn what_is_on_is_told_to_a_new_connection_and_muting_ends_it() {
        let mut home = home("lasting = ['typing']");
        home.event(&event(EventKind::Start, "typing"));
        let on = ("praxiscope/door/lasting/typing", "ON".to_owned());
        assert!(told(&home.greeting()).contains(&on));
        let off = ("praxiscope/door/lasting/typing", "OFF".to_owned());
        assert!(told(&home.mute(true)).contains(&off));
        assert!(told(&home.greeting()).contains(&("praxiscope/door/muted", "ON".to_owned())));
    }

    #[test]
    fn a_label_makes_one_level_of_a_topic() {
        for (label, topic) in [
            ("swipe left", "swipe_left"),
            ("a/b#+", "a2fb232b"),
            ("Ä", "c4"),
        ] {
            assert_eq!(slug(label), topic);
        }
    }
}
