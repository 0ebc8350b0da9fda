//! Convolutions with their batch-norm folded in.

use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_core::ops::nn::DataFormat;

use super::{Net, Wire};
use crate::error::BuildError;

/// What a convolution or a pool sees of a map: kernel, stride and padding (the same before and
/// behind) along each axis after that of the channels.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    kernel: TVec<usize>,
    stride: TVec<usize>,
    padding: TVec<usize>,
}

impl Window {
    /// `side` x `side` with `side` odd, stride 1, padded so that the map keeps its size.
    pub fn square(side: usize) -> Window {
        Window {
            kernel: tvec![side; 2],
            stride: tvec![1; 2],
            padding: tvec![side / 2; 2],
        }
    }

    /// The same window in steps of `stride` along each axis.
    pub fn stride(mut self, stride: usize) -> Window {
        self.stride.fill(stride);
        self
    }

    pub(super) fn spec(&self, inputs: usize, outputs: usize) -> PoolSpec {
        PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: self.kernel.clone(),
            padding: PaddingSpec::Explicit(self.padding.clone(), self.padding.clone()),
            dilations: None,
            strides: Some(self.stride.clone()),
            input_channels: inputs,
            output_channels: outputs,
        }
    }
}

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
        let outputs = self.outputs_of(conv)?;
        self.wire_conv(x, conv, norm, window, outputs, 1)
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
        self.wire_conv(x, conv, norm, window, channels, channels)
    }

    fn wire_conv(
        &mut self,
        x: Wire,
        conv: &str,
        norm: &str,
        window: Window,
        outputs: usize,
        groups: usize,
    ) -> Result<Wire, BuildError> {
        let inputs = self.channels(x)?;
        let mut shape = vec![outputs, inputs / groups];
        shape.extend(&window.kernel);
        let (kernel, bias) = self.take_folded(conv, norm, &shape)?;
        let kernel = self
            .graph
            .add_const(format!("{conv}.weight"), kernel.into_tensor())?;
        let bias = self
            .graph
            .add_const(format!("{conv}.bias"), bias.into_tensor())?;
        let op = Conv {
            pool_spec: window.spec(inputs, outputs),
            kernel_fmt: KernelFormat::OIHW,
            group: groups,
            q_params: None,
        };
        self.wire(conv, op, &[x, kernel, bias])
    }
}
