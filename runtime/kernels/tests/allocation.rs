//! Running a float kernel allocates nothing.

use praxiscope_kernels::float::{Activation, Conv, Pool, PoolKind, add, matmul, mean_space, softmax};
use praxiscope_kernels::{Geometry, Isa, Window};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn running_kernels_allocates_nothing() {
    let window = Window::centred([3, 3, 3], [1, 1]);
    let dense = Geometry::new([9, 9], [24, 40], 1, window).unwrap();
    let grouped = Geometry::new([9, 9], [24, 24], 2, window).unwrap();
    let depthwise = Geometry::per_channel([9, 9], 24, window).unwrap();
    let frame = vec![0.5; dense.input_len()];
    let frames = [Some(&frame[..]), None, Some(&frame[..])];
    for isa in Isa::available() {
        for geometry in [dense, grouped, depthwise] {
            let weights = vec![0.1; geometry.weights_len()];
            let bias = vec![0.1; geometry.out_channels()];
            let conv = Conv::new(&geometry, &weights, &bias, Activation::Swish, isa).unwrap();
            let mut output = vec![0.0; geometry.output_len()];
            let before = ALLOCATIONS.get();
            conv.run(&frames, None, &mut output, 0..9).unwrap();
            assert_eq!(ALLOCATIONS.get(), before, "{geometry:?} on {isa}");
        }
        let pool = Pool::new(&depthwise, PoolKind::Max, isa).unwrap();
        let (mut output, mut other) = (vec![0.0; 81 * 24], vec![0.0; 81 * 81]);
        let before = ALLOCATIONS.get();
        pool.run(&frames, &mut output, 0..9).unwrap();
        add(&frame, &frame, Activation::RELU, &mut output, isa).unwrap();
        softmax(&frame, 24, &mut output, isa).unwrap();
        mean_space(&frame, &mut output[..24], isa).unwrap();
        matmul(&frame, &frame, &mut other, [81, 24, 81], isa).unwrap();
        assert_eq!(ALLOCATIONS.get(), before, "{isa}");
    }
}
