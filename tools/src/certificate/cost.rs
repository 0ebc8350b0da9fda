//! What a frame costs beside the clip network over a window.

use std::time::Instant;

use praxiscope_runtime::step::{Program, Run};
use serde::{Deserialize, Serialize};
use tract_core::internal::*;

use crate::network;
use crate::streaming::{StepProgram, clips, frames_of, noise, plan};

/// Frames that are stepped through before time is taken, at most.
const WARM_UP: usize = 64;
/// Seconds after which no more frames are timed.
const PATIENCE: f64 = 10.0;

/// Multiply-adds and time, in float, on one thread of the machine that made the bundle. The clip network
/// over a window of its own length is run anew for every frame (hop 1) or once for each answer of the
/// program (hop `frames_per_answer`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Multiply-adds of the program for a frame.
    pub multiply_adds_per_frame: u64,
    /// Multiply-adds of the clip network over its window.
    pub multiply_adds_per_clip: u64,
    /// Frames from one answer of the program to the next.
    pub frames_per_answer: usize,
    /// Seconds of the program for a frame, on average.
    pub seconds_per_frame: f64,
    /// Frames over which that was measured.
    pub frames_timed: usize,
    /// Seconds of the clip network over its window, by tract.
    pub seconds_per_clip: f64,
}

/// Counts and measures.
///
/// # Errors
/// When one of them does not run.
pub fn cost(graph: &TypedModel, step: &StepProgram) -> TractResult<Cost> {
    let program = Program::compile(&step.graph)?;
    let facts = *program.facts();
    let [height, width, _] = program.input_shape();
    let mut frames = noise(8, (height, width)).into_iter().cycle();
    let mut run = Run::new(&program);
    let mut next = |run: &mut Run| -> TractResult<()> {
        let frame = frames.next().context("noise does not end")?;
        let frame = frame.as_slice().context("a frame lies in one piece")?;
        run.step(frame)?.for_each(drop);
        Ok(())
    };
    let begun = Instant::now();
    let warm_up = (facts.first_answer as usize).min(WARM_UP);
    for _ in 0..warm_up {
        next(&mut run)?;
        if begun.elapsed().as_secs_f64() > PATIENCE {
            break;
        }
    }
    let started = Instant::now();
    let mut timed = 0;
    while timed == 0 || (started.elapsed().as_secs_f64() < 1.0 && timed < 64) {
        for _ in 0..step.stride {
            next(&mut run)?;
        }
        timed += step.stride;
    }
    let seconds_per_frame = started.elapsed().as_secs_f64() / timed as f64;
    let window = clips(graph, &noise(frames_of(graph), (height, width)))?;
    let plan = plan(graph)?;
    let started = Instant::now();
    plan.run(window)?;
    Ok(Cost {
        multiply_adds_per_frame: facts.multiply_adds_per_frame() as u64,
        multiply_adds_per_clip: network::multiply_adds(graph)?,
        frames_per_answer: step.stride,
        seconds_per_frame,
        frames_timed: timed,
        seconds_per_clip: started.elapsed().as_secs_f64(),
    })
}
