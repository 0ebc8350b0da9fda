//! Checkpoints: safetensors, and both formats of `torch.save`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use praxiscope_fuzz as _;
use praxiscope_models::checkpoint::Checkpoint;

fuzz_target!(|data: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::from_bytes(data, "fuzz") {
        let _ = checkpoint.to_safetensors();
    }
});
