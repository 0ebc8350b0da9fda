//! What nodes do with 8-bit values.

use praxiscope_kernels::int8::{self, Addend, Input, OutputRange, PoolKind};
use praxiscope_kernels::{Geometry, Isa, KernelError, Team};
use tract_core::internal::*;

use super::conv::{rows_of, window};
use super::{Channels, Concat, Map, Means, Shift, frame};
use crate::step::shapes::FrameShape;
use crate::step::{Arithmetic, IntConv, IntOutput, Pool, Quantization, Reduction};

/// What a node does with the values of its inputs.
#[derive(Debug)]
pub(in crate::step) enum IntWork {
    Conv(Conv),
    Linear(Linear),
    /// And how many rows its maps have.
    Pool(int8::Pool, usize),
    /// From the input's quantization.
    Dequantize(Quantization),
    Rescale(Quantization, Quantization),
    Binary(Binary),
    Lookup(Box<[i8; 256]>),
    MeanOverMap(Quantization, Quantization),
    MaxOverMap,
    /// The largest of the frames of a window that are there.
    Largest,
    /// Zero enters at the ends.
    Shift(Shift, i8),
    Same,
    Concat(Concat),
    Channels(Channels),
}

impl IntWork {
    pub fn word(&self) -> &'static str {
        match self {
            IntWork::Conv(_) | IntWork::Linear(_) => "int_conv",
            IntWork::Pool(..) => "int_pool",
            IntWork::Dequantize(_) => "dequantize",
            IntWork::Rescale(..) => "rescale",
            IntWork::Binary(_) => "int_binary",
            IntWork::Lookup(_) => "lookup",
            IntWork::MeanOverMap(..) | IntWork::MaxOverMap => "int_over_map",
            IntWork::Largest => "int_sliding",
            IntWork::Shift(..) => "shift",
            IntWork::Same => "sample",
            IntWork::Concat(_) => "concat",
            IntWork::Channels(_) => "channels",
        }
    }

    /// A pool of values: the largest, or their mean.
    pub fn pool(
        pool: &Pool,
        [height, width, channels]: FrameShape,
        input: Quantization,
        output: Quantization,
        isa: Isa,
    ) -> TractResult<IntWork> {
        let window = window(pool.time.kernel, &pool.space);
        let geometry = Geometry::per_channel([height, width], channels, window)?;
        let kind = match (pool.of, pool.zero_padded) {
            (Reduction::Max, false) => PoolKind::Max,
            (Reduction::Max, true) => bail!("a largest value among zeros has no integer form"),
            (Reduction::Mean, true) => PoolKind::MeanOfTaps,
            (Reduction::Mean, false) => PoolKind::MeanOfPixels,
        };
        let range = OutputRange::full(output.zero_point);
        let multiplier = input.scale / output.scale;
        let pool = int8::Pool::new(&geometry, kind, input.zero_point, multiplier, range, isa)?;
        Ok(IntWork::Pool(pool, geometry.output()[0]))
    }

    /// Makes one row. `taps` are as for [`Work::run`](super::Work::run).
    pub fn run(
        &self,
        taps: &[Option<&[i8]>],
        output: &mut Map,
        Means { isa, team }: Means<'_>,
    ) -> Result<(), KernelError> {
        let x = || frame(taps, 0);
        match self {
            IntWork::Conv(conv) => conv.run(taps, output.values_mut(), team),
            IntWork::Linear(linear) => {
                linear.run(x(), output.numbers_mut());
                Ok(())
            }
            IntWork::Pool(pool, rows) => pool.run(taps, output.values_mut(), 0..*rows),
            IntWork::Dequantize(input) => int8::dequantize(
                values_of(x(), *input),
                input.scale,
                output.numbers_mut(),
                isa,
            ),
            IntWork::Rescale(input, to) => {
                let range = OutputRange::full(to.zero_point);
                int8::rescale(share_of(x(), *input, *to), range, output.values_mut(), isa)
            }
            IntWork::Binary(binary) => binary.run(taps, output.values_mut(), isa),
            IntWork::Lookup(table) => {
                for (output, value) in output.values_mut().iter_mut().zip(x()) {
                    *output = table[usize::from(value.wrapping_sub(i8::MIN) as u8)];
                }
                Ok(())
            }
            IntWork::MeanOverMap(input, to) => {
                let range = OutputRange::full(to.zero_point);
                let multiplier = input.scale / to.scale;
                int8::mean_space(
                    values_of(x(), *input),
                    multiplier,
                    range,
                    output.values_mut(),
                    isa,
                )
            }
            IntWork::MaxOverMap => int8::max_space(x(), output.values_mut(), isa),
            IntWork::Largest => {
                let output = output.values_mut();
                output.fill(i8::MIN);
                for frame in taps.iter().flatten() {
                    let places = output.iter_mut().zip(*frame);
                    places.for_each(|(most, value)| *most = (*most).max(*value));
                }
                Ok(())
            }
            IntWork::Shift(shift, zero) => {
                shift.run(taps, *zero, output.values_mut());
                Ok(())
            }
            IntWork::Same => {
                output.values_mut().copy_from_slice(x());
                Ok(())
            }
            IntWork::Concat(concat) => {
                concat.run(taps, output.values_mut());
                Ok(())
            }
            IntWork::Channels(channels) => {
                channels.run(x(), output.values_mut());
                Ok(())
            }
        }
    }
}

fn values_of(values: &[i8], quantization: Quantization) -> Input<'_> {
    let zero = quantization.zero_point;
    Input { values, zero }
}

fn share_of(values: &[i8], input: Quantization, output: Quantization) -> Addend<'_> {
    Addend {
        values,
        zero: input.zero_point,
        multiplier: input.scale / output.scale,
    }
}

fn range(output: IntOutput) -> OutputRange {
    OutputRange {
        zero: output.quantization.zero_point,
        low: output.low,
        high: output.high,
    }
}

/// Constants of a convolution of values.
#[derive(Clone, Copy)]
pub(in crate::step) struct Constants<'a> {
    pub weights: &'a [i8],
    pub bias: &'a [i32],
    pub multipliers: &'a [f32],
}

/// A convolution with its packed weights.
#[derive(Debug)]
pub(in crate::step) struct Conv {
    kernel: int8::Conv,
    /// Of the stream that is added, and of the output.
    added: Option<[Quantization; 2]>,
}

impl Conv {
    pub fn new(
        conv: &IntConv,
        [([height, width, channels], input)]: [(FrameShape, Quantization); 1],
        constants: Constants,
        output: IntOutput,
        added: Option<Quantization>,
        isa: Isa,
    ) -> TractResult<Conv> {
        let geometry = Geometry::new(
            [height, width],
            [channels, constants.bias.len()],
            conv.groups,
            window(conv.time.kernel, &conv.space),
        )?;
        let kernel = int8::Conv::new(
            &geometry,
            constants.weights,
            constants.bias,
            constants.multipliers,
            input.zero_point,
            range(output),
            isa,
        )?;
        let added = added.map(|added| [added, output.quantization]);
        Ok(Conv { kernel, added })
    }

    fn run(
        &self,
        taps: &[Option<&[i8]>],
        output: &mut [i8],
        team: &Team,
    ) -> Result<(), KernelError> {
        let geometry = self.kernel.geometry();
        let (window, added) = taps.split_at_checked(geometry.frames()).unwrap_or_default();
        let [height, width] = geometry.output();
        let row_len = width * geometry.out_channels();
        team.rows(height, output, |rows, output| {
            let addend = self.added.map(|[from, to]| {
                let added = rows_of(frame(added, 0), &rows, row_len);
                share_of(added, from, to)
            });
            self.kernel.run(window, addend, output, rows)
        })
    }
}

/// The last layer: from a vector of values to numbers, each one conversion and one product from its
/// exact sum.
#[derive(Debug)]
pub(in crate::step) struct Linear {
    weights: Vec<i8>,
    /// With the input's zero point taken off.
    bias: Vec<i32>,
    multipliers: Vec<f32>,
}

impl Linear {
    pub fn new(constants: Constants, input: Quantization) -> TractResult<Linear> {
        let inputs = constants.weights.len() / constants.bias.len().max(1);
        ensure!(inputs <= 1 << 15, "a sum of {inputs} products");
        let rows = constants.weights.chunks(inputs.max(1)).zip(constants.bias);
        let bias = rows.map(|(weights, bias)| {
            let sum: i32 = weights.iter().map(|weight| i32::from(*weight)).sum();
            let bias = bias.checked_sub(sum * i32::from(input.zero_point));
            bias.filter(|bias| bias.unsigned_abs() <= 1 << 30)
                .context("a bias leaves 32 bits")
        });
        Ok(Linear {
            bias: bias.collect::<TractResult<_>>()?,
            weights: constants.weights.to_vec(),
            multipliers: constants.multipliers.to_vec(),
        })
    }

    fn run(&self, input: &[i8], output: &mut [f32]) {
        let rows = self.weights.chunks_exact(input.len().max(1));
        let constants = self.bias.iter().zip(&self.multipliers);
        for ((output, weights), (bias, multiplier)) in output.iter_mut().zip(rows).zip(constants) {
            let products = weights.iter().zip(input);
            let products = products.map(|(weight, value)| i32::from(*weight) * i32::from(*value));
            *output = (products.sum::<i32>() + bias) as f32 * multiplier;
        }
    }
}

/// A sum or a product of two streams; the second may be a vector.
#[derive(Debug)]
pub(in crate::step) struct Binary {
    arithmetic: Arithmetic,
    inputs: [Quantization; 2],
    /// Taps, the larger map first.
    order: [usize; 2],
    output: IntOutput,
}

impl Binary {
    pub fn new(
        arithmetic: Arithmetic,
        mut inputs: [Quantization; 2],
        shapes: [FrameShape; 2],
        output: IntOutput,
    ) -> TractResult<Binary> {
        let [_, _, channels] = shapes[0];
        let is_vector = |shape: FrameShape| shape == [1, 1, channels];
        let order = match shapes {
            [left, right] if left == right || is_vector(right) => [0, 1],
            [left, right] if is_vector(left) && right[2] == channels => [1, 0],
            _ => bail!("maps of {shapes:?} have no integer arithmetic"),
        };
        if order == [1, 0] {
            inputs.reverse();
        }
        Ok(Binary {
            arithmetic,
            inputs,
            order,
            output,
        })
    }

    fn run(&self, taps: &[Option<&[i8]>], output: &mut [i8], isa: Isa) -> Result<(), KernelError> {
        let [a, b] = self.order.map(|tap| frame(taps, tap));
        let [from_a, from_b] = self.inputs;
        let (to, range) = (self.output.quantization, range(self.output));
        if self.arithmetic == Arithmetic::Add {
            let (a, b) = (share_of(a, from_a, to), share_of(b, from_b, to));
            return int8::add(a, b, range, output, isa);
        }
        let multiplier = from_a.scale * from_b.scale / to.scale;
        let (a, b) = (values_of(a, from_a), values_of(b, from_b));
        int8::mul(a, b, multiplier, range, output, isa)
    }
}
