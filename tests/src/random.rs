//! Numbers at random that are the same in every run.

/// A linear congruential generator, of which the upper bits are taken.
#[derive(Debug)]
pub struct Random(u32);

impl Random {
    /// Begins at `seed`.
    pub fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next number, below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.0) * limit as u64) >> 32) as usize
    }
}
