//! What `praxc compare` tells, and to whom.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use ndarray::ArrayD;
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::events::{Event, EventDetector};
use praxiscope_runtime::stream::{Model, Scores, probabilities};
use praxiscope_tools::compare::Difference;
use praxiscope_tools::compare::expose::exposed;
use praxiscope_tools::compare::layers::{Layers, layers as compared_layers};
use praxiscope_tools::import::Ports;
use praxiscope_tools::reference::OnnxRuntime;
use praxiscope_tools::report::{Case, Side, comparison_page, junit};

use super::print_json;
use crate::Outcome;
use crate::cli::Demands;

/// Rows of the table for people.
const ROWS_SHOWN: usize = 20;
/// Layers of it.
const LAYERS_SHOWN: usize = 8;
/// Frames over which layers are compared: more would not fit into memory.
const LAYER_FRAMES: usize = 16;

/// Holds the bundle's layers against those of the source, run in ONNX Runtime on the CPU.
pub fn layers(
    bundle: &Bundle,
    source: &Path,
    ports: Ports,
    frames: &[ArrayD<f32>],
    by_steps: bool,
) -> Result<Layers> {
    let file = exposed(source).map_err(anyhow::Error::msg);
    let file = file.with_context(|| format!("{} cannot be read", source.display()))?;
    let mut reference = OnnxRuntime::load_bytes(&file, ports)?;
    let most = match bundle.manifest().clip {
        Some(clip) => clip.frames,
        None => LAYER_FRAMES,
    };
    let mut first = &frames[..frames.len().min(most)];
    let maps = match reference.all_outputs(first, by_steps) {
        // A clip network of one length takes the whole recording, as the comparison itself did.
        Err(_) if !by_steps && first.len() < frames.len() && bundle.manifest().clip.is_none() => {
            first = frames;
            reference.all_outputs(first, by_steps)?
        }
        maps => maps?,
    };
    let found = compared_layers(bundle, first, &maps);
    found.map_err(|error| anyhow::Error::msg(format!("{error:#}")))
}

/// A comparison that was run.
pub struct Told<'a> {
    pub model: &'a Model,
    pub side: Side<'a>,
    /// Ours, with the frames that they speak of.
    pub answers: &'a [Scores],
    pub difference: &'a Difference,
    pub layers: Option<&'a Layers>,
    pub tolerance: f32,
    pub demands: &'a Demands,
}

/// The events that both sides' scores give, as frame, kind and label.
struct Events {
    ours: usize,
    reference: usize,
    same: usize,
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "events: {} ours, {} of the reference, {} the same",
            self.ours, self.reference, self.same
        )
    }
}

impl Told<'_> {
    /// Prints, writes the files that were asked for, and gives the verdict.
    pub fn tell(&self, json: bool) -> Result<Outcome> {
        let events = self.events()?;
        let cases = self.cases(&events);
        let good = cases.iter().all(|case| case.failure.is_none());
        let side = &self.side;
        if let Some(path) = &self.demands.junit {
            write(path, &junit(side.bundle, &cases)?)?;
        }
        if let Some(path) = &self.demands.html {
            let verdicts: Vec<_> = cases.iter().map(verdict).collect();
            let page = comparison_page(side, self.difference, &verdicts, self.layers)?;
            write(path, &page)?;
        }
        if json {
            print_json(&serde_json::json!({
                "reference": side.reference,
                "rows": side.rows,
                "frames": side.frames,
                "difference": self.difference,
                "agreement": self.agreement(),
                "events": {
                    "ours": events.ours, "reference": events.reference, "same": events.same,
                },
                "layers": self.layers,
                "tolerance": self.tolerance,
                "good": good,
            }))?;
        } else {
            self.print(&events, &cases);
        }
        Ok(match good {
            true => Outcome::Good,
            false => Outcome::ComparisonFailed,
        })
    }

    /// Share of the rows with the same first class.
    fn agreement(&self) -> f64 {
        match self.difference.rows {
            0 => 1.0,
            rows => self.difference.same_top as f64 / rows as f64,
        }
    }

    /// What was asked, and how it came out.
    fn cases(&self, events: &Events) -> Vec<Case> {
        let difference = self.difference;
        let largest = difference.largest;
        let is_near = largest <= self.tolerance;
        let departs = self.layers.and_then(|layers| layers.first.as_ref());
        let where_from = departs.map_or(String::new(), |layer| {
            format!("; {layer} is the first layer that departs")
        });
        let far = format!(
            "largest {largest:.3e}: BEYOND the tolerance of {:e}{where_from}",
            self.tolerance
        );
        let mut cases = vec![Case {
            name: "logits".into(),
            failure: (!is_near).then_some(far),
            said: format!(
                "largest {largest:.3e}: within the tolerance of {:e}",
                self.tolerance
            ),
        }];
        if let Some(percent) = self.demands.min_agreement {
            let agreement = 100.0 * self.agreement();
            let said = format!("the same first class in {agreement:.2} % of the rows");
            let fails = agreement < percent;
            cases.push(Case {
                name: "first class".into(),
                failure: fails.then(|| format!("{said}: BELOW {percent} %")),
                said: format!("{said}: at least {percent} % are asked for"),
            });
        }
        cases.push(Case {
            name: "events".into(),
            failure: None,
            said: events.to_string(),
        });
        cases
    }

    fn events(&self) -> Result<Events> {
        let manifest = self.model.manifest();
        let idle = manifest.idle.as_deref();
        let detector = EventDetector::new(&manifest.events, &manifest.labels, idle)?;
        let rows = self.side.theirs.outer_iter().zip(self.answers);
        let theirs = rows.map(|(row, answer)| Scores {
            logits: row.to_vec(),
            probabilities: probabilities(&row.to_vec())
                .into_iter()
                .map(|p| p as f32)
                .collect(),
            ..answer.clone()
        });
        let theirs: Vec<Scores> = theirs.collect();
        let ours = detector.clone().all_of(self.answers);
        let reference = detector.all_of(&theirs);
        let is_same = |event: &&Event| {
            reference.iter().any(|other| {
                (event.kind, event.frame, &event.label) == (other.kind, other.frame, &other.label)
            })
        };
        Ok(Events {
            same: ours.iter().filter(is_same).count(),
            ours: ours.len(),
            reference: reference.len(),
        })
    }

    fn print(&self, events: &Events, cases: &[Case]) {
        let difference = self.difference;
        println!(
            "ours against {}\nrows compared: {}\n",
            self.side.reference, self.side.rows
        );
        println!("{:>8}  {:>12}", "frame", "difference");
        for (number, row) in self
            .side
            .frames
            .iter()
            .zip(&difference.by_row)
            .take(ROWS_SHOWN)
        {
            println!("{number:>8}  {row:>12.3e}");
        }
        if difference.rows > ROWS_SHOWN {
            println!("{:>8}  ({} more rows)", "...", difference.rows - ROWS_SHOWN);
        }
        println!(
            "\n{} rows, same first class in {}; mean {:.3e}, largest logit {:.3}",
            difference.rows, difference.same_top, difference.mean, difference.scale
        );
        println!("{events}");
        if let Some(layers) = self.layers {
            print_layers(layers);
        }
        for case in cases.iter().filter(|case| case.name != "events") {
            println!("{}", verdict(case).0);
        }
    }
}

fn print_layers(layers: &Layers) {
    let shown: Vec<_> = match &layers.first {
        None => vec![],
        Some(first) => {
            let at = layers.layers.iter().position(|layer| layer.node == *first);
            let from = at.unwrap_or(0).saturating_sub(LAYERS_SHOWN / 2);
            layers.layers.iter().skip(from).take(LAYERS_SHOWN).collect()
        }
    };
    match &layers.first {
        None => println!("{} layers, none departs", layers.layers.len()),
        Some(first) => println!("{first} is the first layer that departs:"),
    }
    for layer in shown {
        println!(
            "{:>12}  {} ({})",
            layer
                .error
                .map_or("-".into(), |error| format!("{error:.2e}")),
            layer.node,
            layer.operator
        );
    }
}

/// What a case comes to in one sentence, and whether that is good.
fn verdict(case: &Case) -> (String, bool) {
    match &case.failure {
        Some(failure) => (failure.clone(), false),
        None => (case.said.clone(), true),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
