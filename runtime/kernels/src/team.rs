//! Threads that share the work of one node.
//!
//! A node's work lasts some ten microseconds to some milliseconds, and nodes follow each other: so
//! helpers look for the next piece a while before they sleep, and nothing is allocated to give them
//! one. Who is free takes the next part, so that nobody waits for a helper that a busy system has not
//! let begin. Each part is computed as it would be alone: results do not depend on how
//! many threads there are, nor on who did what.

use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;

use crate::KernelError;

/// How often a helper looks for new work before it sleeps: some ten microseconds.
const LOOKS: usize = 4096;
/// The bits of [`Board::open`] that count parts. The others number the works: they begin again after so
/// many (years of them) that no helper still holds the same number of an earlier one.
const PARTS: u32 = 16;

/// The thread that calls and some helpers.
#[derive(Debug, Default)]
pub struct Team {
    helpers: Vec<JoinHandle<()>>,
    board: Arc<Board>,
    /// Held while the helpers work: who finds it taken works alone.
    busy: Mutex<()>,
}

/// What helpers see.
#[derive(Debug, Default)]
struct Board {
    /// The latest work's number, which helpers wait on, and in the low bits how many of its parts nobody
    /// has taken: in one, so that nobody takes a part of a work that is over.
    open: AtomicU64,
    /// Parts of the latest work that are not done.
    undone: AtomicUsize,
    failed: AtomicBool,
    closed: AtomicBool,
    /// Helpers that have begun.
    begun: AtomicUsize,
    /// Helpers that wait for `news`; changed while `work` is locked.
    asleep: AtomicUsize,
    work: Mutex<Option<Work>>,
    news: Condvar,
}

/// Does one part of the work, by its number.
type Part<'a> = dyn Fn(usize) + Sync + 'a;

/// A work that its giver keeps alive until each part that was taken is done.
#[derive(Clone, Copy, Debug)]
struct Work(*const Part<'static>);

// SAFETY: the function may be called from any thread, and is called only for a part that was taken:
// so long its giver keeps it alive.
unsafe impl Send for Work {}

impl Team {
    /// A team of `threads` threads, the calling one included; all of them have begun.
    ///
    /// # Errors
    /// What the system says if it gives no thread, and more than 65,535 of them.
    pub fn new(threads: usize) -> io::Result<Team> {
        if threads >> PARTS != 0 {
            return Err(io::Error::other("a team has at most 65535 threads"));
        }
        let mut team = Team::default();
        for helper in 1..threads {
            let board = Arc::clone(&team.board);
            let spawned = std::thread::Builder::new()
                .name(format!("kernel-{helper}"))
                .spawn(move || board.help());
            team.helpers.push(spawned?);
        }
        // A thread allocates when it begins, which is not to happen in the midst of some later work.
        while team.board.begun.load(Ordering::Acquire) < team.helpers.len() {
            std::thread::yield_now();
        }
        Ok(team)
    }

    /// Threads, the calling one included.
    pub fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Calls `part` with each number below [`threads`](Team::threads), on the threads that are free;
    /// all on this one while another thread has the helpers.
    ///
    /// # Panics
    /// If `part` does.
    pub fn run(&self, part: &Part<'_>) {
        let alone = || (0..self.threads()).for_each(part);
        if self.helpers.is_empty() {
            return alone();
        }
        let _busy = match self.busy.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return alone(),
        };
        let board = &self.board;
        // SAFETY: only the lifetime is dropped. Below, nothing leaves this function before all parts are
        // done, and later none can be taken.
        let work = Work(unsafe { std::mem::transmute::<&Part<'_>, &Part<'static>>(part) });
        board.failed.store(false, Ordering::Relaxed);
        board.undone.store(self.threads(), Ordering::Relaxed);
        let number = board.give(Some(work), self.threads());
        let mut thrown = None;
        while let Some(taken) = board.take(number) {
            thrown = catch_unwind(AssertUnwindSafe(|| part(taken)))
                .err()
                .or(thrown);
            board.undone.fetch_sub(1, Ordering::Release);
        }
        let mut looks = 0;
        while board.undone.load(Ordering::Acquire) > 0 {
            looks += 1;
            match looks % LOOKS {
                0 => std::thread::yield_now(),
                _ => std::hint::spin_loop(),
            }
        }
        if let Some(panic) = thrown {
            std::panic::resume_unwind(panic);
        }
        assert!(!board.failed.load(Ordering::Relaxed), "a helper panicked");
    }

    /// Computes the rows of a map, `output`, on all threads: `of` is given some rows and the part of
    /// the map that they are.
    ///
    /// # Errors
    /// What `of` refuses.
    pub fn rows<T: Send>(
        &self,
        rows: usize,
        output: &mut [T],
        of: impl Fn(Range<usize>, &mut [T]) -> Result<(), KernelError> + Sync,
    ) -> Result<(), KernelError> {
        if self.helpers.is_empty() || rows < 2 || !output.len().is_multiple_of(rows) {
            return of(0..rows, output);
        }
        let row_len = output.len() / rows;
        let threads = self.threads();
        let first = Shared(output.as_mut_ptr());
        let refused = Mutex::new(None);
        self.run(&|part| {
            let first = &first;
            let range = part * rows / threads..(part + 1) * rows / threads;
            if range.is_empty() {
                return;
            }
            // SAFETY: ranges of different parts do not meet, and all lie within `output`, which is
            // borrowed until all parts are done.
            let output = unsafe {
                let from = first.0.add(range.start * row_len);
                std::slice::from_raw_parts_mut(from, range.len() * row_len)
            };
            if let Err(error) = of(range, output) {
                *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        });
        let refused = refused.into_inner();
        match refused.unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// The start of a slice whose parts threads write.
struct Shared<T>(*mut T);

// SAFETY: each thread writes a part of its own.
unsafe impl<T: Send> Sync for Shared<T> {}

impl Drop for Team {
    fn drop(&mut self) {
        self.board.closed.store(true, Ordering::Relaxed);
        self.board.give(None, 0);
        for helper in self.helpers.drain(..) {
            // A helper catches what its work throws: it ends well.
            let _ = helper.join();
        }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives out a work of some parts; tells its number.
    fn give(&self, work: Option<Work>, parts: usize) -> u64 {
        let number = {
            let mut slot = self.lock();
            *slot = work;
            let number = (self.given() + 1) & (u64::MAX >> PARTS);
            let open = (number << PARTS) + parts as u64;
            self.open.store(open, Ordering::Release);
            number
        };
        // Who is not asleep by now looks at the number before it sleeps.
        if self.asleep.load(Ordering::Relaxed) > 0 {
            self.news.notify_all();
        }
        number
    }

    /// The latest work's number.
    fn given(&self) -> u64 {
        self.open.load(Ordering::Acquire) >> PARTS
    }

    /// Takes a part of a work, if it is the latest and has one left.
    fn take(&self, number: u64) -> Option<usize> {
        let left = |open: u64| (open & ((1 << PARTS) - 1)) as usize;
        let one_less = |open: u64| (open >> PARTS == number && left(open) > 0).then(|| open - 1);
        let open = &self.open;
        let before = open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
        before.ok().map(|before| left(before) - 1)
    }

    /// A helper's life.
    fn help(&self) {
        self.begun.fetch_add(1, Ordering::Release);
        let mut seen = 0;
        loop {
            let work = self.wait(&mut seen);
            if self.closed.load(Ordering::Relaxed) {
                return;
            }
            let Some(Work(part)) = work else { continue };
            while let Some(taken) = self.take(seen) {
                // SAFETY: its giver keeps the work alive until the part is counted off below.
                let part = unsafe { &*part };
                if catch_unwind(AssertUnwindSafe(|| part(taken))).is_err() {
                    self.failed.store(true, Ordering::Relaxed);
                }
                self.undone.fetch_sub(1, Ordering::Release);
            }
        }
    }

    /// Waits for what was not seen yet.
    fn wait(&self, seen: &mut u64) -> Option<Work> {
        for _ in 0..LOOKS {
            if self.given() != *seen {
                break;
            }
            std::hint::spin_loop();
        }
        let mut slot = self.lock();
        while self.given() == *seen {
            self.asleep.fetch_add(1, Ordering::Relaxed);
            slot = self.news.wait(slot).unwrap_or_else(PoisonError::into_inner);
            self.asleep.fetch_sub(1, Ordering::Relaxed);
        }
        *seen = self.given();
        *slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_done_once_work_after_work() {
        for threads in [1, 2, 3, 7] {
            let team = Team::new(threads).unwrap();
            assert_eq!(team.threads(), threads);
            let counts: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            for _ in 0..200 {
                team.run(&|part| {
                    counts[part].fetch_add(1, Ordering::Relaxed);
                });
            }
            assert!(
                counts
                    .iter()
                    .all(|count| count.load(Ordering::Relaxed) == 200)
            );
        }
    }

    #[test]
    fn rows_are_shared_out_whole() {
        let team = Team::new(3).unwrap();
        for rows in [1, 2, 3, 10] {
            let mut map = vec![0; rows * 4];
            let of = |rows: Range<usize>, map: &mut [usize]| {
                for (row, values) in rows.zip(map.chunks_mut(4)) {
                    values.fill(row + 1);
                }
                Ok(())
            };
            team.rows(rows, &mut map, of).unwrap();
            let expected: Vec<usize> = (0..rows * 4).map(|at| at / 4 + 1).collect();
            assert_eq!(map, expected);
        }
    }

    #[test]
    fn what_a_part_refuses_is_told() {
        let team = Team::new(2).unwrap();
        let refuse = |rows: Range<usize>, _: &mut [u8]| match rows.contains(&3) {
            true => Err(KernelError::Geometry("row 3")),
            false => Ok(()),
        };
        assert!(team.rows(4, &mut [0; 8], refuse).is_err());
        assert!(team.rows(2, &mut [0; 8], refuse).is_ok());
    }

    #[test]
    fn a_panic_comes_back_and_the_team_goes_on() {
        let team = Team::new(2).unwrap();
        for bad in [0, 1] {
            let thrown = catch_unwind(AssertUnwindSafe(|| team.run(&|part| assert_ne!(part, bad))));
            assert!(thrown.is_err());
            team.run(&|_| ());
        }
    }

    #[test]
    fn several_threads_may_give_work_at_once() {
        let team = Team::new(2).unwrap();
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        team.run(&|_| {
                            done.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 600);
    }
}
