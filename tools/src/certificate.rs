//! What is known and was measured of a bundle's program, as `certificate.json` in the bundle.

use std::collections::BTreeMap;

use praxiscope_runtime::step::Program;
use serde::{Deserialize, Serialize};
use tract_core::internal::*;

use crate::network;

/// A certificate. Counts are computed from the graph; `comparisons` were run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// What the program is equal to, and where.
    pub kind: Kind,
    /// Frames that an answer depends on.
    pub receptive_field: usize,
    /// Frames after the answered one that an answer waits for.
    pub lookahead: usize,
    /// Bytes that one stream keeps from step to step.
    pub state_bytes: usize,
    /// Multiply-adds for each new frame.
    pub multiply_adds_per_frame: u64,
    /// Operators and how often each occurs.
    pub operators: BTreeMap<String, usize>,
    /// What differs from the source network, in words.
    pub changes: Vec<String>,
    /// What was run against what; empty when nothing was.
    pub comparisons: Vec<Comparison>,
}

/// What streaming means for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every frame is answered alone.
    PerFrame,
    /// Every frame is answered at once from itself and its past.
    Causal,
    /// Every frame is answered from itself, its past and some frames after it, as the clip network
    /// would if the whole recording were one clip.
    Local,
    /// A window of the last frames is recomputed.
    Clip,
}

/// One comparison that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What it was held against.
    pub reference: String,
    /// On what.
    pub input: String,
    /// Rows that were compared.
    pub rows: usize,
    /// Largest absolute difference of a logit.
    pub largest_difference: f64,
}

impl Certificate {
    /// For a step program.
    ///
    /// # Errors
    /// When the graph's shapes are not known.
    pub fn of_step(graph: &TypedModel) -> TractResult<Certificate> {
        let reach = network::reach(graph)?;
        let kind = match (reach.past, reach.future) {
            (0, 0) => Kind::PerFrame,
            (_, 0) => Kind::Causal,
            _ => Kind::Local,
        };
        let mut certificate = Certificate::new(kind, graph, 1)?;
        certificate.receptive_field = reach.past + 1 + reach.future;
        certificate.lookahead = reach.future;
        certificate.state_bytes = Program::compile(graph)?.facts().state_bytes as usize;
        Ok(certificate)
    }

    /// For a clip graph over `frames` frames that is recomputed every `hop` frames.
    ///
    /// # Errors
    /// When the graph's shapes are not known.
    pub fn of_clip(graph: &TypedModel, frames: usize, hop: usize) -> TractResult<Certificate> {
        let mut certificate = Certificate::new(Kind::Clip, graph, hop as u64)?;
        certificate.receptive_field = frames;
        certificate.state_bytes = graph.input_fact(0)?.mem_size().to_usize()?;
        Ok(certificate)
    }

    fn new(kind: Kind, graph: &TypedModel, frames_per_run: u64) -> TractResult<Certificate> {
        Ok(Certificate {
            kind,
            receptive_field: 1,
            lookahead: 0,
            state_bytes: 0,
            multiply_adds_per_frame: network::multiply_adds(graph)? / frames_per_run,
            operators: network::operators(graph),
            changes: vec![],
            comparisons: vec![],
        })
    }
}
