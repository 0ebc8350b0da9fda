//! 8-bit integer operators over frames.
//!
//! Values are `i8` with a scale and a zero point per tensor; weights are symmetric with a scale per
//! output channel and lie in -127 ..= 127. Sums are exact in `i32`. One rule takes them back to
//! 8 bits ([`requantize`]), so that every path, on every CPU, gives the same bits. The paths
//! written in plain Rust ([`Isa::Portable`](crate::Isa::Portable)) are the specification of the
//! others.

mod conv;
mod convert;
mod depthwise;
mod elementwise;
mod gemm;
mod lanes;
mod matmul;
mod pool;
pub mod requantize;
mod tables;
#[cfg(test)]
mod tests;

pub use conv::Conv;
pub use convert::{dequantize, quantize};
pub use elementwise::{add, concat, mul, rescale};
pub use matmul::{matmul, matmul_transposed};
pub use pool::{Pool, PoolKind, max_space, mean_space};
pub use requantize::{Addend, Input, OutputRange};
pub use tables::{Lookup, PixelTables};
