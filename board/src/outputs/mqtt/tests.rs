use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use proptest::prelude::*;

use super::super::super::Surroundings;
use super::*;

/// A broker that does with each connection, in order, what it is told to.
fn broker(acts: Vec<fn(&mut TcpStream)>) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        for act in acts {
            let (mut guest, _) = listener.accept().unwrap();
            act(&mut guest);
        }
    });
    (port, thread)
}

fn client(port: u16, version: &str) -> Client {
    let text = format!("broker = 'mqtt://127.0.0.1:{port}'\nversion = '{version}'\ntimeout = 0.2");
    let config: MqttConfig = toml::from_str(&text).unwrap();
    let home = Home::new(&config, &Surroundings::of_test());
    Client::new(&config, &home).unwrap()
}

fn event() -> Publish {
    Publish {
        topic: "a/b".into(),
        payload: b"it happened".to_vec(),
        retain: false,
        exactly_once: true,
    }
}

/// Reads one packet of less than 128 bytes: its first byte and the rest.
fn packet(guest: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    guest.read_exact(&mut head).unwrap();
    let mut rest = vec![0; usize::from(head[1])];
    guest.read_exact(&mut rest).unwrap();
    (head[0], rest)
}

/// Accepts a CONNECT, and remembers no session.
fn greet(guest: &mut TcpStream) {
    assert_eq!(packet(guest).0, 0x10);
    guest.write_all(&[0x20, 2, 0, 0]).unwrap();
}

/// Accepts a CONNECT and waits for the DISCONNECT that follows at once.
fn greet_and_part(guest: &mut TcpStream) {
    greet(guest);
    assert_eq!(packet(guest).0, 0xe0);
}

fn publish_id(guest: &mut TcpStream) -> [u8; 2] {
    let (kind, rest) = packet(guest);
    assert_eq!(kind & 0xf6, 0x34, "a PUBLISH of quality 2");
    [rest[5], rest[6]]
}

/// Looks until the message is through, or the connection over.
fn settle(client: &mut Client) -> Result<()> {
    while client.is_busy() {
        client.look(Duration::from_millis(20))?;
    }
    Ok(())
}

#[test]
fn a_broker_that_never_answers_is_given_up() {
    let (port, thread) = broker(vec![|guest| {
        // Until the client hangs up.
        let _ = guest.read_to_end(&mut vec![]);
    }]);
    let mut client = client(port, "3.1.1");
    let error = client.connect().unwrap_err().to_string();
    assert!(error.contains("does not answer"), "{error}");
    assert!(!client.is_connected());
    thread.join().unwrap();
}

#[test]
fn a_broker_that_falls_silent_is_given_up_and_the_message_kept() {
    let (port, thread) = broker(vec![greet_and_part, |guest| {
        greet(guest);
        let _ = guest.read_to_end(&mut vec![]);
    }]);
    let mut client = client(port, "3.1.1");
    client.connect().unwrap();
    client.publish(event()).unwrap();
    let error = settle(&mut client).unwrap_err().to_string();
    assert!(error.contains("does not answer"), "{error}");
    assert!(client.is_busy() && client.has_event_under_way());
    client.disconnect();
    thread.join().unwrap();
}

#[test]
fn what_is_no_answer_is_refused() {
    let answers: [fn(&mut TcpStream); 6] = [
        |guest| {
            guest
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap()
        },
        |guest| guest.write_all(&[0x20, 2, 0, 5]).unwrap(),
        |guest| {
            guest
                .write_all(&[0x20, 0xff, 0xff, 0xff, 0xff, 0xff])
                .unwrap()
        },
        |guest| guest.write_all(&[0x30, 0xff, 0xff, 0xff, 0x7f]).unwrap(),
        |guest| guest.write_all(&[0x40, 2, 0, 9]).unwrap(),
        |_| {},
    ];
    for version in ["3.1.1", "5"] {
        for answer in answers {
            let (port, thread) = broker(vec![answer]);
            let mut client = client(port, version);
            assert!(client.connect().is_err());
            assert!(!client.is_connected());
            thread.join().unwrap();
        }
    }
}

#[test]
fn a_message_goes_through_all_four_steps() {
    let (port, thread) = broker(vec![greet_and_part, |guest| {
        greet(guest);
        let [high, low] = publish_id(guest);
        guest.write_all(&[0x50, 2, high, low]).unwrap();
        assert_eq!(packet(guest), (0x62, vec![high, low]));
        guest.write_all(&[0x70, 2, high, low]).unwrap();
        let _ = guest.read_to_end(&mut vec![]);
    }]);
    let mut client = client(port, "3.1.1");
    client.connect().unwrap();
    client.publish(event()).unwrap();
    settle(&mut client).unwrap();
    client.disconnect();
    thread.join().unwrap();
}

#[test]
fn a_message_that_a_forgetful_broker_never_had_is_sent_again() {
    let (port, thread) = broker(vec![
        greet_and_part,
        |guest| {
            greet(guest);
            publish_id(guest);
        },
        |guest| {
            greet(guest);
            publish_id(guest);
        },
    ]);
    let mut client = client(port, "3.1.1");
    client.connect().unwrap();
    client.publish(event()).unwrap();
    assert!(settle(&mut client).is_err());
    client.disconnect();
    client.connect().unwrap();
    assert!(client.has_event_under_way());
    thread.join().unwrap();
}

#[test]
fn a_message_that_a_forgetful_broker_had_is_not_sent_again() {
    let (port, thread) = broker(vec![
        greet_and_part,
        |guest| {
            greet(guest);
            let [high, low] = publish_id(guest);
            guest.write_all(&[0x50, 2, high, low]).unwrap();
            assert_eq!(packet(guest).0, 0x62);
        },
        greet,
    ]);
    let mut client = client(port, "3.1.1");
    client.connect().unwrap();
    client.publish(event()).unwrap();
    assert!(settle(&mut client).is_err());
    assert!(!client.has_event_under_way());
    client.disconnect();
    client.connect().unwrap();
    assert!(!client.is_busy());
    thread.join().unwrap();
}

#[test]
fn a_broker_that_remembers_gets_only_the_rest_of_the_handshake() {
    let (port, thread) = broker(vec![
        greet_and_part,
        |guest| {
            greet(guest);
            let [high, low] = publish_id(guest);
            guest.write_all(&[0x50, 2, high, low]).unwrap();
            assert_eq!(packet(guest).0, 0x62);
        },
        |guest| {
            assert_eq!(packet(guest).0, 0x10);
            guest.write_all(&[0x20, 2, 1, 0]).unwrap();
            let (kind, id) = packet(guest);
            assert_eq!(kind, 0x62);
            guest.write_all(&[0x70, 2, id[0], id[1]]).unwrap();
            let _ = guest.read_to_end(&mut vec![]);
        },
    ]);
    let mut client = client(port, "3.1.1");
    client.connect().unwrap();
    client.publish(event()).unwrap();
    assert!(settle(&mut client).is_err());
    client.disconnect();
    client.connect().unwrap();
    settle(&mut client).unwrap();
    client.disconnect();
    thread.join().unwrap();
}

proptest! {
    /// The flashed program ends at a panic: whatever a broker sends must be refused, not fallen over.
    #[test]
    fn no_bytes_make_the_protocol_panic(
        greets: bool,
        kind in 0u8..16,
        flags in 0u8..16,
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        five: bool,
    ) {
        let version = if five { Version::V5_0 } else { Version::V3_1_1 };
        let mut client = client(1, if five { "5" } else { "3.1.1" });
        let _ = client.protocol.send(client.connect_packet(true).unwrap());
        let connack: &[u8] = if five { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
        if greets {
            let _ = client.protocol.recv(&mut Cursor::new(connack));
            let id = client.protocol.acquire_packet_id().unwrap();
            let _ = client.protocol.send(packet_of(&event(), id, version).unwrap());
        }
        let mut sent = vec![kind << 4 | flags, bytes.len() as u8];
        sent.extend(bytes);
        let mut cursor = Cursor::new(&sent[..]);
        while !cursor.remaining_slice().is_empty() {
            let _ = client.protocol.recv(&mut cursor);
        }
    }
}
