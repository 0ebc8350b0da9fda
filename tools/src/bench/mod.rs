//! How long a network takes for a frame.

mod profile;
mod times;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::{ArrayD, IxDyn};
use praxiscope_runtime::step::{Input, NodeTime, Quantization, Run, RunError, Team};
use praxiscope_runtime::stream::{Model, Stream, StreamError};
use thiserror::Error;
use tract_core::prelude::{IntoTensor, Tensor};

use crate::noise::Noise;

pub use profile::{OperatorShare, Profile};
pub use times::{Cycle, Times};

/// Different frames that are given in turn.
const FRAMES: usize = 8;
const SEED: u64 = 1;

/// Why a network was not timed.
#[derive(Debug, Error)]
pub enum BenchError {
    /// Of a step program.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Of a network in clip mode.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The frames.
    #[error("frames of noise cannot be made: {0}")]
    Frames(#[from] ndarray::ShapeError),
}

/// A network and the frames that it is timed on.
#[derive(Debug)]
pub struct Timed {
    engine: Engine,
    frames: Vec<ArrayD<f32>>,
    given: usize,
}

#[derive(Debug)]
enum Engine {
    Step {
        run: Box<Run>,
        frames: Vec<Pixels>,
    },
    Clip {
        stream: Box<Stream>,
        frames: Vec<Tensor>,
    },
}

/// A frame `[H, W, 3]` in the form that a program's input has.
#[derive(Debug)]
enum Pixels {
    Numbers(Vec<f32>),
    Values(Vec<i8>),
}

impl Timed {
    /// A new stream over `model`.
    ///
    /// # Errors
    /// [`BenchError::Stream`] if it cannot be made.
    pub fn new(model: &Model) -> Result<Timed, BenchError> {
        let mut noise = Noise::new(&model.manifest().input, SEED);
        let geometry = &model.manifest().input.geometry;
        let shape = IxDyn(&[3, geometry.height, geometry.width]);
        let frames: Result<Vec<_>, _> = (0..FRAMES)
            .map(|_| ArrayD::from_shape_vec(shape.clone(), noise.frame()))
            .collect();
        let frames = frames?;
        let engine = match model.program() {
            Some(program) => Engine::Step {
                run: Box::new(Run::new(program)),
                frames: frames
                    .iter()
                    .map(|frame| pixels(frame, program.input_quantization()))
                    .collect(),
            },
            None => {
                let shape = IxDyn(model.frame_shape());
                let tensors = frames.iter().map(|frame| {
                    let values = frame.iter().copied().collect();
                    ArrayD::from_shape_vec(shape.clone(), values).map(IntoTensor::into_tensor)
                });
                Engine::Clip {
                    stream: Box::new(Stream::new(model)?),
                    frames: tensors.collect::<Result<_, _>>()?,
                }
            }
        };
        Ok(Timed {
            engine,
            frames,
            given: 0,
        })
    }

    /// Lets a team's threads share the work of a step program's nodes.
    pub fn share_work(&mut self, team: &Arc<Team>) {
        if let Engine::Step { run, .. } = &mut self.engine {
            run.share_work(team);
        }
    }

    /// The frame that comes next, `[3, H, W]`.
    pub fn next_frame(&self) -> &ArrayD<f32> {
        &self.frames[self.given % FRAMES]
    }

    /// Gives the next frame: the time that it took, and how many answers came.
    ///
    /// # Errors
    /// What the network refuses.
    pub fn step(&mut self) -> Result<(Duration, usize), BenchError> {
        let number = self.given;
        self.given += 1;
        match &mut self.engine {
            Engine::Step { run, frames } => {
                let pixels = &frames[number % FRAMES];
                let started = Instant::now();
                let answers = run.step_with(|input| pixels.copy_to(input))?.count();
                Ok((started.elapsed(), answers))
            }
            Engine::Clip { stream, frames } => {
                let frame = frames[number % FRAMES].clone();
                let started = Instant::now();
                let answer = stream.step_tensor(frame, number as u64, Duration::ZERO)?;
                Ok((started.elapsed(), usize::from(answer.is_some())))
            }
        }
    }

    /// Takes the time of every node of a step program from now on.
    pub fn start_profile(&mut self) {
        if let Engine::Step { run, .. } = &mut self.engine {
            run.start_profile();
        }
    }

    /// What each node took since; nothing in clip mode.
    pub fn profile(&self) -> Vec<NodeTime> {
        match &self.engine {
            Engine::Step { run, .. } => run.profile(),
            Engine::Clip { .. } => vec![],
        }
    }
}

fn pixels(frame: &ArrayD<f32>, quantization: Option<Quantization>) -> Pixels {
    let pixels = frame.view().permuted_axes(vec![1, 2, 0]);
    match quantization {
        None => Pixels::Numbers(pixels.iter().copied().collect()),
        Some(from) => Pixels::Values(pixels.iter().map(|number| from.value(*number)).collect()),
    }
}

impl Pixels {
    fn copy_to(&self, input: Input<'_>) {
        match (self, input) {
            (Pixels::Values(from), Input::Values(to, _)) => to.copy_from_slice(from),
            (Pixels::Numbers(from), input) => input.copy_from(from),
            // Pixels are made for the input's own form.
            (Pixels::Values(_), Input::Numbers(_)) => {}
        }
    }
}
