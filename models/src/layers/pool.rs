//! Pooling over the picture and over time.

use praxiscope_runtime::ops::{FittedPool, Mean, Pooling};
use tract_core::internal::*;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::MaxPool;
use tract_core::ops::nn::{Reduce, Reducer};

use super::{CHANNEL_AXIS, Net, Window, Wire};
use crate::error::BuildError;

impl Net {
    /// The largest value in each window; padding never is.
    pub fn max_pool(&mut self, name: &str, x: Wire, window: Window) -> Result<Wire, BuildError> {
        let channels = self.channels(x)?;
        let op = MaxPool {
            pool_spec: window.spec(channels, channels),
            with_index_outputs: None,
        };
        self.wire(name, op, &[x])
    }

    /// The largest value in each window over the frames `[T, C, H, W]`.
    pub fn max_over_frames(
        &mut self,
        name: &str,
        frames: Wire,
        window: Window,
    ) -> Result<Wire, BuildError> {
        let aside = |part: &str| format!("{name}.{part}");
        let clip = self.wire(aside("clip"), AxisOp::Move(0, CHANNEL_AXIS), &[frames])?;
        let clip = self.wire(aside("lane"), AxisOp::Add(0), &[clip])?;
        let clip = self.max_pool(name, clip, window)?;
        let frames = self.wire(aside("frames"), AxisOp::Rm(0), &[clip])?;
        self.wire(aside("stacked"), AxisOp::Move(CHANNEL_AXIS, 0), &[frames])
    }

    /// A pool in steps of one, whose kernel is clamped to the map; see [`FittedPool`].
    pub fn fitted_pool(
        &mut self,
        name: &str,
        x: Wire,
        pooling: Pooling,
        kernel: &[usize],
        padding: &[usize],
    ) -> Result<Wire, BuildError> {
        let op = FittedPool {
            pooling,
            kernel: kernel.into(),
            padding: padding.into(),
        };
        self.wire(name, op, &[x])
    }

    /// The mean over the map, the channels left: `[T, C, H, W]` to `[T, C]`, and `[1, C, T, H, W]`
    /// to `[1, C]`.
    pub fn mean_over_map(&mut self, name: &str, x: Wire) -> Result<Wire, BuildError> {
        let mut row = self.mean_kept(name, x, &[])?;
        for axis in (CHANNEL_AXIS + 1..self.rank(x)?).rev() {
            row = self.wire(format!("{name}.without-{axis}"), AxisOp::Rm(axis), &[row])?;
        }
        Ok(row)
    }

    /// The largest value of each channel; all extents behind that of the channels become 1.
    pub fn max_over_map(&mut self, name: &str, x: Wire) -> Result<Wire, BuildError> {
        let axes = (CHANNEL_AXIS + 1..self.rank(x)?).collect();
        self.wire(name, Reduce::new(axes, Reducer::Max), &[x])
    }

    /// The mean over all axes behind that of the channels but for those in `but`; the extents that
    /// are averaged become 1.
    pub fn mean_kept(&mut self, name: &str, x: Wire, but: &[usize]) -> Result<Wire, BuildError> {
        let axes: TVec<usize> = (CHANNEL_AXIS + 1..self.rank(x)?)
            .filter(|axis| !but.contains(axis))
            .collect();
        self.wire(format!("{name}.mean"), Mean { axes }, &[x])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Array5, ArrayD, Axis, Slice};

    use super::*;
    use crate::names::Names;
    use crate::weights::Weights;

    /// A map `[1, 2, 3, 4, 5]` of negative and positive values.
    fn map() -> Array5<f32> {
        let value = |at| ((at * 37 % 64) as f32) - 50.0;
        Array::from_iter((0..120).map(value))
            .into_shape_with_order((1, 2, 3, 4, 5))
            .unwrap()
    }

    fn run(layer: impl Fn(&mut Net, Wire) -> Result<Wire, BuildError>) -> ArrayD<f32> {
        let weights = Weights::random(vec![], 0);
        let (mut net, input) = Net::new(weights, Names::bare(), &[1, 2, 3, 4, 5]).unwrap();
        let output = layer(&mut net, input).unwrap();
        let plan = net.finish(output).unwrap().into_optimized().unwrap();
        let output = plan
            .into_runnable()
            .unwrap()
            .run(tvec![map().into_tvalue()])
            .unwrap();
        output[0].to_plain_array_view::<f32>().unwrap().to_owned()
    }

    /// A maximum by its definition.
    fn by_definition() -> ArrayD<f32> {
        let map = map();
        let value = |t: usize, h: usize, w: usize, c: usize| {
            let at = |at: usize, extent: usize| at.checked_sub(1).filter(|at| *at < extent);
            match (at(t, 3), at(h, 4), at(w, 5)) {
                (Some(t), Some(h), Some(w)) => Some(map[[0, c, t, h, w]]),
                _ => None,
            }
        };
        ArrayD::from_shape_fn(vec![1, 2, 2, 2, 3], |at| {
            let window = |index: usize| {
                let (t, h, w) = (index / 9, index / 3 % 3, index % 3);
                value(at[2] * 2 + t, at[3] * 2 + h, at[4] * 2 + w, at[1])
            };
            let values: Vec<f32> = (0..27).filter_map(window).collect();
            values.into_iter().reduce(f32::max).unwrap()
        })
    }

    fn assert_close(found: &ArrayD<f32>, wanted: &ArrayD<f32>) {
        assert_eq!(found.shape(), wanted.shape());
        let close = found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(close, "{found} {wanted}");
    }

    #[test]
    fn a_maximum_over_time_is_one_of_the_map() {
        let window = || Window::cube(3).stride(2);
        let found = run(|net, x| net.max_pool("pool", x, window()));
        assert_close(&found, &by_definition());
    }

    #[test]
    fn a_fitted_pool_sees_no_more_than_the_map() {
        let kernel = [2, 9, 0];
        let found = run(|net, x| net.fitted_pool("pool", x, Pooling::Mean, &kernel, &[0; 3]));
        let map = map();
        let wanted = ArrayD::from_shape_fn(vec![1, 2, 2, 1, 1], |at| {
            let channel = map.index_axis(Axis(0), 0).index_axis_move(Axis(0), at[1]);
            let window = channel.slice_axis(Axis(0), Slice::from(at[2]..at[2] + 2));
            window.mean().unwrap()
        });
        assert_close(&found, &wanted);
    }

    #[test]
    fn a_pool_that_sees_more_than_the_map_is_refused_by_name() {
        let weights = Weights::random(vec![], 0);
        let (mut net, input) = Net::new(weights, Names::bare(), &[1, 2, 3, 4, 5]).unwrap();
        let error = net
            .max_pool("pool4", input, Window::cube(5).unpadded())
            .unwrap_err();
        assert!(
            matches!(&error, BuildError::TooSmall { layer } if layer == "pool4"),
            "{error}"
        );
    }
}
