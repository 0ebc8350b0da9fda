//! What is known and was measured of a bundle's program, as `certificate.json` in the bundle.

mod cost;
mod measure;
mod source;
mod text;
mod video;

use std::collections::BTreeMap;

use praxiscope_runtime::self_test::SelfTest;
use praxiscope_runtime::step::Program;
use serde::{Deserialize, Serialize};
use tract_core::internal::*;

use crate::network;
use crate::streaming::StepProgram;

pub use cost::{Cost, cost};
pub use measure::{Subject, over_a_recording};
pub use source::{steps_with_source, with_longer_source, with_source};
pub use video::{OnVideo, on_video};

/// Largest difference that is accepted, in parts of the largest number.
pub const TOLERANCE: f64 = 1e-4;
/// Networks with windowed operators, attention and gates of all places, may answer a change of the
/// frames' last bits with more than that. As each of their layers rounds anew, they are accepted within
/// as many times that answer as a deep network has layers.
const ROUNDINGS: f64 = 32.0;
/// However much a network amplifies rounding, not more than this.
const MOST_TOLERATED: f64 = 1e-3;

/// A certificate. Counts are computed from the graph; `comparisons` were run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// What the program is equal to, and where.
    pub kind: Kind,
    /// Frames that an answer depends on; `None`: all since the recording began.
    pub receptive_field: Option<usize>,
    /// Frames after the answered one that an answer waits for.
    pub lookahead: usize,
    /// Frames from one answer to the next.
    #[serde(default = "one")]
    pub frames_per_answer: usize,
    /// Frames that must have come before the first answer.
    #[serde(default = "one")]
    pub first_answer: usize,
    /// Rows that the last mean over time combines, of those that the network's own clip has.
    #[serde(default)]
    pub window: Option<HeadWindow>,
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
    /// What was not run, and why.
    #[serde(default)]
    pub not_run: Vec<String>,
    /// The program beside the clip network on a video.
    #[serde(default)]
    pub video: Option<OnVideo>,
    /// What a frame costs beside the clip network over a window.
    #[serde(default)]
    pub cost: Option<Cost>,
    /// The built-in vector, by which a device tells that it runs this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_test: Option<SelfTest>,
}

fn one() -> usize {
    1
}

/// The window of the last mean over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadWindow {
    /// Rows that the network's own clip has.
    pub native_rows: usize,
    /// Rows that are combined; `None`: all since the recording began.
    pub rows: Option<usize>,
}

/// What streaming means for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every frame is answered alone.
    PerFrame,
    /// A frame is answered at once from itself and its past.
    Causal,
    /// A frame is answered from itself, its past and some frames after it, as the clip network would
    /// if the whole recording were one clip.
    Local,
    /// As `Causal` or `Local`, but for operators that saw the whole clip and see the last frames.
    Windowed,
    /// A window of the last frames is recomputed.
    Clip,
}

/// One comparison that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What was compared.
    #[serde(default)]
    pub what: String,
    /// What it was held against.
    pub reference: String,
    /// On what.
    pub input: String,
    /// Rows that were compared.
    pub rows: usize,
    /// Largest absolute difference of a number.
    pub largest_difference: f64,
    /// The same in parts of the reference's largest number.
    #[serde(default)]
    pub relative_difference: f64,
    /// What is accepted of that; beyond it a bundle is not made.
    #[serde(default)]
    pub tolerance: f64,
    /// What our own answer changes by when every number of the frames goes to a neighbouring one, in
    /// parts of the largest number: measured where the tolerance goes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<f64>,
}

impl Comparison {
    /// Whether it is within its tolerance. What is no number is not.
    pub fn is_good(&self) -> bool {
        self.relative_difference <= self.tolerance
    }
}

impl Certificate {
    /// For a step program.
    ///
    /// # Errors
    /// When the graph is no step program.
    pub fn of_step(step: &StepProgram) -> TractResult<Certificate> {
        let program = Program::compile(&step.graph)?;
        let facts = program.facts();
        let reach = facts.receptive_field();
        let kind = match (reach, facts.lookahead()) {
            _ if !step.changes.is_empty() => Kind::Windowed,
            (Some(1), 0) => Kind::PerFrame,
            (_, 0) => Kind::Causal,
            _ => Kind::Local,
        };
        let changes = step.changes.iter();
        Ok(Certificate {
            kind,
            receptive_field: reach.map(|frames| frames as usize),
            lookahead: facts.lookahead() as usize,
            frames_per_answer: step.stride,
            first_answer: facts.first_answer as usize,
            window: Some(HeadWindow {
                native_rows: step.native_rows,
                rows: step.window_rows,
            }),
            state_bytes: facts.state_bytes as usize,
            multiply_adds_per_frame: facts.multiply_adds_per_frame() as u64,
            operators: network::operators(&step.graph),
            changes: changes
                .map(|change| format!("{}: {}", change.node, change.what))
                .collect(),
            ..Certificate::empty(kind)
        })
    }

    /// For a clip graph over `frames` frames that is recomputed every `hop` frames.
    ///
    /// # Errors
    /// When the graph's shapes are not known.
    pub fn of_clip(graph: &TypedModel, frames: usize, hop: usize) -> TractResult<Certificate> {
        Ok(Certificate {
            receptive_field: Some(frames),
            frames_per_answer: hop,
            first_answer: frames,
            state_bytes: graph.input_fact(0)?.mem_size().to_usize()?,
            multiply_adds_per_frame: network::multiply_adds(graph)? / hop as u64,
            operators: network::operators(graph),
            ..Certificate::empty(Kind::Clip)
        })
    }

    fn empty(kind: Kind) -> Certificate {
        Certificate {
            kind,
            receptive_field: None,
            lookahead: 0,
            frames_per_answer: 1,
            first_answer: 1,
            window: None,
            state_bytes: 0,
            multiply_adds_per_frame: 0,
            operators: BTreeMap::new(),
            changes: vec![],
            comparisons: vec![],
            not_run: vec![],
            video: None,
            cost: None,
            self_test: None,
        }
    }

    /// Leaves out what differs from one machine, or one run, to another.
    pub fn without_measures(mut self) -> Certificate {
        self.comparisons.clear();
        self.video = None;
        self.cost = None;
        self.not_run.clear();
        self
    }

    /// Whether every comparison is within its tolerance.
    pub fn is_good(&self) -> bool {
        self.comparisons.iter().all(Comparison::is_good)
    }

    /// Why the network should rather be recomputed over its own clip of `frames` frames, if it should.
    pub fn doubts(&self, frames: usize) -> Option<String> {
        if let Some(video) = self.video.as_ref().filter(|video| video.agreement < ENOUGH) {
            return Some(format!(
                "on the video the program names the clip network's first class in {:.0} % of its \
                 windows, which is below {:.0} %",
                100.0 * video.agreement,
                100.0 * ENOUGH
            ));
        }
        (self.lookahead > frames / 2).then(|| {
            format!(
                "an answer looks {} frames ahead, more than half of the {frames} frames that the \
                 network was trained on, so that it seldom saw such a stream",
                self.lookahead
            )
        })
    }
}

/// Of windows in which both name the same first class.
const ENOUGH: f64 = 0.95;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_an_older_bundle_is_read() {
        let old = r#"{"kind": "causal", "receptive_field": 9, "lookahead": 0, "state_bytes": 100,
            "multiply_adds_per_frame": 5, "operators": {}, "changes": [], "comparisons": [
            {"reference": "ONNX Runtime", "input": "noise", "rows": 3, "largest_difference": 0.5}]}"#;
        let read: Certificate = serde_json::from_str(old).unwrap();
        assert_eq!((read.receptive_field, read.frames_per_answer), (Some(9), 1));
        assert!(read.is_good());
    }

    #[test]
    fn what_is_no_number_is_no_agreement() {
        let comparison = |relative_difference| Comparison {
            what: String::new(),
            reference: String::new(),
            input: String::new(),
            rows: 1,
            largest_difference: 0.0,
            relative_difference,
            tolerance: TOLERANCE,
            rounding: None,
        };
        assert!(comparison(1e-5).is_good());
        assert!(!comparison(f64::NAN).is_good());
        assert!(!comparison(f64::INFINITY).is_good());
    }
}
