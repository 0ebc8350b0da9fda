//! A network, and the streams that run over it.
//!
//! A step program ([`crate::step`]) may owe its answers, and behind temporal strides it answers only
//! every k-th frame: a step gives at most one answer, which names the frame that it speaks of. Whoever
//! reads answers goes by their frames and times; between them nothing is known and nothing is said.

mod error;
mod input;
mod model;
mod state;
mod steps;
#[cfg(test)]
mod tests;
mod window;

use std::time::{Duration, Instant};

use tract_core::internal::*;

pub use error::{ModelError, StateError, StreamError};
pub use input::Converter;
pub use model::{Model, probabilities};

use crate::frame::Frame;
use crate::step::{Input, NodeTime, RunError, Team};
use model::Network;
use state::{Past, SavedState};
use steps::{Row, Steps};
use window::Window;

/// What the network says of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The number of the frame that this speaks of; in clip mode the newest of the window.
    pub frame: u64,
    /// That frame's time since the source began.
    pub time: Duration,
    /// The newest frame that had been seen when this was known.
    pub decided: u64,
    /// The network's output, one number for each label.
    pub logits: Vec<f32>,
    /// Softmax of the logits.
    pub probabilities: Vec<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameId {
    number: u64,
    time: Duration,
}

#[derive(Debug)]
enum Engine {
    Step(Steps),
    Clip(Window),
}

/// One stream of frames through a [`Model`]: it owns its past and shares the weights.
#[derive(Debug)]
pub struct Stream {
    model: Model,
    converter: Converter,
    engine: Engine,
    newest: u64,
    preprocess_time: Duration,
}

impl Stream {
    /// A stream that has seen nothing yet.
    ///
    /// # Errors
    /// [`StreamError::Network`] if the network's state cannot be made.
    pub fn new(model: &Model) -> Result<Stream, StreamError> {
        let engine = match model.network() {
            Network::Step(program) => Engine::Step(Steps::new(program)),
            Network::Clip { plan, clip } => {
                let window = Window::new(plan, *clip, model.time_axis());
                Engine::Clip(window.map_err(network)?)
            }
        };
        Ok(Stream {
            model: model.clone(),
            converter: Converter::new(model)?,
            engine,
            newest: 0,
            preprocess_time: Duration::ZERO,
        })
    }

    /// The model that this stream runs.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Takes the next frame. The answer, where there is one, may speak of an earlier frame.
    ///
    /// # Errors
    /// [`StreamError::Frame`] if the frame cannot be used, [`StreamError::Network`].
    pub fn step(&mut self, frame: &Frame) -> Result<Option<Scores>, StreamError> {
        let started = Instant::now();
        let id = FrameId {
            number: frame.index(),
            time: frame.time(),
        };
        match &mut self.engine {
            Engine::Step(steps) => {
                let pixels = self.converter.pixels(frame)?;
                self.preprocess_time = started.elapsed();
                let (model, time) = (&self.model, &mut self.preprocess_time);
                let row = steps.step(id, |input| {
                    let started = Instant::now();
                    model.fill(pixels, input);
                    *time += started.elapsed();
                });
                self.newest = id.number;
                self.answer(row.map_err(failed)?)
            }
            Engine::Clip(_) => {
                let tensor = self.converter.convert(frame)?;
                self.preprocess_time = started.elapsed();
                self.advance(tensor, id)
            }
        }
    }

    /// Takes the next frame as the network sees it: a float tensor of [`Model::frame_shape`],
    /// normalised. A step program also takes `[1, 3, 1, H, W]`.
    ///
    /// # Errors
    /// [`StreamError::Shape`] or [`StreamError::Network`].
    pub fn step_tensor(
        &mut self,
        frame: impl IntoArcTensor,
        number: u64,
        time: Duration,
    ) -> Result<Option<Scores>, StreamError> {
        let frame = frame.into_arc_tensor();
        let wanted = self.model.frame_shape();
        let fits = match (wanted, frame.shape()) {
            (&[1, 3, height, width], &[1, 3, 1, h, w]) => {
                (h, w) == (height, width) && matches!(self.engine, Engine::Step(_))
            }
            (wanted, found) => wanted == found,
        };
        if !fits || frame.datum_type() != f32::datum_type() {
            let (found, wanted) = (frame.shape().to_vec(), wanted.to_vec());
            return Err(StreamError::Shape { found, wanted });
        }
        self.advance(frame, FrameId { number, time })
    }

    /// Ends the recording: gives all that is still owed, and is then as new.
    ///
    /// # Errors
    /// [`StreamError::Network`].
    pub fn finish(&mut self) -> Result<Vec<Scores>, StreamError> {
        let mut owed = vec![];
        if let Engine::Step(steps) = &mut self.engine {
            for row in steps.finish().map_err(failed)? {
                owed.extend(self.answer(Some(row))?);
            }
        }
        self.reset()?;
        Ok(owed)
    }

    /// Forgets everything, as a new stream would be.
    ///
    /// # Errors
    /// [`StreamError::Network`].
    pub fn reset(&mut self) -> Result<(), StreamError> {
        match &mut self.engine {
            Engine::Step(steps) => steps.reset(),
            Engine::Clip(window) => window.reset(),
        }
        Ok(())
    }

    /// The stream's past as bytes, for [`Stream::restore`] in this process or another.
    ///
    /// # Errors
    /// [`StateError::Refused`] if an operator's state cannot be written.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        let saved = match &self.engine {
            Engine::Step(steps) => {
                let (pending, past) = steps.save();
                let past = Past::Step(past);
                SavedState { pending, past }
            }
            Engine::Clip(window) => SavedState {
                pending: vec![],
                past: Past::Clip(window.save()),
            },
        };
        saved.to_bytes(self.model.digest()).map_err(refused)
    }

    /// Takes over the past that another stream over the same model saved.
    ///
    /// # Errors
    /// Any [`StateError`]; the stream is as new then.
    pub fn restore(&mut self, saved: &[u8]) -> Result<(), StateError> {
        self.reset().map_err(refused)?;
        let SavedState { pending, past } = SavedState::from_bytes(saved, self.model.digest())?;
        let restored = match (&mut self.engine, past) {
            (Engine::Step(steps), Past::Step(past)) => steps.restore(pending, &past),
            (Engine::Clip(window), Past::Clip(tensors)) => {
                let restored = window.restore(tensors, self.model.frame_shape());
                restored.map_err(refused)
            }
            _ => Err(StateError::Refused("it is of another mode".into())),
        };
        if restored.is_err() {
            self.reset().map_err(refused)?;
        }
        restored
    }

    /// Lets a team's threads share the work of a step program from now on; in clip mode they have
    /// nothing to do. Answers stay what they are, bit for bit.
    pub fn share_work(&mut self, team: &Arc<Team>) {
        if let Engine::Step(steps) = &mut self.engine {
            steps.share_work(team);
        }
    }

    /// How long the last [`step`](Stream::step) took to bring its frame into the network's input:
    /// next to nothing for the frame of the step before.
    pub fn preprocess_time(&self) -> Duration {
        self.preprocess_time
    }

    /// Takes the time of every node of a step program from now on.
    pub fn start_profile(&mut self) {
        if let Engine::Step(steps) = &mut self.engine {
            steps.start_profile();
        }
    }

    /// What each node of a step program took since [`start_profile`](Stream::start_profile); nothing in
    /// clip mode.
    pub fn profile(&self) -> Vec<NodeTime> {
        match &self.engine {
            Engine::Step(steps) => steps.profile(),
            Engine::Clip(_) => vec![],
        }
    }

    fn advance(&mut self, frame: Arc<Tensor>, id: FrameId) -> Result<Option<Scores>, StreamError> {
        self.newest = id.number;
        let row = match &mut self.engine {
            Engine::Step(steps) => {
                let planes = frame.to_plain_array_view::<f32>().map_err(network)?;
                let planes = planes.as_slice().unwrap_or_default();
                let row = steps.step(id, |input| match input {
                    Input::Numbers(pixels) => interleave(planes, pixels, |number| number),
                    Input::Values(pixels, from) => {
                        interleave(planes, pixels, |number| from.value(number))
                    }
                });
                row.map_err(failed)?
            }
            Engine::Clip(window) => {
                let output = window.step(frame.into_tvalue()).map_err(network)?;
                let logits = output.map(|output| {
                    let view = output.to_plain_array_view::<f32>()?;
                    Ok(view.iter().copied().collect())
                });
                let logits = logits.transpose().map_err(network)?;
                logits.map(|logits| Row { of: id, logits })
            }
        };
        self.answer(row)
    }

    fn answer(&self, row: Option<Row>) -> Result<Option<Scores>, StreamError> {
        row.map(|Row { of, logits }| self.model.scores(logits, of, self.newest))
            .transpose()
    }
}

/// From planes `[3, H, W]` to pixels `[H, W, 3]`.
fn interleave<T>(planes: &[f32], pixels: &mut [T], of: impl Fn(f32) -> T) {
    let plane = pixels.len() / 3;
    for (channel, values) in planes.chunks_exact(plane.max(1)).enumerate() {
        let places = pixels.iter_mut().skip(channel).step_by(3);
        places
            .zip(values)
            .for_each(|(pixel, value)| *pixel = of(*value));
    }
}

fn failed(error: RunError) -> StreamError {
    StreamError::Network(error.to_string())
}

fn network(error: TractError) -> StreamError {
    StreamError::Network(one_line(&error))
}

fn refused(error: impl std::fmt::Display) -> StateError {
    StateError::Refused(format!("{error:#}"))
}

fn one_line(error: &TractError) -> String {
    format!("{error:#}")
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}
