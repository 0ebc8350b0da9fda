//! Memory that begins on a cache line.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; Line::BYTES]);

impl Line {
    const BYTES: usize = 64;
}

/// Numbers for which any bits stand, and zeros for 0.
pub trait Plain: sealed::Sealed + Copy {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! plain {
    ($($number:ty)*) => {
        $(
            impl sealed::Sealed for $number {}
            impl Plain for $number {}
        )*
    };
}

plain!(f32 i8 u8);

/// A run of numbers, zero at first, that begins on a cache line, so that no aligned vector of it
/// straddles two: feature maps and packed weights.
#[derive(Clone)]
pub struct Aligned<T> {
    lines: Box<[Line]>,
    len: usize,
    number: PhantomData<T>,
}

impl<T: Plain> Aligned<T> {
    const PER_LINE: usize = Line::BYTES / size_of::<T>();

    /// `len` zeros.
    pub fn zeros(len: usize) -> Aligned<T> {
        let lines = len.div_ceil(Self::PER_LINE);
        Aligned {
            lines: vec![Line([0; Line::BYTES]); lines].into_boxed_slice(),
            len,
            number: PhantomData,
        }
    }

    /// How long it can be made.
    pub fn capacity(&self) -> usize {
        self.lines.len() * Self::PER_LINE
    }

    /// How long what was made for `len` numbers can be made.
    pub fn capacity_for(len: usize) -> usize {
        len.next_multiple_of(Self::PER_LINE)
    }

    /// Gives it another length, at most its capacity. What stood in it before stays.
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(self.capacity());
    }
}

impl<T: Plain> Default for Aligned<T> {
    fn default() -> Self {
        Aligned::zeros(0)
    }
}

impl<T: Plain> From<&[T]> for Aligned<T> {
    fn from(numbers: &[T]) -> Self {
        let mut aligned = Aligned::zeros(numbers.len());
        aligned.copy_from_slice(numbers);
        aligned
    }
}

impl<T: Plain> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: lines are bytes without padding, one after another, aligned to more than a number
        // is, and any bits are a number; `len` numbers lie within them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Plain> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl<T: Plain + PartialEq> PartialEq for Aligned<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T> fmt::Debug for Aligned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aligned").field("len", &self.len).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_on_a_line_and_ends_where_it_was_told() {
        for len in [0, 1, 16, 17, 1000] {
            let numbers = Aligned::<f32>::zeros(len);
            assert_eq!(numbers.as_ptr().addr() % 64, 0);
            assert_eq!(*numbers, vec![0.0; len]);
        }
    }

    #[test]
    fn another_length_keeps_what_stood_there_and_ends_at_the_capacity() {
        let mut bytes = Aligned::from(&[1i8, 2, 3][..]);
        assert_eq!(bytes.capacity(), 64);
        bytes.set_len(2);
        assert_eq!(*bytes, [1, 2]);
        bytes.set_len(1000);
        assert_eq!(bytes.len(), 64);
        assert_eq!(bytes[..4], [1, 2, 3, 0]);
    }
}
