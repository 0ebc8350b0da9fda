//! How S3D's public implementations name the layers of the table.

use std::collections::BTreeSet;

use crate::inception::{self, DEPTHS};
use crate::names::Names;
use crate::weights::Weights;

/// What comes before the first block in torchvision's and kylemin's sequences: two convolutions and
/// a pool among the layers of the stem, then a pool.
const LAYERS_BELOW_BLOCKS: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As the builder has them: random weights.
    Bare,
    Torchvision,
    Kylemin,
    /// antoine77340/S3D_HowTo100M.
    Gated,
}

impl Spelling {
    pub fn of_s3d(weights: &Weights) -> Spelling {
        match weights {
            Weights::Random { .. } => Spelling::Bare,
            _ if weights.any(|name| name.starts_with("base.")) => Spelling::Kylemin,
            _ => Spelling::Torchvision,
        }
    }

    pub fn of_s3dg(weights: &Weights) -> Spelling {
        match weights {
            Weights::Random { .. } => Spelling::Bare,
            Weights::Trained(_) => Spelling::Gated,
        }
    }

    /// How many blocks each stage has.
    pub fn depths(self, weights: &Weights) -> [usize; 3] {
        match self {
            Spelling::Bare => DEPTHS,
            Spelling::Torchvision => depths_of_sequence(weights, "features."),
            Spelling::Kylemin => depths_of_sequence(weights, "base."),
            Spelling::Gated => inception::depths_by_letter(weights, "mixed_"),
        }
    }

    /// From a layer of the builder's (`3b.b1b.space.conv`) to the file's.
    pub fn names(self, depths: [usize; 3]) -> Names {
        match self {
            Spelling::Bare => Names::bare(),
            Spelling::Torchvision => Names::spelled(move |layer| torchvision(layer, depths)),
            Spelling::Kylemin => Names::spelled(move |layer| kylemin(layer, depths)),
            Spelling::Gated => Names::spelled(gated),
        }
    }
}

/// A layer's name, taken apart: `3b`, `b1b`, `space` and `conv` of `3b.b1b.space.conv`.
struct Parts<'a> {
    unit: &'a str,
    branch: Option<&'a str>,
    axis: Option<&'a str>,
    part: &'a str,
}

impl Parts<'_> {
    fn of(layer: &str) -> Parts<'_> {
        let mut middle = layer.split('.');
        let unit = middle.next().unwrap_or_default();
        let part = middle.next_back().unwrap_or_default();
        let (mut branch, mut axis) = (None, None);
        for name in middle {
            match name {
                "space" | "time" => axis = Some(name),
                _ => branch = Some(name),
            }
        }
        Parts {
            unit,
            branch,
            axis,
            part,
        }
    }

    /// The number of the unit in a sequence in which pools are counted too.
    fn index(&self, depths: [usize; 3]) -> usize {
        let mut characters = self.unit.chars();
        let stage = characters.next().unwrap_or_default();
        let letter = characters.next().map_or(0, |letter| letter as usize);
        let block = letter.saturating_sub('b' as usize);
        let [third, fourth, _] = depths;
        match (self.unit, stage) {
            ("1a", _) => 0,
            ("2b", _) => 2,
            ("2c", _) => 3,
            (_, '3') => LAYERS_BELOW_BLOCKS + block,
            (_, '4') => LAYERS_BELOW_BLOCKS + third + 1 + block,
            _ => LAYERS_BELOW_BLOCKS + third + 1 + fourth + 1 + block,
        }
    }
}

/// A block's branches are sequences, of which the last starts with its pool. `alone` is what the
/// only convolution of branch 0 is in its own.
fn branch(parts: &Parts<'_>, alone: &str) -> String {
    match parts.branch {
        Some("b0") => format!(".branch0{alone}"),
        Some("b1a") => ".branch1.0".to_owned(),
        Some("b1b") => ".branch1.1".to_owned(),
        Some("b2a") => ".branch2.0".to_owned(),
        Some("b2b") => ".branch2.1".to_owned(),
        Some(_) => ".branch3.1".to_owned(),
        None => String::new(),
    }
}

fn torchvision(layer: &str, depths: [usize; 3]) -> String {
    let parts = Parts::of(layer);
    let branch = branch(&parts, "");
    let axis = match parts.axis {
        Some("space") => ".0",
        Some(_) => ".1",
        None => "",
    };
    let index = parts.index(depths);
    match parts.part {
        "conv" => format!("features.{index}{branch}{axis}.0"),
        "norm" => format!("features.{index}{branch}{axis}.1"),
        _ => "classifier.1".to_owned(),
    }
}

fn kylemin(layer: &str, depths: [usize; 3]) -> String {
    let parts = Parts::of(layer);
    let branch = branch(&parts, ".0");
    let axis = match parts.axis {
        Some("space") => "_s",
        Some(_) => "_t",
        None => "",
    };
    let index = parts.index(depths);
    match parts.part {
        "conv" => format!("base.{index}{branch}.conv{axis}"),
        "norm" => format!("base.{index}{branch}.bn{axis}"),
        _ => "fc.0".to_owned(),
    }
}

fn gated(layer: &str) -> String {
    let parts = Parts::of(layer);
    let unit = match parts.unit {
        "1a" => "conv1".to_owned(),
        stem if stem.starts_with('2') => format!("conv_{stem}"),
        block => format!("mixed_{block}"),
    };
    let branch = match parts.branch {
        Some("b0") => ".conv_b0",
        Some("b1a") => ".conv_b1_a",
        Some("b1b") => ".conv_b1_b",
        Some("b2a") => ".conv_b2_a",
        Some("b2b") => ".conv_b2_b",
        Some(_) => ".conv_b3_b",
        None => "",
    };
    let number = if parts.axis == Some("time") { 2 } else { 1 };
    match (parts.part, parts.branch) {
        ("conv", _) => format!("{unit}{branch}.conv{number}"),
        ("norm", _) => format!("{unit}{branch}.bn{number}"),
        ("gate", Some(branch)) => format!("{unit}.gating_{}.fc", branch.get(..2).unwrap_or(branch)),
        ("gate", None) => "gating.fc".to_owned(),
        _ => "fc".to_owned(),
    }
}

/// The blocks between the pools of a sequence, whose numbers the pools leave out; the published
/// network's where that does not make three stages.
fn depths_of_sequence(weights: &Weights, prefix: &str) -> [usize; 3] {
    let number = |name: &str| -> Option<usize> {
        let (number, rest) = name.strip_prefix(prefix)?.split_once('.')?;
        rest.starts_with("branch").then(|| number.parse().ok())?
    };
    let numbers: BTreeSet<usize> = weights.names().filter_map(number).collect();
    let numbers: Vec<usize> = numbers.into_iter().collect();
    let runs: Vec<&[usize]> = numbers.chunk_by(|a, b| a + 1 == *b).collect();
    let are_apart = |a: &[usize], b: &[usize]| match (a.last(), b.first()) {
        (Some(last), Some(first)) => last + 2 == *first,
        _ => false,
    };
    match runs.as_slice() {
        [a, b, c]
            if a.first() == Some(&LAYERS_BELOW_BLOCKS) && are_apart(a, b) && are_apart(b, c) =>
        {
            [a.len(), b.len(), c.len()]
        }
        _ => DEPTHS,
    }
}
