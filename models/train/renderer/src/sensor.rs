//! The way from light to a webcam's bytes: exposure, colour, focus, noise, flicker, sharpening,
//! compression, and the cut and resizing to the model's picture.

use glam::Vec3;

use crate::blur::blur;
use crate::codec::{Codec, Plane};
use crate::dice::Dice;
use crate::raster::Picture;

/// Rows of the pictures that are given out.
pub const HEIGHT: usize = 96;
/// Columns of the pictures that are given out.
pub const WIDTH: usize = 128;

/// A webcam and its troubles, and what it remembers of the frame before.
pub struct Sensor {
    exposure: f32,
    drift: f32,
    drift_rate: f32,
    phase: f32,
    balance: Vec3,
    saturation: f32,
    gamma: f32,
    black: f32,
    defocus: f32,
    hunting: f32,
    sharpen: f32,
    noise: f32,
    grain: usize,
    rows: f32,
    flicker: f32,
    flicker_rate: f32,
    flicker_rows: f32,
    codec: Option<Codec>,
    chroma: f32,
    key_frames: usize,
    before: [Plane; 3],
    frames: usize,
    dice: Dice,
}

impl Sensor {
    /// Some webcam. `light` is the usual brightness of what it sees.
    pub fn new(dice: &mut Dice, light: f32) -> Self {
        let dim = dice.chance(0.3);
        let grey = dice.chance(0.12);
        let codec = dice.chance(0.85).then(|| Codec {
            step: dice.scale(2.0, 16.0),
            slope: dice.range(0.1, 0.5),
            video: dice.chance(0.55),
        });
        Self {
            exposure: dice.scale(0.20, 0.55) / light.max(0.02) * if dim { 0.55 } else { 1.0 },
            drift: if dice.chance(0.4) {
                dice.range(0.0, 0.25)
            } else {
                0.0
            },
            drift_rate: dice.range(0.3, 3.0),
            phase: dice.range(0.0, std::f32::consts::TAU),
            balance: Vec3::ONE + Vec3::new(dice.normal(0.0, 0.1), 0.0, dice.normal(0.0, 0.12)),
            saturation: if grey {
                dice.range(0.0, 0.15)
            } else {
                dice.range(0.45, 1.25)
            },
            gamma: dice.range(0.38, 0.60),
            black: dice.normal(0.0, 0.025),
            defocus: if dice.chance(0.2) {
                dice.scale(0.4, 1.2)
            } else {
                dice.range(0.0, 0.4)
            },
            hunting: if dice.chance(0.06) {
                dice.range(0.3, 1.2)
            } else {
                0.0
            },
            sharpen: if dice.chance(0.4) {
                dice.range(0.2, 1.0)
            } else {
                0.0
            },
            noise: dice.scale(0.003, 0.04) * if dim { 1.3 } else { 0.8 },
            grain: dice.below(3),
            rows: if dice.chance(0.1) {
                dice.range(0.002, 0.012)
            } else {
                0.0
            },
            flicker: if dice.chance(0.2) {
                dice.range(0.01, 0.1)
            } else {
                0.0
            },
            flicker_rate: dice.range(0.2, 20.0),
            flicker_rows: dice.range(0.0, 12.0),
            codec,
            chroma: dice.range(1.0, 2.5),
            key_frames: 6 + dice.below(60),
            before: Default::default(),
            frames: 0,
            dice: dice.fork(),
        }
    }

    /// The bytes (RGB, `HEIGHT` x `WIDTH`) of a picture taken at a time.
    pub fn expose(&mut self, picture: &mut Picture, time: f32, out: &mut Vec<u8>) {
        let wave = libm::sinf(self.phase + self.drift_rate * time);
        blur(picture, self.defocus + self.hunting * wave.max(0.0));
        let gain = self.exposure * (1.0 + self.drift * wave);
        self.develop(picture, gain, time);
        if self.sharpen > 0.0 {
            let mut soft = picture.clone();
            blur(&mut soft, 0.8);
            for (pixel, soft) in picture.pixels.iter_mut().zip(&soft.pixels) {
                *pixel += (*pixel - *soft) * self.sharpen;
            }
        }
        self.disturb(picture);
        self.compress(picture);
        self.frames += 1;
        resize(picture, out);
    }

    /// Linear light to display levels from 0 to 1.
    fn develop(&mut self, picture: &mut Picture, gain: f32, time: f32) {
        let curve: Vec<f32> = (0..=1024)
            .map(|i| {
                let light = i as f32 / 256.0;
                // Highlights roll off; gamma; black level.
                let light = light / (1.0 + 0.25 * light) * 1.25;
                self.black + (1.0 - self.black) * libm::powf(light.min(1.3), self.gamma)
            })
            .collect();
        let level = |light: f32| {
            let at = (light * 256.0).clamp(0.0, 1023.0);
            let low = at as usize;
            curve[low] + (curve[low + 1] - curve[low]) * (at - low as f32)
        };
        let width = picture.width;
        for (row, line) in picture.pixels.chunks_exact_mut(width).enumerate() {
            let angle = self.flicker_rows * row as f32 / picture.height as f32
                + self.flicker_rate * time * std::f32::consts::TAU;
            let gain = gain * (1.0 + self.flicker * libm::sinf(angle));
            for pixel in line {
                let light = *pixel * self.balance * gain;
                let shown = Vec3::new(level(light.x), level(light.y), level(light.z));
                let grey = Vec3::splat(shown.dot(Vec3::new(0.299, 0.587, 0.114)));
                *pixel = grey + (shown - grey) * self.saturation;
            }
        }
    }

    fn disturb(&mut self, picture: &mut Picture) {
        let width = picture.width;
        let mut held = Vec3::ZERO;
        for line in picture.pixels.chunks_exact_mut(width) {
            let row = if self.rows > 0.0 {
                self.dice.normal(0.0, self.rows)
            } else {
                0.0
            };
            for pixel in line {
                let bits = self.dice.bits();
                let even = |shift: u32| ((bits >> shift) & 0x3ff) as f32 / 512.0 - 1.0;
                let new = Vec3::new(even(0), even(10), even(20)) * 1.7;
                // Grain is wider than a pixel where a camera smooths or enlarges.
                held = match self.grain {
                    0 => new,
                    1 => held * 0.5 + new * 0.8,
                    _ => Vec3::splat(new.x) * 0.8 + new * 0.3,
                };
                let level = pixel.y.clamp(0.0, 1.0);
                let strength = self.noise * (1.3 - level);
                *pixel += held * strength + row;
            }
        }
    }

    fn compress(&mut self, picture: &mut Picture) {
        let Some(codec) = self.codec else { return };
        let (width, height) = (picture.width, picture.height);
        let plane = |weights: Vec3, offset: f32| Plane {
            width,
            height,
            samples: picture
                .pixels
                .iter()
                .map(|p| p.dot(weights) * 255.0 + offset)
                .collect(),
        };
        let planes = [
            plane(Vec3::new(0.299, 0.587, 0.114), 0.0),
            plane(Vec3::new(-0.169, -0.331, 0.5), 128.0).halved(),
            plane(Vec3::new(0.5, -0.419, -0.081), 128.0).halved(),
        ];
        let key = self.frames.is_multiple_of(self.key_frames);
        for (channel, plane) in planes.iter().enumerate() {
            let before = (!key).then_some(&self.before[channel]);
            let coarse = if channel == 0 { 1.0 } else { self.chroma };
            self.before[channel] = codec.pass(plane, before, coarse);
        }
        let [luma, blue, red] = &self.before;
        for (at, pixel) in picture.pixels.iter_mut().enumerate() {
            let half = at / width / 2 * blue.width + at % width / 2;
            let y = luma.samples[at];
            let (cb, cr) = (blue.samples[half] - 128.0, red.samples[half] - 128.0);
            let colour = Vec3::new(y + 1.402 * cr, y - 0.344 * cb - 0.714 * cr, y + 1.772 * cb);
            *pixel = colour / 255.0;
        }
    }
}

/// To `HEIGHT` x `WIDTH`, a triangle filter as wide as the reduction.
fn resize(picture: &Picture, out: &mut Vec<u8>) {
    let across = taps(picture.width, WIDTH);
    let down = taps(picture.height, HEIGHT);
    let mut rows = vec![Vec3::ZERO; picture.width];
    for (first, weights) in &down {
        rows.fill(Vec3::ZERO);
        for (step, weight) in weights.iter().enumerate() {
            let start = (first + step) * picture.width;
            for (sum, pixel) in rows.iter_mut().zip(&picture.pixels[start..]) {
                *sum += *pixel * *weight;
            }
        }
        for (first, weights) in &across {
            let pixels = rows[*first..].iter().zip(weights);
            let value: Vec3 = pixels.map(|(pixel, weight)| *pixel * *weight).sum();
            let byte = |level: f32| (level * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
            out.extend([byte(value.x), byte(value.y), byte(value.z)]);
        }
    }
}

/// For each of `to` samples the first of `from` and the weights from there on.
fn taps(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let ratio = from as f32 / to as f32;
    let reach = ratio.max(1.0);
    (0..to)
        .map(|i| {
            let centre = (i as f32 + 0.5) * ratio;
            let first = ((centre - reach).floor().max(0.0)) as usize;
            let last = ((centre + reach).ceil() as usize).min(from);
            let weight = |j: usize| (1.0 - (j as f32 + 0.5 - centre).abs() / reach).max(0.0);
            let weights: Vec<f32> = (first..last).map(weight).collect();
            let sum: f32 = weights.iter().sum();
            (first, weights.iter().map(|weight| weight / sum).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resizing_keeps_an_even_picture_and_its_size() {
        let mut picture = Picture::new(150, 110);
        picture.pixels.fill(Vec3::new(0.2, 0.4, 0.6));
        let mut out = Vec::new();
        resize(&picture, &mut out);
        assert_eq!(out.len(), HEIGHT * WIDTH * 3);
        assert!(out.chunks_exact(3).all(|pixel| pixel == [51, 102, 153]));
    }
}
