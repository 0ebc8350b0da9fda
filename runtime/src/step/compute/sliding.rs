//! The largest or the mean over a window of frames, or over all since the start.

use crate::step::Reduction;

/// Of the frames that are there. Sums are kept in float64, so that a mean has the same bits whatever
/// the frames' order of coming.
pub(super) fn over_window(of: Reduction, taps: &[Option<&[f32]>], output: &mut [f32]) {
    let frames = || taps.iter().flatten();
    let count = frames().count().max(1) as f64;
    for (at, output) in output.iter_mut().enumerate() {
        let values = frames().map(|frame| frame[at]);
        *output = match of {
            Reduction::Max => values.reduce(f32::max).unwrap_or(0.0),
            Reduction::Mean => (values.map(f64::from).sum::<f64>() / count) as f32,
        };
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
