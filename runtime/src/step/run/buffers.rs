//! Buffers that wait for their next use.

use crate::step::compute::Map;

/// Free buffers by their length. After some steps a program finds all that it needs here, and nothing
/// is allocated any more.
#[derive(Debug, Default)]
pub(in crate::step) struct Spare {
    numbers: Shelves<f32>,
    values: Shelves<i8>,
}

impl Spare {
    /// A buffer of `len` numbers, whatever they are.
    pub fn numbers(&mut self, len: usize) -> Vec<f32> {
        self.numbers.take(len)
    }

    /// A map of `len` places, whatever stands in them.
    pub fn take(&mut self, len: usize, has_values: bool) -> Map {
        match has_values {
            true => Map::Values(self.values.take(len)),
            false => Map::Numbers(self.numbers.take(len)),
        }
    }

    /// Takes a map back.
    pub fn give(&mut self, map: Map) {
        match map {
            Map::Numbers(numbers) => self.numbers.give(numbers),
            Map::Values(values) => self.values.give(values),
        }
    }
}

/// Sorted by length; programs have few lengths.
#[derive(Debug, Default)]
struct Shelves<T>(Vec<(usize, Vec<Vec<T>>)>);

impl<T: Copy + Default> Shelves<T> {
    fn take(&mut self, len: usize) -> Vec<T> {
        if len == 0 {
            return vec![];
        }
        let free = self.shelf(len);
        free.pop().unwrap_or_else(|| vec![T::default(); len])
    }

    fn give(&mut self, buffer: Vec<T>) {
        if !buffer.is_empty() {
            self.shelf(buffer.len()).push(buffer);
        }
    }

    fn shelf(&mut self, len: usize) -> &mut Vec<Vec<T>> {
        let at = match self.0.binary_search_by_key(&len, |(len, _)| *len) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (len, vec![]));
                at
            }
        };
        &mut self.0[at].1
    }
}
