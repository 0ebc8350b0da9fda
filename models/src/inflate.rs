//! Inflation (Carreira, Zisserman: "Quo Vadis, Action Recognition?", 2017, section 2.4): from the
//! weights of a network of pictures to those of a network of clips.
//!
//! A kernel over t frames repeats that of the picture t times, divided by t, so that a video that
//! stands still is seen as the picture was, wherever the zeros around the clip are not in sight.
//! Nothing else changes.

use ndarray::{ArrayD, Axis};

use crate::checkpoint::Checkpoint;
use crate::error::BuildError;
use crate::family::Family;
use crate::i3d::resnet::{INFLATED, mmaction2};
use crate::names::Names;
use crate::weights::Weights;

/// The one family whose 2D network is a common one.
const FAMILY: &str = "i3d-resnet50";

/// Frames that the first convolution sees, and those that a block's first convolution does.
const STEM_FRAMES: usize = 5;
const BLOCK_FRAMES: usize = 3;

const NORM_PARTS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// Makes a checkpoint of `family`, in mmaction2's names, from that of a ResNet of bottleneck blocks
/// on pictures, in torchvision's, MIT's or mmaction2's names. The classifier goes along.
///
/// # Errors
/// [`BuildError::Options`] for a family other than `i3d-resnet50`; [`BuildError::Checkpoint`] names
/// the first tensor of the ResNet that is missing or misshapen, or those that are too many.
pub fn inflate(image: Checkpoint, family: Family) -> Result<Checkpoint, BuildError> {
    if family.id() != FAMILY {
        return Err(BuildError::Options(format!(
            "pictures' weights are inflated to {FAMILY} alone, and not to {family}"
        )));
    }
    let weights = Weights::Trained(image);
    let names = Names::of(&weights, "fc");
    let mut inflation = Inflation {
        weights,
        names,
        inflated: vec![],
    };
    inflation.conv("conv1", 7, STEM_FRAMES)?;
    inflation.take("bn1", &NORM_PARTS)?;
    for (number, is_inflated) in (1..).zip(INFLATED) {
        let stage = format!("layer{number}");
        for index in 0..inflation.names.count(&inflation.weights, &stage).max(1) {
            let frames = if is_inflated(index) { BLOCK_FRAMES } else { 1 };
            inflation.block(&format!("{stage}.{index}"), frames)?;
        }
    }
    inflation.take("fc", &["weight", "bias"])?;
    let Inflation {
        weights, inflated, ..
    } = inflation;
    let file = weights.file().to_owned();
    weights.finish()?;
    Ok(Checkpoint::from_tensors(inflated, &file))
}

struct Inflation {
    weights: Weights,
    names: Names,
    inflated: Vec<(String, ArrayD<f32>)>,
}

impl Inflation {
    fn block(&mut self, block: &str, frames: usize) -> Result<(), BuildError> {
        for (number, side, frames) in [(1, 1, frames), (2, 3, 1), (3, 1, 1)] {
            self.conv(&format!("{block}.conv{number}"), side, frames)?;
            self.take(&format!("{block}.bn{number}"), &NORM_PARTS)?;
        }
        let [conv, norm] = [0, 1].map(|part| format!("{block}.downsample.{part}"));
        if self.weights.has(&self.names.tensor(&conv, "weight")) {
            self.conv(&conv, 1, 1)?;
            self.take(&norm, &NORM_PARTS)?;
        }
        Ok(())
    }

    /// A kernel of `side` x `side`, inflated to `frames`.
    fn conv(&mut self, conv: &str, side: usize, frames: usize) -> Result<(), BuildError> {
        let tensor = self.names.tensor(conv, "weight");
        let outputs = self.weights.outputs(&tensor)?;
        let inputs = self
            .weights
            .shape(&tensor)
            .and_then(|shape| shape.get(1).copied());
        let kernel = self
            .weights
            .take(&tensor, &[outputs, inputs.unwrap_or(1), side, side])?;
        let share = kernel.mapv(|value| (f64::from(value) / frames as f64) as f32);
        let share = share.insert_axis(Axis(2));
        let mut shape = share.shape().to_vec();
        shape[2] = frames;
        // Every kernel has an axis of one frame, which any number of frames is made of.
        let inflated = share.broadcast(shape).map(|frames| frames.to_owned());
        let name = format!("{}.weight", mmaction2(conv));
        self.inflated.extend(inflated.map(|kernel| (name, kernel)));
        Ok(())
    }

    /// Tensors of a layer that stay as they are.
    fn take(&mut self, layer: &str, parts: &[&str]) -> Result<(), BuildError> {
        for part in parts {
            let tensor = self.names.tensor(layer, part);
            // A missing tensor has no shape; it is named when it is taken.
            let shape = self.weights.shape(&tensor).unwrap_or_default().to_vec();
            let values = self.weights.take(&tensor, &shape)?;
            self.inflated
                .push((format!("{}.{part}", mmaction2(layer)), values));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tract_core::internal::*;

    use super::*;
    use crate::testing::{altered, array, assert_names, checkpoint, family};
    use crate::{BuildOptions, ClipGraph, TimeStructure, build};

    const IMAGE: &str = "tsn/resnet50.mit.safetensors";
    const SIDE: usize = 48;

    /// What the network's last features are, before any mean.
    fn features(network: ClipGraph, input: ArrayD<f32>) -> ArrayD<f32> {
        let mut graph = network.graph;
        let features = graph.node_by_name("avgpool.mean").unwrap().inputs[0];
        graph.select_output_outlets(&[features]).unwrap();
        let plan = graph.into_optimized().unwrap().into_runnable().unwrap();
        let features = plan.run(tvec![input.into_tvalue()]).unwrap();
        features[0].to_plain_array_view::<f32>().unwrap().to_owned()
    }

    #[test]
    fn a_still_video_is_seen_as_its_picture_was() {
        let clip = array("clip48.npy");
        let picture = clip.index_axis(Axis(2), 3).to_owned();
        let of_pictures = family("tsn-resnet50");
        let options = BuildOptions {
            frames: 1,
            size: (SIDE, SIDE),
            ..BuildOptions::published(of_pictures)
        };
        let network = build(of_pictures, checkpoint(IMAGE), &options).unwrap();
        let wanted = features(network, picture.clone());

        let inflated = inflate(checkpoint(IMAGE), family(FAMILY)).unwrap();
        let bytes = inflated.to_safetensors().unwrap();
        let inflated = Checkpoint::from_bytes(&bytes, "inflated").unwrap();
        let options = BuildOptions {
            frames: 48,
            stem_time_strides: Some([1, 1]),
            ..options
        };
        let network = build(family(FAMILY), inflated, &options).unwrap();
        let time = TimeStructure::of(&network.graph).unwrap();
        assert_eq!((time.past, time.lookahead, time.stride), (17, 18, 2));
        let position = options.frames / time.stride / 2;
        assert!(position * time.stride >= time.past, "{time:?}");
        assert!(
            position * time.stride + time.lookahead < options.frames,
            "{time:?}"
        );
        let still = picture.insert_axis(Axis(2));
        let still = still
            .broadcast(vec![1, 3, options.frames, SIDE, SIDE])
            .unwrap()
            .to_owned();
        let found = features(network, still);
        let largest = wanted.iter().copied().fold(0.0, f32::max);
        let difference = |position: usize| {
            let found = found.index_axis(Axis(2), position);
            (&found - &wanted)
                .iter()
                .fold(0.0, |most: f32, by| most.max(by.abs()))
                / largest
        };
        let (inside, border) = (difference(position), difference(0));
        println!("of features up to {largest}: {inside:e} inside, {border:e} at the border");
        // Sixteen random blocks make much of a rounding: PyTorch and tract differ by as much.
        assert!(largest > 0.1 && inside <= 2e-4, "{inside} of {largest}");
        assert!(
            border > 0.01,
            "the first position sees the zeros before the clip: {border}"
        );
    }

    #[test]
    fn what_is_no_resnet_of_bottlenecks_is_refused_by_a_tensor() {
        for tensor in [
            "base_model.layer3.4.bn2.bias",
            "base_model.layer1.2.conv3.weight",
        ] {
            let error = inflate(altered(IMAGE, |name| name == tensor, &[]), family(FAMILY));
            assert_names(&error.unwrap_err(), tensor);
        }
        let surplus = altered(IMAGE, |_| false, &[("base_model.extra", &[3])]);
        let error = inflate(surplus, family(FAMILY)).unwrap_err();
        assert!(error.to_string().contains("base_model.extra"), "{error}");
        let basic = checkpoint("tsn/resnet18.safetensors");
        assert_names(
            &inflate(basic, family(FAMILY)).unwrap_err(),
            "layer1.0.conv1.weight",
        );
    }

    #[test]
    fn another_family_is_refused() {
        let error = inflate(checkpoint(IMAGE), family("r3d-18")).unwrap_err();
        assert!(error.to_string().contains("i3d-resnet50"), "{error}");
    }
}
