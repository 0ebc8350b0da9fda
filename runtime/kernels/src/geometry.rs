//! The geometry of a convolution or pool over frames.

use crate::KernelError;

/// The window that slides over frames: extents, stride, dilation and padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Extents `[t, h, w]`: `t` frames, one per temporal tap, by `h` rows by `w` columns.
    pub kernel: [usize; 3],
    /// Steps between output rows and columns, in input pixels.
    pub stride: [usize; 2],
    /// Distances between neighbouring taps, in input pixels; 1 is a dense window.
    pub dilation: [usize; 2],
    /// Pixels added `[[top, bottom], [left, right]]`.
    pub padding: [[usize; 2]; 2],
}

impl Window {
    /// A window of one tap.
    pub const POINTWISE: Window = Window {
        kernel: [1, 1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [[0, 0], [0, 0]],
    };

    /// A dense window of odd extents, padded by half its extent on every side.
    pub const fn centred(kernel: [usize; 3], stride: [usize; 2]) -> Window {
        let [_, h, w] = kernel;
        Window {
            kernel,
            stride,
            dilation: [1, 1],
            padding: [[h / 2, h / 2], [w / 2, w / 2]],
        }
    }
}

/// A checked geometry: sizes are positive, groups divide channels, no product overflows.
///
/// Feature maps are frames `[H, W, C]`. Time is no axis: the window takes one frame per temporal
/// tap, so nothing is said here of temporal stride or padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    input: [usize; 2],
    output: [usize; 2],
    in_channels: usize,
    out_channels: usize,
    groups: usize,
    window: Window,
}

/// The most elements of one frame or one weight tensor; keeps every byte offset within `i32`.
const MAX_ELEMENTS: usize = 1 << 29;

impl Geometry {
    /// Checks a geometry: `input` is `[H, W]`, `channels` are `[in, out]`.
    ///
    /// # Errors
    /// [`KernelError::Geometry`] for an extent, stride, dilation or group count of zero, groups that
    /// do not divide the channels, a window larger than the padded input, or sizes beyond 2^29
    /// elements.
    pub fn new(
        input: [usize; 2],
        channels: [usize; 2],
        groups: usize,
        window: Window,
    ) -> Result<Geometry, KernelError> {
        let refuse = |why| Err(KernelError::Geometry(why));
        let [in_channels, out_channels] = channels;
        if input.contains(&0) || channels.contains(&0) {
            return refuse("the input or output has no pixels or no channels");
        }
        if window.kernel.contains(&0) {
            return refuse("the window has no taps");
        }
        if window.stride.contains(&0) || window.dilation.contains(&0) {
            return refuse("a stride or dilation of zero");
        }
        if groups == 0
            || !in_channels.is_multiple_of(groups)
            || !out_channels.is_multiple_of(groups)
        {
            return refuse("the groups do not divide the channels");
        }
        let mut output = [0; 2];
        for axis in 0..2 {
            let limits = [
                input[axis],
                window.kernel[axis + 1],
                window.stride[axis],
                window.dilation[axis],
                window.padding[axis][0],
                window.padding[axis][1],
            ];
            if limits.into_iter().any(|size| size > MAX_ELEMENTS) {
                return refuse("sizes beyond what kernels address");
            }
            let padded = input[axis] + window.padding[axis][0] + window.padding[axis][1];
            let extent = (window.kernel[axis + 1] - 1) as u64 * window.dilation[axis] as u64 + 1;
            if extent > padded as u64 {
                return refuse("the window is larger than the padded input");
            }
            output[axis] = (padded - extent as usize) / window.stride[axis] + 1;
        }
        let geometry = Geometry {
            input,
            output,
            in_channels,
            out_channels,
            groups,
            window,
        };
        let [t, h, w] = window.kernel;
        let small = |sizes: &[usize]| {
            sizes
                .iter()
                .try_fold(1usize, |product, size| product.checked_mul(*size))
                .is_some_and(|product| product <= MAX_ELEMENTS)
        };
        if small(&[input[0], input[1], in_channels])
            && small(&[output[0], output[1], out_channels])
            && small(&[t, h, w, in_channels / groups, out_channels])
            && small(&[output[0], window.stride[0]])
            && small(&[output[1], window.stride[1]])
        {
            Ok(geometry)
        } else {
            refuse("sizes beyond what kernels address")
        }
    }

    /// A window over each channel on its own: `channels` in, `channels` out, as many groups.
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub fn per_channel(
        input: [usize; 2],
        channels: usize,
        window: Window,
    ) -> Result<Geometry, KernelError> {
        Geometry::new(input, [channels, channels], channels, window)
    }

    /// A matrix product: `rows` rows of one pixel of `inputs` channels to `outputs` channels.
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub fn linear(rows: usize, inputs: usize, outputs: usize) -> Result<Geometry, KernelError> {
        Geometry::new([rows, 1], [inputs, outputs], 1, Window::POINTWISE)
    }

    /// Input extents `[H, W]`.
    pub const fn input(&self) -> [usize; 2] {
        self.input
    }

    /// Output extents `[H', W']`.
    pub const fn output(&self) -> [usize; 2] {
        self.output
    }

    /// Channels of the input.
    pub const fn in_channels(&self) -> usize {
        self.in_channels
    }

    /// Channels of the output.
    pub const fn out_channels(&self) -> usize {
        self.out_channels
    }

    /// Groups of channels that do not see each other.
    pub const fn groups(&self) -> usize {
        self.groups
    }

    /// The window.
    pub const fn window(&self) -> &Window {
        &self.window
    }

    /// Frames that the window takes: one per temporal tap.
    pub const fn frames(&self) -> usize {
        self.window.kernel[0]
    }

    /// Taps of the window over time and space.
    pub const fn taps(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.window.kernel[2]
    }

    /// Values in one input frame.
    pub const fn input_len(&self) -> usize {
        self.input[0] * self.input[1] * self.in_channels
    }

    /// Values in one output frame.
    pub const fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.out_channels
    }

    /// Weights `[O][I / groups][t][h][w]`.
    pub const fn weights_len(&self) -> usize {
        self.out_channels * (self.in_channels / self.groups) * self.taps()
    }

    /// Multiply-adds of one output frame, those with padding included.
    pub const fn macs(&self) -> u64 {
        (self.output[0] * self.output[1]) as u64 * self.weights_len() as u64
    }

    /// Whether every channel is a group of its own, one in and one out.
    pub const fn is_depthwise(&self) -> bool {
        self.groups == self.in_channels && self.groups == self.out_channels
    }

    /// Whether each output pixel sees exactly the input pixel at its own place.
    pub const fn is_in_place(&self) -> bool {
        let w = &self.window;
        w.kernel[1] == 1
            && w.kernel[2] == 1
            && w.stride[0] == 1
            && w.stride[1] == 1
            && self.output[0] == self.input[0]
            && self.output[1] == self.input[1]
            && w.padding[0][0] == 0
            && w.padding[1][0] == 0
    }

    /// The input row that tap row `kh` of output row `y` falls on; `None` in the padding.
    #[inline(always)]
    pub const fn source_row(&self, y: usize, kh: usize) -> Option<usize> {
        self.source(0, y, kh)
    }

    /// The input column that tap column `kw` of output column `x` falls on; `None` in the padding.
    #[inline(always)]
    pub const fn source_column(&self, x: usize, kw: usize) -> Option<usize> {
        self.source(1, x, kw)
    }

    #[inline(always)]
    const fn source(&self, axis: usize, position: usize, tap: usize) -> Option<usize> {
        let padded = position * self.window.stride[axis] + tap * self.window.dilation[axis];
        match padded.checked_sub(self.window.padding[axis][0]) {
            Some(source) if source < self.input[axis] => Some(source),
            _ => None,
        }
    }

    /// The tap columns of output column `x` that fall on pixels.
    pub fn seen_columns(&self, x: usize) -> std::ops::Range<usize> {
        let dilation = self.window.dilation[1];
        let [before, _] = self.window.padding[1];
        let place = x * self.window.stride[1];
        let taps = self.window.kernel[2];
        let start = before.saturating_sub(place).div_ceil(dilation).min(taps);
        let end = (self.input[1] + before).saturating_sub(place).div_ceil(dilation);
        start..end.clamp(start, taps)
    }

    /// Output columns whose every tap falls on a pixel: those that need no check for padding.
    pub fn inner_columns(&self) -> std::ops::Range<usize> {
        let [before, _] = self.window.padding[1];
        let stride = self.window.stride[1];
        let start = before.div_ceil(stride);
        let last_tap = (self.window.kernel[2] - 1) * self.window.dilation[1];
        // Columns x with x * stride + last_tap - before <= W - 1.
        let end = match (self.input[1] + before).checked_sub(last_tap + 1) {
            Some(room) => (room / stride + 1).min(self.output[1]),
            None => 0,
        };
        start.min(end)..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_extents_follow_stride_padding_and_dilation() {
        let window = Window {
            kernel: [1, 3, 5],
            stride: [2, 1],
            dilation: [1, 2],
            padding: [[0, 1], [4, 4]],
        };
        let geometry = Geometry::new([10, 7], [4, 6], 2, window).unwrap();
        assert_eq!(geometry.output(), [5, 7]);
        assert_eq!(geometry.weights_len(), 6 * 2 * 15);
        assert_eq!(geometry.macs(), 35 * 180);
    }

    #[test]
    fn impossible_geometries_are_refused() {
        let refused = |input, channels, groups, window| {
            matches!(
                Geometry::new(input, channels, groups, window),
                Err(KernelError::Geometry(_))
            )
        };
        let point = Window::POINTWISE;
        assert!(refused([0, 4], [1, 1], 1, point));
        assert!(refused([4, 4], [3, 4], 2, point));
        assert!(refused([4, 4], [1, 1], 0, point));
        assert!(refused(
            [2, 2],
            [1, 1],
            1,
            Window {
                kernel: [1, 3, 3],
                ..point
            }
        ));
        assert!(refused(
            [2, 2],
            [1, 1],
            1,
            Window {
                stride: [0, 1],
                ..point
            }
        ));
        assert!(refused([1 << 20, 1 << 20], [1, 1], 1, point));
        assert!(refused(
            [1, 1],
            [1, 1],
            1,
            Window {
                padding: [[usize::MAX; 2]; 2],
                ..point
            }
        ));
        assert!(refused(
            [8, 8],
            [1, 1],
            1,
            Window {
                dilation: [usize::MAX, 1],
                ..point
            }
        ));
    }

    #[test]
    fn inner_columns_are_those_without_padding() {
        for (kernel, stride, dilation, padding, width) in [
            (3, 1, 1, 1, 7),
            (3, 2, 1, 1, 8),
            (5, 2, 2, 4, 9),
            (3, 1, 1, 3, 2),
            (1, 3, 1, 0, 7),
        ] {
            let window = Window {
                kernel: [1, 1, kernel],
                stride: [1, stride],
                dilation: [1, dilation],
                padding: [[0, 0], [padding, padding]],
            };
            let geometry = Geometry::per_channel([1, width], 1, window).unwrap();
            let inner = geometry.inner_columns();
            for x in 0..geometry.output()[1] {
                let seen = geometry.seen_columns(x);
                for kw in 0..kernel {
                    let on_pixel = geometry.source_column(x, kw).is_some();
                    assert_eq!(seen.contains(&kw), on_pixel, "{window:?} {width} {x} {kw}");
                }
                let clear = seen == (0..kernel);
                assert_eq!(inner.contains(&x), clear, "{window:?} {width} {x}");
            }
        }
    }
}
