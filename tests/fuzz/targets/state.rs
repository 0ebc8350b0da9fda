//! A stream's saved state, its digest as it must be.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use praxiscope_fuzz::BASES;
use praxiscope_runtime::bundle::Bundle;
use praxiscope_runtime::stream::{Model, Stream};
use sha2::{Digest, Sha256};

thread_local! {
    static STREAMS: RefCell<Vec<Stream>> = RefCell::new(BASES.iter().map(|bytes| stream(bytes)).collect());
}

fn stream(bytes: &[u8]) -> Stream {
    let bundle = Bundle::from_bytes(bytes).expect("the bases are good bundles");
    Stream::new(&Model::load(&bundle).expect("they load")).expect("they run")
}

fuzz_target!(|data: &[u8]| {
    let Some((number, rest)) = data.split_first() else {
        return;
    };
    STREAMS.with_borrow_mut(|streams| {
        let number = usize::from(*number) % streams.len();
        let stream = &mut streams[number];
        let mut bytes = b"PRAXSTA1".to_vec();
        bytes.extend(stream.model().digest().as_bytes());
        bytes.extend(rest);
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest.as_slice());
        if stream.restore(&bytes).is_ok() {
            let _ = stream.finish();
        }
    });
});
