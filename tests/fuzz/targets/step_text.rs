//! The text of a graph, with the tensors of a good bundle beside it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use praxiscope_fuzz::{base, run};

fuzz_target!(|data: &[u8]| {
    let Some((number, text)) = data.split_first() else {
        return;
    };
    let mut archive = base(usize::from(*number));
    archive
        .insert("graph/graph.nnef", text.to_vec())
        .expect("a name that a bundle has");
    let _ = run(archive);
});
