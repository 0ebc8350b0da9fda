//! Buffers that wait for their next use.

/// Free buffers by their length. After some steps a program finds all that it needs here, and nothing
/// is allocated any more.
#[derive(Debug, Default)]
pub(in crate::step) struct Spare {
    /// Sorted by length; programs have few lengths.
    free: Vec<(usize, Vec<Vec<f32>>)>,
}

impl Spare {
    /// A buffer of `len` numbers, whatever they are.
    pub fn take(&mut self, len: usize) -> Vec<f32> {
        if len == 0 {
            return vec![];
        }
        let free = self.shelf(len);
        free.pop().unwrap_or_else(|| vec![0.0; len])
    }

    /// Takes a buffer back.
    pub fn give(&mut self, buffer: Vec<f32>) {
        if !buffer.is_empty() {
            self.shelf(buffer.len()).push(buffer);
        }
    }

    fn shelf(&mut self, len: usize) -> &mut Vec<Vec<f32>> {
        let at = match self.free.binary_search_by_key(&len, |(len, _)| *len) {
            Ok(at) => at,
            Err(at) => {
                self.free.insert(at, (len, vec![]));
                at
            }
        };
        &mut self.free[at].1
    }
}
