//! What a convolution or a pool sees of a map.

use tract_core::internal::*;
use tract_core::ops::cnn::{PaddingSpec, PoolSpec};
use tract_core::ops::nn::DataFormat;

/// Kernel, stride and padding along each axis after that of the channels: height and width in a
/// map of frames, time before both in a map of a clip.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    kernel: TVec<usize>,
    stride: TVec<usize>,
    before: TVec<usize>,
    behind: TVec<usize>,
    /// Whether the padding is TensorFlow's for the map, and not the one here.
    is_same: bool,
}

impl Window {
    /// A kernel of odd extents, stride 1, padded so that the map keeps its size.
    pub fn of(kernel: &[usize]) -> Window {
        let half: TVec<usize> = kernel.iter().map(|extent| extent / 2).collect();
        Window {
            kernel: kernel.into(),
            stride: tvec![1; kernel.len()],
            before: half.clone(),
            behind: half,
            is_same: false,
        }
    }

    /// `side` x `side` with `side` odd, over each frame by itself, as [`Window::of`].
    pub fn square(side: usize) -> Window {
        Window::of(&[side; 2])
    }

    /// `side` x `side` x `side` with `side` odd, as [`Window::of`].
    pub fn cube(side: usize) -> Window {
        Window::of(&[side; 3])
    }

    /// The same window in steps of `stride` along each axis.
    pub fn stride(mut self, stride: usize) -> Window {
        self.stride.fill(stride);
        self
    }

    /// The same window in steps of its own along every axis.
    pub fn strides(mut self, strides: &[usize]) -> Window {
        self.stride = strides.into();
        self
    }

    /// The same window over an odd number of frames, padded so that their number stays.
    pub fn over_time(mut self, frames: usize) -> Window {
        let axes = [&mut self.kernel, &mut self.before, &mut self.behind];
        for (axis, extent) in axes.into_iter().zip([frames, frames / 2, frames / 2]) {
            if let Some(time) = axis.first_mut() {
                *time = extent;
            }
        }
        self
    }

    /// The same window with this padding, before and behind alike.
    pub fn padding(self, padding: &[usize]) -> Window {
        self.paddings(padding, padding)
    }

    /// The same window with a padding before the map and another behind it.
    pub fn paddings(mut self, before: &[usize], behind: &[usize]) -> Window {
        self.before = before.into();
        self.behind = behind.into();
        self
    }

    /// The same window without padding.
    pub fn unpadded(mut self) -> Window {
        self.before.fill(0);
        self.behind.fill(0);
        self
    }

    /// Padded as TensorFlow's `SAME` pads a map: as many windows as fit when each step has one, and
    /// the odd pixel behind.
    pub fn same(mut self) -> Window {
        self.is_same = true;
        self
    }

    /// Padded behind so that each step has a window, before as [`Window::same`] pads maps of even
    /// extents.
    pub fn same_behind(mut self) -> Window {
        for axis in 0..self.kernel.len() {
            let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
            let before = kernel.saturating_sub(stride) / 2;
            self.before[axis] = before;
            self.behind[axis] = (kernel - 1).saturating_sub(before);
        }
        self
    }

    pub(super) fn kernel(&self) -> &[usize] {
        &self.kernel
    }

    pub(super) fn spec(&self, inputs: usize, outputs: usize) -> PoolSpec {
        PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: self.kernel.clone(),
            padding: match self.is_same {
                true => PaddingSpec::SameUpper,
                false => PaddingSpec::Explicit(self.before.clone(), self.behind.clone()),
            },
            dilations: None,
            strides: Some(self.stride.clone()),
            input_channels: inputs,
            output_channels: outputs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Padding before and behind a map, and how many windows it has.
    fn over(window: &Window, extents: &[usize]) -> Vec<(usize, usize, usize)> {
        let spec = window.spec(1, 1);
        let padding = spec.computed_padding(extents);
        let axes = padding.iter();
        axes.map(|of| (of.pad_before, of.pad_after, of.convoluted))
            .collect()
    }

    #[test]
    fn tensorflow_puts_the_odd_pixel_behind() {
        let window = Window::cube(7).stride(2).same();
        let wanted = [(2, 3, 4), (2, 3, 112), (3, 3, 4)];
        assert_eq!(over(&window, &[8, 224, 7]), wanted);
        let point = Window::cube(1).stride(2).same();
        assert_eq!(over(&point, &[8, 8, 7]), [(0, 0, 4); 3]);
    }

    #[test]
    fn each_step_has_a_window_whatever_the_parity() {
        let windows = |window: Window, extents: &[usize]| -> Vec<(usize, usize)> {
            let over = over(&window.same_behind(), extents);
            over.iter().map(|axis| (axis.0, axis.2)).collect()
        };
        let halving = Window::square(3).stride(2);
        assert_eq!(windows(halving, &[7, 8]), [(0, 4), (0, 4)]);
        assert_eq!(windows(Window::square(3), &[7, 8]), [(1, 7), (1, 8)]);
        let pairs = Window::of(&[2, 2]).stride(2);
        assert_eq!(windows(pairs, &[7, 8]), [(0, 4), (0, 4)]);
    }
}
