//! Weights and biases as integers.

/// The weights of a convolution as 8-bit values, symmetric about zero, with a scale for each output.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IntWeights {
    /// In the weights' own order, in -127 ..= 127.
    pub values: Vec<i8>,
    /// Scale of each output channel.
    pub scales: Vec<f32>,
    /// The biases in units of the sums: input scale times weight scale.
    pub bias: Vec<i32>,
}

const LARGEST: f32 = 127.0;
/// A bias of so many units leaves the sums room for the products.
const LARGEST_BIAS: f32 = (1 << 28) as f32;

/// How the weights of a convolution are rounded, whatever the scale of its input.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rounded {
    /// In the weights' own order, in -127 ..= 127.
    values: Vec<i8>,
    /// Scale of each output channel.
    scales: Vec<f32>,
}

impl Rounded {
    /// `weights` are `[outputs, ...]`. The scale of each output is the one with the least square error
    /// among those that cut off at most a third of its largest weight.
    pub fn new(weights: &[f32], outputs: usize) -> Rounded {
        let each = (weights.len() / outputs.max(1)).max(1);
        let mut rounded = Rounded {
            values: Vec::with_capacity(weights.len()),
            scales: Vec::with_capacity(outputs),
        };
        for channel in weights.chunks(each) {
            let scale = best_scale(channel).max(f32::MIN_POSITIVE);
            rounded.scales.push(scale);
            rounded.values.extend(nearest(channel, scale));
        }
        rounded
    }

    /// What the values of an output's weights stand for.
    pub fn of_output(&self, output: usize) -> impl Iterator<Item = f32> {
        let each = (self.values.len() / self.scales.len().max(1)).max(1);
        let values = self.values.chunks(each).nth(output).unwrap_or_default();
        let scale = self.scales.get(output).copied().unwrap_or_default();
        values.iter().map(move |value| f32::from(*value) * scale)
    }
}

impl IntWeights {
    /// `weights` are `[outputs, ...]`, `bias` `[outputs]`.
    pub fn new(weights: &[f32], bias: &[f32], input_scale: f32, rounded: &Rounded) -> IntWeights {
        let each = (weights.len() / bias.len().max(1)).max(1);
        let mut quantized = IntWeights {
            values: Vec::with_capacity(weights.len()),
            scales: Vec::with_capacity(bias.len()),
            bias: Vec::with_capacity(bias.len()),
        };
        let known = rounded.values.chunks(each).zip(&rounded.scales);
        for ((channel, &bias), (values, scale)) in weights.chunks(each).zip(bias).zip(known) {
            // Weights that are next to nothing beside their bias must not make its units too small.
            let least = bias.abs() / (input_scale * LARGEST_BIAS);
            let scale = match *scale >= least {
                true => {
                    quantized.values.extend(values);
                    *scale
                }
                false => {
                    quantized.values.extend(nearest(channel, least));
                    least
                }
            };
            quantized.scales.push(scale);
            let unit = f64::from(scale) * f64::from(input_scale);
            quantized
                .bias
                .push((f64::from(bias) / unit).round_ties_even() as i32);
        }
        quantized
    }
}

fn nearest(weights: &[f32], scale: f32) -> impl Iterator<Item = i8> {
    weights
        .iter()
        .map(move |weight| round(*weight, scale) as i8)
}

/// The scale of weights that were integers before; `None` if they were not.
fn scale_of_grid(weights: &[f32], largest: f32) -> Option<f32> {
    const CLOSE: f32 = 1e-3;
    let is_whole = |steps: f32| (steps - steps.round()).abs() <= CLOSE;
    let mut scales = (1..=LARGEST as usize)
        .rev()
        .map(|steps| largest / steps as f32);
    scales.find(|scale| weights.iter().all(|weight| is_whole(weight / scale)))
}

fn best_scale(weights: &[f32]) -> f32 {
    const CANDIDATES: usize = 32;
    let largest = weights
        .iter()
        .fold(0f32, |most, weight| most.max(weight.abs()));
    if !(largest / LARGEST).is_normal() {
        return 0.0;
    }
    if let Some(scale) = scale_of_grid(weights, largest) {
        return scale;
    }
    let candidates = (0..CANDIDATES).map(|step| {
        let share = 1.0 - step as f32 / (3 * CANDIDATES) as f32;
        share * largest / LARGEST
    });
    let error = |scale: f32| -> f64 {
        let errors = weights
            .iter()
            .map(|weight| weight - round(*weight, scale) * scale);
        errors.map(|error| f64::from(error).powi(2)).sum()
    };
    let costs = candidates.map(|scale| (error(scale), scale));
    let least = costs.min_by(|(a, _), (b, _)| a.total_cmp(b));
    least.map_or(0.0, |(_, scale)| scale)
}

/// The nearest value, as a number.
fn round(weight: f32, scale: f32) -> f32 {
    (weight / scale).round_ties_even().clamp(-LARGEST, LARGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn int_weights(weights: &[f32], bias: &[f32], input_scale: f32) -> IntWeights {
        let rounded = Rounded::new(weights, bias.len());
        IntWeights::new(weights, bias, input_scale, &rounded)
    }

    #[test]
    fn weights_that_were_integers_are_the_same_integers_again() {
        let integers = [3i8, -100, 71, 12];
        let weights = integers.map(|integer| f32::from(integer) * 0.0173);
        let found = int_weights(&weights, &[0.0], 1.0);
        assert_eq!(found.values, integers);
        assert!(
            (found.scales[0] - 0.0173).abs() < 1e-7,
            "{:?}",
            found.scales
        );
    }

    #[test]
    fn each_output_has_its_own_scale() {
        let weights = int_weights(&[1.27, -1.27, 127.0, -127.0], &[0.0; 2], 1.0);
        assert_eq!(weights.values, [127, -127, 127, -127]);
    }

    #[test]
    fn a_bias_is_counted_in_products() {
        let weights = int_weights(&[63.5, -127.0], &[1.0, -1.0], 0.1);
        let units = [0.5 * 0.1, 1.0 * 0.1].map(|unit: f32| (1.0 / unit).round() as i32);
        assert_eq!(weights.bias, [units[0], -units[1]]);
    }

    #[test]
    fn a_bias_without_weights_keeps_its_precision() {
        let weights = int_weights(&[0.0; 6], &[0.3, 0.0], 0.1);
        assert_eq!(weights.values, [0; 6]);
        let back = weights.bias[0] as f32 * weights.scales[0] * 0.1;
        assert!((back - 0.3).abs() < 1e-5, "{back}");
        assert_eq!(weights.bias[1], 0);
    }

    proptest! {
        #[test]
        fn the_error_is_at_most_that_of_the_full_range(
            weights in prop::collection::vec(-10f32..10.0, 1..64)
        ) {
            let largest = weights.iter().fold(0f32, |most, weight| most.max(weight.abs()));
            let found = int_weights(&weights, &[0.0], 1.0);
            let error = |scale: f32| -> f64 {
                weights.iter().map(|w| f64::from(w - round(*w, scale) * scale).powi(2)).sum()
            };
            prop_assert!(error(found.scales[0]) <= error(largest.max(1e-6) / LARGEST) + 1e-9);
        }
    }
}
