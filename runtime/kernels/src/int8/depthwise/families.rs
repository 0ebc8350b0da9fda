//! The depthwise kernel compiled for each instruction set.

use super::kernel::{RowKernel, Run, row};
use super::{Block, pack};
use crate::Isa;
use crate::int8::conv::Parameters;
use crate::int8::lanes::Taps;
#[cfg(target_arch = "aarch64")]
use crate::int8::lanes::neon;
#[cfg(target_arch = "x86_64")]
use crate::int8::lanes::{avx2, avx512};

/// Blocks of one size.
#[derive(Debug)]
pub(super) struct Family {
    /// Channels of a block.
    pub channels: usize,
    pub pack: fn(&Parameters, usize) -> Block,
    pub row: RowKernel,
}

macro_rules! family {
    ($name:ident, $taps:ty, $features:literal) => {
        static $name: Family = {
            #[target_feature(enable = $features)]
            unsafe fn row_here(run: &Run, block: &Block, output: &mut [i8]) {
                // SAFETY: the caller's promise.
                unsafe { row::<$taps>(run, block, output) }
            }
            Family {
                channels: <$taps>::CHANNELS,
                pack: pack::<$taps>,
                row: row_here,
            }
        };
    };
}

#[cfg(target_arch = "x86_64")]
family!(AVX2, avx2::Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
family!(AVX_VNNI, avx2::AvxVnni, "avx2,fma,avxvnni");
#[cfg(target_arch = "x86_64")]
family!(AVX512, avx512::Avx512, "avx512f,avx512bw,avx512dq,avx512vl");
#[cfg(target_arch = "x86_64")]
family!(
    VNNI_256,
    avx2::Vnni256,
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"
);
#[cfg(target_arch = "x86_64")]
family!(
    VNNI_512,
    avx512::Avx512Vnni,
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"
);
#[cfg(target_arch = "aarch64")]
family!(NEON, neon::Neon, "neon");
#[cfg(target_arch = "aarch64")]
static NEON_DOT: Family = {
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn row_here(run: &Run, block: &Block, output: &mut [i8]) {
        // SAFETY: the caller's promise.
        unsafe {
            match super::three::stride(run, block) {
                Some(1) => super::three::row::<1>(run, block, output),
                Some(2) => super::three::row::<2>(run, block, output),
                _ => row::<neon::NeonDot>(run, block, output),
            }
        }
    }
    Family {
        channels: <neon::NeonDot>::CHANNELS,
        pack: pack::<neon::NeonDot>,
        row: row_here,
    }
};

/// The family for the next block where `channels` are left, for an instruction set other than the
/// portable one: the largest block that they fill, or else the smallest that holds them.
pub(super) fn of(isa: Isa, channels: usize) -> &'static Family {
    let (larger, smallest): (&[&Family], _) = match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => (&[&VNNI_512, &VNNI_256], &AVX2),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => (&[&AVX512], &AVX2),
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => (&[&AVX_VNNI], &AVX2),
        #[cfg(target_arch = "x86_64")]
        _ => (&[], &AVX2),
        #[cfg(target_arch = "aarch64")]
        Isa::NeonDot | Isa::NeonI8mm => (&[], &NEON_DOT),
        #[cfg(target_arch = "aarch64")]
        _ => (&[], &NEON),
    };
    let filled = larger.iter().find(|family| family.channels <= channels);
    filled.unwrap_or(&smallest)
}
