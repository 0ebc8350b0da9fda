//! What the targets share: a limit on memory, and bundles whose members are replaced.

use std::alloc::System;

use cap::Cap;
use praxiscope_runtime::bundle::{Archive, Bundle, BundleError};
use praxiscope_runtime::stream::{Model, Stream};

/// What one process may hold, the fuzzer's own tables in C++ aside: an input that makes a reader ask
/// for more ends the process, which the fuzzer reports with that input.
pub const MEMORY: usize = 256 << 20;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY);

/// Small good bundles: a step program in float, one in integers, a clip graph.
pub const BASES: [&[u8]; 3] = [
    include_bytes!("../bases/float.prax"),
    include_bytes!("../bases/integer.prax"),
    include_bytes!("../bases/clip.prax"),
];

/// The members of a base.
pub fn base(number: usize) -> Archive {
    let bytes = BASES[number % BASES.len()];
    Archive::read(bytes).expect("the bases are good bundles")
}

/// A bundle of these members, its digests as they must be, run over two frames where it is a good one.
///
/// # Errors
/// Why the members are no bundle.
pub fn run(archive: Archive) -> Result<(), BundleError> {
    // What a file would be read from: the digests are renewed, so that they refuse nothing.
    let mut bytes = vec![];
    archive.write(&mut bytes).expect("a Vec takes every write");
    let bundle = Bundle::from_archive(Archive::read(&bytes)?)?;
    let Ok(model) = Model::load(&bundle) else {
        return Ok(());
    };
    // Nothing forbids a large network; what is run here is a small one.
    let small = model.state_bytes() < 1 << 20 && model.frame_shape().iter().product::<usize>() < 1 << 16;
    if !small {
        return Ok(());
    }
    if let Ok(mut stream) = Stream::new(&model) {
        let shape = model.frame_shape().to_vec();
        for number in 0..2 {
            let frame = tract_core::prelude::Tensor::zero::<f32>(&shape).expect("a small tensor");
            let _ = stream.step_tensor(frame, number, std::time::Duration::from_millis(number));
        }
        let _ = stream.finish();
    }
    Ok(())
}
