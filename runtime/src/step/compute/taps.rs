//! The list of frames that a node reads.

use std::ops::{Deref, DerefMut};

/// A list of borrowed frames whose memory is used again for the next node's.
#[derive(Debug, Default)]
pub(in crate::step) struct Taps<'a>(Vec<Option<&'a [f32]>>);

impl Taps<'_> {
    /// The empty list, free to borrow other frames.
    pub fn recycle(mut self) -> Taps<'static> {
        self.0.clear();
        // Collecting a vector's own items into items of the same size keeps its memory.
        Taps(self.0.into_iter().map(|_| None).collect())
    }
}

impl<'a> Deref for Taps<'a> {
    type Target = Vec<Option<&'a [f32]>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Taps<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
