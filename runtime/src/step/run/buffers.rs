//! Buffers that wait for their next use.

use praxiscope_kernels::Aligned;
use praxiscope_kernels::aligned::Plain;

use crate::step::compute::Map;

/// Free buffers. After some steps a program finds all that it needs here, and nothing is allocated any
/// more.
#[derive(Debug, Default)]
pub(in crate::step) struct Spare {
    numbers: Shelf<f32>,
    values: Shelf<i8>,
}

/// How long what is put into a buffer will stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::step) enum Stay {
    /// Until the next frame or longer: as part of a stream's state.
    Kept,
    /// Until its readers have run, within a step.
    Passing,
}

impl Spare {
    /// A buffer of `len` numbers that pass, whatever they are.
    pub fn numbers(&mut self, len: usize) -> Aligned<f32> {
        self.numbers.take(len, Stay::Passing)
    }

    /// A map of `len` places, whatever stands in them.
    pub fn take(&mut self, len: usize, has_values: bool, stay: Stay) -> Map {
        match has_values {
            true => Map::Values(self.values.take(len, stay)),
            false => Map::Numbers(self.numbers.take(len, stay)),
        }
    }

    /// Takes numbers back.
    pub fn give_numbers(&mut self, numbers: Aligned<f32>) {
        self.numbers.give(numbers);
    }

    /// Takes a map back.
    pub fn give(&mut self, map: Map) {
        match map {
            Map::Numbers(numbers) => self.numbers.give(numbers),
            Map::Values(values) => self.values.give(values),
        }
    }
}

/// Sorted by capacity; of the same capacity, the last one given is taken first, for it is in the cache.
#[derive(Debug)]
struct Shelf<T>(Vec<Aligned<T>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf(vec![])
    }
}

impl<T: Plain> Shelf<T> {
    /// What passes may lie in a buffer that is this many times too long: maps that follow each other
    /// then share memory. What is kept has a buffer of its size: the state stays as small as it is said
    /// to be.
    const LONGEST: usize = 8;

    fn take(&mut self, len: usize, stay: Stay) -> Aligned<T> {
        let mut capacity = Aligned::<T>::capacity_for(len);
        let first = self.0.partition_point(|free| free.capacity() < capacity);
        let longest = match stay {
            Stay::Kept => capacity,
            Stay::Passing => capacity.saturating_mul(Self::LONGEST),
        };
        match self.0.get(first).map(Aligned::capacity) {
            Some(found) if found <= longest => capacity = found,
            _ => return Aligned::zeros(len),
        }
        let behind = self.0.partition_point(|free| free.capacity() <= capacity);
        let mut buffer = self.0.remove(behind - 1);
        buffer.set_len(len);
        buffer
    }

    fn give(&mut self, buffer: Aligned<T>) {
        if buffer.capacity() > 0 {
            let capacity = buffer.capacity();
            let at = self.0.partition_point(|free| free.capacity() <= capacity);
            self.0.insert(at, buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_takes_the_smallest_buffer_that_is_long_enough() {
        let mut shelf = Shelf::<i8>::default();
        for capacity in [64, 256, 128, 256] {
            shelf.give(Aligned::zeros(capacity));
        }
        let taken = shelf.take(100, Stay::Passing);
        assert_eq!((taken.len(), taken.capacity()), (100, 128));
        assert_eq!(shelf.take(100, Stay::Passing).capacity(), 256);
        assert_eq!(shelf.take(64, Stay::Passing).capacity(), 64);
        assert_eq!(shelf.take(1, Stay::Passing).capacity(), 256);
        assert_eq!(shelf.take(1, Stay::Passing).capacity(), 64);
    }

    #[test]
    fn what_is_kept_has_a_buffer_of_its_size() {
        let mut shelf = Shelf::<f32>::default();
        shelf.give(Aligned::zeros(32));
        assert_eq!(shelf.take(16, Stay::Kept).capacity(), 16);
        assert_eq!(shelf.take(20, Stay::Kept).capacity(), 32);
    }

    #[test]
    fn no_buffer_is_much_too_long() {
        let mut shelf = Shelf::<f32>::default();
        shelf.give(Aligned::zeros(16 * 9));
        assert_eq!(shelf.take(16, Stay::Passing).capacity(), 16);
    }
}
