//! A real MQTT broker, Debian's mosquitto, and a guest of it.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the broker and its guest are installed.
pub fn is_installed() -> bool {
    ["mosquitto", "mosquitto_sub"].iter().all(|program| {
        let help = Command::new(program)
            .arg("--help")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        help.is_ok()
    })
}

/// A broker that keeps its sessions over a restart.
#[derive(Debug)]
pub struct Broker {
    config: PathBuf,
    /// The port on this machine that it listens at.
    pub port: u16,
    child: Option<Child>,
}

impl Broker {
    /// Starts a broker that keeps its files in `folder`; `more` goes into its configuration.
    pub fn start(folder: &Path, more: &str) -> Broker {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let config = folder.join("mosquitto.conf");
        let store = folder.display();
        let user = if more.contains("password_file") {
            ""
        } else {
            "allow_anonymous true\n"
        };
        let text = format!(
            "listener {port} 127.0.0.1\npersistence true\npersistence_location {store}/\nuser root\n\
             {user}{more}\n"
        );
        std::fs::write(&config, text).expect("a configuration");
        let mut broker = Broker {
            config,
            port,
            child: None,
        };
        broker.restart();
        broker
    }

    /// Starts it (again) and waits until it listens.
    pub fn restart(&mut self) {
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(&self.config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("mosquitto starts"));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it in order: it saves what it knows.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let id = child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &id]).status();
            let _ = child.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A guest that is told what is published, and stays the broker's guest while that is away.
#[derive(Debug)]
pub struct Guest {
    child: Child,
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Guest {
    /// Listens to `topic`; `more` are further arguments of `mosquitto_sub`.
    pub fn listen(broker: &Broker, topic: &str, more: &[&str]) -> Guest {
        // Line by line even into a pipe, which it would fill up before it lets go of a line.
        let mut child = Command::new("stdbuf")
            .args(["-oL", "mosquitto_sub"])
            .args(["-h", "localhost", "-p", &broker.port.to_string()])
            .args(["-c", "-i", "guest", "-q", "2", "-t", topic, "-F", "%t\t%p"])
            .args(["-d", "-k", "5"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto_sub starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let heard = Arc::<Mutex<Vec<_>>>::default();
        let listened = Arc::new(Mutex::new(false));
        let (hears, listens) = (Arc::clone(&heard), Arc::clone(&listened));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if line.contains("SUBACK") {
                    *listens.lock().expect("nobody panics") = true;
                }
                if let Some((topic, payload)) = line.split_once('\t') {
                    let message = (topic.to_owned(), payload.to_owned());
                    hears.lock().expect("nobody panics").push(message);
                }
            }
        });
        let deadline = Instant::now() + PATIENCE;
        while !*listened.lock().expect("nobody panics") {
            assert!(
                Instant::now() < deadline,
                "mosquitto_sub does not subscribe"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Guest { child, heard }
    }

    /// What was heard so far: topics and contents.
    pub fn heard(&self) -> Vec<(String, String)> {
        self.heard.lock().expect("nobody panics").clone()
    }

    /// The contents of `topic`, once there are `count` at least.
    #[track_caller]
    pub fn wait_for(&self, topic: &str, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard();
            let contents = heard
                .iter()
                .filter(|(t, _)| t == topic)
                .map(|(_, p)| p.clone());
            let contents: Vec<_> = contents.collect();
            if contents.len() >= count {
                return contents;
            }
            assert!(
                Instant::now() < deadline,
                "{count} of {topic} are not in {heard:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
