//! `f32` operators over frames.
//!
//! Functions on whole maps take slices and the instruction set last; kernels with weights or a
//! window are built once ([`Conv`], [`Pool`]) and run without allocating.

mod activation;
mod conv;
mod copy;
mod elementwise;
mod gemm;
pub mod math;
mod matmul;
mod pool;
mod reduce;
mod simd;

pub use activation::Activation;
pub use conv::Conv;
pub use copy::{concat, copy_channels};
pub use elementwise::{add, affine, mul};
pub use matmul::{matmul, matmul_transposed};
pub use pool::{Pool, PoolKind};
pub use reduce::{max_space, mean_space, softmax};
