//! Convolutions, most of them with their batch-norm folded in.

use ndarray::ArrayD;
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, KernelFormat};

use super::{Net, Window, Wire};
use crate::error::BuildError;

impl Net {
    /// The convolution `conv`, from all channels to as many as its weight makes, and the batch-norm
    /// `norm`.
    pub fn conv_norm(
        &mut self,
        x: Wire,
        conv: &str,
        norm: &str,
        window: Window,
    ) -> Result<Wire, BuildError> {
        self.grouped_norm(x, conv, norm, window, 1)
    }

    /// The convolution `conv`, on each channel by itself, and the batch-norm `norm`.
    pub fn depthwise_norm(
        &mut self,
        x: Wire,
        conv: &str,
        norm: &str,
        window: Window,
    ) -> Result<Wire, BuildError> {
        let channels = self.channels(x)?;
        self.grouped_norm(x, conv, norm, window, channels)
    }

    /// The convolution `conv` in `groups` groups of channels, and the batch-norm `norm`.
    pub fn grouped_norm(
        &mut self,
        x: Wire,
        conv: &str,
        norm: &str,
        window: Window,
        groups: usize,
    ) -> Result<Wire, BuildError> {
        let shape = self.kernel_shape(x, conv, &window, groups)?;
        let (kernel, bias) = self.take_folded(conv, norm, &shape)?;
        self.wire_conv(x, conv, window, groups, kernel, bias)
    }

    /// The convolution `conv` by itself, with a bias if the checkpoint has one.
    pub fn conv(&mut self, x: Wire, conv: &str, window: Window) -> Result<Wire, BuildError> {
        let shape = self.kernel_shape(x, conv, &window, 1)?;
        let kernel = self.take(conv, "weight", &shape)?;
        let outputs = &shape[..1];
        let bias = match self.has_part(conv, "bias") {
            true => self.take(conv, "bias", outputs)?,
            false => ArrayD::zeros(outputs),
        };
        self.wire_conv(x, conv, window, 1, kernel, bias)
    }

    /// The shape that a convolution's weight must have.
    fn kernel_shape(
        &self,
        x: Wire,
        conv: &str,
        window: &Window,
        groups: usize,
    ) -> Result<Vec<usize>, BuildError> {
        let inputs = self.channels(x)?;
        // Outputs that the groups do not share evenly are found wrong as a shape.
        let outputs = self.outputs_of(conv)?;
        let shared = outputs.checked_next_multiple_of(groups.max(1));
        let mut shape = vec![shared.unwrap_or(outputs), inputs / groups.max(1)];
        shape.extend(window.kernel());
        Ok(shape)
    }

    /// The convolution `conv`, which has no bias, of each of some maps, by the names that its
    /// outputs shall have. They share one kernel.
    pub fn shared_conv<const MAPS: usize>(
        &mut self,
        maps: [(&str, Wire); MAPS],
        conv: &str,
        window: &Window,
    ) -> Result<[Wire; MAPS], BuildError> {
        let mut outputs = maps.map(|(_, x)| x);
        let Some(&first) = outputs.first() else {
            return Ok(outputs);
        };
        let shape = self.kernel_shape(first, conv, window, 1)?;
        let kernel = self.take(conv, "weight", &shape)?;
        let bias = ArrayD::zeros(&shape[..1]);
        let parameters = self.conv_parameters(conv, kernel, bias)?;
        for (output, (name, x)) in outputs.iter_mut().zip(maps) {
            *output = self.wire_conv_of(x, name, window, 1, parameters)?;
        }
        Ok(outputs)
    }

    fn wire_conv(
        &mut self,
        x: Wire,
        conv: &str,
        window: Window,
        groups: usize,
        kernel: ArrayD<f32>,
        bias: ArrayD<f32>,
    ) -> Result<Wire, BuildError> {
        let parameters = self.conv_parameters(conv, kernel, bias)?;
        self.wire_conv_of(x, conv, &window, groups, parameters)
    }

    /// Kernel and bias as constants of the graph.
    fn conv_parameters(
        &mut self,
        conv: &str,
        kernel: ArrayD<f32>,
        bias: ArrayD<f32>,
    ) -> Result<[Wire; 2], BuildError> {
        let (weight, offset) = (format!("{conv}.weight"), format!("{conv}.bias"));
        let kernel = self.graph.add_const(weight, kernel.into_tensor())?;
        let bias = self.graph.add_const(offset, bias.into_tensor())?;
        Ok([kernel, bias])
    }

    fn wire_conv_of(
        &mut self,
        x: Wire,
        name: &str,
        window: &Window,
        groups: usize,
        [kernel, bias]: [Wire; 2],
    ) -> Result<Wire, BuildError> {
        let outputs = self.extent(bias, 0)?;
        let op = Conv {
            pool_spec: window.spec(self.channels(x)?, outputs),
            kernel_fmt: KernelFormat::OIHW,
            group: groups,
            q_params: None,
        };
        self.wire(name, op, &[x, kernel, bias])
    }
}
