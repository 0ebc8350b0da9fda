//! Floats that begin on a cache line.

/// One cache line of floats.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; Line::LEN]);

impl Line {
    const LEN: usize = 16;
}

/// A fixed run of floats, zero at first, that begins on a cache line, so that no aligned vector of
/// it straddles two.
#[derive(Clone)]
pub(crate) struct Aligned {
    lines: Box<[Line]>,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Aligned {
        let lines = vec![Line([0.0; Line::LEN]); len.div_ceil(Line::LEN)].into_boxed_slice();
        Aligned { lines, len }
    }
}

impl std::ops::Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: lines are arrays of floats without padding (64 bytes, aligned to 64), one after
        // another, and `len` was rounded up to whole lines when they were allocated.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl std::ops::DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
