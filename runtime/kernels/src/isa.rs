//! Instruction sets: which there are, which the CPU at hand runs, and how they are named.

use crate::KernelError;
use std::fmt;
use std::str::FromStr;

/// An instruction set that kernels are written for.
///
/// Variants stand in rising order within one architecture. A kernel without a path of its own for
/// an instruction set takes the next lower one it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Plain Rust, the specification of every other path.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// AVX2 with the 256-bit integer dot product (AVX-VNNI).
    AvxVnni,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
    /// AVX-512 with the integer dot product (AVX512-VNNI).
    Avx512Vnni,
    /// aarch64's base vector instructions.
    Neon,
    /// NEON with the integer dot product (SDOT).
    NeonDot,
    /// NEON with the integer matrix product (SMMLA), and the dot product.
    NeonI8mm,
}

impl Isa {
    /// Every instruction set, in rising order.
    pub const ALL: [Isa; 8] = [
        Isa::Portable,
        Isa::Avx2,
        Isa::AvxVnni,
        Isa::Avx512,
        Isa::Avx512Vnni,
        Isa::Neon,
        Isa::NeonDot,
        Isa::NeonI8mm,
    ];

    /// The name on command lines and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::AvxVnni => "avx-vnni",
            Isa::Avx512 => "avx512",
            Isa::Avx512Vnni => "avx512-vnni",
            Isa::Neon => "neon",
            Isa::NeonDot => "neon-dotprod",
            Isa::NeonI8mm => "neon-i8mm",
        }
    }

    /// Every name, separated by commas, for messages.
    pub fn names() -> String {
        Isa::ALL.map(Isa::name).join(", ")
    }

    /// Whether the CPU at hand runs it. The standard library asks the CPU once and remembers.
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => Isa::Avx2.is_available() && is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                Isa::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => Isa::Avx512.is_available() && is_x86_feature_detected!("avx512vnni"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "aarch64")]
            Isa::NeonDot => {
                Isa::Neon.is_available() && std::arch::is_aarch64_feature_detected!("dotprod")
            }
            #[cfg(target_arch = "aarch64")]
            Isa::NeonI8mm => {
                Isa::NeonDot.is_available() && std::arch::is_aarch64_feature_detected!("i8mm")
            }
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// The instruction sets that the CPU at hand runs, in rising order; never empty.
    pub fn available() -> Vec<Isa> {
        Isa::ALL
            .into_iter()
            .filter(|isa| isa.is_available())
            .collect()
    }

    /// The highest instruction set that the CPU at hand runs.
    pub fn best() -> Isa {
        Isa::ALL
            .into_iter()
            .rfind(|isa| isa.is_available())
            .unwrap_or(Isa::Portable)
    }

    /// Returns itself where the CPU runs it.
    ///
    /// Kernels keep only what passed here: that is why they may enter functions compiled for it.
    ///
    /// # Errors
    /// [`KernelError::Unavailable`] where the CPU does not.
    pub fn checked(self) -> Result<Isa, KernelError> {
        if self.is_available() {
            Ok(self)
        } else {
            Err(KernelError::Unavailable(self))
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Isa {
    type Err = KernelError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Isa::ALL
            .into_iter()
            .find(|isa| isa.name() == name)
            .ok_or_else(|| KernelError::UnknownIsa(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for isa in Isa::ALL {
            assert_eq!(isa.name().parse(), Ok(isa));
        }
        let refused = "mmx".parse::<Isa>().unwrap_err().to_string();
        assert!(
            refused.contains("\"mmx\"") && refused.contains("avx512-vnni"),
            "{refused}"
        );
    }

    #[test]
    fn the_best_is_the_last_available() {
        let available = Isa::available();
        assert_eq!(available.first(), Some(&Isa::Portable));
        assert_eq!(available.last(), Some(&Isa::best()));
        assert!(available.is_sorted());
    }

    #[test]
    fn another_architecture_is_refused() {
        let foreign = if cfg!(target_arch = "x86_64") {
            Isa::Neon
        } else {
            Isa::Avx2
        };
        assert_eq!(foreign.checked(), Err(KernelError::Unavailable(foreign)));
    }
}
