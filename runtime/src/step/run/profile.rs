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
    /// Multiply-adds of one row.
    pub multiply_adds: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Profile {
    nodes: Vec<(u64, Duration)>,
}

impl Profile {
    pub fn add(&mut self, node: usize, time: Duration) {
        if let Some((rows, total)) = self.nodes.get_mut(node) {
            *rows += 1;
            *total += time;
        }
    }
}

impl Run {
    /// Takes the time of every node from now on.
    pub fn start_profile(&mut self) {
        let nodes = vec![(0, Duration::ZERO); self.program.nodes().len()];
        self.profile = Some(Profile { nodes });
    }

    /// What each node took since [`start_profile`](Run::start_profile), in the order in which they run;
    /// nothing if it was not called.
    pub fn profile(&self) -> Vec<NodeTime> {
        let taken = self.profile.iter().flat_map(|profile| &profile.nodes);
        let nodes = self.program.nodes().iter().zip(taken);
        nodes
            .map(|(node, &(rows, time))| NodeTime {
                node: self.program.wires()[node.output].name.clone(),
                word: node.work.word(),
                rows,
                time,
                multiply_adds: node.multiply_adds,
            })
            .collect()
    }
}
