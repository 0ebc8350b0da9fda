//! CSN (Tran, Wang, Torresani, Feiszli: "Video Classification with Channel-Separated Convolutional
//! Networks", 2019, tables 1 and 2): 3D ResNets of bottlenecks in which only 1x1x1 convolutions mix
//! channels and only depthwise ones look around.
//!
//! | family | in the place of a bottleneck's 3x3x3 |
//! |---|---|
//! | `ir-csn-N`, interaction-reduced | 3x3x3 depthwise |
//! | `ip-csn-N`, interaction-preserved | 1x1x1, batch-norm, 3x3x3 depthwise |
//!
//! | layers | blocks of 26, 50, 101, 152 layers | channels |
//! |---|---|---|
//! | `layer1` | 2, 3, 3, 3 | 256 |
//! | `layer2` | 2, 4, 4, 8 | 512 |
//! | `layer3` | 2, 6, 23, 36 | 1024 |
//! | `layer4` | 2, 3, 3, 3 | 2048 |
//!
//! The stem is 3x7x7 with a pool of 1x3x3 behind it. The rest of the table stands in the
//! `resnet3d` module.
//!
//! | names | example | epsilon |
//! |---|---|---|
//! | VMZ | `layer1.0.conv2.0.weight`, `layer1.0.conv2.0.2.weight` | 1e-3 |
//! | mmaction2 | `backbone.layer1.0.conv2.0.conv.weight` | 1e-3 |
//! | pytorchvideo, `ir` alone | `blocks.1.res_blocks.0.branch2.conv_b.weight` | 1e-5 |

use crate::build::{BuildOptions, ClipGraph};
use crate::colours;
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::names::Names;
use crate::r3d::kinetics;
use crate::resnet3d::{
    self, Block, Kernel, MMACTION_IP_CSN, MMACTION_IR_CSN, PYTORCHVIDEO, STRIDES, Trunk,
};
use crate::weights::Weights;

const IR: Kernel = Kernel::Depthwise;
const IP: Kernel = Kernel::PointThenDepthwise;

/// mmaction2's networks go on from VMZ's, with their colours.
const PUBLISHED: Published = Published {
    spellings: &[("blocks.", colours::PYTORCHVIDEO)],
    ..kinetics(32, 224)
};

macro_rules! entry {
    ($id:literal, $description:literal, $kernel:expr, $blocks:expr) => {
        Entry {
            id: $id,
            description: $description,
            published: PUBLISHED,
            build: |weights, options| build(weights, options, $kernel),
            layers: || trunk($kernel).layers($blocks),
        }
    };
}

pub(crate) const FAMILIES: &[Entry] = &[
    entry!(
        "ir-csn-26",
        "interaction-reduced channel-separated ResNet",
        IR,
        [2, 2, 2, 2]
    ),
    entry!("ir-csn-50", "the same with 50 layers", IR, [3, 4, 6, 3]),
    entry!("ir-csn-101", "the same with 101 layers", IR, [3, 4, 23, 3]),
    entry!("ir-csn-152", "the same with 152 layers", IR, [3, 8, 36, 3]),
    entry!(
        "ip-csn-26",
        "interaction-preserved channel-separated ResNet",
        IP,
        [2, 2, 2, 2]
    ),
    entry!("ip-csn-50", "the same with 50 layers", IP, [3, 4, 6, 3]),
    entry!("ip-csn-101", "the same with 101 layers", IP, [3, 4, 23, 3]),
    entry!("ip-csn-152", "the same with 152 layers", IP, [3, 8, 36, 3]),
];

/// The wiring of VMZ and mmaction2.
const fn trunk(kernel: Kernel) -> Trunk {
    Trunk {
        stem: Kernel::Cube,
        pool: true,
        block: Block::Bottleneck,
        kernels: [kernel; 4],
        strides: STRIDES,
        head: None,
        epsilon: 1e-3,
        inner_epsilon: 1e-3,
    }
}

fn build(
    weights: Weights,
    options: &BuildOptions,
    kernel: Kernel,
) -> Result<ClipGraph, BuildError> {
    let mmaction = match kernel {
        Kernel::PointThenDepthwise => MMACTION_IP_CSN,
        _ => MMACTION_IR_CSN,
    };
    let (names, trunk) = if weights.any(|name| name.starts_with(mmaction.mark)) {
        (mmaction.names(), trunk(kernel))
    } else if weights.any(|name| name.starts_with(PYTORCHVIDEO.mark)) {
        let (epsilon, head) = (1e-5, Some([4, 7, 7]));
        (
            PYTORCHVIDEO.names(),
            Trunk {
                epsilon,
                head,
                ..trunk(kernel)
            },
        )
    } else {
        (Names::bare(), trunk(kernel))
    };
    resnet3d::build(weights, names, options, trunk)
}
