//! Where a stream's time goes, node by node.

use std::time::Duration;

use super::Run;

/// What a node took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTime {
    /// The node's name.
    pub node: String,
    /// What it does, in a word.
    pub word: &'static str,
    /// Rows that it made.
    pub rows: u64,
    /// Time that they took.
    pub time: Duration,
    /// The least that one of them took.
    pub least: Duration,
    /// Multiply-adds of one row.
    pub multiply_adds: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Profile {
    nodes: Vec<Taken>,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    rows: u64,
    time: Duration,
    least: Duration,
}

impl Profile {
    pub fn add(&mut self, node: usize, time: Duration) {
        if let Some(taken) = self.nodes.get_mut(node) {
            taken.rows += 1;
            taken.time += time;
            taken.least = taken.least.min(time);
        }
    }
}

impl Run {
    /// Takes the time of every node from now on.
    pub fn start_profile(&mut self) {
        let none = Taken {
            rows: 0,
            time: Duration::ZERO,
            least: Duration::MAX,
        };
        let nodes = vec![none; self.program.nodes().len()];
        self.profile = Some(Profile { nodes });
    }

    /// What each node took since [`start_profile`](Run::start_profile), in the order in which they run;
    /// nothing if it was not called.
    pub fn profile(&self) -> Vec<NodeTime> {
        let taken = self.profile.iter().flat_map(|profile| &profile.nodes);
        let nodes = self.program.nodes().iter().zip(taken);
        nodes
            .map(|(node, &Taken { rows, time, least })| NodeTime {
                node: self.program.wires()[node.output].name.clone(),
                word: node.work.word(),
                rows,
                time,
                least,
                multiply_adds: node.multiply_adds,
            })
            .collect()
    }
}
