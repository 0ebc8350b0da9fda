//! One JPEG picture to one frame.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{PictureError, check_size};
use crate::frame::{Frame, FrameLayout, PixelFormat, Range};

/// Decodes a whole picture.
///
/// JPEG's own luma and chroma are kept (full range, BT.601, chroma brought to full size), so that
/// the colours are made by the same integer arithmetic as every other source's, on any CPU. The
/// decoder's vector code gives the same samples as its scalar code; a test holds them together.
///
/// # Errors
///
/// Why the picture is not one, or is damaged: a damaged picture is not shown to the network. Nor is
/// one of inks (CMYK), on some of which the decoder panics: no camera has them.
pub fn decode(bytes: &[u8]) -> Result<Frame, PictureError> {
    decode_by(bytes, true)
}

/// With the CPU's vector instructions or without.
fn decode_by(bytes: &[u8], vectors: bool) -> Result<Frame, PictureError> {
    let failed = |error: zune_jpeg::errors::DecodeErrors| PictureError::Jpeg(one_line(&error));
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_use_unsafe(vectors);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(failed)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| PictureError::Jpeg("it has no size".into()))?;
    check_size(width, height)?;
    let (wanted, format) = match decoder.input_colorspace() {
        Some(ColorSpace::YCbCr) => (ColorSpace::YCbCr, PixelFormat::I444),
        Some(ColorSpace::Luma) => (ColorSpace::Luma, PixelFormat::Grey),
        Some(ColorSpace::RGB) => (ColorSpace::RGB, PixelFormat::Rgb24),
        _ => return Err(PictureError::Jpeg("it is of inks and not of light".into())),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let mut pixels = decoder.decode().map_err(failed)?;
    if format == PixelFormat::I444 {
        pixels = planes_of(&pixels);
    }
    let mut layout = FrameLayout::packed(format, width, height);
    layout.color.range = Range::Full;
    Ok(Frame::new(layout, pixels)?)
}

/// `Y U V Y U V ...` as three planes.
fn planes_of(interleaved: &[u8]) -> Vec<u8> {
    let mut planes = Vec::with_capacity(interleaved.len());
    for plane in 0..3 {
        planes.extend(interleaved.iter().skip(plane).step_by(3));
    }
    planes
}

fn one_line(error: &impl ToString) -> String {
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
pub mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;

    /// A grey picture of 16x8 pixels, its left half dark and its right half bright, made by hand:
    /// one component, two blocks, and Huffman tables with just the codes that these need.
    pub const GREY: &[u8] = b"\
        \xff\xd8\
        \xff\xdb\0\x43\0@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\
        \xff\xc0\0\x0b\x08\0\x08\0\x10\x01\x01\x11\0\
        \xff\xc4\0\x15\0\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\x04\
        \xff\xc4\0\x14\x10\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \xff\xda\0\x08\x01\x01\0\0\x3f\0\
        \x15\x8f\
        \xff\xd9";

    #[test]
    fn a_grey_picture_is_decoded() {
        let frame = decode(GREY).unwrap();
        assert_eq!((frame.width(), frame.height()), (16, 8));
        assert_eq!(
            (frame.format(), frame.color().range),
            (PixelFormat::Grey, Range::Full)
        );
        // A block's mean is its DC coefficient (-6 and -6 + 12), times 64 of the table, over 8,
        // around 128.
        assert_eq!(frame.row(0, 0)[..8], [80; 8]);
        assert_eq!(frame.row(0, 7)[8..], [176; 8]);
    }

    #[test]
    fn interleaved_samples_become_planes() {
        assert_eq!(planes_of(&[1, 2, 3, 4, 5, 6]), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn damaged_pictures_are_refused_in_one_line() {
        let mut huge = GREY.to_vec();
        let size = GREY
            .windows(2)
            .position(|pair| pair == [0xff, 0xc0])
            .unwrap()
            + 5;
        huge[size..size + 4].fill(0xff);
        for bytes in [
            &[],
            &GREY[..2],
            &GREY[..50],
            &GREY[..GREY.len() - 6],
            &huge[..],
            b"GIF89a",
        ] {
            let error = decode(bytes).unwrap_err().to_string();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }

    /// Pictures of noise, edges and slopes, of many sizes, qualities and samplings.
    fn pictures(colors: &[ColorType]) -> Vec<Vec<u8>> {
        use SamplingFactor as S;
        let samplings = [
            S::R_4_4_4,
            S::R_4_4_0,
            S::R_4_2_2,
            S::R_4_2_0,
            S::R_4_1_1,
            S::R_4_1_0,
            S::F_1_4,
        ];
        let mut random = 1u32;
        let mut next = move |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % below
        };
        let mut made = vec![];
        for number in 0..400 {
            let (width, height) = (1 + next(90), 1 + next(60));
            let color = colors[number % colors.len()];
            let channels = match color {
                ColorType::Luma => 1,
                ColorType::Rgb => 3,
                _ => 4,
            };
            let kind = next(3);
            let samples: Vec<u8> = (0..width * height * channels)
                .map(|i| match kind {
                    0 => next(256) as u8,
                    1 => 255 * next(2) as u8,
                    _ => (i / channels % width * 255 / width + next(4)).min(255) as u8,
                })
                .collect();
            let mut bytes = vec![];
            let mut encoder = Encoder::new(&mut bytes, [1, 10, 50, 90, 100][next(5) as usize]);
            encoder.set_sampling_factor(samplings[next(samplings.len() as u32) as usize]);
            encoder.set_progressive(next(3) == 0);
            encoder
                .encode(&samples, width as u16, height as u16, color)
                .unwrap();
            made.push(bytes);
        }
        made
    }

    /// On a desktop this holds AVX2 against the scalar code, on a board NEON: so the two have the
    /// same pixels. (The digest of all is the same number on both.)
    #[test]
    fn vector_instructions_do_not_change_a_sample() {
        let mut all = vec![];
        for picture in pictures(&[ColorType::Rgb, ColorType::Luma]) {
            let [with, without] = [true, false].map(|how| decode_by(&picture, how).unwrap());
            assert_eq!(with.layout(), without.layout());
            assert!(with.data() == without.data(), "{:?}", with.layout());
            all.extend(crate::bundle::hex_digest(with.data()).into_bytes());
        }
        assert_eq!(crate::bundle::hex_digest(&all), SAMPLES);
    }

    const SAMPLES: &str = "0d303f65c6bd6909d55bb7128b2d4e2fda9421d2271b9cdc8763a6e4a4f12bbe";

    #[test]
    fn pictures_of_inks_are_refused_before_the_decoder_meets_them() {
        for picture in pictures(&[ColorType::Cmyk, ColorType::CmykAsYcck]) {
            let error = decode(&picture).unwrap_err().to_string();
            assert!(error.contains("inks"), "{error}");
        }
    }
}
