//! Ours against the source network's own answers.

pub mod expose;
pub mod layers;

use ndarray::{Array2, Axis};
use serde::Serialize;
use thiserror::Error;

/// Two sets of rows side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Rows that were compared.
    pub rows: usize,
    /// Largest absolute difference of a logit, for each row.
    pub by_row: Vec<f32>,
    /// The largest of them.
    pub largest: f32,
    /// Mean absolute difference of all logits.
    pub mean: f32,
    /// Largest absolute logit of the reference.
    pub scale: f32,
    /// Rows with the same largest class.
    pub same_top: usize,
}

/// The two sets do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("ours gives {ours:?} (rows, classes), the reference {reference:?}")]
pub struct ShapesDiffer {
    ours: (usize, usize),
    reference: (usize, usize),
}

/// Compares row by row. A value that is no number counts as an infinite difference.
///
/// # Errors
/// [`ShapesDiffer`].
pub fn difference(ours: &Array2<f32>, reference: &Array2<f32>) -> Result<Difference, ShapesDiffer> {
    if ours.dim() != reference.dim() {
        return Err(ShapesDiffer {
            ours: ours.dim(),
            reference: reference.dim(),
        });
    }
    let apart = |a: f32, b: f32| {
        let apart = (a - b).abs();
        if apart.is_nan() { f32::INFINITY } else { apart }
    };
    let mut total = 0f64;
    let mut by_row = vec![];
    let mut same_top = 0;
    for (a, b) in ours.axis_iter(Axis(0)).zip(reference.axis_iter(Axis(0))) {
        let row: Vec<f32> = a.iter().zip(b).map(|(&a, &b)| apart(a, b)).collect();
        total += row.iter().map(|&d| f64::from(d)).sum::<f64>();
        by_row.push(row.into_iter().fold(0.0, f32::max));
        same_top += usize::from(top(a.iter()) == top(b.iter()));
    }
    Ok(Difference {
        rows: by_row.len(),
        largest: by_row.iter().copied().fold(0.0, f32::max),
        mean: (total / ours.len().max(1) as f64) as f32,
        scale: reference
            .iter()
            .map(|value| value.abs())
            .fold(0.0, f32::max),
        by_row,
        same_top,
    })
}

/// The place of the largest number.
pub(crate) fn top<'a>(row: impl Iterator<Item = &'a f32>) -> Option<usize> {
    row.enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_largest_difference_is_found_in_its_row() {
        let difference = difference(
            &array![[1.0, 2.0], [3.0, 4.0]],
            &array![[1.0, 2.5], [9.0, 4.0]],
        )
        .unwrap();
        assert_eq!(difference.by_row, [0.5, 6.0]);
        assert_eq!((difference.largest, difference.same_top), (6.0, 1));
    }

    #[test]
    fn what_is_no_number_is_no_agreement() {
        let difference = difference(&array![[f32::NAN]], &array![[0.0]]).unwrap();
        assert_eq!(difference.largest, f32::INFINITY);
    }

    #[test]
    fn different_shapes_are_refused() {
        assert!(difference(&array![[1.0]], &array![[1.0, 2.0]]).is_err());
    }
}
