//! A network, and the streams that run over it.

mod error;
mod executor;
mod input;
mod model;
mod state;
#[cfg(test)]
mod tests;
mod window;

use std::collections::VecDeque;
use std::time::Duration;

use tract_core::internal::*;

pub use error::{ModelError, StateError, StreamError};
pub(crate) use executor::Executor;
pub use input::Converter;
pub use model::Model;

use crate::frame::Frame;
use state::SavedState;
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

#[derive(Clone, Debug)]
enum Engine {
    Step(Executor),
    Clip(Window),
}

/// One stream of frames through a [`Model`]: it owns its past and shares the weights.
#[derive(Debug)]
pub struct Stream {
    model: Model,
    converter: Converter,
    engine: Engine,
    /// Frames that were taken and not answered yet, oldest first.
    pending: VecDeque<FrameId>,
    newest: u64,
    preprocess_time: Duration,
}

impl Stream {
    /// A stream that has seen nothing yet.
    ///
    /// # Errors
    /// [`StreamError::Network`] if the network's state cannot be made.
    pub fn new(model: &Model) -> Result<Stream, StreamError> {
        let engine = match model.manifest().clip {
            None => Executor::new(model.plan()).map(Engine::Step),
            Some(clip) => Window::new(model.plan(), clip, model.time_axis()).map(Engine::Clip),
        };
        Ok(Stream {
            model: model.clone(),
            converter: Converter::new(model)?,
            engine: engine.map_err(network)?,
            pending: VecDeque::new(),
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
        let started = std::time::Instant::now();
        let tensor = self.converter.convert(frame)?;
        self.preprocess_time = started.elapsed();
        self.advance(
            tensor,
            FrameId {
                number: frame.index(),
                time: frame.time(),
            },
        )
    }

    /// Takes the next frame as the network sees it: a float tensor of
    /// [`Model::frame_shape`], normalised.
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
        if frame.shape() != wanted || frame.datum_type() != f32::datum_type() {
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
        if let Engine::Step(executor) = &mut self.engine {
            while let Some(output) = executor.drain().map_err(network)? {
                let id = self.pending.pop_front();
                owed.extend(
                    id.map(|id| self.model.scores(&output, id, self.newest))
                        .transpose()?,
                );
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
        self.pending.clear();
        match &mut self.engine {
            Engine::Step(executor) => executor.reset().map_err(network),
            Engine::Clip(window) => {
                window.reset();
                Ok(())
            }
        }
    }

    /// The stream's past as bytes, for [`Stream::restore`] in this process or another.
    ///
    /// # Errors
    /// [`StateError::Refused`] if an operator's state cannot be written.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        let tensors = match &self.engine {
            Engine::Step(executor) => executor.save().map_err(refused)?,
            Engine::Clip(window) => window.save(),
        };
        let pending = self.pending.iter().copied().collect();
        SavedState { pending, tensors }
            .to_bytes(self.model.digest())
            .map_err(refused)
    }

    /// Takes over the past that another stream over the same model saved.
    ///
    /// # Errors
    /// Any [`StateError`]; the stream is as new then.
    pub fn restore(&mut self, saved: &[u8]) -> Result<(), StateError> {
        self.reset().map_err(refused)?;
        let saved = SavedState::from_bytes(saved, self.model.digest())?;
        let restored = match &mut self.engine {
            Engine::Step(executor) => executor.restore(saved.tensors),
            Engine::Clip(window) => window.restore(saved.tensors, self.model.frame_shape()),
        };
        if let Err(error) = restored {
            self.reset().map_err(refused)?;
            return Err(refused(error));
        }
        self.pending = saved.pending.into();
        Ok(())
    }

    /// How long the last [`step`](Stream::step) took to bring its frame into the network's input:
    /// next to nothing for the frame of the step before.
    pub fn preprocess_time(&self) -> Duration {
        self.preprocess_time
    }

    fn advance(&mut self, frame: Arc<Tensor>, id: FrameId) -> Result<Option<Scores>, StreamError> {
        self.newest = id.number;
        let (output, answered) = match &mut self.engine {
            Engine::Step(executor) => {
                self.pending.push_back(id);
                let output = executor.step(frame.into_tvalue()).map_err(network)?;
                let answered = output.as_ref().and_then(|_| self.pending.pop_front());
                (output, answered)
            }
            Engine::Clip(window) => (window.step(frame.into_tvalue()).map_err(network)?, Some(id)),
        };
        let (Some(output), Some(answered)) = (output, answered) else {
            return Ok(None);
        };
        self.model.scores(&output, answered, self.newest).map(Some)
    }
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
