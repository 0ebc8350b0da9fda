//! Frames of noise, the same numbers on every machine.

use praxiscope_runtime::bundle::Input;

/// Gives frames as a camera could: each pixel one of 256 levels, normalised as the network wants it.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u64,
    mean: [f32; 3],
    std: [f32; 3],
    plane: usize,
}

impl Noise {
    /// The same frames for the same seed and frame size.
    pub fn new(input: &Input, seed: u64) -> Noise {
        Noise {
            state: seed,
            mean: input.mean,
            std: input.std,
            plane: input.geometry.height * input.geometry.width,
        }
    }

    /// The next frame, plane by plane: `[3, H, W]`.
    pub fn frame(&mut self) -> Vec<f32> {
        let mut frame = Vec::with_capacity(3 * self.plane);
        for (mean, std) in self.mean.into_iter().zip(self.std) {
            for _ in 0..self.plane {
                frame.push((f32::from(self.byte()) / 255.0 - mean) / std);
            }
        }
        frame
    }

    /// A linear congruential generator with Knuth's constants (MMIX); its high bits are good.
    fn byte(&mut self) -> u8 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 56) as u8
    }
}
