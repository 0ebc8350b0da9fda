//! Which node fires when: the counters of a running program, without its numbers.

use super::program::{Node, Program};

/// How far each wire and node of a program is. The same for a stream that runs and for one that is
/// only thought through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clockwork {
    /// Frames that came to each wire.
    pub came: Vec<u64>,
    /// The oldest frame of each wire that is still needed; all from there on are kept.
    pub kept_from: Vec<u64>,
    ended: Vec<bool>,
}

/// What happens in a sweep, in order.
pub(super) enum Tick {
    /// A node makes a row, or passes over one that nobody reads.
    Fire { node: usize, row: u64, read: bool },
    /// The oldest frame of a wire is not needed any more.
    Release { wire: usize },
}

impl Clockwork {
    pub fn new(program: &Program) -> Clockwork {
        let wires = program.wires().len();
        Clockwork {
            came: vec![0; wires],
            kept_from: vec![0; wires],
            ended: vec![false; wires],
        }
    }

    /// A frame of the recording comes. Whether any node will read it.
    pub fn feed(&mut self, program: &Program) -> bool {
        let read = self.is_read(program, Program::SOURCE, self.came[Program::SOURCE]);
        self.came[Program::SOURCE] += 1;
        if !read {
            self.kept_from[Program::SOURCE] = self.came[Program::SOURCE];
        }
        read
    }

    /// No frame will come any more.
    pub fn end(&mut self) {
        self.ended[Program::SOURCE] = true;
    }

    /// The answers were read.
    pub fn release_answers(&mut self, program: &Program) {
        let output = program.output();
        self.kept_from[output] = self.came[output];
    }

    /// Fires every node as often as it can. Nodes stand in an order in which none reads from a later
    /// one, so that one sweep is enough.
    pub fn sweep<E>(
        &mut self,
        program: &Program,
        mut tick: impl FnMut(&Clockwork, Tick) -> Result<(), E>,
    ) -> Result<(), E> {
        for (id, node) in program.nodes().iter().enumerate() {
            let output = node.output;
            loop {
                let row = self.came[output];
                match self.readiness(node, row) {
                    Readiness::Waits => break,
                    Readiness::Ended => {
                        self.ended[output] = true;
                        break;
                    }
                    Readiness::Ready => {}
                }
                let read = self.is_read(program, output, row);
                let fire = Tick::Fire {
                    node: id,
                    row,
                    read,
                };
                tick(self, fire)?;
                self.came[output] += 1;
                if !read {
                    self.kept_from[output] = self.came[output];
                }
                for port in &node.ports {
                    let needed = self.needed_from(program, port.wire);
                    let needed = needed.min(self.came[port.wire]);
                    while self.kept_from[port.wire] < needed {
                        tick(self, Tick::Release { wire: port.wire })?;
                        self.kept_from[port.wire] += 1;
                    }
                }
            }
        }
        Ok(())
    }

    fn readiness(&self, node: &Node, row: u64) -> Readiness {
        let mut readiness = Readiness::Ready;
        for port in &node.ports {
            let came = self.came[port.wire];
            if port.need.end(row) < came as i64 {
                continue;
            }
            match self.ended[port.wire] {
                true if !port.need.exists(row, came) => return Readiness::Ended,
                true => {}
                false => readiness = Readiness::Waits,
            }
        }
        readiness
    }

    fn is_read(&self, program: &Program, wire: usize, frame: u64) -> bool {
        wire == program.output() || frame >= self.needed_from(program, wire)
    }

    /// The oldest frame that a reader of the wire still needs. The output is read by nodes of no
    /// program, and kept until the answers were read.
    fn needed_from(&self, program: &Program, wire: usize) -> u64 {
        let readers = program.wires()[wire].readers.iter();
        let needs = readers.filter_map(|&(node, port)| {
            let node = &program.nodes()[node];
            let first = node.ports[port].need.first(self.came[node.output]);
            (!self.ended[node.output]).then_some(first.max(0).unsigned_abs())
        });
        needs.min().unwrap_or(u64::MAX)
    }

    /// Takes over the counters of a saved stream, if this program can be at that point.
    pub fn restore(&mut self, program: &Program, came: &[u64]) -> bool {
        const LONGEST: u64 = 1 << 48;
        if came.len() != self.came.len() || came.iter().any(|came| *came > LONGEST) {
            return false;
        }
        self.came.copy_from_slice(came);
        self.ended.fill(false);
        if came[Program::SOURCE] == 0 {
            // Rows that padding alone makes come with the first frame.
            self.kept_from.fill(0);
            return came.iter().all(|came| *came == 0);
        }
        let settled = program.nodes().iter().all(|node| {
            let row = self.came[node.output];
            let has_fired = match row.checked_sub(1) {
                Some(last) => self.readiness(node, last) == Readiness::Ready,
                None => true,
            };
            has_fired && self.readiness(node, row) == Readiness::Waits
        });
        for wire in 0..self.came.len() {
            let needed = match wire == program.output() {
                true => u64::MAX,
                false => self.needed_from(program, wire),
            };
            self.kept_from[wire] = needed.min(self.came[wire]);
        }
        settled
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    Waits,
    Ended,
}
