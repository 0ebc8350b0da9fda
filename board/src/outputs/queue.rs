//! A bounded queue in front of an output's thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What happens to a thing that finds the queue full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Its giver waits.
    Waits,
    /// The oldest thing makes room, and is counted.
    DropsOldest,
}

/// What a taker gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The next thing.
    Thing(T),
    /// Nothing came in time.
    Late,
    /// Nothing will come any more.
    Closed,
}

/// Things on their way from one thread to another.
#[derive(Debug)]
pub struct Queue<T> {
    capacity: usize,
    full: Full,
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    dropped: u64,
    closed: bool,
    cut_off: bool,
}

impl<T> Queue<T> {
    /// An empty queue for `capacity` things.
    pub fn new(capacity: usize, full: Full) -> Self {
        Self {
            capacity: capacity.max(1),
            full,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                dropped: 0,
                closed: false,
                cut_off: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Appends a thing; one that comes after the end is not taken.
    pub fn give(&self, thing: T) {
        let mut state = self.lock();
        while self.full == Full::Waits && state.waiting.len() >= self.capacity && !state.closed {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return;
        }
        if state.waiting.len() >= self.capacity {
            state.waiting.pop_front();
            state.dropped += 1;
        }
        state.waiting.push_back(thing);
        self.changed.notify_all();
    }

    /// Waits for the next thing until `deadline`, or for ever.
    pub fn take(&self, deadline: Option<Instant>) -> Taken<T> {
        let mut state = self.lock();
        loop {
            if state.cut_off {
                return Taken::Closed;
            }
            if let Some(thing) = state.waiting.pop_front() {
                self.changed.notify_all();
                return Taken::Thing(thing);
            }
            if state.closed {
                return Taken::Closed;
            }
            let Some(deadline) = deadline else {
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Taken::Late;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nothing more is given; what waits can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Ends it at once: what waits is counted as dropped.
    pub fn cut_off(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.cut_off = true;
        state.dropped += state.waiting.drain(..).count() as u64;
        self.changed.notify_all();
    }

    /// Ends it at once, for its taker wants nothing any more.
    pub fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.cut_off = true;
        state.waiting.clear();
        self.changed.notify_all();
    }

    /// Whether nothing more is given.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How many things were thrown away.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// How many things wait.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// No code that could panic runs under the lock, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_makes_room_and_is_counted() {
        let queue = Queue::new(3, Full::DropsOldest);
        (0..5).for_each(|thing| queue.give(thing));
        assert_eq!((queue.len(), queue.dropped()), (3, 2));
        queue.close();
        queue.give(9);
        let taken: Vec<_> = (0..4).map(|_| queue.take(None)).collect();
        let things = [2, 3, 4].map(Taken::Thing).into_iter();
        assert_eq!(taken, things.chain([Taken::Closed]).collect::<Vec<_>>());
    }

    #[test]
    fn a_taker_that_waits_in_vain_is_told() {
        let queue = Queue::<()>::new(1, Full::DropsOldest);
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(queue.take(Some(soon)), Taken::Late);
        assert!(Instant::now() >= soon);
    }

    #[test]
    fn a_waiting_giver_goes_on_when_there_is_room_or_an_end() {
        let queue = Queue::new(1, Full::Waits);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..100).for_each(|thing| queue.give(thing)));
            let all = (0..100).all(|thing| queue.take(None) == Taken::Thing(thing));
            assert!(all);
        });
        queue.give(0);
        std::thread::scope(|scope| {
            let giver = scope.spawn(|| queue.give(1));
            queue.cut_off();
            giver.join().unwrap();
        });
        assert_eq!((queue.take(None), queue.dropped()), (Taken::Closed, 1));
    }
}
