//! R3D, MCx, rMCx and R(2+1)D (Tran, Wang, Torresani, Ray, LeCun, Paluri: "A Closer Look at
//! Spatiotemporal Convolutions for Action Recognition", 2018, figure 1 and table 1): residual
//! networks that differ in which of their five groups (the stem, then `layer1` to `layer4`) see
//! more than one frame.
//!
//! | family | the stem and the four stages |
//! |---|---|
//! | `r3d-18` | 3D, 3D, 3D, 3D, 3D |
//! | `mc5-18` .. `mc2-18` | 3D below, 2D from group 5 .. 2 on |
//! | `rmc5-18` .. `rmc2-18` | 2D below, 3D from group 5 .. 2 on |
//! | `r2plus1d-18`, `-34`, `-50` | each 3D convolution a spatial and a temporal one |
//!
//! MC1, 2D everywhere, is `f-r2d-18`, which is built on single frames. The table of layers stands
//! in the `resnet3d` module.
//!
//! Tensor names and what comes with them:
//!
//! | names | example | epsilon of the batch-norms |
//! |---|---|---|
//! | torchvision, VMZ | `layer1.0.conv1.0.weight` | 1e-5; VMZ's 1e-3 from 34 layers on |
//! | mmaction2 | `backbone.layer1.0.conv1.conv.conv_s.weight` | 1e-3, inner ones 1e-5 |
//! | pytorchvideo | `blocks.1.res_blocks.0.branch2.conv_b.conv_t.weight` | 1e-5 |
//!
//! VMZ's networks of 18 layers have torchvision's names and an epsilon of 1e-3, which must be said.
//! Its bottlenecks (`r2plus1d-50`, with 50, 101 or 152 layers) have a pool behind the stem, and so
//! have mmaction2's networks, which factor their shortcuts and a bottleneck's 1x1x1 too. pytorchvideo's `r2plus1d-50` has
//! time before space, a 2D stem and strides of its own; the softmax at its end is left out.

use crate::build::{BuildOptions, ClipGraph};
use crate::colours;
use crate::error::BuildError;
use crate::family::{Entry, Published};
use crate::names::Names;
use crate::resnet3d::{self, Block, Kernel, MMACTION_FACTORED, PYTORCHVIDEO, STRIDES, Trunk};
use crate::weights::Weights;

/// How the networks of VMZ and torchvision were trained.
pub(crate) const fn kinetics(frames: usize, side: usize) -> Published {
    Published {
        frames,
        size: (side, side),
        colours: colours::KINETICS,
        spellings: colours::LIBRARIES,
    }
}

macro_rules! entry {
    ($id:literal, $description:literal, $published:expr, $trunk:expr, $layers:expr) => {
        Entry {
            id: $id,
            description: $description,
            published: $published,
            build: |weights, options| build(weights, options, $trunk),
            layers: || $layers,
        }
    };
}

const SMALL: [usize; 4] = [2, 2, 2, 2];
const LARGE: [usize; 4] = [3, 4, 6, 3];

pub(crate) const FAMILIES: &[Entry] = &[
    entry!(
        "r3d-18",
        "3D ResNet of basic blocks",
        kinetics(16, 112),
        below(6),
        below(6).layers(SMALL)
    ),
    entry!(
        "mc2-18",
        "ResNet, 3D in the stem alone",
        kinetics(16, 112),
        below(2),
        below(2).layers(SMALL)
    ),
    entry!(
        "mc3-18",
        "ResNet, 3D up to layer1",
        kinetics(16, 112),
        below(3),
        below(3).layers(SMALL)
    ),
    entry!(
        "mc4-18",
        "ResNet, 3D up to layer2",
        kinetics(16, 112),
        below(4),
        below(4).layers(SMALL)
    ),
    entry!(
        "mc5-18",
        "ResNet, 3D up to layer3",
        kinetics(16, 112),
        below(5),
        below(5).layers(SMALL)
    ),
    entry!(
        "rmc2-18",
        "ResNet, 3D from layer1 on",
        kinetics(16, 112),
        from(2),
        from(2).layers(SMALL)
    ),
    entry!(
        "rmc3-18",
        "ResNet, 3D from layer2 on",
        kinetics(16, 112),
        from(3),
        from(3).layers(SMALL)
    ),
    entry!(
        "rmc4-18",
        "ResNet, 3D from layer3 on",
        kinetics(16, 112),
        from(4),
        from(4).layers(SMALL)
    ),
    entry!(
        "rmc5-18",
        "ResNet, 3D in layer4 alone",
        kinetics(16, 112),
        from(5),
        from(5).layers(SMALL)
    ),
    entry!(
        "r2plus1d-18",
        "ResNet of basic blocks, spatial and temporal convolutions in turn",
        kinetics(16, 112),
        factored(Block::Basic, 1e-5),
        factored(Block::Basic, 1e-5).layers(SMALL)
    ),
    entry!(
        "r2plus1d-34",
        "the same with 34 layers and VMZ's batch-norms",
        kinetics(32, 112),
        factored(Block::Basic, 1e-3),
        factored(Block::Basic, 1e-3).layers_of_vmz(LARGE)
    ),
    entry!(
        "r2plus1d-50",
        "the same of bottleneck blocks (50, 101 or 152 layers)",
        Published {
            frames: 16,
            size: (224, 224),
            colours: colours::PYTORCHVIDEO,
            ..kinetics(16, 224)
        },
        factored(Block::Bottleneck, 1e-3),
        PYTORCHVIDEO.layers(TIME_FIRST.layers(LARGE))
    ),
];

/// 3D in the groups before `group`: MCx.
pub(crate) const fn below(group: usize) -> Trunk {
    groups([1 < group, 2 < group, 3 < group, 4 < group, 5 < group])
}

/// 3D from `group` on: rMCx.
const fn from(group: usize) -> Trunk {
    groups([false, 2 >= group, 3 >= group, 4 >= group, 5 >= group])
}

const fn groups([stem, first, second, third, fourth]: [bool; 5]) -> Trunk {
    const fn kernel(is_3d: bool) -> Kernel {
        if is_3d { Kernel::Cube } else { Kernel::Flat }
    }
    Trunk {
        stem: kernel(stem),
        pool: false,
        block: Block::Basic,
        kernels: [kernel(first), kernel(second), kernel(third), kernel(fourth)],
        strides: STRIDES,
        head: None,
        epsilon: 1e-5,
        inner_epsilon: 1e-5,
    }
}

/// R(2+1)D in VMZ's form.
const fn factored(block: Block, epsilon: f64) -> Trunk {
    Trunk {
        stem: Kernel::SpaceThenTime,
        pool: matches!(block, Block::Bottleneck),
        block,
        kernels: [Kernel::SpaceThenTime; 4],
        epsilon,
        inner_epsilon: epsilon,
        ..below(6)
    }
}

/// R(2+1)D in pytorchvideo's form.
const TIME_FIRST: Trunk = Trunk {
    stem: Kernel::Flat,
    pool: false,
    kernels: [Kernel::TimeThenSpace; 4],
    strides: [(1, 2), (1, 2), (2, 2), (2, 2)],
    head: Some([4, 7, 7]),
    ..factored(Block::Bottleneck, 1e-5)
};

/// `trunk` is that of torchvision's or VMZ's names.
fn build(weights: Weights, options: &BuildOptions, trunk: Trunk) -> Result<ClipGraph, BuildError> {
    let is_factored = trunk.stem == Kernel::SpaceThenTime;
    let (names, trunk) = match trunk.block {
        Block::Bottleneck if weights.any(|name| name.starts_with(PYTORCHVIDEO.mark)) => {
            (PYTORCHVIDEO.names(), TIME_FIRST)
        }
        _ if is_factored && weights.any(|name| name.starts_with(MMACTION_FACTORED.mark)) => {
            let (pool, epsilon, inner_epsilon) = (true, 1e-3, 1e-5);
            (
                MMACTION_FACTORED.names(),
                Trunk {
                    pool,
                    epsilon,
                    inner_epsilon,
                    ..trunk
                },
            )
        }
        _ => (Names::bare(), trunk),
    };
    resnet3d::build(weights, names, options, trunk)
}
