//! mmaction2's names of MobileNetV2: blocks by stage (`backbone.layer2.1`), and a convolution and
//! its batch-norm as one module, which is what a shift wraps:
//! `backbone.layer2.1.conv.0.net.conv.weight`.

use std::collections::HashSet;

use super::mobilenet_v2::stage_lengths;
use crate::names::{MMACTION_PREFIX, Names};
use crate::weights::Weights;

/// Numbers from one of a block's convolutions to the next: its batch-norm and activation between.
const LAYERS_OF_A_MODULE: usize = 3;

pub(super) fn names_are(weights: &Weights) -> bool {
    weights.any(|name| name.starts_with(MMACTION_PREFIX))
}

/// Whether a network's layers are spelled so.
pub(super) fn spells(names: &Names) -> bool {
    names.layer("features").starts_with(MMACTION_PREFIX)
}

/// The spelling of a checkpoint with as many blocks in each stage as its names tell.
pub(super) fn names(weights: &Weights) -> Names {
    let of_stages = Names::spelled(|stage| format!("{MMACTION_PREFIX}{stage}"));
    let lengths = stage_lengths(&of_stages, weights);
    let stages = (1..).zip(lengths);
    let blocks: Vec<String> = stages
        .flat_map(|(stage, length)| {
            (0..length).map(move |block| format!("{MMACTION_PREFIX}layer{stage}.{block}"))
        })
        .collect();
    let shifted: HashSet<String> = weights
        .names()
        .filter_map(|name| Some(name.split_once(".net.")?.0.to_owned()))
        .collect();
    Names::of_training_code(weights, move |layer| spell(layer, &blocks, &shifted))
}

/// `features.3.conv.0` is `backbone.layer2.1.conv.0.conv`, and so on.
fn spell(layer: &str, blocks: &[String], shifted: &HashSet<String>) -> String {
    let parts: Vec<&str> = layer.split('.').collect();
    let number = |text: &str| text.parse::<usize>().ok();
    let part = |layer: usize| match layer % LAYERS_OF_A_MODULE {
        0 => "conv",
        _ => "bn",
    };
    let block = |index: &str| blocks.get(number(index)?.checked_sub(1)?);
    match parts.as_slice() {
        ["classifier"] => return "cls_head.fc_cls".to_owned(),
        ["features", index, "conv", rest @ ..] => {
            let Some(block) = block(index) else {
                return format!("{MMACTION_PREFIX}{layer}");
            };
            let Some(layer) = rest.first().and_then(|layer| number(layer)) else {
                return format!("{block}.conv");
            };
            let module = format!("{block}.conv.{}", layer / LAYERS_OF_A_MODULE);
            let is_norm_of_shifted = part(layer) == "bn" && shifted.contains(&module);
            return match rest.len() > 1 || is_norm_of_shifted {
                true => format!("{module}.net.{}", part(layer)),
                false => format!("{module}.{}", part(layer)),
            };
        }
        ["features", index, layer] => {
            if let (Some(index), Some(layer)) = (number(index), number(layer)) {
                let conv = if index == 0 { "conv1" } else { "conv2" };
                return format!("{MMACTION_PREFIX}{conv}.{}", part(layer));
            }
        }
        _ => {}
    }
    format!("{MMACTION_PREFIX}{layer}")
}
