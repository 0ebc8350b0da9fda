//! Threads that share the work of one node.
//!
//! A node's work lasts some ten microseconds to some milliseconds, and nodes follow each other: so
//! helpers look for the next piece a while before they sleep, and nothing is allocated to give them
//! one. Each part of the work is computed as it would be alone: results do not depend on how many
//! threads there are.

use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;

use crate::KernelError;

/// How often a helper looks for new work before it sleeps: some ten microseconds.
const LOOKS: usize = 4096;

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
    /// Counts the works that were given out; what helpers wait on.
    given: AtomicUsize,
    /// Helpers that have not finished the latest.
    working: AtomicUsize,
    failed: AtomicBool,
    closed: AtomicBool,
    /// Helpers that wait for `news`; changed while `work` is locked.
    asleep: AtomicUsize,
    work: Mutex<Option<Work>>,
    news: Condvar,
}

/// Does one part of the work, by its number.
type Part<'a> = dyn Fn(usize) + Sync + 'a;

/// A work that its giver keeps alive until no helper works any more.
#[derive(Clone, Copy, Debug)]
struct Work(*const Part<'static>);

// SAFETY: the function may be called from any thread, and lives until its giver has seen that every
// helper is done with it.
unsafe impl Send for Work {}

impl Team {
    /// A team of `threads` threads, the calling one included.
    ///
    /// # Errors
    /// What the system says if it gives no thread.
    pub fn new(threads: usize) -> io::Result<Team> {
        let mut team = Team::default();
        for helper in 1..threads {
            let board = Arc::clone(&team.board);
            let spawned = std::thread::Builder::new()
                .name(format!("kernel-{helper}"))
                .spawn(move || board.help(helper));
            team.helpers.push(spawned?);
        }
        Ok(team)
    }

    /// Threads, the calling one included.
    pub fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Calls `part` with each number below [`threads`](Team::threads), each on a thread of its own;
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
        // SAFETY: only the lifetime is dropped. Below, nothing leaves this function before all
        // helpers are done.
        let work = Work(unsafe { std::mem::transmute::<&Part<'_>, &Part<'static>>(part) });
        board.failed.store(false, Ordering::Relaxed);
        board.working.store(self.helpers.len(), Ordering::Relaxed);
        board.give(Some(work));
        let mine = catch_unwind(AssertUnwindSafe(|| part(0)));
        let mut looks = 0;
        while board.working.load(Ordering::Acquire) > 0 {
            looks += 1;
            match looks % LOOKS {
                0 => std::thread::yield_now(),
                _ => std::hint::spin_loop(),
            }
        }
        if let Err(panic) = mine {
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
        self.board.give(None);
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

    fn give(&self, work: Option<Work>) {
        {
            let mut slot = self.lock();
            *slot = work;
            self.given.fetch_add(1, Ordering::Release);
        }
        // Who is not asleep by now looks at `given` before it sleeps.
        if self.asleep.load(Ordering::Relaxed) > 0 {
            self.news.notify_all();
        }
    }

    /// A helper's life.
    fn help(&self, number: usize) {
        let mut seen = 0;
        loop {
            let work = self.wait(&mut seen);
            if self.closed.load(Ordering::Relaxed) {
                return;
            }
            if let Some(Work(part)) = work {
                // SAFETY: its giver keeps the work alive until this helper is counted off below.
                let part = unsafe { &*part };
                if catch_unwind(AssertUnwindSafe(|| part(number))).is_err() {
                    self.failed.store(true, Ordering::Relaxed);
                }
                self.working.fetch_sub(1, Ordering::Release);
            }
        }
    }

    /// Waits for what was not seen yet.
    fn wait(&self, seen: &mut usize) -> Option<Work> {
        for _ in 0..LOOKS {
            if self.given.load(Ordering::Acquire) != *seen {
                break;
            }
            std::hint::spin_loop();
        }
        let mut slot = self.lock();
        while self.given.load(Ordering::Acquire) == *seen {
            self.asleep.fetch_add(1, Ordering::Relaxed);
            slot = self.news.wait(slot).unwrap_or_else(PoisonError::into_inner);
            self.asleep.fetch_sub(1, Ordering::Relaxed);
        }
        *seen = self.given.load(Ordering::Acquire);
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
