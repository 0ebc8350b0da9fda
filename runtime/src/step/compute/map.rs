//! Feature maps of either kind.

use praxiscope_kernels::Aligned;

/// A feature map: numbers, or 8-bit values that stand for numbers.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::step) enum Map {
    Numbers(Aligned<f32>),
    Values(Aligned<i8>),
}

impl Map {
    /// Its numbers; none if it holds values.
    pub fn numbers(&self) -> &[f32] {
        match self {
            Map::Numbers(numbers) => numbers,
            Map::Values(_) => &[],
        }
    }

    pub fn numbers_mut(&mut self) -> &mut [f32] {
        match self {
            Map::Numbers(numbers) => numbers,
            Map::Values(_) => &mut [],
        }
    }

    /// Its values; none if it holds numbers.
    pub fn values(&self) -> &[i8] {
        match self {
            Map::Values(values) => values,
            Map::Numbers(_) => &[],
        }
    }

    pub fn values_mut(&mut self) -> &mut [i8] {
        match self {
            Map::Values(values) => values,
            Map::Numbers(_) => &mut [],
        }
    }
}
