//! The list of frames that a node reads.

use std::ops::{Deref, DerefMut};

/// A list of borrowed frames whose memory is used again for the next node's.
#[derive(Debug)]
pub(in crate::step) struct Taps<'a, T>(Vec<Option<&'a [T]>>);

impl<T> Default for Taps<'_, T> {
    fn default() -> Self {
        Taps(vec![])
    }
}

impl<T> Taps<'_, T> {
    /// The empty list, free to borrow other frames.
    pub fn recycle(mut self) -> Taps<'static, T>
    where
        T: 'static,
    {
        self.0.clear();
        // Collecting a vector's own items into items of the same size keeps its memory.
        Taps(self.0.into_iter().map(|_| None).collect())
    }
}

impl<'a, T> Deref for Taps<'a, T> {
    type Target = Vec<Option<&'a [T]>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> DerefMut for Taps<'_, T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
