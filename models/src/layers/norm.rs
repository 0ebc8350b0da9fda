//! Batch normalisation, folded into the convolution before it where it has one to itself.

use ndarray::{Array1, ArrayD, Axis};
use tract_core::internal::*;
use tract_core::ops::math;

use super::{CHANNEL_AXIS, Net, Wire};
use crate::error::BuildError;

/// PyTorch's `BatchNorm2d` and `BatchNorm3d` add this to the variance.
pub(super) const EPSILON: f64 = 1e-5;

/// A trained batch-norm: `scale * x + offset` for each channel.
#[derive(Clone, Debug)]
struct BatchNorm {
    scale: Vec<f64>,
    offset: Vec<f64>,
}

impl Net {
    /// The batch-norm `name` where no convolution can take it in: a scale, then an offset.
    pub fn norm(&mut self, name: &str, x: Wire) -> Result<Wire, BuildError> {
        let (channels, rank) = (self.channels(x)?, self.rank(x)?);
        let BatchNorm { scale, offset } = self.take_norm(name, channels)?;
        let mut shape = vec![1; rank];
        shape[CHANNEL_AXIS] = channels;
        let mut constant = |part: &str, values: Vec<f64>| -> Result<Wire, BuildError> {
            let values = values.into_iter().map(|value| value as f32).collect();
            let values = ArrayD::from_shape_vec(shape.clone(), values).map_err(TractError::from)?;
            Ok(self
                .graph
                .add_const(format!("{name}.{part}"), values.into_tensor())?)
        };
        let (scale, offset) = (constant("scale", scale)?, constant("offset", offset)?);
        let scaled = self.wire(format!("{name}.scaled"), math::mul(), &[x, scale])?;
        self.wire(name, math::add(), &[scaled, offset])
    }

    /// Takes a convolution's kernel of `shape`, its bias if it has one, and the batch-norm behind
    /// it; gives the kernel and the bias that do both.
    pub(super) fn take_folded(
        &mut self,
        conv: &str,
        norm: &str,
        shape: &[usize],
    ) -> Result<(ArrayD<f32>, ArrayD<f32>), BuildError> {
        let mut kernel = self.take(conv, "weight", shape)?;
        let outputs = kernel.len_of(Axis(0));
        let own = match self.has_part(conv, "bias") {
            true => Some(self.take(conv, "bias", &[outputs])?),
            false => None,
        };
        let BatchNorm { scale, mut offset } = self.take_norm(norm, outputs)?;
        for ((own, offset), scale) in own.iter().flatten().zip(&mut offset).zip(&scale) {
            *offset += f64::from(*own) * scale;
        }
        for (mut row, scale) in kernel.outer_iter_mut().zip(&scale) {
            row.mapv_inplace(|value| (f64::from(value) * scale) as f32);
        }
        let bias = Array1::from_iter(offset.iter().map(|&offset| offset as f32));
        if kernel.iter().chain(&bias).all(|value| value.is_finite()) {
            return Ok((kernel, bias.into_dyn()));
        }
        let (file, layer) = (self.weights.file().to_owned(), self.names.layer(norm));
        Err(BuildError::Norm { file, layer })
    }

    fn take_norm(&mut self, layer: &str, channels: usize) -> Result<BatchNorm, BuildError> {
        let epsilon = self.epsilon;
        let mut take = |part: &str| self.take(layer, part, &[channels]);
        let (gain, bias) = (take("weight")?, take("bias")?);
        let (mean, variance) = (take("running_mean")?, take("running_var")?);
        let scale: Vec<f64> = (gain.iter().zip(&variance))
            .map(|(&gain, &variance)| f64::from(gain) / (f64::from(variance) + epsilon).sqrt())
            .collect();
        let offset: Vec<f64> = (bias.iter().zip(&mean).zip(&scale))
            .map(|((&bias, &mean), scale)| f64::from(bias) - f64::from(mean) * scale)
            .collect();
        let are_finite = scale
            .iter()
            .chain(&offset)
            .all(|&value| (value as f32).is_finite());
        if are_finite {
            return Ok(BatchNorm { scale, offset });
        }
        let (file, layer) = (self.weights.file().to_owned(), self.names.layer(layer));
        Err(BuildError::Norm { file, layer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::names::Names;
    use crate::weights::Weights;

    fn vector(values: &[f32]) -> ArrayD<f32> {
        Array1::from_vec(values.to_vec()).into_dyn()
    }

    fn net(variance: f32) -> Net {
        let kernel = ArrayD::from_elem(vec![1, 1, 1, 1], 3.0);
        let tensors = [
            ("conv.weight", kernel),
            ("norm.weight", vector(&[2.0])),
            ("norm.bias", vector(&[0.5])),
            ("norm.running_mean", vector(&[10.0])),
            ("norm.running_var", vector(&[variance])),
        ];
        let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
        let weights = Weights::Trained(Checkpoint::from_tensors(tensors, "test"));
        let names = Names::of(&weights, "fc");
        Net::new(weights, names, &[1, 1, 1, 1]).unwrap().0
    }

    #[test]
    fn a_folded_convolution_does_what_the_two_did() {
        let (kernel, bias) = net(4.0).take_folded("conv", "norm", &[1, 1, 1, 1]).unwrap();
        let input = 7.0;
        let folded = f64::from(kernel[[0, 0, 0, 0]]) * input + f64::from(bias[[0]]);
        let two_steps = (3.0 * input - 10.0) / (4.0 + EPSILON).sqrt() * 2.0 + 0.5;
        assert!((folded - two_steps).abs() < 1e-5, "{folded} {two_steps}");
    }

    #[test]
    fn a_negative_variance_is_refused_by_name() {
        let error = net(-1.0)
            .take_folded("conv", "norm", &[1, 1, 1, 1])
            .unwrap_err();
        assert!(
            matches!(&error, BuildError::Norm { layer, .. } if layer == "norm"),
            "{error}"
        );
    }
}
