//! Luma and chroma to red, green and blue, in integers.
//!
//! With the weights `Kr`, `Kg`, `Kb` of red, green and blue in the luma (BT.601: 0.299, 0.587,
//! 0.114; BT.709: 0.2126, 0.7152, 0.0722), with `y` and the signed `u`, `v` scaled to the full
//! range of 255:
//!
//! ```text
//! R = y                         + 2 (1 - Kr)         v
//! G = y - 2 (1 - Kb) Kb / Kg u  - 2 (1 - Kr) Kr / Kg v
//! B = y + 2 (1 - Kb)         u
//!
//! limited range: y = (Y - 16) * 255 / 219, u = (U - 128) * 255 / 224, v = (V - 128) * 255 / 224
//! full range:    y = Y,                    u = U - 128,               v = V - 128
//! ```
//!
//! The five products are computed with coefficients that are rounded to multiples of 2^-13, the
//! finest for which each fits 16 bits, so that a SIMD lane can multiply 16 by 16 bits. The sum is
//! rounded once, half up, and clamped to 0..=255. It lies within 0.53 of the real number, so the
//! byte is at most 1 off the correctly rounded one.

use crate::frame::{ColorSpace, Matrix, Range};

/// Fraction bits of the coefficients.
const BITS: u32 = 13;

/// A red, green, blue and unused byte: four lanes that a SIMD register loads at once.
pub(super) type Pixel = [u8; 4];

/// The coefficients of one [`ColorSpace`], in units of 2^-13.
#[derive(Clone, Copy, Debug)]
pub(super) struct YuvToRgb {
    luma: i32,
    black: i32,
    red_v: i32,
    green_u: i32,
    green_v: i32,
    blue_u: i32,
}

/// What a chroma sample adds to red, green and blue. Neighbours that share their chroma share this.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tint([i32; 3]);

impl YuvToRgb {
    pub fn new(color: ColorSpace) -> Self {
        // In units of 1/10000, so that every coefficient is a ratio of integers.
        const ONE: i64 = 10_000;
        let (kr, kb) = match color.matrix {
            Matrix::Bt601 => (2990, 1140),
            Matrix::Bt709 => (2126, 722),
        };
        let kg = ONE - kr - kb;
        let (luma, black, chroma) = match color.range {
            Range::Limited => (219, 16, 224),
            Range::Full => (255, 0, 255),
        };
        Self {
            luma: fixed(255, luma),
            black,
            red_v: fixed(255 * 2 * (ONE - kr), chroma * ONE),
            green_u: -fixed(255 * 2 * (ONE - kb) * kb, chroma * kg * ONE),
            green_v: -fixed(255 * 2 * (ONE - kr) * kr, chroma * kg * ONE),
            blue_u: fixed(255 * 2 * (ONE - kb), chroma * ONE),
        }
    }

    #[inline]
    pub fn tint(&self, u: u8, v: u8) -> Tint {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let offset = (1 << (BITS - 1)) - self.luma * self.black;
        Tint([
            offset + self.red_v * v,
            offset + self.green_u * u + self.green_v * v,
            offset + self.blue_u * u,
        ])
    }

    #[inline]
    pub fn pixel(&self, y: u8, tint: Tint) -> Pixel {
        let luma = self.luma * i32::from(y);
        let [r, g, b] = tint.0.map(|tint| ((luma + tint) >> BITS).clamp(0, 255));
        // One 32-bit store, so that neighbouring pixels fill a vector.
        (r | g << 8 | b << 16).to_le_bytes()
    }
}

/// `numerator / denominator`, both positive, to the nearest multiple of 2^-13.
fn fixed(numerator: i64, denominator: i64) -> i32 {
    let doubled = (numerator << (BITS + 1)) / denominator;
    ((doubled + 1) >> 1) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spaces() -> impl Iterator<Item = ColorSpace> {
        [Matrix::Bt601, Matrix::Bt709]
            .into_iter()
            .flat_map(|matrix| {
                [Range::Limited, Range::Full].map(|range| ColorSpace { matrix, range })
            })
    }

    /// The formula of the module's head in floating point, not yet rounded or clamped.
    fn exact(color: ColorSpace, [y, u, v]: [u8; 3]) -> [f64; 3] {
        let (kr, kb) = match color.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let (y, u, v) = (f64::from(y), f64::from(u) - 128.0, f64::from(v) - 128.0);
        let (y, u, v) = match color.range {
            Range::Limited => (
                (y - 16.0) * 255.0 / 219.0,
                u * 255.0 / 224.0,
                v * 255.0 / 224.0,
            ),
            Range::Full => (y, u, v),
        };
        let (red, blue) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
        [red, (y - kr * red - kb * blue) / (1.0 - kr - kb), blue]
    }

    #[test]
    fn every_color_is_within_one_level_of_the_formula() {
        let grid = || (0..=255_u8).step_by(3);
        for color in spaces() {
            let integer = YuvToRgb::new(color);
            let (mut off, mut all) = (0, 0);
            for (y, u, v) in
                grid().flat_map(|y| grid().flat_map(move |u| grid().map(move |v| (y, u, v))))
            {
                let pixel = integer.pixel(y, integer.tint(u, v));
                for (got, exact) in pixel.into_iter().zip(exact(color, [y, u, v])) {
                    let exact = exact.clamp(0.0, 255.0);
                    assert!(
                        (f64::from(got) - exact).abs() < 0.53,
                        "{color:?} {y} {u} {v}"
                    );
                    off += usize::from(f64::from(got) != exact.round());
                    all += 1;
                }
            }
            assert!(
                off * 100 < all,
                "{color:?}: {off} of {all} bytes are off by one"
            );
        }
    }

    #[test]
    fn black_white_and_grey_are_exact() {
        for color in spaces() {
            let integer = YuvToRgb::new(color);
            let (black, white) = match color.range {
                Range::Limited => (16, 235),
                Range::Full => (0, 255),
            };
            let neutral = integer.tint(128, 128);
            assert_eq!(integer.pixel(black, neutral), [0, 0, 0, 0]);
            assert_eq!(integer.pixel(white, neutral), [255, 255, 255, 0]);
            for y in 0..=255 {
                let [r, g, b, _] = integer.pixel(y, neutral);
                assert!(r == g && g == b && (color.range == Range::Limited || r == y));
            }
        }
    }

    #[test]
    fn coefficients_fit_sixteen_bits() {
        for color in spaces() {
            let YuvToRgb {
                luma,
                red_v,
                green_u,
                green_v,
                blue_u,
                ..
            } = YuvToRgb::new(color);
            for coefficient in [luma, red_v, green_u, green_v, blue_u] {
                assert!(i16::try_from(coefficient).is_ok(), "{coefficient}");
            }
        }
    }
}
