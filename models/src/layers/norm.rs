//! Batch normalisation, folded into the convolution before it.

use ndarray::{Array1, ArrayD, Axis};

use super::Net;
use crate::error::BuildError;

/// PyTorch's `BatchNorm2d` and `BatchNorm3d` add this to the variance.
const EPSILON: f64 = 1e-5;

/// A trained batch-norm: `scale * x + offset` for each channel.
#[derive(Clone, Debug)]
struct BatchNorm {
    scale: Vec<f64>,
    offset: Vec<f64>,
}

impl Net {
    /// Takes a convolution's kernel of `shape` and the batch-norm behind it; gives the kernel and
    /// the bias that do both.
    pub(super) fn take_folded(
        &mut self,
        conv: &str,
        norm: &str,
        shape: &[usize],
    ) -> Result<(ArrayD<f32>, ArrayD<f32>), BuildError> {
        let mut kernel = self.take(conv, "weight", shape)?;
        let BatchNorm { scale, offset } = self.take_norm(norm, kernel.len_of(Axis(0)))?;
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
        let mut take = |part: &str| self.take(layer, part, &[channels]);
        let (gain, bias) = (take("weight")?, take("bias")?);
        let (mean, variance) = (take("running_mean")?, take("running_var")?);
        let scale: Vec<f64> = (gain.iter().zip(&variance))
            .map(|(&gain, &variance)| f64::from(gain) / (f64::from(variance) + EPSILON).sqrt())
            .collect();
        let offset = (bias.iter().zip(&mean).zip(&scale))
            .map(|((&bias, &mean), scale)| f64::from(bias) - f64::from(mean) * scale)
            .collect();
        Ok(BatchNorm { scale, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::names::Names;

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
        let weights = Checkpoint::from_tensors(tensors, "test");
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
