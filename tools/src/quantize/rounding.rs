//! Weights that make good one another's rounding.
//!
//! A weight that is rounded up makes its output too large wherever its input is not zero. Inputs go
//! together, so the weights that are still to be rounded are moved to make up for it, as far as the
//! inputs that were seen tell (Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative
//! Pre-trained Transformers", ICLR 2023). The integers are others, their cost is the same.

use super::moments::{BLOCK, Moments};
use super::weights::round;

/// What is added to the moments' diagonal, in parts of its mean: no weight hangs on what was seen alone.
const DAMPING: f64 = 0.01;

/// For each block of a group's window, `[n, n]`: what weight j is moved by for each unit that weight i is
/// rounded off.
pub(super) struct Compensation {
    blocks: Vec<Block>,
}

struct Block {
    /// As [`Moments`] has them.
    moments: Vec<f64>,
    moves: Vec<f64>,
    size: usize,
}

impl Compensation {
    /// Of a group's windows; `None` if nothing was seen of them.
    pub fn of(moments: &Moments, group: usize) -> Option<Compensation> {
        let blocks = moments.of_group(group)?.iter().map(|sums| Block::new(sums));
        Some(Compensation {
            blocks: blocks.collect(),
        })
    }

    /// The values of an output's weights at a scale: never worse, by the moments, than the nearest ones.
    pub fn round(&self, weights: &[f32], scale: f32) -> Vec<i8> {
        let blocks = weights.chunks(BLOCK).zip(&self.blocks);
        let values = blocks.flat_map(|(weights, block)| block.round(weights, scale));
        values.collect()
    }
}

impl Block {
    fn new(sums: &[f32]) -> Block {
        let size = sums.len().isqrt();
        let moments: Vec<f64> = sums.iter().map(|sum| f64::from(*sum)).collect();
        let mut damped = moments.clone();
        let mean = (0..size).map(|at| moments[at * size + at]).sum::<f64>() / size.max(1) as f64;
        for at in 0..size {
            let diagonal = &mut damped[at * size + at];
            *diagonal += DAMPING * mean;
            // An input that is always zero says nothing about its weight.
            if *diagonal <= 0.0 {
                *diagonal = 1.0;
            }
        }
        let mut moves = inverse_of_upper(&upper_factor(damped, size), size);
        for row in 0..size {
            let own = moves[row * size + row];
            let row = &mut moves[row * size..(row + 1) * size];
            row.iter_mut().for_each(|number| *number /= own);
        }
        Block {
            moments,
            moves,
            size,
        }
    }

    fn round(&self, weights: &[f32], scale: f32) -> Vec<i8> {
        let mut moved: Vec<f64> = weights.iter().map(|weight| f64::from(*weight)).collect();
        let mut values = Vec::with_capacity(self.size);
        for at in 0..self.size.min(moved.len()) {
            let value = round(moved[at] as f32, scale);
            let off = moved[at] - f64::from(value) * f64::from(scale);
            let moves = &self.moves[at * self.size..(at + 1) * self.size];
            for (weight, share) in moved.iter_mut().zip(moves).skip(at + 1) {
                *weight -= off * share;
            }
            values.push(value as i8);
        }
        let nearest: Vec<i8> = weights.iter().map(|w| round(*w, scale) as i8).collect();
        match self.error(weights, &values, scale) < self.error(weights, &nearest, scale) {
            true => values,
            false => nearest,
        }
    }

    /// What the rounding changes in the output: the sum of the squares over all windows.
    fn error(&self, weights: &[f32], values: &[i8], scale: f32) -> f64 {
        let pairs = weights.iter().zip(values);
        let off: Vec<f64> = pairs
            .map(|(weight, value)| f64::from(*weight) - f64::from(*value) * f64::from(scale))
            .collect();
        let rows = self.moments.chunks_exact(self.size.max(1)).zip(&off);
        rows.map(|(row, own)| own * row.iter().zip(&off).map(|(m, off)| m * off).sum::<f64>())
            .sum()
    }
}

/// The upper triangular `v` with `v v^T` equal to a symmetric positive matrix.
fn upper_factor(matrix: Vec<f64>, size: usize) -> Vec<f64> {
    let mut v = matrix;
    for column in (0..size).rev() {
        let (above, own) = v.split_at_mut(column * size);
        let own = &mut own[..size];
        let square: f64 = own[column + 1..].iter().map(|number| number * number).sum();
        own[column] = (own[column] - square).max(f64::MIN_POSITIVE).sqrt();
        own[..column].fill(0.0);
        for row in above.chunks_exact_mut(size) {
            let pairs = row[column + 1..].iter().zip(&own[column + 1..]);
            let product: f64 = pairs.map(|(a, b)| a * b).sum();
            row[column] = (row[column] - product) / own[column];
        }
    }
    v
}

/// The inverse of an upper triangular matrix.
fn inverse_of_upper(v: &[f64], size: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; size * size];
    for row in (0..size).rev() {
        let own = v[row * size + row];
        let (above, below) = inverse.split_at_mut((row + 1) * size);
        let result = &mut above[row * size..];
        result[row] = 1.0 / own;
        for (step, known) in below.chunks_exact(size).enumerate() {
            let share = v[row * size + row + 1 + step] / own;
            for (number, known) in result.iter_mut().zip(known) {
                *number -= share * known;
            }
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::step::{Activation, Conv, SpaceWindow, TimeWindow};
    use proptest::prelude::*;

    use super::*;

    fn seen(channels: usize, pixels: &[Vec<f32>]) -> Moments {
        let conv = Conv {
            time: TimeWindow::FRAME,
            space: SpaceWindow::PIXEL,
            groups: 1,
            activation: Activation::Identity,
        };
        let mut moments = Moments::new(&conv, [1, 1, channels]);
        pixels.iter().for_each(|pixel| moments.look_at(pixel));
        moments
    }

    #[test]
    fn of_two_inputs_that_are_one_the_second_makes_good_what_the_first_lacks() {
        let moments = seen(2, &[vec![1.0, 1.0], vec![3.0, 3.0]]);
        let compensation = Compensation::of(&moments, 0).unwrap();
        assert_eq!(compensation.round(&[0.45, 0.45], 1.0), [0, 1]);
    }

    #[test]
    fn inputs_that_have_nothing_in_common_leave_the_nearest_values() {
        let moments = seen(2, &[vec![1.0, 0.0], vec![0.0, 2.0]]);
        let compensation = Compensation::of(&moments, 0).unwrap();
        assert_eq!(compensation.round(&[0.45, 0.45], 1.0), [0, 0]);
    }

    #[test]
    fn an_input_that_is_always_zero_changes_nothing() {
        let moments = seen(2, &[vec![0.0, 1.0]]);
        let compensation = Compensation::of(&moments, 0).unwrap();
        assert_eq!(compensation.round(&[0.45, 2.2], 1.0), [0, 2]);
    }

    proptest! {
        #[test]
        fn what_was_seen_is_never_further_off_than_with_the_nearest_values(
            weights in prop::collection::vec(-3f32..3.0, 5),
            pixels in prop::collection::vec(prop::collection::vec(0f32..4.0, 5), 1..12),
        ) {
            let moments = seen(5, &pixels);
            let values = Compensation::of(&moments, 0).unwrap().round(&weights, 0.5);
            let apart = |value: &dyn Fn(usize) -> f32| -> f64 {
                pixels.iter().map(|pixel| {
                    let off = pixel.iter().enumerate().map(|(at, x)| {
                        f64::from(*x) * f64::from(weights[at] - 0.5 * value(at))
                    });
                    off.sum::<f64>().powi(2)
                }).sum()
            };
            let found = apart(&|at| f32::from(values[at]));
            let nearest = apart(&|at| round(weights[at], 0.5));
            prop_assert!(found <= nearest * 1.0001 + 1e-5, "{found} {nearest}");
        }
    }
}
