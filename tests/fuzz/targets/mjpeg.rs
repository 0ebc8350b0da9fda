//! Motion JPEG: the splitter, and the decoder of pictures behind it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use praxiscope_fuzz as _;
use praxiscope_runtime::source::{FrameRate, FrameSource, MjpegReader};

fuzz_target!(|data: &[u8]| {
    let mut reader = MjpegReader::new("fuzz", data, FrameRate::USUAL);
    while let Ok(Some(_)) = reader.next_frame() {}
});
