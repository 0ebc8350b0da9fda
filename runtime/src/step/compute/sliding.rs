//! The largest or the mean over a window of frames, or over all since the start.

use crate::step::Reduction;

/// Places that are summed up together.
const BLOCK: usize = 64;

/// Of the frames that are there. Sums are kept in float64 and taken in the frames' order: recomputing
/// them each time costs little and leaves nothing behind, as a sum that is carried on would.
pub(super) fn over_window(of: Reduction, taps: &[Option<&[f32]>], output: &mut [f32]) {
    let frames = || taps.iter().flatten();
    let count = frames().count().max(1) as f64;
    for (block, output) in output.chunks_mut(BLOCK).enumerate() {
        let start = block * BLOCK;
        let end = start + output.len();
        let blocks = frames().filter_map(|frame| frame.get(start..end));
        match of {
            Reduction::Max => {
                for (number, values) in blocks.enumerate() {
                    if number == 0 {
                        output.copy_from_slice(values);
                    } else {
                        for (most, value) in output.iter_mut().zip(values) {
                            *most = most.max(*value);
                        }
                    }
                }
            }
            Reduction::Mean => {
                let mut sums = [0f64; BLOCK];
                for values in blocks {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum += f64::from(*value);
                    }
                }
                for (output, sum) in output.iter_mut().zip(sums) {
                    *output = (sum / count) as f32;
                }
            }
        }
    }
}

/// What a node sums up since the start: the largest or the sum at each place.
#[derive(Clone, Debug, Default)]
pub(in crate::step) struct Running {
    rows: u64,
    so_far: Vec<f64>,
}

impl Running {
    /// Takes the next frame, gives the value over all.
    pub fn take(&mut self, of: Reduction, frame: &[f32], output: &mut [f32]) {
        if self.rows == 0 {
            self.so_far.clear();
            self.so_far.extend(frame.iter().copied().map(f64::from));
        } else {
            for (so_far, value) in self.so_far.iter_mut().zip(frame) {
                let value = f64::from(*value);
                *so_far = match of {
                    Reduction::Max => so_far.max(value),
                    Reduction::Mean => *so_far + value,
                };
            }
        }
        self.rows += 1;
        let divisor = match of {
            Reduction::Max => 1.0,
            Reduction::Mean => self.rows as f64,
        };
        for (output, so_far) in output.iter_mut().zip(&self.so_far) {
            *output = (so_far / divisor) as f32;
        }
    }

    pub fn reset(&mut self) {
        self.rows = 0;
    }

    /// The sums as bits; none before the first row.
    pub fn bits(&self) -> impl Iterator<Item = u64> {
        let sums = self.so_far.iter().filter(|_| self.rows > 0);
        sums.map(|sum| sum.to_bits())
    }

    /// What gave these bits after `rows` rows.
    pub fn of_bits(rows: u64, bits: &[u64]) -> Running {
        Running {
            rows,
            so_far: bits.iter().map(|bits| f64::from_bits(*bits)).collect(),
        }
    }
}
