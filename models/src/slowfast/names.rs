//! How pytorchvideo and mmaction2 spell SlowFast.

use super::SlowFrames;
use crate::inflated_resnet;
use crate::names::Names;
use crate::weights::Weights;

/// Whose names a checkpoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Pytorchvideo,
    Mmaction2,
    Bare,
}

impl Spelling {
    pub fn of(weights: &Weights) -> Spelling {
        if weights.any(|name| name.starts_with("blocks.")) {
            Spelling::Pytorchvideo
        } else if weights.any(|name| name.starts_with("backbone.")) {
            Spelling::Mmaction2
        } else {
            Spelling::Bare
        }
    }

    pub fn names(self) -> Names {
        match self {
            Spelling::Pytorchvideo => Names::spelled(pytorchvideo),
            Spelling::Mmaction2 => Names::spelled(mmaction2),
            Spelling::Bare => Names::bare(),
        }
    }

    /// Where the published network takes its slow frames from.
    pub fn slow_frames(self) -> SlowFrames {
        match self {
            Spelling::Mmaction2 => SlowFrames::Strided,
            Spelling::Pytorchvideo | Spelling::Bare => SlowFrames::Given,
        }
    }
}

fn mmaction2(layer: &str) -> String {
    let (pathway, rest) = layer.split_once('.').unwrap_or((layer, ""));
    match pathway {
        "slow" | "fast" => format!(
            "backbone.{pathway}_path.{}",
            inflated_resnet::mmaction2(rest)
        ),
        "fc" => "cls_head.fc_cls".into(),
        lateral => {
            let behind = match lateral.trim_start_matches("lateral") {
                "0" => "conv1".into(),
                stage => format!("layer{stage}"),
            };
            format!("backbone.slow_path.{behind}_lateral.{rest}")
        }
    }
}

/// `blocks.0` are the stems, `blocks.1` to `4` the stages, each with the lateral behind it;
/// `blocks.5` pools and `blocks.6` is the classifier.
fn pytorchvideo(layer: &str) -> String {
    let (pathway, rest) = layer.split_once('.').unwrap_or((layer, ""));
    let number = match pathway {
        "slow" => 0,
        "fast" => 1,
        "fc" => return "blocks.6.proj".into(),
        lateral => {
            let stage = lateral.trim_start_matches("lateral");
            let part = if rest == "bn" {
                "norm"
            } else {
                "conv_fast_to_slow"
            };
            return format!("blocks.{stage}.multipathway_fusion.{part}");
        }
    };
    let path = format!("multipathway_blocks.{number}");
    match rest {
        "conv1" => format!("blocks.0.{path}.conv"),
        "bn1" => format!("blocks.0.{path}.norm"),
        _ => {
            let rest = rest.trim_start_matches("layer");
            let (stage, block) = rest.split_once('.').unwrap_or((rest, ""));
            let (block, part) = block.split_once('.').unwrap_or((block, ""));
            let stem = format!("blocks.{stage}.{path}.res_blocks");
            match block {
                "" => stem,
                _ => format!("{stem}.{block}.{}", inflated_resnet::pytorchvideo(part)),
            }
        }
    }
}
