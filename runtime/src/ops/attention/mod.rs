//! Attention over time and space, as in "Non-local Neural Networks" (Wang, Girshick, Gupta, He,
//! 2017), section 3.

#[cfg(test)]
mod tests;

use std::ops::Range;

use tract_core::internal::tract_ndarray::linalg::general_mat_mul;
use tract_core::internal::tract_ndarray::{
    Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut1, ArrayViewMut2, Axis as Along, Slice,
};
use tract_core::internal::*;

/// Weights that are held at once; more queries wait for their turn.
const BLOCK: usize = 1 << 18;

/// How the products of a query with all keys become the weights of a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weighting {
    /// Their softmax.
    Softmax,
    /// The products by themselves, divided by the number of places that are attended to.
    Mean,
}

impl Weighting {
    /// The word that stands in a bundle's graph.
    pub fn as_str(self) -> &'static str {
        match self {
            Weighting::Softmax => "softmax",
            Weighting::Mean => "mean",
        }
    }
}

/// For each place of the queries, the weighted mean of the values at all places of the keys.
///
/// Inputs: queries `[N, C, T, H, W]`, keys `[N, C, T', H', W']`, values `[N, V, T', H', W']`; output
/// `[N, V, T, H, W]`. T and T' are the same where there is a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// From products to weights.
    pub weighting: Weighting,
    /// What each product is multiplied with.
    pub scale: f32,
    /// A place attends to all frames, or to so many of the last ones up to its own.
    pub window: Option<usize>,
}

// A scale is a number: `check` sees to it.
impl Eq for Attention {}

impl Attention {
    /// What `queries` `[C, Q]` find in `keys` `[C, K]` and `values` `[V, K]`, as `[V, Q]`; all
    /// places are attended to, whatever the window.
    ///
    /// # Errors
    /// When the shapes do not fit together, or there is no key.
    pub fn attend(
        &self,
        queries: ArrayView2<f32>,
        keys: ArrayView2<f32>,
        values: ArrayView2<f32>,
        mut answers: ArrayViewMut2<f32>,
    ) -> TractResult<()> {
        let fits = queries.nrows() == keys.nrows()
            && keys.ncols() == values.ncols()
            && answers.dim() == (values.nrows(), queries.ncols());
        ensure!(
            fits && keys.ncols() > 0,
            "queries {:?}, keys {:?} and values {:?} do not fit together",
            queries.shape(),
            keys.shape(),
            values.shape()
        );
        let factor = match self.weighting {
            Weighting::Softmax => self.scale,
            Weighting::Mean => self.scale / keys.ncols() as f32,
        };
        let work = Work {
            channels: keys.nrows(),
            values: values.nrows(),
            queries: queries.ncols(),
            keys: keys.ncols(),
        };
        if self.weighting == Weighting::Mean && work.keys_first() < work.queries_first() {
            let mut mixed = Array2::zeros((values.nrows(), keys.nrows()));
            general_mat_mul(factor, &values, &keys.t(), 0.0, &mut mixed);
            general_mat_mul(1.0, &mixed, &queries, 0.0, &mut answers);
            return Ok(());
        }
        let rows = (BLOCK / keys.ncols()).clamp(16, 256);
        let mut weights = Array2::zeros((rows.min(queries.ncols()), keys.ncols()));
        let queries = queries.axis_chunks_iter(Along(1), rows);
        let answers = answers.axis_chunks_iter_mut(Along(1), rows);
        for (queries, mut answers) in queries.zip(answers) {
            let rows = Slice::from(..queries.ncols());
            let mut weights = weights.slice_axis_mut(Along(0), rows);
            general_mat_mul(factor, &queries.t(), &keys, 0.0, &mut weights);
            if self.weighting == Weighting::Softmax {
                weights.rows_mut().into_iter().for_each(softmax);
            }
            general_mat_mul(1.0, &values, &weights.t(), 0.0, &mut answers);
        }
        Ok(())
    }

    /// The frames that attend together, and those that they attend to.
    fn turns(&self, queries: usize, keys: usize) -> Vec<(Range<usize>, Range<usize>)> {
        match self.window {
            None => vec![(0..queries, 0..keys)],
            Some(window) => (0..queries)
                .map(|frame| {
                    let end = frame + 1;
                    (frame..end, end.saturating_sub(window)..end)
                })
                .collect(),
        }
    }

    fn check(&self, queries: &[TDim], keys: &[TDim], values: &[TDim]) -> TractResult<()> {
        let fits = [queries, keys, values].iter().all(|shape| shape.len() == 5)
            && queries[..2] == keys[..2]
            && keys[0] == values[0]
            && keys[2..] == values[2..]
            && (self.window.is_none() || queries[2] == keys[2]);
        ensure!(
            fits && self.window != Some(0) && self.scale.is_finite(),
            "{self:?} does not fit queries {queries:?}, keys {keys:?} and values {values:?}"
        );
        Ok(())
    }
}

/// A softmax over one row.
fn softmax(mut row: ArrayViewMut1<f32>) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.mapv_inplace(|value| (value - largest).exp());
    let share = row.sum().recip();
    row.mapv_inplace(|value| value * share);
}

/// Multiply-adds of one attention, by the order of its products.
struct Work {
    channels: usize,
    values: usize,
    queries: usize,
    keys: usize,
}

impl Work {
    fn queries_first(&self) -> usize {
        self.queries * self.keys * (self.channels + self.values)
    }

    /// Without a softmax the values can be multiplied with the keys before any query is asked.
    fn keys_first(&self) -> usize {
        self.channels * self.values * (self.queries + self.keys)
    }
}

impl Op for Attention {
    fn name(&self) -> StaticName {
        "Attention".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        let over = self
            .window
            .map_or("all frames".into(), |n| format!("the last {n} frames"));
        let weighting = self.weighting.as_str();
        Ok(vec![format!("{weighting} of {} over {over}", self.scale)])
    }

    op_as_typed_op!();
}

impl EvalOp for Attention {
    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (queries, keys, values) = args_3!(inputs);
        let [of_queries, of_keys, of_values] =
            [&queries, &keys, &values].map(|map| map.shape().to_vec());
        let dims = |shape: &[usize]| shape.iter().map(|e| e.to_dim()).collect::<Vec<_>>();
        self.check(&dims(&of_queries), &dims(&of_keys), &dims(&of_values))?;
        let [queries, keys, values] = [&queries, &keys, &values].map(as_places);
        let (queries, keys, values) = (queries?, keys?, values?);
        let places: usize = of_queries[3..].iter().product();
        let key_places: usize = of_keys[3..].iter().product();
        let mut answers = Array3::zeros((of_queries[0], of_values[1], of_queries[2] * places));
        for (lane, mut answers) in answers.outer_iter_mut().enumerate() {
            for (asking, asked) in self.turns(of_queries[2], of_keys[2]) {
                let asking = Slice::from(asking.start * places..asking.end * places);
                let asked = Slice::from(asked.start * key_places..asked.end * key_places);
                self.attend(
                    queries
                        .index_axis(Along(0), lane)
                        .slice_axis(Along(1), asking),
                    keys.index_axis(Along(0), lane).slice_axis(Along(1), asked),
                    values
                        .index_axis(Along(0), lane)
                        .slice_axis(Along(1), asked),
                    answers.slice_axis_mut(Along(1), asking),
                )?;
            }
        }
        let mut shape = of_queries;
        shape[1] = of_values[1];
        Ok(tvec!(answers.into_shape_with_order(shape)?.into_tvalue()))
    }

    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        Ok(Some(self.eval(&EvalContext::out_of_plan(), inputs)?))
    }
}

/// `[N, C, T, H, W]` as `[N, C, T * H * W]`.
fn as_places(map: &TValue) -> TractResult<ArrayView3<'_, f32>> {
    let shape = map.shape();
    let flat = (shape[0], shape[1], shape[2..].iter().product());
    Ok(map
        .to_plain_array_view::<f32>()?
        .into_shape_with_order(flat)?)
}

impl TypedOp for Attention {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [queries, keys, values] = inputs else {
            bail!("attention has queries, keys and values")
        };
        for map in inputs {
            ensure!(
                map.datum_type == f32::datum_type(),
                "attention is over float32, not {:?}",
                map.datum_type
            );
        }
        self.check(&queries.shape, &keys.shape, &values.shape)?;
        let mut shape = queries.shape.clone();
        shape.set(1, values.shape[1].clone());
        Ok(tvec!(f32::fact(shape)))
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let shapes = inputs.iter().map(|map| map.shape.as_concrete());
        let shapes: Option<Vec<_>> = shapes.collect();
        let Some([queries, keys, values]) = shapes.as_deref() else {
            bail!("the shapes before an attention are not known")
        };
        let count: usize = self
            .turns(queries[2], keys[2])
            .iter()
            .map(|(asking, asked)| {
                let work = Work {
                    channels: queries[1],
                    values: values[1],
                    queries: asking.len() * queries[3] * queries[4],
                    keys: asked.len() * keys[3] * keys[4],
                };
                match self.weighting {
                    Weighting::Softmax => work.queries_first(),
                    Weighting::Mean => work.queries_first().min(work.keys_first()),
                }
            })
            .sum();
        let count = count * queries[0];
        Ok(tvec!((Cost::FMA(f32::datum_type()), count.to_dim())))
    }
}
