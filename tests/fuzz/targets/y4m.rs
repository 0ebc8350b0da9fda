//! YUV4MPEG2, header and frames.

#![no_main]

use libfuzzer_sys::fuzz_target;
use praxiscope_fuzz as _;
use praxiscope_runtime::source::{FrameRate, FrameSource, Y4mReader};

fuzz_target!(|data: &[u8]| {
    if let Ok(mut reader) = Y4mReader::new("fuzz", data, FrameRate::USUAL) {
        while let Ok(Some(_)) = reader.next_frame() {}
    }
});
