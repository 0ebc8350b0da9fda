//! The element types of checkpoints and their conversion to `f32`.

use std::fmt;

/// The element type that a tensor has in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE half precision.
    F16,
    /// The upper half of a single-precision number.
    BF16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Unsigned 8-bit integer.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// Signed 8-bit integer.
    I8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer.
    I64,
    /// Truth value, one byte each.
    Bool,
    /// Complex of two single-precision numbers; never a weight here.
    Complex64,
    /// Complex of two double-precision numbers; never a weight here.
    Complex128,
    /// PyTorch's quantized signed byte; its scale stands elsewhere, so it is never a weight here.
    QInt8,
    /// PyTorch's quantized unsigned byte; never a weight here.
    QUInt8,
    /// PyTorch's quantized 32-bit integer; never a weight here.
    QInt32,
}

/// Every dtype with PyTorch's name for it and the bytes that a value takes.
const DTYPES: [(Dtype, &str, usize); 18] = [
    (Dtype::F16, "float16", 2),
    (Dtype::BF16, "bfloat16", 2),
    (Dtype::F32, "float32", 4),
    (Dtype::F64, "float64", 8),
    (Dtype::U8, "uint8", 1),
    (Dtype::U16, "uint16", 2),
    (Dtype::U32, "uint32", 4),
    (Dtype::U64, "uint64", 8),
    (Dtype::I8, "int8", 1),
    (Dtype::I16, "int16", 2),
    (Dtype::I32, "int32", 4),
    (Dtype::I64, "int64", 8),
    (Dtype::Bool, "bool", 1),
    (Dtype::Complex64, "complex64", 8),
    (Dtype::Complex128, "complex128", 16),
    (Dtype::QInt8, "qint8", 1),
    (Dtype::QUInt8, "quint8", 1),
    (Dtype::QInt32, "qint32", 4),
];

impl Dtype {
    fn row(self) -> (&'static str, usize) {
        let row = DTYPES.iter().find(|(dtype, ..)| *dtype == self);
        row.map_or(("unknown", 1), |&(_, name, size)| (name, size))
    }

    /// PyTorch's name, such as `float16`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The dtype of PyTorch's name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        DTYPES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Bytes that one value takes.
    pub(super) fn size(self) -> usize {
        self.row().1
    }

    /// `bytes`, least significant byte first, as `f32`; none for a dtype that weights do not come
    /// in.
    pub(super) fn to_f32(self, bytes: &[u8]) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes
                .as_chunks::<N>()
                .0
                .iter()
                .map(|&chunk| convert(chunk))
                .collect()
        }
        Some(match self {
            Dtype::F16 => each(bytes, |b| half_to_f32(u16::from_le_bytes(b))),
            Dtype::BF16 => each(bytes, |[low, high]| f32::from_le_bytes([0, 0, low, high])),
            Dtype::F32 => each(bytes, f32::from_le_bytes),
            Dtype::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Dtype::U8 => each(bytes, |[b]| f32::from(b)),
            Dtype::U16 => each(bytes, |b| f32::from(u16::from_le_bytes(b))),
            Dtype::U32 => each(bytes, |b| u32::from_le_bytes(b) as f32),
            Dtype::U64 => each(bytes, |b| u64::from_le_bytes(b) as f32),
            Dtype::I8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Dtype::I16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Dtype::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
            Dtype::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
            Dtype::Bool => each(bytes, |[b]| f32::from(u8::from(b != 0))),
            Dtype::Complex64 | Dtype::Complex128 => return None,
            Dtype::QInt8 | Dtype::QUInt8 | Dtype::QInt32 => return None,
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// IEEE 754 binary16 as `f32`, subnormal numbers, infinities and NaN included.
fn half_to_f32(half: u16) -> f32 {
    let sign = if half & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (half >> 10 & 0x1f, half & 0x3ff);
    let magnitude = match (exponent, mantissa) {
        (0, mantissa) => f32::from(mantissa) / (1 << 24) as f32,
        (0x1f, 0) => f32::INFINITY,
        (0x1f, _) => f32::NAN,
        // The exponent's bias is 15 there and 127 here.
        _ => f32::from_bits((u32::from(exponent) + 112) << 23 | u32::from(mantissa) << 13),
    };
    sign * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_keeps_every_kind_of_number() {
        let cases = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc500, -5.0),
            (0x7bff, 65504.0),
            (0x0001, 2f32.powi(-24)),
            (0x83ff, -1023.0 * 2f32.powi(-24)),
            (0x0400, 2f32.powi(-14)),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (half, expected) in cases {
            assert_eq!(half_to_f32(half), expected, "{half:#06x}");
        }
        assert!(half_to_f32(0x7e01).is_nan());
        assert!(half_to_f32(0x8000).is_sign_negative());
    }

    #[test]
    fn every_dtype_is_found_by_its_name() {
        for (dtype, name, size) in DTYPES {
            assert_eq!(Dtype::from_name(name), Some(dtype));
            assert_eq!((dtype.name(), dtype.size()), (name, size));
        }
    }

    #[test]
    fn bytes_convert_by_their_dtype() {
        assert_eq!(Dtype::BF16.to_f32(&[0x80, 0xbf]), Some(vec![-1.0]));
        assert_eq!(
            Dtype::I16.to_f32(&[0xfe, 0xff, 3, 0]),
            Some(vec![-2.0, 3.0])
        );
        assert_eq!(Dtype::Bool.to_f32(&[0, 2]), Some(vec![0.0, 1.0]));
        assert_eq!(
            Dtype::U64.to_f32(&[1, 0, 0, 0, 0, 0, 0, 0]),
            Some(vec![1.0])
        );
        assert_eq!(Dtype::QInt8.to_f32(&[1]), None);
    }
}
