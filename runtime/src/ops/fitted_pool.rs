//! A pool whose kernel is never larger than the map.

use tract_core::internal::*;
use tract_core::ops::cnn::{MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::nn::DataFormat;

/// What a pool makes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// Its largest value; padding never is.
    Max,
    /// Its mean, of the values that are there.
    Mean,
}

impl Pooling {
    /// The word that stands in a bundle's graph.
    pub fn as_str(self) -> &'static str {
        match self {
            Pooling::Max => "max",
            Pooling::Mean => "mean",
        }
    }
}

/// A pool in steps of one over every axis of `[N, C, ..]` behind that of the channels, whose kernel
/// is clamped to the padded map that it meets, as the heads of networks want it: a kernel of 7x7 over
/// a map of 4x9 is one of 4x7.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FittedPool {
    /// What is made of a window.
    pub pooling: Pooling,
    /// The kernel over a map that is large enough. An extent of 0 spans the map, however large.
    pub kernel: TVec<usize>,
    /// What is added before and behind the map.
    pub padding: TVec<usize>,
}

impl FittedPool {
    /// The same over maps `[N, C, ..]` of this one shape, as tract's own operator.
    ///
    /// # Errors
    /// When the shape is not known or has other axes.
    pub fn over(&self, shape: &ShapeFact) -> TractResult<Box<dyn TypedOp>> {
        let pool_spec = self.window(shape)?;
        Ok(match self.pooling {
            Pooling::Max => Box::new(MaxPool {
                pool_spec,
                with_index_outputs: None,
            }),
            Pooling::Mean => Box::new(SumPool {
                pool_spec,
                count_include_pad: false,
                normalize: true,
            }),
        })
    }

    /// What it sees of maps of one shape.
    ///
    /// # Errors
    /// When the shape is not known or has other axes.
    pub fn window(&self, shape: &ShapeFact) -> TractResult<PoolSpec> {
        let axes = self.kernel.len();
        let fits = shape.rank() == axes + 2 && self.padding.len() == axes;
        let known = shape.as_concrete().filter(|_| fits);
        let shape = known.with_context(|| format!("{self:?} does not fit a map of {shape:?}"))?;
        let mut kernel = tvec![];
        for (axis, (&wanted, &padding)) in self.kernel.iter().zip(&self.padding).enumerate() {
            let padded = padding
                .checked_mul(2)
                .and_then(|both| both.checked_add(shape[axis + 2]))
                .context("a pool's padding is beyond all maps")?;
            kernel.push(if wanted == 0 {
                padded
            } else {
                wanted.min(padded)
            });
        }
        Ok(PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: kernel,
            padding: PaddingSpec::Explicit(self.padding.clone(), self.padding.clone()),
            dilations: None,
            strides: None,
            input_channels: shape[1],
            output_channels: shape[1],
        })
    }
}

impl Op for FittedPool {
    fn name(&self) -> StaticName {
        "FittedPool".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        let pooling = self.pooling.as_str();
        Ok(vec![format!(
            "{pooling} of {:?} or the map, padded by {:?}",
            self.kernel, self.padding
        )])
    }

    op_as_typed_op!();
}

impl EvalOp for FittedPool {
    fn eval(&self, ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let shape = inputs.first().context("a pool has an input")?.shape();
        self.over(&ShapeFact::from_dims(
            shape.iter().map(|extent| extent.to_dim()),
        ))?
        .eval(ctx, inputs)
    }

    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        Ok(Some(self.eval(&EvalContext::out_of_plan(), inputs)?))
    }
}

impl TypedOp for FittedPool {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [map] = inputs else {
            bail!("a pool has one input")
        };
        self.over(&map.shape)?.output_facts(inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: &FittedPool, map: &Tensor) -> Tensor {
        let mut model = TypedModel::default();
        let source = model.add_source("map", f32::fact(map.shape())).unwrap();
        let output = model.wire_node("pool", op.clone(), &[source]).unwrap();
        model.select_output_outlets(&output).unwrap();
        let plan = model.into_optimized().unwrap().into_runnable().unwrap();
        let found = plan.run(tvec!(map.clone().into_tvalue())).unwrap();
        found[0].clone().into_tensor()
    }

    /// `[1, 1, 2, 3]` with 0 to 5.
    fn map() -> Tensor {
        Tensor::from_shape(&[1, 1, 2, 3], &[0f32, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap()
    }

    fn pool(pooling: Pooling, kernel: [usize; 2], padding: [usize; 2]) -> FittedPool {
        FittedPool {
            pooling,
            kernel: kernel.as_slice().into(),
            padding: padding.as_slice().into(),
        }
    }

    fn values(shape: &[usize], values: &[f32]) -> Tensor {
        Tensor::from_shape(shape, values).unwrap()
    }

    #[test]
    fn a_kernel_is_no_larger_than_the_map() {
        let mean = |kernel| run(&pool(Pooling::Mean, kernel, [0, 0]), &map());
        assert_eq!(mean([7, 2]), values(&[1, 1, 1, 2], &[2.0, 3.0]));
        assert_eq!(mean([7, 7]), values(&[1, 1, 1, 1], &[2.5]));
        assert_eq!(mean([1, 0]), values(&[1, 1, 2, 1], &[1.0, 4.0]));
    }

    #[test]
    fn padding_is_no_value() {
        let largest = run(&pool(Pooling::Max, [0, 3], [0, 1]), &map());
        assert_eq!(largest, values(&[1, 1, 1, 3], &[4.0, 5.0, 5.0]));
        let minus = map().cast_to::<f32>().unwrap().into_owned();
        let minus = minus
            .to_plain_array_view::<f32>()
            .unwrap()
            .mapv(|v| v - 9.0);
        let largest = run(&pool(Pooling::Max, [0, 3], [0, 1]), &minus.into_tensor());
        assert_eq!(largest, values(&[1, 1, 1, 3], &[-5.0, -4.0, -4.0]));
    }

    #[test]
    fn other_axes_are_refused() {
        let op = pool(Pooling::Max, [2, 2], [0, 0]);
        assert!(op.output_facts(&[&f32::fact([1, 2, 3])]).is_err());
        let op = pool(Pooling::Max, [2, 2], [usize::MAX, 0]);
        assert!(op.output_facts(&[&f32::fact([1, 1, 2, 3])]).is_err());
    }
}
