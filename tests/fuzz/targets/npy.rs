//! Tensors as `.npy` files, by the file of `praxc` itself: building all of `praxc` takes ten times as
//! long.

#![no_main]

use libfuzzer_sys::fuzz_target;
use praxiscope_fuzz as _;

#[allow(dead_code)]
#[path = "../../../tools/src/npy.rs"]
mod npy;

fuzz_target!(|data: &[u8]| {
    let _ = npy::from_bytes(data);
});
