//! A mean over axes of a map, whatever their extents.

use tract_core::internal::*;
use tract_core::ops::nn::Reducer;

/// The mean over some axes, which are kept with extent 1.
///
/// A sum and a factor would do the same for one size; this one holds for every size, so that a
/// network can be wired again for longer clips and other pictures.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mean {
    /// The axes that are averaged, in rising order.
    pub axes: TVec<usize>,
}

impl Mean {
    fn check(&self, rank: usize) -> TractResult<()> {
        let rises = self.axes.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = self.axes.last().is_none_or(|last| *last < rank);
        ensure!(
            rises && fits,
            "a mean over the axes {:?} does not fit a tensor of rank {rank}",
            self.axes
        );
        Ok(())
    }
}

impl Op for Mean {
    fn name(&self) -> StaticName {
        "Mean".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("over axes {:?}", self.axes)])
    }

    op_as_typed_op!();
}

impl EvalOp for Mean {
    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let map = args_1!(inputs);
        self.check(map.rank())?;
        let count: usize = self.axes.iter().map(|axis| map.shape()[*axis]).product();
        ensure!(
            count > 0,
            "a mean over the empty map {:?} is no number",
            map.shape()
        );
        let sum = Reducer::Sum.reduce(&self.axes, &map)?;
        let share = 1.0 / count as f32;
        let mean = sum.to_plain_array_view::<f32>()?.mapv(|sum| sum * share);
        Ok(tvec!(mean.into_tvalue()))
    }

    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        Ok(Some(self.eval(&EvalContext::out_of_plan(), inputs)?))
    }
}

impl TypedOp for Mean {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [map] = inputs else {
            bail!("a mean has one input")
        };
        ensure!(
            map.datum_type == f32::datum_type(),
            "a mean is over float32, not {:?}",
            map.datum_type
        );
        self.check(map.rank())?;
        let mut shape = map.shape.clone();
        for axis in &self.axes {
            shape.set(*axis, 1.to_dim());
        }
        Ok(tvec!(f32::fact(shape)))
    }

    fn axes_mapping(
        &self,
        inputs: &[&TypedFact],
        _outputs: &[&TypedFact],
    ) -> TractResult<AxesMapping> {
        let rank = inputs.first().map_or(0, |map| map.rank());
        let mut axes = tvec![];
        let mut letters = 'a'..;
        let mut next = || Axis::new(letters.next().unwrap_or('a'), 1, 1);
        for axis in 0..rank {
            if self.axes.contains(&axis) {
                axes.extend([next().input(0, axis), next().output(0, axis)]);
            } else {
                axes.push(next().input(0, axis).output(0, axis));
            }
        }
        AxesMapping::new(1, 1, axes)
    }
}

#[cfg(test)]
mod tests {
    use tract_core::internal::tract_ndarray::{Array4, Axis};

    use super::*;

    fn mean(axes: &[usize], shape: (usize, usize, usize, usize)) -> (Array4<f32>, Tensor) {
        let mut value = 0.0;
        let map = Array4::from_shape_simple_fn(shape, || {
            value = (value + 1.37) % 5.0;
            value
        });
        let op = Mean { axes: axes.into() };
        let mut model = TypedModel::default();
        let source = model.add_source("map", f32::fact(map.shape())).unwrap();
        let output = model.wire_node("mean", op, &[source]).unwrap();
        model.select_output_outlets(&output).unwrap();
        let plan = model.into_decluttered().unwrap().into_runnable().unwrap();
        let found = plan.run(tvec!(map.clone().into_tvalue())).unwrap();
        (map, found[0].clone().into_tensor())
    }

    #[test]
    fn axes_are_averaged_and_kept() {
        for (axes, wanted) in [
            (&[2, 3][..], [3, 4, 1, 1]),
            (&[0], [1, 4, 5, 6]),
            (&[0, 2], [1, 4, 1, 6]),
            (&[], [3, 4, 5, 6]),
        ] {
            let (map, found) = mean(axes, (3, 4, 5, 6));
            assert_eq!(found.shape(), wanted);
            let by_hand = axes.iter().fold(map, |map, axis| {
                let mean = map.mean_axis(Axis(*axis)).unwrap();
                mean.insert_axis(Axis(*axis)).into_dimensionality().unwrap()
            });
            found
                .close_enough(&by_hand.into_tensor(), Approximation::Approximate)
                .unwrap();
        }
    }

    #[test]
    fn the_graph_says_nothing_of_the_size() {
        let op = Mean { axes: tvec![2, 3] };
        for side in [1, 7] {
            let fact = op.output_facts(&[&f32::fact([1, 2, side, side])]).unwrap();
            assert_eq!(fact[0].shape.as_concrete(), Some(&[1, 2, 1, 1][..]));
        }
    }

    #[test]
    fn an_axis_that_is_not_there_is_refused() {
        for axes in [tvec![4], tvec![2, 2], tvec![3, 2]] {
            let error = Mean { axes }.output_facts(&[&f32::fact([1, 2, 3, 3])]);
            assert!(error.is_err());
        }
    }
}
