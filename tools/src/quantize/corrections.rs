//! What is put right in the biases of convolutions.
//!
//! Rounded weights, and inputs that are rounded and cut off, give an output that is too large or too
//! small on the average: what comes behind a rectifier has a mean, and the mean of the input meets the
//! rounding of each weight in every picture alike. This part of the noise is known beforehand (Nagel et
//! al., "Data-free quantization through weight equalization and bias correction", ICCV 2019). Each
//! convolution answers for its own weights and the rounding of its own input; what comes from further
//! in front was put right there, and would be counted twice if it were measured at the output.

use std::collections::HashMap;
use std::sync::Arc;

use praxiscope_runtime::step::{Conv, Made, Program, Quantization, Run};
use tract_core::internal::*;

use super::emit::{constant, conv};
use super::recordings::Recordings;
use super::weights::Rounded;
use super::{QuantizeError, failed, refused};

/// What is added to the biases, by node.
pub(super) type Corrections = HashMap<usize, Vec<f32>>;

/// A map that a convolution reads, on the average over all frames.
struct Mean {
    quantization: Quantization,
    /// Sums over the frames, as the float program has them, and of what the values stand for.
    numbers: Vec<f64>,
    values: Vec<f64>,
    frames: u64,
}

impl Mean {
    fn add(&mut self, map: &[f32]) {
        let Quantization { scale, zero_point } = self.quantization;
        let low = f32::from(i8::MIN) - f32::from(zero_point);
        let high = f32::from(i8::MAX) - f32::from(zero_point);
        let sums = self.numbers.iter_mut().zip(&mut self.values);
        for (&number, (sum, value_sum)) in map.iter().zip(sums) {
            *sum += f64::from(number);
            let value = (number / scale).round_ties_even().clamp(low, high);
            *value_sum += f64::from(value * scale);
        }
        self.frames += 1;
    }
}

/// Plays all recordings to `program`, which is made of `graph`, and finds what the biases of its
/// convolutions lack if their inputs become values of a `quantization` and their weights are `rounded`.
pub(super) fn corrections(
    graph: &TypedModel,
    program: &Arc<Program>,
    recordings: &mut dyn Recordings,
    quantization: &dyn Fn(usize) -> Option<Quantization>,
    rounded: &HashMap<usize, Rounded>,
    progress: &mut dyn FnMut(usize),
) -> Result<Corrections, QuantizeError> {
    let names = program.wires().iter().enumerate();
    let wires: HashMap<&str, usize> = names.map(|(at, wire)| (wire.name.as_str(), at)).collect();
    let read = |node: &TypedNode| {
        let input = node.inputs.first()?.node;
        let wire = *wires.get(graph.node(input).name.as_str())?;
        Some((wire, quantization(input)?))
    };
    let mut means: HashMap<usize, Mean> = HashMap::new();
    for node in graph.nodes().iter().filter(|node| conv(node).is_some()) {
        if let Some((wire, quantization)) = read(node) {
            let len = program.wires()[wire].shape.iter().product();
            means.entry(wire).or_insert(Mean {
                quantization,
                numbers: vec![0.0; len],
                values: vec![0.0; len],
                frames: 0,
            });
        }
    }
    for number in 0..recordings.count() {
        let mut run = Run::new(program);
        let mut look_at = |wire: usize, made: Made<'_>| {
            if let (Some(mean), Made::Numbers(map)) = (means.get_mut(&wire), made) {
                mean.add(map);
            }
        };
        recordings.play(number, &mut |frame| {
            run.observe(frame, &mut look_at).map_err(failed)
        })?;
        run.observe_end(&mut look_at).map_err(failed)?;
        progress(number + 1);
    }
    let mut found = Corrections::new();
    for node in graph.nodes() {
        let (Some(conv), Some((wire, _)), Some(rounded)) =
            (conv(node), read(node), rounded.get(&node.id))
        else {
            continue;
        };
        let Some(mean) = means.get(&wire).filter(|mean| mean.frames > 0) else {
            continue;
        };
        let (shape, weights) = constant(graph, node.inputs[1]).map_err(refused)?;
        let map = program.wires()[wire].shape;
        let taps = [&mean.numbers, &mean.values].map(|sums| taps(conv, map, sums, mean.frames));
        found.insert(node.id, lacking(conv, &shape, &weights, rounded, &taps));
    }
    Ok(found)
}

/// For each channel and each place of the window `[C, h, w]`: what a weight there meets on the average
/// over all outputs, zeros where the window reaches over the border.
fn taps(conv: &Conv, [height, width, channels]: [usize; 3], sums: &[f64], frames: u64) -> Vec<f64> {
    let space = &conv.space;
    let [rows, columns] = space.kernel;
    let mut taps = vec![0.0; channels * rows * columns];
    let Some([out_height, out_width]) = space.output(height, width) else {
        return taps;
    };
    let place = |axis: usize, output: usize, tap: usize, extent: usize| {
        let at = output * space.stride[axis] + tap * space.dilation[axis];
        let at = at.checked_sub(space.padding[axis][0]);
        at.filter(|at| *at < extent)
    };
    for (tap, (row, column)) in (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .enumerate()
    {
        let ys = (0..out_height).filter_map(|y| place(0, y, row, height));
        for y in ys {
            let xs = (0..out_width).filter_map(|x| place(1, x, column, width));
            for x in xs {
                let pixel = &sums[(y * width + x) * channels..][..channels];
                for (sum, number) in taps[tap..].iter_mut().step_by(rows * columns).zip(pixel) {
                    *sum += number;
                }
            }
        }
    }
    let count = frames as f64 * (out_height * out_width) as f64;
    taps.iter_mut().for_each(|sum| *sum /= count);
    taps
}

/// The mean of each output with the float weights and numbers, less the mean with the rounded weights
/// and the values. `shape` is `[O, C / groups, t, h, w]`.
fn lacking(
    conv: &Conv,
    shape: &[usize],
    weights: &[f32],
    rounded: &Rounded,
    [numbers, values]: &[Vec<f64>; 2],
) -> Vec<f32> {
    let space: usize = conv.space.kernel.iter().product();
    let outputs = shape.first().copied().unwrap_or(0);
    let each = (weights.len() / outputs.max(1)).max(1);
    let group_taps = (numbers.len() / conv.groups.max(1)).max(1);
    let of_group = (outputs / conv.groups.max(1)).max(1);
    // The mean over time is the same for each frame that a window over time sees.
    let over_time = (conv.time.kernel * space).max(1);
    let channels = weights.chunks(each).enumerate();
    let lacking = channels.map(|(output, weights)| {
        let first = output / of_group * group_taps;
        let pairs = weights.iter().zip(rounded.of_output(output));
        let sum = pairs.enumerate().map(|(at, (weight, other))| {
            let tap = first + at / over_time * space + at % space;
            f64::from(*weight) * numbers[tap] - f64::from(other) * values[tap]
        });
        sum.sum::<f64>() as f32
    });
    lacking.collect()
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::step::{Activation, SpaceWindow, TimeWindow};

    use super::*;

    fn conv(kernel: [usize; 2], padding: usize, groups: usize) -> Conv {
        Conv {
            time: TimeWindow::FRAME,
            space: SpaceWindow {
                kernel,
                padding: [[padding; 2]; 2],
                ..SpaceWindow::PIXEL
            },
            groups,
            activation: Activation::Identity,
        }
    }

    #[test]
    fn a_tap_meets_zeros_beyond_the_border() {
        // Two frames of one row of three pixels; sums 2, 4, 6, means 1, 2, 3.
        let found = taps(&conv([1, 3], 1, 1), [1, 3, 1], &[2.0, 4.0, 6.0], 2);
        // The padding is on both axes: rows above and below give outputs that meet zeros alone.
        let share = |sum: f64| sum / 9.0;
        assert_eq!(found, [share(3.0), share(6.0), share(5.0)]);
    }

    #[test]
    fn weights_are_held_against_the_mean_of_their_own_group() {
        let weights = [0.26f32, -1.27, 0.0149, 1.27];
        let rounded = Rounded::new(&weights, 2);
        let off: Vec<f64> = (0..2)
            .flat_map(|output| rounded.of_output(output).collect::<Vec<_>>())
            .zip(weights)
            .map(|(other, weight)| f64::from(weight) - f64::from(other))
            .collect();
        let means = vec![1.0, 10.0, 100.0, 1000.0];
        let taps = [means.clone(), means];
        let found = lacking(
            &conv([1, 1], 0, 2),
            &[2, 2, 1, 1, 1],
            &weights,
            &rounded,
            &taps,
        );
        let wanted = [off[0] + 10.0 * off[1], 100.0 * off[2] + 1000.0 * off[3]];
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(
                (f64::from(*found) - wanted).abs() < 1e-6,
                "{found} {wanted}"
            );
        }
        assert!(wanted[1].abs() > 0.1, "there is something to put right");
    }

    #[test]
    fn an_input_that_is_cut_off_is_made_up_for() {
        let quantization = Quantization {
            scale: 0.01,
            zero_point: -128,
        };
        let mut mean = Mean {
            quantization,
            numbers: vec![0.0],
            values: vec![0.0],
            frames: 0,
        };
        mean.add(&[5.0]);
        assert_eq!(mean.numbers, [5.0]);
        assert!((mean.values[0] - 2.55).abs() < 1e-6, "{}", mean.values[0]);
    }
}
