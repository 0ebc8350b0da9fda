//! What is known of a program without running it.

use tract_core::internal::*;

use super::clockwork::{Clockwork, Tick};
use super::program::Program;
use super::time::WireTime;

/// Looks at a counter that thinking a program through may take; more are refused as too large.
const MOST_LOOKS: u64 = 1 << 28;
/// Bytes that one stream may keep.
const LARGEST_STATE: u64 = 1 << 32;

/// What is known of a program without running it. Frames are those of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What an answer sees.
    pub answers: WireTime,
    /// Frames that must have come before the first answer is given.
    pub first_answer: u64,
    /// Answers that one frame gives at most; more than one only where padding alone makes rows.
    pub answers_at_once: u64,
    /// Multiply-adds of `answers.stride` frames, once the rings are full.
    pub multiply_adds: u64,
    /// Bytes of feature maps that a stream keeps between two frames, at most.
    pub state_bytes: u64,
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            answers: WireTime::RECORDING,
            first_answer: 1,
            answers_at_once: 1,
            multiply_adds: 0,
            state_bytes: 0,
        }
    }
}

impl Facts {
    /// Multiply-adds for each frame of the recording, averaged over the temporal strides.
    pub fn multiply_adds_per_frame(&self) -> f64 {
        self.multiply_adds as f64 / self.answers.stride as f64
    }

    /// Frames behind its own that an answer waits for.
    pub fn lookahead(&self) -> u64 {
        self.answers.lookahead()
    }

    /// Frames that an answer depends on; `None` for all since the start.
    pub fn receptive_field(&self) -> Option<u64> {
        self.answers.receptive_field()
    }

    /// Lets the program's clockwork run until its rings are full, and counts; also the most frames that
    /// each wire keeps between two frames of the recording.
    pub(super) fn of(program: &Program) -> TractResult<(Facts, Vec<u64>)> {
        let answers = program.wires()[program.output()].time;
        let seen = |wire: &super::program::Wire| {
            let first = wire.time.first.unwrap_or(0);
            first.unsigned_abs() + wire.time.last.unsigned_abs() + 1
        };
        let longest = program.wires().iter().map(seen).max().unwrap_or(1);
        let warm = 2 * longest + 2 * answers.stride;
        let ports = program.nodes().iter().flat_map(|node| &node.ports);
        let looks = ports.map(|port| 1 + program.wires()[port.wire].readers.len() as u64);
        let looks = looks.sum::<u64>().saturating_mul(warm + answers.stride);
        ensure!(
            looks <= MOST_LOOKS,
            "{} nodes that see {longest} frames are too many",
            program.nodes().len()
        );
        let mut clockwork = Clockwork::new(program);
        let mut most_kept = vec![0; program.wires().len()];
        let mut facts = Facts {
            answers,
            first_answer: 0,
            answers_at_once: 0,
            ..Facts::default()
        };
        let running = program.nodes().iter().map(|node| {
            let len = program.wires()[node.output].len() as u64;
            u64::from(node.work.sees_all_since_the_start()) * len * 8
        });
        let running: u64 = running.sum();
        for frame in 0..warm + answers.stride {
            let mut multiply_adds = 0u64;
            clockwork.feed(program);
            let counted = clockwork.sweep(program, |_, tick| {
                if let Tick::Fire {
                    node, read: true, ..
                } = tick
                {
                    let node = program.nodes()[node].multiply_adds;
                    multiply_adds = multiply_adds.saturating_add(node);
                }
                Ok::<_, std::convert::Infallible>(())
            });
            let Ok(()) = counted;
            let (came, read) = (&clockwork.came, &clockwork.kept_from);
            let answered = came[program.output()] - read[program.output()];
            facts.answers_at_once = facts.answers_at_once.max(answered);
            if facts.first_answer == 0 && clockwork.came[program.output()] > 0 {
                facts.first_answer = frame + 1;
            }
            clockwork.release_answers(program);
            let kept = clockwork.came.iter().zip(&clockwork.kept_from);
            for (most, (came, from)) in most_kept.iter_mut().zip(kept) {
                *most = (came - from).max(*most);
            }
            if frame >= warm {
                facts.multiply_adds = facts.multiply_adds.saturating_add(multiply_adds);
                let kept = clockwork.came.iter().zip(&clockwork.kept_from);
                let kept = kept
                    .zip(program.wires())
                    .map(|((came, from), wire)| (came - from).saturating_mul(wire.bytes() as u64));
                let kept = kept.fold(running, u64::saturating_add);
                facts.state_bytes = facts.state_bytes.max(kept);
            }
        }
        ensure!(
            facts.state_bytes <= LARGEST_STATE,
            "a stream would keep {} bytes",
            facts.state_bytes
        );
        Ok((facts, most_kept))
    }
}
