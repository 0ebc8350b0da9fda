//! Where the time of a step program goes.

use std::collections::BTreeMap;

use praxiscope_runtime::step::NodeTime;
use serde::Serialize;

/// Where the time of a step program goes.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// By operator, the slowest first.
    pub operators: Vec<OperatorShare>,
    /// All nodes, the slowest first; their operator is what they do, then their name.
    pub slowest: Vec<OperatorShare>,
}

/// What an operator, or one node, takes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OperatorShare {
    /// The operator.
    pub operator: String,
    /// The node, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// How many nodes.
    pub nodes: usize,
    /// Milliseconds of a frame, on the average.
    pub milliseconds: f64,
    /// The same if each row took the least that one did: what the machine's other work leaves alone.
    pub least: f64,
    /// Part of all nodes' time.
    pub share: f64,
    /// Multiply-adds per second, in thousands of millions.
    pub gmac_per_second: f64,
}

impl Profile {
    /// Sums up what nodes took for `frames` frames.
    pub fn new(times: &[NodeTime], frames: usize) -> Profile {
        let total: f64 = times.iter().map(|node| node.time.as_secs_f64()).sum();
        let share = |operator: &str, of: &[&NodeTime]| {
            let seconds: f64 = of.iter().map(|node| node.time.as_secs_f64()).sum();
            let least: f64 = of
                .iter()
                .filter(|node| node.rows > 0)
                .map(|node| node.rows as f64 * node.least.as_secs_f64())
                .sum();
            let work: f64 = of
                .iter()
                .map(|n| n.rows as f64 * n.multiply_adds as f64)
                .sum();
            let per = |amount: f64, of: f64| if of > 0.0 { amount / of } else { 0.0 };
            OperatorShare {
                operator: operator.to_owned(),
                node: None,
                nodes: of.len(),
                milliseconds: per(1e3 * seconds, frames as f64),
                least: per(1e3 * least, frames as f64),
                share: per(seconds, total),
                gmac_per_second: per(work / 1e9, seconds),
            }
        };
        let mut by_operator: BTreeMap<&str, Vec<&NodeTime>> = BTreeMap::new();
        for node in times {
            by_operator.entry(node.word).or_default().push(node);
        }
        let operators = by_operator.iter().map(|(word, of)| share(word, of));
        let slowest = times.iter().map(|node| OperatorShare {
            node: Some(node.node.clone()),
            ..share(node.word, &[node])
        });
        let slowest = slowest_first(slowest.collect());
        Profile {
            operators: slowest_first(operators.collect()),
            slowest,
        }
    }
}

fn slowest_first(mut shares: Vec<OperatorShare>) -> Vec<OperatorShare> {
    shares.sort_by(|a, b| b.milliseconds.total_cmp(&a.milliseconds));
    shares
}
