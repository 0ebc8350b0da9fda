//! The colours that published networks were trained on, which no tensor holds. Two libraries that
//! train the same network may prepare its pictures differently, so that the spelling of a
//! checkpoint tells them.

use praxiscope_runtime::preprocess::ColorOrder;

use crate::weights::Weights;

/// How a network's pictures are prepared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colours {
    /// Mean of each channel, in the network's order, of values in 0..1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel.
    pub std: [f32; 3],
    /// Which channel comes first.
    pub order: ColorOrder,
    /// Whose they are, for people.
    pub whose: &'static str,
}

/// ImageNet's, which nearly all networks of pictures have.
pub(crate) const IMAGENET: Colours = Colours {
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    order: ColorOrder::Rgb,
    whose: "ImageNet's",
};

/// mmaction2's, which are ImageNet's but for CSN.
pub(crate) const MMACTION2: Colours = Colours {
    whose: "mmaction2's",
    ..IMAGENET
};

/// pytorchvideo's.
pub(crate) const PYTORCHVIDEO: Colours = Colours {
    mean: [0.45; 3],
    std: [0.225; 3],
    order: ColorOrder::Rgb,
    whose: "pytorchvideo's",
};

/// Those of Kinetics as VMZ and torchvision have measured them.
pub(crate) const KINETICS: Colours = Colours {
    mean: [0.43216, 0.394666, 0.37645],
    std: [0.22803, 0.22145, 0.216989],
    order: ColorOrder::Rgb,
    whose: "Kinetics'",
};

/// Values from -1 to 1, as TensorFlow's networks take them.
pub(crate) const SYMMETRIC: Colours = Colours {
    mean: [0.5; 3],
    std: [0.5; 3],
    order: ColorOrder::Rgb,
    whose: "those from -1 to 1",
};

/// Values from 0 to 1.
pub(crate) const PLAIN: Colours = Colours {
    mean: [0.0; 3],
    std: [1.0; 3],
    order: ColorOrder::Rgb,
    whose: "those from 0 to 1",
};

/// What begins some name of a checkpoint, and the colours of whoever names tensors so.
pub(crate) type Spellings = &'static [(&'static str, Colours)];

/// The spellings that several families share.
pub(crate) const LIBRARIES: Spellings = &[
    ("blocks.", PYTORCHVIDEO),
    ("backbone.", MMACTION2),
    ("base_model.", IMAGENET),
];

/// Those of a checkpoint: its spelling's, or else the family's.
pub(crate) fn of(weights: &Weights, spellings: Spellings, published: Colours) -> Colours {
    let is_met = |mark: &str| match weights {
        Weights::Trained(_) => weights.any(|name| name.starts_with(mark)),
        Weights::Random { .. } => false,
    };
    let spelling = spellings.iter().find(|(mark, _)| is_met(mark));
    spelling.map_or(published, |(_, colours)| *colours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{checkpoint, family};

    #[test]
    fn the_spelling_tells_the_colours() {
        for (id, name, colours) in [
            ("slowfast-8x8-r50", "slowfast/mmaction2", MMACTION2),
            ("slowfast-8x8-r50", "slowfast/pytorchvideo", PYTORCHVIDEO),
            ("i3d-resnet50", "i3d/resnet50.mmaction2", MMACTION2),
            ("i3d-resnet50", "i3d/resnet50.pytorchvideo", PYTORCHVIDEO),
            ("i3d-inception", "i3d/inception", SYMMETRIC),
            ("s3d", "s3d/s3d.torchvision", KINETICS),
            ("s3d", "s3d/s3d.kylemin", SYMMETRIC),
            ("s3d-g", "s3d/s3d-g", PLAIN),
            ("r2plus1d-18", "r3d/r2plus1d", KINETICS),
            ("r2plus1d-34", "r3d/r2plus1d.mmaction2", MMACTION2),
            ("r2plus1d-50", "r3d/r2plus1d.pytorchvideo", PYTORCHVIDEO),
            ("ir-csn-50", "csn/ir.mmaction2", KINETICS),
            ("ir-csn-50", "csn/ir.pytorchvideo", PYTORCHVIDEO),
            ("f-r2d-18", "tsn/mc1", KINETICS),
            ("f-r2d-18", "tsn/resnet18", IMAGENET),
            ("r2d-18", "tsn/r2d.vmz", KINETICS),
            ("nonlocal5-resnet50", "nonlocal/dot", MMACTION2),
        ] {
            let weights = Weights::Trained(checkpoint(&format!("{name}.safetensors")));
            assert_eq!(family(id).colours_of(&weights), colours, "{name}");
        }
        let artnet = family("artnet-18").published().colours;
        assert_eq!(artnet.order, ColorOrder::Bgr);
        assert!(artnet.mean[0] < artnet.mean[2], "blue comes first");
    }
}
