//! What the tests that cross crates share: the real programs, the fixtures, clips and their events.
//!
//! A test that fails here panics, as tests do: these helpers assert what every caller expects.

#![forbid(unsafe_code)]

pub mod broker;
mod built;
pub mod clip;
pub mod events;
pub mod files;
pub mod http;
pub mod praxc;
pub mod programs;
pub mod random;
