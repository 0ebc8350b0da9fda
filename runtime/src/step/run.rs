//! One stream through a program.

mod buffers;
mod profile;
mod saved;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use thiserror::Error;

pub(super) use buffers::Spare;
pub use profile::NodeTime;
pub use saved::{Saved, SavedError};

use super::clockwork::{Clockwork, Tick};
use super::compute::{Running, Taps};
use super::program::Program;
use profile::Profile;

/// Why a program did not take a frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RunError {
    /// The frame has not the program's size.
    #[error("a frame of {found} numbers was given to a program that takes {wanted}")]
    Frame {
        /// Numbers given.
        found: usize,
        /// Numbers of one frame.
        wanted: usize,
    },
    /// A kernel refused its input.
    #[error("the node {node:?} failed: {reason}")]
    Node {
        /// The node.
        node: String,
        /// What the kernel said.
        reason: String,
    },
}

/// One row of a program's output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer<'a> {
    /// Its number, counted from 0.
    pub row: u64,
    /// The number of the frame that it speaks of, counted from 0; `None` if no frame has come.
    pub frame: Option<u64>,
    /// The feature map, `[H, W, C]`.
    pub values: &'a [f32],
}

/// One stream: it owns the rings of past feature maps and shares the program.
#[derive(Debug)]
pub struct Run {
    program: Arc<Program>,
    clockwork: Clockwork,
    /// The kept frames of each wire, oldest first.
    rings: Vec<VecDeque<Vec<f32>>>,
    /// For each node what it sums up since the start.
    running: Vec<Running>,
    taps: Taps<'static>,
    ended: bool,
    profile: Option<Profile>,
}

impl Run {
    /// A stream that has seen nothing yet.
    pub fn new(program: &Arc<Program>) -> Run {
        Run {
            clockwork: Clockwork::new(program),
            rings: program.wires().iter().map(|_| VecDeque::new()).collect(),
            running: program.nodes().iter().map(|_| Running::default()).collect(),
            taps: Taps::default(),
            ended: false,
            profile: None,
            program: Arc::clone(program),
        }
    }

    /// The program that is run.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Frames of the recording that were taken.
    pub fn frames(&self) -> u64 {
        match self.ended {
            true => 0,
            false => self.clockwork.came[Program::SOURCE],
        }
    }

    /// Takes the next frame, `[H, W, C]`; gives what became known by it.
    ///
    /// # Errors
    /// [`RunError`]; the stream is as new then.
    pub fn step(&mut self, frame: &[f32]) -> Result<impl Iterator<Item = Answer<'_>>, RunError> {
        let wanted = self.program.wires()[Program::SOURCE].len();
        if frame.len() != wanted {
            let found = frame.len();
            return Err(RunError::Frame { found, wanted });
        }
        self.step_with(|input| input.copy_from_slice(frame))
    }

    /// Takes the next frame, which `fill` writes where it is needed. The buffer holds old numbers.
    ///
    /// # Errors
    /// [`RunError::Node`]; the stream is as new then.
    pub fn step_with(
        &mut self,
        fill: impl FnOnce(&mut [f32]),
    ) -> Result<impl Iterator<Item = Answer<'_>>, RunError> {
        if self.ended {
            self.reset();
        }
        let program = Arc::clone(&self.program);
        let mut spare = program.take_spare();
        self.release_answers(&mut spare);
        if self.clockwork.feed(&program) {
            let mut frame = spare.take(program.wires()[Program::SOURCE].len());
            fill(&mut frame);
            self.rings[Program::SOURCE].push_back(frame);
        }
        self.sweep(&program, spare)?;
        Ok(self.answers())
    }

    /// Ends the recording: gives all that is still owed. The next step begins another recording.
    ///
    /// # Errors
    /// [`RunError::Node`]; the stream is as new then.
    pub fn finish(&mut self) -> Result<impl Iterator<Item = Answer<'_>>, RunError> {
        if self.ended {
            self.reset();
        }
        let program = Arc::clone(&self.program);
        let mut spare = program.take_spare();
        self.release_answers(&mut spare);
        self.clockwork.end();
        self.ended = true;
        self.sweep(&program, spare)?;
        Ok(self.answers())
    }

    /// Forgets everything, as a new stream would be.
    pub fn reset(&mut self) {
        self.clockwork = Clockwork::new(&self.program);
        self.rings.iter_mut().for_each(VecDeque::clear);
        self.running.iter_mut().for_each(Running::reset);
        self.ended = false;
    }

    /// The answers of the last step.
    fn answers(&self) -> impl Iterator<Item = Answer<'_>> {
        let output = self.program.output();
        let time = self.program.facts().answers;
        let newest = self.clockwork.came[Program::SOURCE].checked_sub(1);
        let first = self.clockwork.kept_from[output];
        (first..)
            .zip(&self.rings[output])
            .map(move |(row, values)| Answer {
                row,
                frame: newest.map(|newest| time.own_frame(row).clamp(0, newest as i64) as u64),
                values,
            })
    }

    fn release_answers(&mut self, spare: &mut Spare) {
        let output = self.program.output();
        self.rings[output]
            .drain(..)
            .for_each(|frame| spare.give(frame));
        self.clockwork.release_answers(&self.program);
    }

    fn sweep(&mut self, program: &Program, mut spare: Spare) -> Result<(), RunError> {
        let Run {
            clockwork,
            rings,
            running,
            taps,
            profile,
            ..
        } = self;
        let swept = clockwork.sweep(program, |clockwork, tick| {
            match tick {
                Tick::Release { wire } => {
                    if let Some(frame) = rings[wire].pop_front() {
                        spare.give(frame);
                    }
                }
                Tick::Fire { node, row, read } => {
                    let (id, node) = (node, &program.nodes()[node]);
                    if !read && !node.work.sees_all_since_the_start() {
                        return Ok(());
                    }
                    let mut output = spare.take(program.wires()[node.output].len());
                    let mut read_taps = std::mem::take(taps);
                    for port in &node.ports {
                        let ring = &rings[port.wire];
                        let (came, from) = (
                            clockwork.came[port.wire] as i64,
                            clockwork.kept_from[port.wire] as i64,
                        );
                        read_taps.extend((0..port.need.kernel).map(|tap| {
                            let frame = port.need.tap(row, tap);
                            let there = (0..came).contains(&frame);
                            let slot = usize::try_from(frame - from).ok();
                            let slot = slot.filter(|_| there);
                            slot.and_then(|slot| ring.get(slot)).map(Vec::as_slice)
                        }));
                    }
                    let mut scratch = spare.take(node.work.scratch());
                    let started = profile.as_ref().map(|_| Instant::now());
                    let done = node.work.run(
                        &read_taps,
                        &mut running[id],
                        &mut scratch,
                        &mut output,
                        program.isa(),
                    );
                    if let (Some(profile), Some(started)) = (profile.as_mut(), started) {
                        profile.add(id, started.elapsed());
                    }
                    *taps = read_taps.recycle();
                    spare.give(scratch);
                    if let Err(reason) = done {
                        let node = program.wires()[node.output].name.clone();
                        let reason = reason.to_string();
                        return Err(RunError::Node { node, reason });
                    }
                    match read {
                        true => rings[node.output].push_back(output),
                        false => spare.give(output),
                    }
                }
            }
            Ok(())
        });
        program.give_spare(spare);
        if swept.is_err() {
            self.reset();
        }
        swept
    }
}
