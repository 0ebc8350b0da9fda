//! `praxc` and `praxiscope`, run as a user runs them.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::built::folder_of_programs;

/// A program that runs for so long hangs.
const PATIENCE: Duration = Duration::from_secs(300);
const PANIC: &str = "panicked";

/// The praxiscope compiler.
pub fn praxc() -> Program {
    Program::new("praxc")
}

/// The program of the device.
pub fn praxiscope() -> Program {
    Program::new("praxiscope")
}

/// A program that is about to run.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    command: Command,
    input: Vec<u8>,
    output: Stdio,
}

impl Program {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            command: Command::new(folder_of_programs().join(name)),
            input: vec![],
            output: Stdio::piped(),
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds the words of `line`, which are separated by spaces.
    pub fn args(mut self, line: &str) -> Self {
        self.command.args(line.split_whitespace());
        self
    }

    /// Runs in this folder.
    pub fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What comes on standard input; else it is empty.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Where standard output goes, instead of into the caller's hands.
    pub fn output(mut self, output: impl Into<Stdio>) -> Self {
        self.output = output.into();
        self
    }

    /// Runs to the end.
    pub fn run(mut self) -> Ended {
        let input = std::mem::take(&mut self.input);
        let mut running = self.start();
        let mut stdin = running.take_stdin();
        // A program may end before it has read everything.
        let feeder = std::thread::spawn(move || _ = stdin.write_all(&input));
        let ended = running.wait();
        feeder.join().expect("the feeder does not panic");
        ended
    }

    /// Starts it, with all three streams in the caller's hands.
    pub fn start(mut self) -> Running {
        let child = self
            .command
            .stdin(Stdio::piped())
            .stdout(self.output)
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{} starts: {error}", self.name));
        let stderr = child.stderr.take().expect("piped");
        let heard = Arc::default();
        Running {
            name: self.name,
            child,
            stderr: Some(collect(Heard(stderr, Arc::clone(&heard)))),
            heard,
        }
    }

    /// Starts it and waits until a line of its standard error holds `words`; gives that line too.
    #[track_caller]
    pub fn start_until(self, words: &str) -> (Running, String) {
        let running = self.start();
        running.wait_until_it_says(words, 1);
        let heard = running.heard.lock().expect("nobody panics").clone();
        let heard = String::from_utf8_lossy(&heard).into_owned();
        let mut lines = heard.lines();
        let line = lines.find(|line| line.contains(words)).unwrap_or_default();
        (running, line.to_owned())
    }
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    child: Child,
    stderr: Option<JoinHandle<Vec<u8>>>,
    heard: Arc<Mutex<Vec<u8>>>,
}

/// A reader of which all that was read is known at once.
struct Heard<R>(R, Arc<Mutex<Vec<u8>>>);

impl<R: Read> Read for Heard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1
            .lock()
            .expect("nobody panics")
            .extend(&buffer[..read]);
        Ok(read)
    }
}

impl Running {
    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The end that feeds its standard input; dropped, it ends that input.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("taken once")
    }

    /// The end that reads its standard output; without it, [`Running::wait`] collects that.
    pub fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("taken once")
    }

    /// Asks it to end, as `kill` does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([&format!("-{name}"), &self.id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success());
    }

    /// Waits until there are `count` lines with these words on its standard error.
    #[track_caller]
    pub fn wait_until_it_says(&self, words: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard.lock().expect("nobody panics").clone();
            let heard = String::from_utf8_lossy(&heard);
            // A line may arrive in parts: only an ended one counts.
            let whole = heard.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if whole.lines().filter(|line| line.contains(words)).count() >= count {
                return;
            }
            assert!(Instant::now() < deadline, "{words:?} is not in {heard}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Ended {
        let stdout = self.child.stdout.take().map(collect);
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("{} hangs: not done after {PATIENCE:?}", self.name);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = |reader: Option<JoinHandle<Vec<u8>>>| {
            let bytes = reader.map(|reader| reader.join().expect("readers do not panic"));
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        };
        let stderr = text(self.stderr.take());
        assert!(!stderr.contains(PANIC), "{}: {stderr}", self.name);
        Ended {
            name: self.name,
            status,
            stdout: text(stdout),
            stderr,
        }
    }
}

impl Drop for Running {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// How a program ended; it did not panic.
#[derive(Clone, Debug)]
pub struct Ended {
    name: &'static str,
    status: ExitStatus,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Ended {
    /// Asserts the exit code.
    #[track_caller]
    pub fn exits_with(self, code: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "{} ({})\nstandard output: {}\nstandard error: {}",
            self.name,
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub fn good(self) -> Self {
        self.exits_with(0)
    }

    /// Asserts that the input was refused: exit code 2, nothing on standard output, and for all of
    /// standard error one sentence with each of `words` in it.
    #[track_caller]
    pub fn refused(self, words: &[&str]) -> Self {
        self.did_nothing(2, words)
    }

    /// Asserts that a device or a reference is not there: as [`refused`](Ended::refused), with exit code 3.
    #[track_caller]
    pub fn absent(self, words: &[&str]) -> Self {
        self.did_nothing(3, words)
    }

    #[track_caller]
    fn did_nothing(self, code: i32, words: &[&str]) -> Self {
        let ended = self.exits_with(code);
        assert_eq!(ended.stdout, "", "nothing was done");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        ended.says(words)
    }

    /// Asserts that one line of standard error is the program's own sentence and holds `words`.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let prefix = format!("{}: ", self.name);
        let sentences = self.stderr.lines().filter(|line| {
            line.strip_prefix(&prefix)
                .is_some_and(|rest| !rest.starts_with("note:"))
        });
        let sentences: Vec<&str> = sentences.collect();
        let [sentence] = sentences[..] else {
            panic!("one sentence is expected: {}", self.stderr);
        };
        for word in words {
            assert!(sentence.contains(word), "{word:?} is not in: {sentence}");
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }
}

fn collect(mut reader: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = vec![];
        // What was read before a fault still tells what happened.
        let _ = reader.read_to_end(&mut bytes);
        bytes
    })
}
