//! Softness: a box blur of any radius.

use glam::Vec3;

use crate::raster::Picture;

/// A box blur of two passes, with a radius in pixels that need not be whole.
pub fn blur(picture: &mut Picture, radius: f32) {
    if radius < 0.15 {
        return;
    }
    let mut line = Vec::new();
    for _ in 0..2 {
        for row in 0..picture.height {
            smooth(
                &mut picture.pixels,
                row * picture.width,
                1,
                picture.width,
                radius,
                &mut line,
            );
        }
        for column in 0..picture.width {
            smooth(
                &mut picture.pixels,
                column,
                picture.width,
                picture.height,
                radius,
                &mut line,
            );
        }
    }
}

fn smooth(
    pixels: &mut [Vec3],
    start: usize,
    stride: usize,
    count: usize,
    radius: f32,
    line: &mut Vec<Vec3>,
) {
    line.clear();
    line.extend((0..count).map(|i| pixels[start + i * stride]));
    let whole = radius as usize;
    let part = radius - whole as f32;
    let weight = 1.0 / (1.0 + 2.0 * radius);
    let at = |i: isize| line[i.clamp(0, count as isize - 1) as usize];
    let mut sum: Vec3 = (-(whole as isize)..=whole as isize).map(at).sum();
    for i in 0..count as isize {
        let (before, after) = (i - whole as isize, i + whole as isize);
        let ends = at(before - 1) + at(after + 1);
        pixels[start + i as usize * stride] = (sum + ends * part) * weight;
        sum += at(after + 1) - at(before);
    }
}
