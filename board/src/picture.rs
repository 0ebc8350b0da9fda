//! Frames in the formats of files: planes for YUV4MPEG2, JPEG for Motion JPEG.

use anyhow::{Context, Result};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use praxiscope_runtime::frame::{Frame, FrameLayout, PixelFormat, Range};

/// The same picture in planes: I420, I422, I444 or grey. No sample is changed but those of red, green
/// and blue pictures, which become JPEG's luma and chroma.
pub fn planar(frame: &Frame) -> Result<Frame> {
    let (width, height) = (frame.width(), frame.height());
    let halves = width.div_ceil(2);
    let (format, planes) = match frame.format() {
        PixelFormat::I420 | PixelFormat::I422 | PixelFormat::I444 | PixelFormat::Grey => {
            return Ok(frame.clone());
        }
        PixelFormat::Yuyv => (PixelFormat::I422, packed(frame, [0, 2], 1, 3)),
        PixelFormat::Uyvy => (PixelFormat::I422, packed(frame, [1, 3], 0, 2)),
        PixelFormat::Nv12 => {
            let mut planes = vec![];
            (0..height).for_each(|y| planes.extend_from_slice(frame.row(0, y)));
            for first in [0, 1] {
                for y in 0..height.div_ceil(2) {
                    planes.extend(frame.row(1, y).iter().skip(first).step_by(2).take(halves));
                }
            }
            (PixelFormat::I420, planes)
        }
        PixelFormat::Rgb24 => (PixelFormat::I444, mixed(frame, [0, 1, 2])),
        PixelFormat::Bgr24 => (PixelFormat::I444, mixed(frame, [2, 1, 0])),
    };
    let mut layout = FrameLayout::packed(format, width, height);
    layout.color = frame.color();
    if matches!(frame.format(), PixelFormat::Rgb24 | PixelFormat::Bgr24) {
        layout.color.range = Range::Full;
    }
    let planar = Frame::new(layout, planes)?;
    Ok(planar.with_time(frame.index(), frame.time()))
}

/// Planes of pairs of pixels in four bytes: where the lumas, U and V stand in them.
fn packed(frame: &Frame, luma: [usize; 2], u: usize, v: usize) -> Vec<u8> {
    let (width, rows) = (frame.width(), 0..frame.height());
    let mut planes = Vec::with_capacity(2 * width * frame.height());
    for y in rows.clone() {
        let (quads, _) = frame.row(0, y).as_chunks::<4>();
        let lumas = quads.iter().flat_map(|quad| luma.map(|at| quad[at]));
        planes.extend(lumas.take(width));
    }
    for at in [u, v] {
        for y in rows.clone() {
            let (quads, _) = frame.row(0, y).as_chunks::<4>();
            planes.extend(quads.iter().map(|quad| quad[at]));
        }
    }
    planes
}

/// Planes of JPEG's luma and chroma; where red, green and blue stand in a pixel.
fn mixed(frame: &Frame, [r, g, b]: [usize; 3]) -> Vec<u8> {
    let mut planes = [vec![], vec![], vec![]];
    for y in 0..frame.height() {
        let (pixels, _) = frame.row(0, y).as_chunks::<3>();
        for pixel in pixels {
            let (luma, u, v) = jpeg_encoder::rgb_to_ycbcr(pixel[r], pixel[g], pixel[b]);
            let mixed = planes.iter_mut().zip([luma, u, v]);
            mixed.for_each(|(plane, sample)| plane.push(sample));
        }
    }
    planes.concat()
}

/// The picture as JPEG. Colours are those of BT.601, whatever the frame's matrix.
///
/// # Errors
///
/// When a side is longer than JPEG has.
pub fn jpeg(frame: &Frame, quality: u8) -> Result<Vec<u8>> {
    let planar = planar(frame)?;
    let (width, height) = (planar.width(), planar.height());
    let sides = u16::try_from(width).ok().zip(u16::try_from(height).ok());
    let (w, h) = sides.context("the picture is too large for JPEG")?;
    let full = planar.color().range == Range::Full;
    let stretch = |low: i32, span: i32| -> [u8; 256] {
        std::array::from_fn(|sample| {
            let sample = sample as i32;
            let stretched = if full {
                sample
            } else {
                ((sample - low) * 255 + span / 2) / span
            };
            stretched.clamp(0, 255) as u8
        })
    };
    let luma = stretch(16, 219);
    // Chroma is stretched around its middle: 16 to 240 become 0 to 255.
    let chroma = stretch(16, 224);
    let mut bytes = vec![];
    let mut encoder = Encoder::new(&mut bytes, quality);
    if planar.format() == PixelFormat::Grey {
        let samples: Vec<u8> = (0..height)
            .flat_map(|y| planar.row(0, y))
            .map(|&sample| luma[usize::from(sample)])
            .collect();
        encoder.encode(&samples, w, h, ColorType::Luma)?;
        return Ok(bytes);
    }
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let (across, down) = match planar.format() {
        PixelFormat::I420 => (1, 1),
        PixelFormat::I422 => (1, 0),
        _ => (0, 0),
    };
    let mut samples = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        let (us, vs) = (planar.row(1, y >> down), planar.row(2, y >> down));
        for (x, &sample) in planar.row(0, y).iter().enumerate() {
            let at = |row: &[u8]| row.get(x >> across).copied().unwrap_or(128);
            let (u, v) = (at(us), at(vs));
            samples.extend([
                luma[usize::from(sample)],
                chroma[usize::from(u)],
                chroma[usize::from(v)],
            ]);
        }
    }
    encoder.encode(&samples, w, h, ColorType::Ycbcr)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::source::decode_jpeg;

    use super::*;

    fn frame(format: PixelFormat, width: usize, height: usize, bytes: &[u8]) -> Frame {
        Frame::new(FrameLayout::packed(format, width, height), bytes.to_vec()).unwrap()
    }

    fn planes(frame: &Frame) -> Vec<Vec<u8>> {
        let frame = planar(frame).unwrap();
        (0..frame.format().planes())
            .map(|plane| frame.plane(plane).to_vec())
            .collect()
    }

    #[test]
    fn packed_and_half_packed_samples_become_planes() {
        let yuyv = frame(PixelFormat::Yuyv, 3, 1, &[1, 10, 2, 20, 3, 11, 4, 21]);
        assert_eq!(planes(&yuyv), [vec![1, 2, 3], vec![10, 11], vec![20, 21]]);
        let uyvy = frame(PixelFormat::Uyvy, 2, 1, &[10, 1, 20, 2]);
        assert_eq!(planes(&uyvy), [vec![1, 2], vec![10], vec![20]]);
        let nv12 = frame(PixelFormat::Nv12, 2, 2, &[1, 2, 3, 4, 10, 20]);
        assert_eq!(planes(&nv12), [vec![1, 2, 3, 4], vec![10], vec![20]]);
        let bgr = frame(PixelFormat::Bgr24, 1, 1, &[255, 255, 255]);
        assert_eq!(planes(&bgr), [[255], [128], [128]]);
    }

    #[test]
    fn a_jpeg_shows_the_picture_again() {
        for format in PixelFormat::ALL {
            let layout = FrameLayout::packed(format, 33, 17);
            let bytes = vec![150; layout.bytes().unwrap()];
            let picture = Frame::new(layout, bytes).unwrap();
            let again = decode_jpeg(&jpeg(&picture, 95).unwrap()).unwrap();
            assert_eq!((again.width(), again.height()), (33, 17));
            let full = picture.color().range == Range::Full;
            let wanted = if full { 150 } else { (150 - 16) * 255 / 219 };
            for (y, x) in [(0, 0), (16, 32)] {
                let apart = i32::from(again.row(0, y)[x]) - wanted;
                assert!(apart.abs() <= 3, "{format}: {apart}");
            }
        }
    }
}
