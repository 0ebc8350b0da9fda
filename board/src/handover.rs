//! From the capture thread to the inference thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Frames that may wait where every one counts: enough to hide a slow read, and no more, for each is a
/// whole picture.
const WAITING: usize = 2;

/// What is kept when frames come faster than they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The newest; older ones are thrown away and counted.
    Newest,
    /// All; the giver waits.
    All,
}

/// A place where one thread leaves things for another.
#[derive(Debug)]
pub struct Handover<T> {
    keep: Keep,
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    replaced: u64,
    closed: bool,
}

impl<T> Handover<T> {
    /// An empty place.
    pub fn new(keep: Keep) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            replaced: 0,
            closed: false,
        };
        Self {
            keep,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Leaves a thing; false when it is not wanted any more.
    pub fn give(&self, thing: T) -> bool {
        let mut state = self.lock();
        while self.keep == Keep::All && state.waiting.len() >= WAITING && !state.closed {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return false;
        }
        if self.keep == Keep::Newest {
            state.replaced += state.waiting.drain(..).count() as u64;
        }
        state.waiting.push_back(thing);
        self.changed.notify_all();
        true
    }

    /// Waits for the next thing; nothing once the place is closed and empty.
    pub fn take(&self) -> Option<T> {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.closed {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let thing = state.waiting.pop_front();
        self.changed.notify_all();
        thing
    }

    /// Nothing more is left here; what waits can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many things were thrown away for a newer one.
    pub fn replaced(&self) -> u64 {
        self.lock().replaced
    }

    /// No code that could panic runs under the lock, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_replaces_and_every_replaced_one_is_counted() {
        let place = Handover::new(Keep::Newest);
        assert!((0..5).all(|thing| place.give(thing)));
        assert_eq!(place.take(), Some(4));
        assert_eq!(place.replaced(), 4);
        place.give(5);
        place.close();
        assert_eq!((place.take(), place.take()), (Some(5), None));
        assert_eq!(place.replaced(), 4);
    }

    #[test]
    fn all_things_come_through_in_order() {
        let place = Handover::new(Keep::All);
        let taken = std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..1000).for_each(|thing| assert!(place.give(thing)));
                place.close();
            });
            std::iter::from_fn(|| place.take()).collect::<Vec<_>>()
        });
        assert_eq!(taken, (0..1000).collect::<Vec<_>>());
        assert_eq!(place.replaced(), 0);
    }

    #[test]
    fn closing_frees_both_sides() {
        let full = Handover::new(Keep::All);
        (0..WAITING).for_each(|thing| assert!(full.give(thing)));
        let empty = Handover::<()>::new(Keep::Newest);
        std::thread::scope(|scope| {
            let giver = scope.spawn(|| full.give(0));
            let taker = scope.spawn(|| empty.take());
            full.close();
            empty.close();
            assert!(!giver.join().unwrap());
            assert_eq!(taker.join().unwrap(), None);
        });
    }
}
