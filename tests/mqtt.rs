//! Events at a real broker, Debian's mosquitto: that it goes and comes costs no event and doubles
//! none.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Command};
use std::time::Duration;

use praxiscope_tests::broker::{Broker, Guest, is_installed};
use praxiscope_tests::clip::Clip;
use praxiscope_tests::files::{folder, say_skipped, times};
use praxiscope_tests::programs::{Program, praxiscope};
use serde_json::Value;

const BASE: &str = "praxiscope/door";

fn skipped(test: &str) -> bool {
    let skips = !is_installed();
    if skips {
        say_skipped(test, "mosquitto and mosquitto-clients are not installed");
    }
    skips
}

/// The program with a pipe to watch and a broker to tell.
fn telling(folder: &Path, mqtt: &str) -> Program {
    let config = folder.join("praxiscope.toml");
    std::fs::write(&config, format!("[outputs.mqtt]\nid = 'door'\n{mqtt}")).unwrap();
    praxiscope()
        .args("run --no-pace --input - --config")
        .arg(config)
}

fn play(clip: &Clip, stdin: &mut ChildStdin, times: usize) {
    for _ in 0..times {
        for number in 0..clip.frames.len() {
            stdin.write_all(&clip.record(number)).unwrap();
        }
    }
}

/// The events as they were told, without their ids, which are all different.
#[track_caller]
fn without_ids(told: &[String]) -> Vec<Value> {
    let mut ids = BTreeSet::new();
    let strip = |text: &String| {
        let mut event: Value = serde_json::from_str(text).unwrap();
        let id = event.as_object_mut().unwrap().remove("id").unwrap();
        assert!(ids.insert(id.to_string()), "{id} came twice");
        event
    };
    told.iter().map(strip).collect()
}

fn events_in(stdout: &str) -> Vec<Value> {
    let lines = stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["label"].is_string()).collect()
}

#[test]
fn a_broker_that_goes_and_comes_back_costs_no_event_and_doubles_none() {
    if skipped("mqtt::a_broker_that_goes_and_comes_back") {
        return;
    }
    for version in ["3.1.1", "5"] {
        let folder = folder();
        let mut broker = Broker::start(folder.path(), "");
        let guest = Guest::listen(&broker, &format!("{BASE}/#"), &[]);
        let settings = format!(
            "broker = 'mqtt://localhost:{}'\nversion = '{version}'",
            broker.port
        );
        let mut running = telling(folder.path(), &settings).start();
        let mut stdin = running.take_stdin();
        let clip = Clip::demo();
        stdin.write_all(&clip.header()).unwrap();
        let events = format!("{BASE}/events");
        play(&clip, &mut stdin, 1);
        guest.wait_for(&events, 2);
        for round in 1..=times("PRAXISCOPE_ROUNDS", 2) {
            // It goes in the middle of events, and others happen while it is away.
            play(&clip, &mut stdin, 1);
            broker.stop();
            running.wait_until_it_says("events wait", round);
            play(&clip, &mut stdin, 2);
            broker.restart();
            running.wait_until_it_says("again", round);
            play(&clip, &mut stdin, 1);
        }
        drop(stdin);
        let ended = running.wait().good();
        let wanted = events_in(&ended.stdout);
        assert!(wanted.len() > 20, "{}", ended.stdout);
        let told = guest.wait_for(&events, wanted.len());
        // A message whose handshake was cut may come behind the next one.
        let in_order = |mut events: Vec<Value>| {
            events.sort_by_key(|event| event["decided"].as_u64());
            events
        };
        let told = in_order(without_ids(&told));
        assert_eq!(told, in_order(wanted), "{}", ended.stderr);
        let availability = guest.wait_for(&format!("{BASE}/availability"), 2);
        assert_eq!(availability.first().unwrap(), "online");
        assert_eq!(availability.last().unwrap(), "offline");
    }
}

#[test]
fn beyond_the_queue_the_oldest_events_go_and_are_counted() {
    if skipped("mqtt::beyond_the_queue_the_oldest_events_go") {
        return;
    }
    let folder = folder();
    let mut broker = Broker::start(folder.path(), "");
    let guest = Guest::listen(&broker, &format!("{BASE}/events"), &[]);
    broker.stop();
    let settings = format!("broker = 'mqtt://localhost:{}'\nqueue = 5", broker.port);
    let mut running = telling(folder.path(), &settings).start();
    let mut stdin = running.take_stdin();
    let clip = Clip::demo();
    stdin.write_all(&clip.header()).unwrap();
    running.wait_until_it_says("events wait", 1);
    play(&clip, &mut stdin, 3);
    // All but the newest frames were seen when the pipe has taken these.
    let mut still = clip.clone();
    still.frames = vec![clip.frames[0].clone(); 30];
    play(&still, &mut stdin, 1);
    std::thread::sleep(Duration::from_millis(500));
    broker.restart();
    running.wait_until_it_says("again", 1);
    guest.wait_for(&format!("{BASE}/events"), 5);
    drop(stdin);
    let ended = running.wait().good();
    let all = events_in(&ended.stdout);
    let told = without_ids(&guest.wait_for(&format!("{BASE}/events"), 5));
    assert_eq!(told, all[all.len() - told.len()..], "{}", ended.stderr);
    let dropped = format!("MQTT: {} dropped", all.len() - told.len());
    assert!(
        ended.stderr.contains(&dropped),
        "{dropped}: {}",
        ended.stderr
    );
}

#[test]
fn home_assistant_is_told_what_there_is_and_when_the_device_has_gone() {
    if skipped("mqtt::home_assistant_is_told") {
        return;
    }
    let folder = folder();
    let broker = Broker::start(folder.path(), "");
    let guest = Guest::listen(&broker, "#", &[]);
    let settings = format!(
        "broker = 'mqtt://localhost:{}'\nlasting = ['swipe_left']",
        broker.port
    );
    let mut running = telling(folder.path(), &settings).start();
    let mut stdin = running.take_stdin();
    let clip = Clip::demo();
    stdin.write_all(&clip.header()).unwrap();
    play(&clip, &mut stdin, 2);
    let gesture = guest.wait_for(&format!("{BASE}/gesture"), 1);
    let states = guest.wait_for(&format!("{BASE}/lasting/swipe_left"), 3);
    assert_eq!(states[..3], ["OFF", "ON", "OFF"]);
    let topic = "homeassistant/event/praxiscope_door/gesture/config";
    let entity: Value = serde_json::from_str(&guest.wait_for(topic, 1)[0]).unwrap();
    let first: Value = serde_json::from_str(&gesture[0]).unwrap();
    let types = entity["event_types"].as_array().unwrap();
    assert!(
        types.contains(&first["event_type"]) && types.len() == 3,
        "{entity}"
    );
    guest.wait_for(
        "homeassistant/binary_sensor/praxiscope_door/lasting_swipe_left/config",
        1,
    );
    // It is killed, and cannot say so: its last will does.
    running.signal("KILL");
    let availability = guest.wait_for(&format!("{BASE}/availability"), 2);
    assert_eq!(availability, ["online", "offline"]);
}

#[test]
fn events_go_through_tls_to_a_broker_that_wants_a_password() {
    if skipped("mqtt::events_go_through_tls") {
        return;
    }
    let folder = folder();
    let place = folder.path();
    if !certificates(place) {
        return say_skipped("mqtt::events_go_through_tls", "openssl is not installed");
    }
    let file = |name: &str| place.join(name).display().to_string();
    let passwords = Command::new("mosquitto_passwd")
        .args(["-b", "-c", &file("passwords"), "me", "open sesame"])
        .status();
    assert!(passwords.unwrap().success());
    let more = format!(
        "cafile {}\ncertfile {}\nkeyfile {}\npassword_file {}",
        file("ca.pem"),
        file("server.pem"),
        file("server.key"),
        file("passwords")
    );
    let broker = Broker::start(place, &more);
    let me = ["--cafile", &file("ca.pem"), "-u", "me", "-P", "open sesame"];
    let guest = Guest::listen(&broker, &format!("{BASE}/events"), &me);
    std::fs::write(place.join("secret"), "me\nopen sesame\n").unwrap();
    std::fs::write(place.join("wrong"), "me\nopen barley\n").unwrap();
    let clip = Clip::demo();
    for version in ["3.1.1", "5"] {
        let before = guest.heard().len();
        let settings = |ca: &str, secret: &str| {
            format!(
                "broker = 'mqtts://localhost:{}'\nversion = '{version}'\nca_file = '{ca}'\n\
                 credentials_file = '{secret}'",
                broker.port
            )
        };
        let mut running = telling(place, &settings("ca.pem", "secret")).start();
        let mut stdin = running.take_stdin();
        stdin.write_all(&clip.to_bytes()).unwrap();
        guest.wait_for(&format!("{BASE}/events"), before + 2);
        drop(stdin);
        let wanted = events_in(&running.wait().good().stdout);
        let told = guest.wait_for(&format!("{BASE}/events"), before + wanted.len());
        assert_eq!(without_ids(&told[before..]), wanted);
        // Another authority's word does not count, and a wrong password neither.
        for (ca, secret) in [("other.pem", "secret"), ("ca.pem", "wrong")] {
            let mut running = telling(place, &settings(ca, secret)).start();
            let mut stdin = running.take_stdin();
            stdin.write_all(&clip.header()).unwrap();
            running.wait_until_it_says("no connection", 1);
            play(&clip, &mut stdin, 1);
            drop(stdin);
            running.wait().good();
        }
        assert_eq!(guest.heard().len(), before + wanted.len());
    }
}

/// Two authorities, and a certificate for this machine by the first.
fn certificates(folder: &Path) -> bool {
    let script = "
        set -e
        for ca in ca other; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                -subj /CN=$ca -keyout $ca.key -out $ca.pem
        done
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
            -keyout server.key -out server.csr
        printf 'subjectAltName=DNS:localhost\\n' > names
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile names -out server.pem";
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .output();
    made.is_ok_and(|made| made.status.success())
}
