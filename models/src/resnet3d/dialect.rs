//! From torchvision's names of a `VideoResNet`'s layers to those of other libraries.

use crate::names::Names;
use crate::weights::Layers;

/// How a library spells the layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// What every checkpoint of the library has before some tensor's name.
    pub mark: &'static str,
    /// The stem and the head.
    pub ends: &'static [(&'static str, &'static str)],
    /// What is before and behind the number of a stage, in the stem of its blocks' names.
    pub stage: (&'static str, &'static str),
    /// The layers of a block.
    pub block: &'static [(&'static str, &'static str)],
}

impl Dialect {
    /// The library's name of a layer, or of the sequence `layer1`.
    fn spell(self, layer: &str) -> String {
        let find = |table: &[(&str, &'static str)], name: &str| {
            let entry = table.iter().find(|(own, _)| *own == name);
            entry.map(|(_, theirs)| *theirs)
        };
        if let Some(end) = find(self.ends, layer) {
            return end.to_owned();
        }
        let (before, behind) = self.stage;
        let mut parts = layer.splitn(3, '.');
        let stage = parts.next().unwrap_or_default();
        let number = stage.strip_prefix("layer").unwrap_or(stage);
        let mut name = format!("{before}{number}{behind}");
        if let Some(index) = parts.next() {
            name = format!("{name}.{index}");
        }
        if let Some(part) = parts.next() {
            name = format!("{name}.{}", find(self.block, part).unwrap_or(part));
        }
        name
    }

    pub fn names(self) -> Names {
        Names::spelled(move |layer| self.spell(layer))
    }

    /// The layers under the library's names.
    pub fn layers(self, layers: Layers) -> Layers {
        let spelled = |(layer, outputs): (String, usize)| (self.spell(&layer), outputs);
        layers.into_iter().map(spelled).collect()
    }
}

/// pytorchvideo's `create_r2plus1d` and `create_csn`.
pub(crate) const PYTORCHVIDEO: Dialect = Dialect {
    mark: "blocks.",
    ends: &[
        ("stem.0", "blocks.0.conv"),
        ("stem.1", "blocks.0.norm"),
        ("fc", "blocks.5.proj"),
    ],
    stage: ("blocks.", ".res_blocks"),
    block: &[
        ("conv1.0", "branch2.conv_a"),
        ("conv1.1", "branch2.norm_a"),
        ("conv2.0", "branch2.conv_b"),
        ("conv2.0.0", "branch2.conv_b.conv_t"),
        ("conv2.0.1", "branch2.conv_b.norm"),
        ("conv2.0.3", "branch2.conv_b.conv_xy"),
        ("conv2.1", "branch2.norm_b"),
        ("conv3.0", "branch2.conv_c"),
        ("conv3.1", "branch2.norm_c"),
        ("downsample.0", "branch1_conv"),
        ("downsample.1", "branch1_norm"),
    ],
};

/// mmaction2's `ResNet2Plus1d`.
pub(crate) const MMACTION_FACTORED: Dialect = Dialect {
    mark: "backbone.",
    ends: &[
        ("stem.0", "backbone.conv1.conv.conv_s"),
        ("stem.1", "backbone.conv1.conv.bn_s"),
        ("stem.3", "backbone.conv1.conv.conv_t"),
        ("stem.4", "backbone.conv1.bn"),
        ("fc", "cls_head.fc_cls"),
    ],
    stage: ("backbone.layer", ""),
    block: &[
        ("conv1.0.0", "conv1.conv.conv_s"),
        ("conv1.0.1", "conv1.conv.bn_s"),
        ("conv1.0.3", "conv1.conv.conv_t"),
        ("conv1.1", "conv1.bn"),
        ("conv2.0.0", "conv2.conv.conv_s"),
        ("conv2.0.1", "conv2.conv.bn_s"),
        ("conv2.0.3", "conv2.conv.conv_t"),
        ("conv2.1", "conv2.bn"),
        ("conv3.0.0", "conv3.conv.conv_s"),
        ("conv3.0.1", "conv3.conv.bn_s"),
        ("conv3.0.3", "conv3.conv.conv_t"),
        ("conv3.1", "conv3.bn"),
        ("downsample.0", "downsample.conv"),
        ("downsample.0.0", "downsample.conv.conv_s"),
        ("downsample.0.1", "downsample.conv.bn_s"),
        ("downsample.0.3", "downsample.conv.conv_t"),
        ("downsample.1", "downsample.bn"),
    ],
};

/// mmaction2's `ResNet3dCSN`, interaction-reduced.
pub(crate) const MMACTION_IR_CSN: Dialect = Dialect {
    mark: "backbone.",
    ends: &[
        ("stem.0", "backbone.conv1.conv"),
        ("stem.1", "backbone.conv1.bn"),
        ("fc", "cls_head.fc_cls"),
    ],
    stage: ("backbone.layer", ""),
    block: &[
        ("conv1.0", "conv1.conv"),
        ("conv1.1", "conv1.bn"),
        ("conv2.0", "conv2.0.conv"),
        ("conv2.1", "conv2.0.bn"),
        ("conv3.0", "conv3.conv"),
        ("conv3.1", "conv3.bn"),
        ("downsample.0", "downsample.conv"),
        ("downsample.1", "downsample.bn"),
    ],
};

/// The same, interaction-preserved.
pub(crate) const MMACTION_IP_CSN: Dialect = Dialect {
    block: &[
        ("conv1.0", "conv1.conv"),
        ("conv1.1", "conv1.bn"),
        ("conv2.0.0", "conv2.0.conv"),
        ("conv2.0.1", "conv2.0.bn"),
        ("conv2.0.2", "conv2.1.conv"),
        ("conv2.1", "conv2.1.bn"),
        ("conv3.0", "conv3.conv"),
        ("conv3.1", "conv3.bn"),
        ("downsample.0", "downsample.conv"),
        ("downsample.1", "downsample.bn"),
    ],
    ..MMACTION_IR_CSN
};
