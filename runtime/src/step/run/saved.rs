//! A stream's past, as data.

use thiserror::Error;

use super::Run;
use crate::step::clockwork::Clockwork;
use crate::step::compute::{Map, Running};

/// All that a stream keeps between two frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// For each wire the frames that came to it; then for each number that is summed up since the
    /// start the sum's bits, node by node.
    pub counters: Vec<u64>,
    /// The kept frames of all wires, oldest first, one behind the other.
    pub frames: Vec<f32>,
    /// Likewise those of the wires that carry 8-bit values.
    pub values: Vec<i8>,
}

/// The saved past is none of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not the past of a stream through this program")]
pub struct SavedError;

impl Run {
    /// The stream's past.
    pub fn save(&self) -> Saved {
        if self.ended {
            return Run::new(&self.program).save();
        }
        let mut saved = Saved {
            counters: self.clockwork.came.clone(),
            ..Saved::default()
        };
        for running in &self.running {
            saved.counters.extend(running.bits());
        }
        for (wire, ring) in self.rings.iter().enumerate() {
            if wire != self.program.output() {
                for map in ring {
                    saved.frames.extend(map.numbers());
                    saved.values.extend(map.values());
                }
            }
        }
        saved
    }

    /// Takes over the past that another stream through this program saved.
    ///
    /// # Errors
    /// [`SavedError`]; the stream is as new then.
    pub fn restore(&mut self, saved: &Saved) -> Result<(), SavedError> {
        self.reset();
        let restored = self.try_restore(saved);
        if restored.is_none() {
            self.reset();
        }
        restored.ok_or(SavedError)
    }

    fn try_restore(&mut self, saved: &Saved) -> Option<()> {
        let program = self.program.clone();
        let wires = program.wires();
        let (came, mut sums) = saved.counters.split_at_checked(wires.len())?;
        if !self.clockwork.restore(&program, came) {
            return None;
        }
        for (running, node) in self.running.iter_mut().zip(program.nodes()) {
            let rows = came[node.output];
            if node.work.sees_all_since_the_start() && rows > 0 {
                let (bits, rest) = sums.split_at_checked(wires[node.output].len())?;
                *running = Running::of_bits(rows, bits);
                sums = rest;
            }
        }
        let Clockwork { kept_from, .. } = &self.clockwork;
        let (mut frames, mut values) = (saved.frames.as_slice(), saved.values.as_slice());
        for (wire, ring) in self.rings.iter_mut().enumerate() {
            let kept = usize::try_from(came[wire] - kept_from[wire]).ok()?;
            let len = wires[wire].len();
            for _ in 0..kept {
                ring.push_back(match wires[wire].quantization {
                    None => Map::Numbers(split(&mut frames, len)?.into()),
                    Some(_) => Map::Values(split(&mut values, len)?.into()),
                });
            }
        }
        (sums.is_empty() && frames.is_empty() && values.is_empty()).then_some(())
    }
}

/// Takes the first `len` of what is left.
fn split<'a, T>(rest: &mut &'a [T], len: usize) -> Option<&'a [T]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}
