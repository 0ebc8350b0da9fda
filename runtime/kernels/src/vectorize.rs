//! Plain loops, compiled once for each instruction set.

use crate::Isa;

/// Runs `body` compiled for `isa`, which must have passed [`Isa::checked`].
///
/// `body` should be a closure marked `#[inline(always)]` around plain loops: it is then compiled
/// once for each instruction set, and vectorised with it. Its operations are those of the portable
/// path, so are its bits.
#[inline(always)]
pub(crate) fn vectorize<R>(isa: Isa, body: impl FnOnce() -> R) -> R {
    debug_assert!(isa.is_available());
    match isa {
        // SAFETY: the instruction set passed `Isa::checked`, so the CPU runs it.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { run_avx2(body) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vnni => unsafe { run_avx512(body) },
        // NEON belongs to the base of every aarch64 target that Rust builds for.
        _ => body(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
fn run_avx512<R>(body: impl FnOnce() -> R) -> R {
    body()
}
