//! What nodes do with numbers.

mod attention;
mod binary;
mod conv;
mod elementwise;
mod int;
mod map;
mod pool;
mod sliding;
mod taps;

pub(super) use attention::Attention;
pub(super) use binary::{Binary, Constant, Operand};
pub(super) use conv::Conv;
pub(super) use elementwise::kernel_activation;
pub(super) use elementwise::{Channels, Concat, Shift};
pub(super) use int::{Binary as IntBinary, Constants, Conv as IntConvolution, IntWork, Linear};
pub(super) use map::Map;
pub(super) use pool::Pool;
pub(super) use sliding::Running;
pub(super) use taps::Taps;

use praxiscope_kernels::int8::{self, OutputRange};
use praxiscope_kernels::{Isa, KernelError, Team, float};

use super::{Activation, Quantization, Reduction};

/// What nodes compute with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    pub isa: Isa,
    pub team: &'a Team,
}

/// What a node does.
#[derive(Debug)]
pub(super) enum Work {
    Conv(Conv),
    Pool(Pool),
    Shift(Shift),
    /// Its input's frame.
    Same,
    /// Of the frames of a window that are there.
    Sliding(Reduction),
    /// Of all frames since the start.
    Running(Reduction),
    Attention(Attention),
    Binary(Binary),
    Activation(Activation),
    Concat(Concat),
    Channels(Channels),
    OverMap(Reduction),
    /// Over so many channels.
    Softmax(usize),
    /// From numbers to values.
    Quantize(Quantization),
    /// What takes 8-bit values.
    Int(IntWork),
}

impl Work {
    /// What it does, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Work::Conv(_) => "conv",
            Work::Pool(_) => "pool",
            Work::Shift(_) => "shift",
            Work::Same => "sample",
            Work::Sliding(_) | Work::Running(_) => "sliding",
            Work::Attention(_) => "attention",
            Work::Binary(_) => "binary",
            Work::Activation(_) => "activation",
            Work::Concat(_) => "concat",
            Work::Channels(_) => "channels",
            Work::OverMap(_) => "over_map",
            Work::Softmax(_) => "softmax",
            Work::Quantize(_) => "quantize",
            Work::Int(int) => int.word(),
        }
    }

    /// Whether it sums up all rows, so that none may be left out.
    pub fn sees_all_since_the_start(&self) -> bool {
        matches!(self, Work::Running(_))
    }

    /// Numbers of scratch memory that it takes.
    pub fn scratch(&self) -> usize {
        match self {
            Work::Attention(attention) => attention.scratch(),
            _ => 0,
        }
    }

    /// Makes one row. `taps` are the frames that its inputs need, input by input, oldest first; `None`
    /// is padding.
    pub fn run(
        &self,
        taps: &[Option<&[f32]>],
        running: &mut Running,
        scratch: &mut [f32],
        output: &mut Map,
        Means { isa, team }: Means<'_>,
    ) -> Result<(), KernelError> {
        if let Work::Quantize(Quantization { scale, zero_point }) = *self {
            let range = OutputRange::full(zero_point);
            return int8::quantize(frame(taps, 0), scale, range, output.values_mut(), isa);
        }
        let output = output.numbers_mut();
        match self {
            Work::Conv(conv) => conv.run(taps, output, team)?,
            Work::Pool(pool) => pool.run(taps, output)?,
            Work::Shift(shift) => shift.run(taps, 0.0, output),
            Work::Same => output.copy_from_slice(frame(taps, 0)),
            Work::Sliding(of) => sliding::over_window(*of, taps, output),
            Work::Running(of) => running.take(*of, frame(taps, 0), output),
            Work::Attention(attention) => attention.run(taps, scratch, output)?,
            Work::Binary(binary) => binary.run(taps, output)?,
            Work::Activation(activation) => {
                elementwise::activation(*activation, frame(taps, 0), output, isa)?;
            }
            Work::Concat(concat) => concat.run(taps, output),
            Work::Channels(channels) => channels.run(frame(taps, 0), output),
            Work::OverMap(of) => elementwise::over_map(*of, frame(taps, 0), output, isa)?,
            Work::Softmax(channels) => float::softmax(frame(taps, 0), *channels, output, isa)?,
            // Compilation gives these nodes no numbers to read.
            Work::Quantize(_) | Work::Int(_) => {}
        }
        Ok(())
    }
}

/// The frame that an input without padding has.
fn frame<'a, T>(taps: &[Option<&'a [T]>], tap: usize) -> &'a [T] {
    taps.get(tap).copied().flatten().unwrap_or_default()
}
