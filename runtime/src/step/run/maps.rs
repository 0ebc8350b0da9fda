//! Feature maps as they are shown to whoever runs a stream.

use crate::step::Quantization;
use crate::step::compute::Map;

/// Where the next frame is to be written, `[H, W, C]`. The buffer holds old content.
#[derive(Debug)]
pub enum Input<'a> {
    /// As numbers.
    Numbers(&'a mut [f32]),
    /// As 8-bit values that stand for numbers: an integer program's.
    Values(&'a mut [i8], Quantization),
}

impl<'a> Input<'a> {
    pub(super) fn of(map: &'a mut Map, quantization: Option<Quantization>) -> Input<'a> {
        match (map, quantization) {
            (Map::Values(values), Some(quantization)) => Input::Values(values, quantization),
            (map, _) => Input::Numbers(map.numbers_mut()),
        }
    }

    /// Writes the numbers, rounded to the nearest values where the program takes those.
    pub fn copy_from(self, frame: &[f32]) {
        match self {
            Input::Numbers(numbers) => numbers.copy_from_slice(frame),
            Input::Values(values, quantization) => {
                for (value, number) in values.iter_mut().zip(frame) {
                    *value = quantization.value(*number);
                }
            }
        }
    }
}

/// A feature map that a node made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Made<'a> {
    /// Numbers.
    Numbers(&'a [f32]),
    /// 8-bit values, and what they stand for.
    Values(&'a [i8], Quantization),
}

impl<'a> Made<'a> {
    pub(super) fn of(map: &'a Map, quantization: Option<Quantization>) -> Made<'a> {
        match (map, quantization) {
            (Map::Values(values), Some(quantization)) => Made::Values(values, quantization),
            (map, _) => Made::Numbers(map.numbers()),
        }
    }

    /// How many places it has.
    pub fn len(&self) -> usize {
        match self {
            Made::Numbers(numbers) => numbers.len(),
            Made::Values(values, _) => values.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at a place; 0 where there is none.
    pub fn number(&self, place: usize) -> f32 {
        match self {
            Made::Numbers(numbers) => numbers.get(place).copied().unwrap_or_default(),
            Made::Values(values, Quantization { scale, zero_point }) => {
                let value = values.get(place).map_or(*zero_point, |value| *value);
                (i32::from(value) - i32::from(*zero_point)) as f32 * scale
            }
        }
    }
}
