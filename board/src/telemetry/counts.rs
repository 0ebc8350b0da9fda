//! What is counted while the program runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All counters, each from the start of the program.
#[derive(Debug, Default)]
pub struct Counts {
    /// Frames that the source gave.
    pub frames: Count,
    /// Pictures that were damaged.
    pub broken: Count,
    /// Frames that the camera counted and never delivered.
    pub dropped: Count,
    /// Frames that were thrown away for a newer one.
    pub replaced: Count,
    /// Frames that went through the inference thread.
    pub processed: Count,
    /// Steps of the network.
    pub steps: Count,
    /// Frames between two ticks of the model's clock.
    pub skipped: Count,
    /// Ticks of the model's clock that the network was too slow for.
    pub late: Count,
    /// Gaps that started the network afresh.
    pub resets: Count,
    /// Starts and ends of actions.
    pub events: Count,
    /// Times that the source failed and was opened again.
    pub reopened: Count,
    /// Times that the pipeline was started again after a stall.
    pub restarts: Count,
}
