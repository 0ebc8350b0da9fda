//! A child process with a group of its own, and its output, which is never waited for for ever.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::stop::Stop;

/// How soon a stop is noticed while the program is silent.
const SLICE: Duration = Duration::from_millis(100);
/// How long a program may take to end when it is asked to, before it is made to.
const GRACE: Duration = Duration::from_millis(250);
/// How long a program may take for its first bytes at the least: cameras on a network take seconds.
const START: Duration = Duration::from_secs(20);
/// The longest line of a program's complaints that is repeated.
const WORDS: usize = 200;

/// A program that is started, ended, and started again.
pub struct Program {
    command: Vec<String>,
    stop: Stop,
    running: Arc<Mutex<Option<Running>>>,
}

struct Running {
    child: Child,
    group: Option<Pid>,
    stdout: Option<ChildStdout>,
    words: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

impl Program {
    /// A program that does not run yet. It is asked to end as soon as `stop` asks.
    pub fn new(command: &[String], stop: &Stop) -> Self {
        let program = Self {
            command: command.to_vec(),
            stop: stop.clone(),
            running: Arc::default(),
        };
        let running = Arc::downgrade(&program.running);
        stop.then(move || {
            if let Some(running) = running.upgrade()
                && let Some(running) = &*lock(&running)
            {
                running.signal(Signal::TERM);
            }
        });
        program
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When there is no such program, or it may not be run.
    pub fn start(&mut self) -> Result<()> {
        let (program, arguments) = self.command.split_first().context("no program is named")?;
        let started = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut child = started.map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow!("the program {program} is not installed"),
            _ => anyhow!("the program {program} cannot be run: {error}"),
        })?;
        let words = Arc::default();
        let stderr = child.stderr.take();
        let listener = stderr.map(|stderr| listen(stderr, Arc::clone(&words)));
        *lock(&self.running) = Some(Running {
            group: i32::try_from(child.id()).ok().and_then(Pid::from_raw),
            stdout: child.stdout.take(),
            child,
            words,
            listener,
        });
        Ok(())
    }

    /// What the program writes; it is started where it does not run. A silence of `timeout` is an
    /// error.
    ///
    /// # Errors
    ///
    /// As [`Program::start`].
    pub fn output(&mut self, timeout: Duration) -> Result<Output> {
        let waiting =
            |running: &Option<Running>| running.as_ref().is_some_and(|r| r.stdout.is_some());
        if !waiting(&lock(&self.running)) {
            self.start()?;
        }
        let mut running = lock(&self.running);
        let stdout = running.as_mut().and_then(|running| running.stdout.take());
        Ok(Output {
            stdout: stdout.context("it has no output")?,
            timeout,
            begun: false,
            stop: self.stop.clone(),
        })
    }

    /// Ends it with all that it started; gives the last line of its complaints, or how it ended.
    pub fn end(&mut self) -> Option<String> {
        let running = lock(&self.running).take()?;
        running.end()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It has ended already, and that is all that was wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    fn end(mut self) -> Option<String> {
        // One that closed its output ends by itself in a moment, and its status tells why.
        let by_itself = self.has_ended_within(Duration::from_millis(50));
        if !by_itself {
            self.signal(Signal::TERM);
            self.has_ended_within(GRACE);
        }
        // The group still has its number, for its first member has not been waited for.
        self.signal(Signal::KILL);
        let status = self.child.wait().ok();
        // All who could complain have ended, but for one that left the group.
        let until = Instant::now() + GRACE;
        while self.listener.as_ref().is_some_and(|l| !l.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        let words = self
            .words
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if !words.is_empty() {
            return Some(words);
        }
        let failed = status.filter(|status| by_itself && !status.success());
        failed.map(|status| status.to_string())
    }

    fn has_ended_within(&self, patience: Duration) -> bool {
        let Some(leader) = self.group else {
            return true;
        };
        let until = Instant::now() + patience;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(leader), options) {
                Ok(Some(_)) | Err(_) => return true,
                Ok(None) if Instant::now() >= until => return false,
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

/// Keeps the last line of what the program complains of. The thread ends with the program.
fn listen(stderr: ChildStderr, words: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stderr = BufReader::new(stderr);
        let mut line = vec![];
        while (&mut stderr)
            .take(1 << 12)
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line);
            let text: String = text
                .trim()
                .chars()
                .filter(|c| !c.is_control())
                .take(WORDS)
                .collect();
            if !text.is_empty() {
                *words.lock().unwrap_or_else(PoisonError::into_inner) = text;
            }
            line.clear();
        }
    })
}

fn lock(running: &Mutex<Option<Running>>) -> MutexGuard<'_, Option<Running>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program's standard output. It ends when the run is stopped.
pub struct Output {
    stdout: ChildStdout,
    timeout: Duration,
    /// Whether anything has come.
    begun: bool,
    stop: Stop,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let patience = if self.begun {
            self.timeout
        } else {
            self.timeout.max(START)
        };
        let until = Instant::now() + patience;
        let slice = Timespec::try_from(SLICE).map_err(io::Error::other)?;
        loop {
            let ready = poll(
                &mut [PollFd::new(&self.stdout, PollFlags::IN)],
                Some(&slice),
            );
            match ready {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => {
                    self.begun = true;
                    return self.stdout.read(buffer);
                }
                Err(error) => return Err(error.into()),
            }
            if self.stop.asked() {
                return Ok(0);
            }
            if Instant::now() >= until {
                let silence = format!("it gave nothing for {patience:.0?}");
                return Err(io::Error::new(ErrorKind::TimedOut, silence));
            }
        }
    }
}
