//! Requests as a program on the network makes them, well-formed or not.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer that takes so long never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code; 0 when the connection was closed without one.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The rest.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The address in a line that says `http://ADDRESS/`.
#[track_caller]
pub fn address_in(line: &str) -> SocketAddr {
    let (_, rest) = line.split_once("http://").expect("an address");
    let (address, _) = rest.split_once('/').expect("an address");
    address.parse().expect("an address")
}

/// Connects.
#[track_caller]
pub fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// Sends these bytes and reads until the server closes the connection.
#[track_caller]
pub fn send(to: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = connect(to);
    // A server may refuse before it has read everything.
    let _ = stream.write_all(request);
    let mut bytes = vec![];
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => bytes.extend(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("no answer: {error}"),
        }
    }
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = end.map_or((&bytes[..], &[][..]), |end| {
        (&bytes[..end], &bytes[end + 4..])
    });
    let head = String::from_utf8_lossy(head).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_default(),
        head,
        body: body.to_vec(),
    }
}

/// Reads `path`, with these header lines.
#[track_caller]
pub fn get(to: SocketAddr, path: &str, headers: &[&str]) -> Answer {
    let mut request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|line| line.starts_with("Host:")) {
        request += &format!("Host: {to}\r\n");
    }
    headers
        .iter()
        .for_each(|line| request += &format!("{line}\r\n"));
    send(to, format!("{request}\r\n").as_bytes())
}
