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

    /// Padded as TensorFlow's `SAME` pads a map of these extents: as many windows as fit when each
    /// step has one, and the odd pixel behind.
    pub fn same(mut self, extents: &[usize]) -> Window {
        for (axis, &extent) in extents.iter().enumerate() {
            let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
            let covered = extent.div_ceil(stride).saturating_sub(1) * stride + kernel;
            let padding = covered.saturating_sub(extent);
            self.before[axis] = padding / 2;
            self.behind[axis] = padding - padding / 2;
        }
        self
    }

    /// Padded behind, so that a last window that would run out of the map is kept, as pools do in
    /// PyTorch's `ceil_mode`. A window that would see nothing but padding is not.
    pub fn ceil(mut self, extents: &[usize]) -> Window {
        for (axis, &extent) in extents.iter().enumerate() {
            let (kernel, stride, before) =
                (self.kernel[axis], self.stride[axis], self.before[axis]);
            let rest = (extent + before + self.behind[axis]).saturating_sub(kernel);
            let mut steps = rest.div_ceil(stride);
            if steps * stride >= extent + before {
                steps = steps.saturating_sub(1);
            }
            let covered = steps * stride + kernel;
            self.behind[axis] = covered.saturating_sub(extent + before);
        }
        self
    }

    /// The window over no more than the whole of a map of these extents.
    pub fn clamped(mut self, extents: &[usize]) -> Window {
        for (kernel, &extent) in self.kernel.iter_mut().zip(extents) {
            *kernel = extent.min(*kernel);
        }
        self
    }

    pub(super) fn kernel(&self) -> &[usize] {
        &self.kernel
    }

    /// Padding of every axis of `[N, C, ..]`, before and behind.
    pub(super) fn pads(&self) -> Vec<(usize, usize)> {
        let own = self.before.iter().copied().zip(self.behind.iter().copied());
        [(0, 0), (0, 0)].into_iter().chain(own).collect()
    }

    pub(super) fn spec(&self, inputs: usize, outputs: usize) -> PoolSpec {
        PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: self.kernel.clone(),
            padding: PaddingSpec::Explicit(self.before.clone(), self.behind.clone()),
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

    fn paddings(window: &Window) -> (&[usize], &[usize]) {
        (&window.before, &window.behind)
    }

    #[test]
    fn tensorflow_puts_the_odd_pixel_behind() {
        let window = Window::cube(7).stride(2).same(&[8, 224, 7]);
        assert_eq!(paddings(&window), (&[2, 2, 3][..], &[3, 3, 3][..]));
        let point = Window::cube(1).stride(2).same(&[8, 8, 7]);
        assert_eq!(paddings(&point), (&[0; 3][..], &[0; 3][..]));
    }

    #[test]
    fn a_last_window_is_kept_if_it_sees_some_of_the_map() {
        let window = Window::square(3).stride(2).unpadded();
        assert_eq!(paddings(&window.clone().ceil(&[7, 8])).1, &[0, 1]);
        // Kernel 2, padding 1, an even map: the window behind it would see padding alone.
        let window = Window::of(&[2]).stride(2).padding(&[1]);
        assert_eq!(paddings(&window.ceil(&[5])).1, &[0]);
    }
}
