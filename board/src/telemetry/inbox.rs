//! A bounded place for samples, whose writer never waits.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, TryLockError};

/// Samples that are kept for a reader: more than half a minute at 100 a second.
const CAP: usize = 4096;

/// Samples from one writer to one reader.
#[derive(Debug)]
pub struct Inbox<T>(Mutex<VecDeque<T>>);

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Inbox<T> {
    /// Leaves all that is `pending`. While the reader holds the inbox everything stays pending, up
    /// to the cap: the oldest are given up then.
    pub fn leave(&self, pending: &mut VecDeque<T>) {
        let mut held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                keep_newest(pending);
                return;
            }
        };
        held.append(pending);
        keep_newest(&mut held);
    }

    /// Takes all that was left, oldest first.
    pub fn take(&self) -> VecDeque<T> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn keep_newest<T>(samples: &mut VecDeque<T>) {
    let excess = samples.len().saturating_sub(CAP);
    samples.drain(..excess);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_taken_in_order() {
        let inbox = Inbox::default();
        let mut pending = VecDeque::from([1, 2]);
        inbox.leave(&mut pending);
        pending.push_back(3);
        inbox.leave(&mut pending);
        assert!(pending.is_empty());
        assert_eq!(inbox.take(), [1, 2, 3]);
        assert!(inbox.take().is_empty());
    }

    #[test]
    fn a_reader_that_looks_makes_nobody_wait_and_loses_nothing() {
        let inbox = Inbox::default();
        let mut pending = VecDeque::from([1]);
        {
            let _looking = inbox.0.lock().unwrap();
            inbox.leave(&mut pending);
            assert_eq!(pending, [1]);
        }
        inbox.leave(&mut pending);
        assert_eq!(inbox.take(), [1]);
    }

    #[test]
    fn without_a_reader_the_newest_are_kept() {
        let inbox = Inbox::default();
        for sample in 0..CAP + 10 {
            inbox.leave(&mut VecDeque::from([sample]));
        }
        let kept = inbox.take();
        assert_eq!((kept.len(), kept[0]), (CAP, 10));
    }
}
