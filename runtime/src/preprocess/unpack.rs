//! One row of a frame, in whatever format, as red, green and blue pixels.

use super::color::{Pixel, YuvToRgb};
use crate::frame::{Frame, PixelFormat};
use std::ops::Range;

/// `columns` widened so that a row can be unpacked from it: formats that store their chroma for
/// pairs of pixels are unpacked in pairs, and an odd width's last pair is whole.
pub(super) fn whole_columns(format: PixelFormat, columns: Range<usize>) -> Range<usize> {
    match format {
        PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::I444 | PixelFormat::Grey => columns,
        PixelFormat::Yuyv
        | PixelFormat::Uyvy
        | PixelFormat::Nv12
        | PixelFormat::I420
        | PixelFormat::I422 => columns.start & !1..columns.end.next_multiple_of(2),
    }
}

/// Writes the pixels of row `y` from column `start` on to `out`, whose length is that of the
/// [`whole_columns`].
///
/// Subsampled chroma is repeated, not interpolated, as V4L2's tools and simple decoders do. The
/// last luma of a planar row of odd width is repeated to make a pair; that pixel is never used.
pub(super) fn unpack_row(frame: &Frame, y: usize, start: usize, yuv: &YuvToRgb, out: &mut [Pixel]) {
    let len = out.len();
    let row = |plane, y, start, len| {
        let row: &[u8] = frame.row(plane, y);
        row.get(start..row.len().min(start + len)).unwrap_or(&[])
    };
    let half = |plane, y| row(plane, y, start / 2, len / 2);
    match frame.format() {
        PixelFormat::Rgb24 => {
            triples(row(0, y, 3 * start, 3 * len), out, |[r, g, b]| [r, g, b, 0]);
        }
        PixelFormat::Bgr24 => {
            triples(row(0, y, 3 * start, 3 * len), out, |[b, g, r]| [r, g, b, 0]);
        }
        PixelFormat::Yuyv => {
            quads(row(0, y, 2 * start, 2 * len), yuv, out, |[y0, u, y1, v]| {
                [y0, y1, u, v]
            });
        }
        PixelFormat::Uyvy => {
            quads(row(0, y, 2 * start, 2 * len), yuv, out, |[u, y0, v, y1]| {
                [y0, y1, u, v]
            });
        }
        PixelFormat::Nv12 => {
            let (chroma, _) = row(1, y / 2, start, len).as_chunks();
            pairs(row(0, y, start, len), chroma.iter().copied(), yuv, out);
        }
        PixelFormat::I420 => {
            let chroma = half(1, y / 2)
                .iter()
                .zip(half(2, y / 2))
                .map(|(&u, &v)| [u, v]);
            pairs(row(0, y, start, len), chroma, yuv, out);
        }
        PixelFormat::I422 => {
            let chroma = half(1, y).iter().zip(half(2, y)).map(|(&u, &v)| [u, v]);
            pairs(row(0, y, start, len), chroma, yuv, out);
        }
        PixelFormat::I444 => {
            let [luma, u, v] = [0, 1, 2].map(|plane| row(plane, y, start, len));
            for (pixel, ((&y, &u), &v)) in out.iter_mut().zip(luma.iter().zip(u).zip(v)) {
                *pixel = yuv.pixel(y, yuv.tint(u, v));
            }
        }
        PixelFormat::Grey => {
            let neutral = yuv.tint(128, 128);
            for (pixel, &y) in out.iter_mut().zip(row(0, y, start, len)) {
                *pixel = yuv.pixel(y, neutral);
            }
        }
    }
}

#[inline]
fn triples(row: &[u8], out: &mut [Pixel], order: impl Fn([u8; 3]) -> Pixel) {
    let (triples, _) = row.as_chunks();
    for (pixel, &triple) in out.iter_mut().zip(triples) {
        *pixel = order(triple);
    }
}

#[inline]
fn quads(row: &[u8], yuv: &YuvToRgb, out: &mut [Pixel], order: impl Fn([u8; 4]) -> [u8; 4]) {
    let (quads, _) = row.as_chunks();
    let (out, _) = out.as_chunks_mut();
    for ([left, right], &quad) in out.iter_mut().zip(quads) {
        let [y0, y1, u, v] = order(quad);
        let tint = yuv.tint(u, v);
        *left = yuv.pixel(y0, tint);
        *right = yuv.pixel(y1, tint);
    }
}

#[inline]
fn pairs(
    luma: &[u8],
    mut chroma: impl Iterator<Item = [u8; 2]>,
    yuv: &YuvToRgb,
    out: &mut [Pixel],
) {
    let (luma, last) = luma.as_chunks();
    let (out, _) = out.as_chunks_mut();
    let (whole, rest) = out.split_at_mut(luma.len().min(out.len()));
    let pair = |[left, right]: &mut [Pixel; 2], [y0, y1]: [u8; 2], [u, v]: [u8; 2]| {
        let tint = yuv.tint(u, v);
        *left = yuv.pixel(y0, tint);
        *right = yuv.pixel(y1, tint);
    };
    for ((out, &luma), chroma) in whole.iter_mut().zip(luma).zip(chroma.by_ref()) {
        pair(out, luma, chroma);
    }
    for ((out, &luma), chroma) in rest.iter_mut().zip(last).zip(chroma) {
        pair(out, [luma, luma], chroma);
    }
}
