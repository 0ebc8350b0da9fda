//! The widths of the published networks.

use super::{Block, Kernel, Trunk, part};
use crate::weights::Layers;

/// Channels behind the stem, and classes (those of Kinetics).
const BASE: usize = 64;
const CLASSES: usize = 400;

/// Channels between the halves of a factored stem.
const STEM_MIDDLE: usize = 45;

impl Trunk {
    /// The layers of the network with so many blocks in each stage. In torchvision's form, the
    /// second convolution of a block that widens is factored as the first one is.
    pub fn layers(self, blocks: [usize; 4]) -> Layers {
        self.layers_with(blocks, |inputs, _| inputs)
    }

    /// The same in VMZ's form, where each convolution is factored by its own widths.
    pub fn layers_of_vmz(self, blocks: [usize; 4]) -> Layers {
        self.layers_with(blocks, |_, width| width)
    }

    /// `second` makes the inputs by which a block's second convolution is factored from those of
    /// the block and from its width.
    fn layers_with(self, blocks: [usize; 4], second: fn(usize, usize) -> usize) -> Layers {
        let mut layers: Layers = match self.stem {
            Kernel::SpaceThenTime => vec![("stem.0".into(), STEM_MIDDLE), ("stem.3".into(), BASE)],
            _ => vec![("stem.0".into(), BASE)],
        };
        let mut inputs = BASE;
        for (stage, blocks) in blocks.into_iter().enumerate() {
            let width = BASE << stage;
            let kernel = self.kernels[stage];
            for index in 0..blocks {
                let block = format!("layer{}.{index}", stage + 1);
                let conv = |number: usize| format!("{block}.conv{number}.0");
                let outputs = match self.block {
                    Block::Basic => {
                        layers.extend(parts(&conv(1), kernel, inputs, width));
                        layers.extend(parts(&conv(2), kernel, second(inputs, width), width));
                        width
                    }
                    Block::Bottleneck => {
                        layers.push((conv(1), width));
                        layers.extend(parts(&conv(2), kernel, width, width));
                        layers.push((conv(3), 4 * width));
                        4 * width
                    }
                };
                if index == 0 && (inputs != outputs || self.strides[stage] != (1, 1)) {
                    layers.push((part(&block, "downsample.0"), outputs));
                }
                inputs = outputs;
            }
        }
        layers.push(("fc".into(), CLASSES));
        layers
    }
}

/// What a kernel is made of. A factored one in VMZ's form has as many parameters as the 3x3x3 one
/// between a block's inputs and its outputs (Tran et al., 2018, section 3.5).
fn parts(conv: &str, kernel: Kernel, inputs: usize, outputs: usize) -> Layers {
    let part = |index: &str| part(conv, index);
    match kernel {
        Kernel::Cube | Kernel::Flat | Kernel::Depthwise => vec![(conv.into(), outputs)],
        Kernel::SpaceThenTime => {
            let middle = 27 * inputs * outputs / (9 * inputs + 3 * outputs);
            vec![(part("0"), middle), (part("3"), outputs)]
        }
        Kernel::TimeThenSpace => vec![(part("0"), outputs), (part("3"), outputs)],
        Kernel::PointThenDepthwise => vec![(part("0"), outputs), (part("2"), outputs)],
    }
}
