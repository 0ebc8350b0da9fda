//! One stream through a program.

mod buffers;
mod maps;
mod profile;
mod saved;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use praxiscope_kernels::Team;
use thiserror::Error;

pub(super) use buffers::{Spare, Stay};
pub use maps::{Input, Made};
pub use profile::NodeTime;
pub use saved::{Saved, SavedError};

use super::clockwork::{Clockwork, Tick};
use super::compute::{Map, Means, Running, Taps, Work};
use super::program::{Node, Program};
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
    rings: Vec<VecDeque<Map>>,
    /// For each node what it sums up since the start.
    running: Vec<Running>,
    taps: Taps<'static, f32>,
    value_taps: Taps<'static, i8>,
    ended: bool,
    profile: Option<Profile>,
    team: Arc<Team>,
}

impl Run {
    /// A stream that has seen nothing yet.
    pub fn new(program: &Arc<Program>) -> Run {
        Run {
            clockwork: Clockwork::new(program),
            rings: program.wires().iter().map(|_| VecDeque::new()).collect(),
            running: program.nodes().iter().map(|_| Running::default()).collect(),
            taps: Taps::default(),
            value_taps: Taps::default(),
            ended: false,
            profile: None,
            team: Arc::default(),
            program: Arc::clone(program),
        }
    }

    /// Lets a team's threads share the work of each node from now on. Answers stay what they are, bit
    /// for bit.
    pub fn share_work(&mut self, team: &Arc<Team>) {
        self.team = Arc::clone(team);
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
        self.observe(frame, &mut |_, _| ())?;
        Ok(self.answers())
    }

    /// Takes the next frame, which `fill` writes where it is needed.
    ///
    /// # Errors
    /// [`RunError::Node`]; the stream is as new then.
    pub fn step_with(
        &mut self,
        fill: impl FnOnce(Input<'_>),
    ) -> Result<impl Iterator<Item = Answer<'_>>, RunError> {
        self.advance(Some(fill), &mut |_, _| ())?;
        Ok(self.answers())
    }

    /// Takes the next frame as [`step`](Run::step) does, and shows every map that comes onto a wire (by
    /// its place in [`Program::wires`]) to `observer`. What nobody reads is not made.
    ///
    /// # Errors
    /// [`RunError`]; the stream is as new then.
    pub fn observe(
        &mut self,
        frame: &[f32],
        observer: &mut dyn FnMut(usize, Made<'_>),
    ) -> Result<(), RunError> {
        let (found, wanted) = (frame.len(), self.program.wires()[Program::SOURCE].len());
        if found != wanted {
            return Err(RunError::Frame { found, wanted });
        }
        self.advance(Some(|input: Input<'_>| input.copy_from(frame)), observer)
    }

    /// Ends the recording as [`finish`](Run::finish) does, and shows what is made.
    ///
    /// # Errors
    /// [`RunError::Node`]; the stream is as new then.
    pub fn observe_end(
        &mut self,
        observer: &mut dyn FnMut(usize, Made<'_>),
    ) -> Result<(), RunError> {
        self.advance(None::<fn(Input<'_>)>, observer)
    }

    /// Takes the frame that `fill` writes, or the recording's end.
    fn advance(
        &mut self,
        fill: Option<impl FnOnce(Input<'_>)>,
        observer: &mut dyn FnMut(usize, Made<'_>),
    ) -> Result<(), RunError> {
        if self.ended {
            self.reset();
        }
        let program = Arc::clone(&self.program);
        let mut spare = program.take_spare();
        self.release_answers(&mut spare);
        match fill {
            Some(fill) if self.clockwork.feed(&program) => {
                let wire = &program.wires()[Program::SOURCE];
                let mut frame = spare.take(wire.len(), wire.quantization.is_some(), wire.stay);
                fill(Input::of(&mut frame, wire.quantization));
                observer(Program::SOURCE, Made::of(&frame, wire.quantization));
                self.rings[Program::SOURCE].push_back(frame);
            }
            Some(_) => {}
            None => {
                self.clockwork.end();
                self.ended = true;
            }
        }
        self.sweep(&program, spare, observer)
    }

    /// Ends the recording: gives all that is still owed. The next step begins another recording.
    ///
    /// # Errors
    /// [`RunError::Node`]; the stream is as new then.
    pub fn finish(&mut self) -> Result<impl Iterator<Item = Answer<'_>>, RunError> {
        self.observe_end(&mut |_, _| ())?;
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
                values: values.numbers(),
            })
    }

    fn release_answers(&mut self, spare: &mut Spare) {
        let output = self.program.output();
        self.rings[output]
            .drain(..)
            .for_each(|frame| spare.give(frame));
        self.clockwork.release_answers(&self.program);
    }

    fn sweep(
        &mut self,
        program: &Program,
        mut spare: Spare,
        observer: &mut dyn FnMut(usize, Made<'_>),
    ) -> Result<(), RunError> {
        let Run {
            clockwork,
            rings,
            running,
            taps,
            value_taps,
            profile,
            team,
            ..
        } = self;
        let means = Means {
            isa: program.isa(),
            team,
        };
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
                    let wire = &program.wires()[node.output];
                    let mut output = spare.take(wire.len(), wire.quantization.is_some(), wire.stay);
                    let mut scratch = spare.numbers(node.work.scratch());
                    let started = profile.as_ref().map(|_| Instant::now());
                    let done = if let Work::Int(int) = &node.work {
                        let mut read = std::mem::take(value_taps);
                        gather(&mut read, node, row, rings, clockwork, Map::values);
                        let done = int.run(&read, &mut output, means);
                        *value_taps = read.recycle();
                        done
                    } else {
                        let mut read = std::mem::take(taps);
                        gather(&mut read, node, row, rings, clockwork, Map::numbers);
                        let running = &mut running[id];
                        let done = node
                            .work
                            .run(&read, running, &mut scratch, &mut output, means);
                        *taps = read.recycle();
                        done
                    };
                    if let (Some(profile), Some(started)) = (profile.as_mut(), started) {
                        profile.add(id, started.elapsed());
                    }
                    spare.give_numbers(scratch);
                    if let Err(reason) = done {
                        let node = program.wires()[node.output].name.clone();
                        let reason = reason.to_string();
                        return Err(RunError::Node { node, reason });
                    }
                    observer(node.output, Made::of(&output, wire.quantization));
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

/// The frames that a node reads for a row, input by input, oldest first; `None` is padding.
fn gather<'a, T>(
    taps: &mut Taps<'a, T>,
    node: &Node,
    row: u64,
    rings: &'a [VecDeque<Map>],
    clockwork: &Clockwork,
    of: impl Fn(&'a Map) -> &'a [T] + Copy,
) {
    for port in &node.ports {
        let ring = &rings[port.wire];
        let came = clockwork.came[port.wire] as i64;
        let from = clockwork.kept_from[port.wire] as i64;
        taps.extend((0..port.need.kernel).map(|tap| {
            let frame = port.need.tap(row, tap);
            let there = (0..came).contains(&frame);
            let slot = usize::try_from(frame - from).ok();
            let slot = slot.filter(|_| there);
            slot.and_then(|slot| ring.get(slot)).map(of)
        }));
    }
}
