//! What systemd wants to hear (`sd_notify(3)`): ready, alive, status, stopping.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to systemd; silent where the program was not started by it.
#[derive(Debug, Default)]
pub struct Systemd {
    socket: Option<UnixDatagram>,
    period: Option<Duration>,
}

impl Systemd {
    /// As the environment tells.
    pub fn from_env() -> Self {
        let variable = |name: &str| env::var(name).ok();
        let ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let period = variable("WATCHDOG_USEC").and_then(|usec| usec.parse().ok());
        Self {
            socket: variable("NOTIFY_SOCKET").and_then(|name| connect(&name).ok()),
            period: period.filter(|_| ours).map(Duration::from_micros),
        }
    }

    /// How often systemd's watchdog wants to hear that the program lives, at least.
    pub fn period(&self) -> Option<Duration> {
        self.period.filter(|period| !period.is_zero())
    }

    /// The program is set up.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// Frames go through.
    pub fn alive(&self) {
        if self.period.is_some() {
            self.send("WATCHDOG=1");
        }
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace('\n', " ")));
    }

    /// The program ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// A message that nobody takes is not worth more than the frames.
    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(message.as_bytes());
        }
    }
}

fn connect(name: &str) -> io::Result<UnixDatagram> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_reach_a_socket_with_a_path_or_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let abstract_name = format!("praxiscope-test-{}", std::process::id());
        let listeners = [
            (
                path.to_str().unwrap().to_owned(),
                UnixDatagram::bind(&path).unwrap(),
            ),
            (
                format!("@{abstract_name}"),
                UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&abstract_name).unwrap())
                    .unwrap(),
            ),
        ];
        for (name, listener) in listeners {
            let systemd = Systemd {
                socket: Some(connect(&name).unwrap()),
                period: Some(Duration::from_secs(1)),
            };
            systemd.ready();
            systemd.status("a\nb");
            systemd.alive();
            let mut heard = [0; 64];
            for wanted in ["READY=1", "STATUS=a b", "WATCHDOG=1"] {
                let length = listener.recv(&mut heard).unwrap();
                assert_eq!(&heard[..length], wanted.as_bytes());
            }
        }
    }

    #[test]
    fn without_systemd_nothing_is_said() {
        let silent = Systemd::default();
        silent.ready();
        silent.alive();
        assert_eq!(silent.period(), None);
        assert!(connect("/nowhere/at/all").is_err());
    }
}
