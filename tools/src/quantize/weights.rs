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

impl IntWeights {
    /// `weights` are `[outputs, ...]`, `bias` `[outputs]`. The scale of each output is the one with the
    /// least square error among those that cut off at most a third of its largest weight.
    pub fn new(weights: &[f32], bias: &[f32], input_scale: f32) -> IntWeights {
        let each = weights.len() / bias.len().max(1);
        let mut quantized = IntWeights {
            values: Vec::with_capacity(weights.len()),
            scales: Vec::with_capacity(bias.len()),
            bias: Vec::with_capacity(bias.len()),
        };
        for (channel, &bias) in weights.chunks(each.max(1)).zip(bias) {
            // Weights that are next to nothing beside their bias must not make its units too small.
            let least = bias.abs() / (input_scale * LARGEST_BIAS);
            let scale = best_scale(channel).max(least).max(f32::MIN_POSITIVE);
            let values = channel.iter().map(|weight| round(*weight, scale) as i8);
            quantized.values.extend(values);
            quantized.scales.push(scale);
            let unit = f64::from(scale) * f64::from(input_scale);
            quantized
                .bias
                .push((f64::from(bias) / unit).round_ties_even() as i32);
        }
        quantized
    }
}

fn best_scale(weights: &[f32]) -> f32 {
    const CANDIDATES: usize = 32;
    let largest = weights
        .iter()
        .fold(0f32, |most, weight| most.max(weight.abs()));
    if !(largest / LARGEST).is_normal() {
        return 0.0;
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

fn round(weight: f32, scale: f32) -> f32 {
    (weight / scale).round_ties_even().clamp(-LARGEST, LARGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_output_has_its_own_scale() {
        let weights = IntWeights::new(&[1.27, -1.27, 127.0, 12.7], &[0.0; 2], 1.0);
        assert_eq!(weights.values, [127, -127, 127, 13]);
    }

    #[test]
    fn a_bias_is_counted_in_products() {
        let weights = IntWeights::new(&[63.5, -127.0], &[1.0, -1.0], 0.1);
        let units = [0.5 * 0.1, 1.0 * 0.1].map(|unit: f32| (1.0 / unit).round() as i32);
        assert_eq!(weights.bias, [units[0], -units[1]]);
    }

    #[test]
    fn a_bias_without_weights_keeps_its_precision() {
        let weights = IntWeights::new(&[0.0; 6], &[0.3, 0.0], 0.1);
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
            let found = IntWeights::new(&weights, &[0.0], 1.0);
            let error = |scale: f32| -> f64 {
                weights.iter().map(|w| f64::from(w - round(*w, scale) * scale).powi(2)).sum()
            };
            prop_assert!(error(found.scales[0]) <= error(largest.max(1e-6) / LARGEST) + 1e-9);
        }
    }
}
