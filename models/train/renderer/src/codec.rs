//! What compression does to a picture: colours at half size, blocks of eight by eight cosines,
//! coarse steps. A video coder's frames are coded as their difference from the frame before.

use std::sync::LazyLock;

/// `BASIS[k][n]`: the k-th cosine of eight samples, orthonormal.
static BASIS: LazyLock<[[f32; 8]; 8]> = LazyLock::new(|| {
    std::array::from_fn(|k| {
        let scale = if k == 0 { 0.125_f32.sqrt() } else { 0.5 };
        std::array::from_fn(|n| {
            let angle = std::f32::consts::PI * (n as f32 + 0.5) * k as f32 / 8.0;
            scale * libm::cosf(angle)
        })
    })
});

type Block = [[f32; 8]; 8];

fn times(a: &Block, b: &Block) -> Block {
    let mut out = [[0.0; 8]; 8];
    for i in 0..8 {
        for k in 0..8 {
            for j in 0..8 {
                out[i][j] += a[i][k] * b[k][j];
            }
        }
    }
    out
}

fn turned(a: &Block) -> Block {
    std::array::from_fn(|i| std::array::from_fn(|j| a[j][i]))
}

/// One channel of a picture, 0 to 255.
#[derive(Clone, Default)]
pub struct Plane {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row by row.
    pub samples: Vec<f32>,
}

impl Plane {
    /// Half the width and height, rounded up.
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut samples = Vec::with_capacity(width * height);
        for row in 0..height {
            let (top, low) = (row * 2, (row * 2 + 1).min(self.height - 1));
            for column in 0..width {
                let (left, right) = (column * 2, (column * 2 + 1).min(self.width - 1));
                let at = |row: usize, column: usize| self.samples[row * self.width + column];
                samples
                    .push(0.25 * (at(top, left) + at(top, right) + at(low, left) + at(low, right)));
            }
        }
        Self {
            width,
            height,
            samples,
        }
    }
}

/// A coder's settings.
#[derive(Clone, Copy)]
pub struct Codec {
    /// The step of the lowest frequency, in levels of 256.
    pub step: f32,
    /// How much coarser each higher frequency is.
    pub slope: f32,
    /// Frames rest on the frame before.
    pub video: bool,
}

impl Codec {
    /// The plane after coding, resting on `before`, the coded plane of the frame before.
    pub fn pass(&self, plane: &Plane, before: Option<&Plane>, coarse: f32) -> Plane {
        let mut out = plane.clone();
        let before = before.filter(|_| self.video);
        let (forward, back) = (&*BASIS, turned(&BASIS));
        let dead = if before.is_some() { 0.33 } else { 0.5 };
        for top in (0..plane.height).step_by(8) {
            for left in (0..plane.width).step_by(8) {
                let spot = |i: usize, j: usize| {
                    (top + i).min(plane.height - 1) * plane.width + (left + j).min(plane.width - 1)
                };
                let known = |i: usize, j: usize| before.map_or(128.0, |b| b.samples[spot(i, j)]);
                let block: Block = std::array::from_fn(|i| {
                    std::array::from_fn(|j| plane.samples[spot(i, j)] - known(i, j))
                });
                let mut waves = times(&times(forward, &block), &back);
                for (i, row) in waves.iter_mut().enumerate() {
                    for (j, wave) in row.iter_mut().enumerate() {
                        let step = coarse * self.step * (1.0 + self.slope * (i + j) as f32);
                        let size = (wave.abs() / step + dead).floor();
                        *wave = size.copysign(*wave) * step;
                    }
                }
                let block = times(&times(&back, &waves), forward);
                for (i, row) in block.iter().enumerate().take(plane.height - top) {
                    for (j, wave) in row.iter().enumerate().take(plane.width - left) {
                        let value = (wave + known(i, j)).clamp(0.0, 255.0);
                        out.samples[(top + i) * plane.width + left + j] = value;
                    }
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fine_steps_keep_a_plane_and_coarse_ones_change_it() {
        let samples = (0..20 * 13).map(|i| (i * 37 % 256) as f32).collect();
        let plane = Plane {
            width: 20,
            height: 13,
            samples,
        };
        let worst = |step| {
            let coded = Codec {
                step,
                slope: 0.0,
                video: false,
            }
            .pass(&plane, None, 1.0);
            let errors = coded
                .samples
                .iter()
                .zip(&plane.samples)
                .map(|(a, b)| (a - b).abs());
            errors.fold(0.0, f32::max)
        };
        assert!(worst(0.01) < 0.05);
        assert!(worst(40.0) > 5.0);
    }
}
