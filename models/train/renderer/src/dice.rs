//! Chance from a seed: the same numbers on every machine, whatever a library's distributions do.

use glam::Vec3;
use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

/// A stream of chance.
pub struct Dice(Pcg32);

impl Dice {
    /// The stream of a seed and a number under it.
    pub fn new(seed: u64, index: u64) -> Self {
        // Neighbouring numbers must not give neighbouring streams (the generator drops a bit of its
        // seed): each half is mixed by SplitMix64's finaliser.
        let mix = |value: u64| {
            let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            value ^ value >> 31
        };
        let state = mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index));
        Self(Pcg32::new(state, mix(state ^ index.wrapping_add(1))))
    }

    /// A stream of its own, so that what one part draws does not move another's chance.
    pub fn fork(&mut self) -> Self {
        Self::new(u64::from(self.bits()), u64::from(self.bits()))
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / (1 << 24) as f32
    }

    /// Even between two numbers.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Even between two positive numbers on a logarithmic scale.
    pub fn scale(&mut self, low: f32, high: f32) -> f32 {
        low * libm::powf(high / low, self.unit())
    }

    /// About normal: within three standard deviations.
    pub fn normal(&mut self, mean: f32, deviation: f32) -> f32 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        mean + deviation * (sum - 2.0) * 1.732
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// A whole number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        ((u64::from(self.bits()) * count as u64) >> 32) as usize
    }

    /// One of the items, each as likely.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// One of the items by their shares.
    pub fn weighted<T: Copy>(&mut self, items: &[(T, f32)]) -> T {
        let mut rest = self.unit() * items.iter().map(|item| item.1).sum::<f32>();
        for &(item, share) in items {
            rest -= share;
            if rest < 0.0 {
                return item;
            }
        }
        items[items.len() - 1].0
    }

    /// +1 or -1.
    pub fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Each coordinate normal around 0.
    pub fn jitter(&mut self, deviation: f32) -> Vec3 {
        Vec3::new(
            self.normal(0.0, deviation),
            self.normal(0.0, deviation),
            self.normal(0.0, deviation),
        )
    }

    /// A colour in linear light by hue 0..1, saturation and value.
    pub fn colour(&mut self, hue: f32, saturation: f32, value: f32) -> Vec3 {
        let channel = |shift: f32| {
            let k = libm::fmodf(shift + hue * 6.0, 6.0);
            value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
        };
        let display = Vec3::new(channel(5.0), channel(3.0), channel(1.0));
        display * display
    }

    /// Any colour, dull ones more often than vivid ones.
    pub fn any_colour(&mut self) -> Vec3 {
        let (hue, value) = (self.unit(), self.range(0.06, 0.95));
        let saturation = if self.chance(0.35) {
            self.range(0.0, 0.12)
        } else {
            self.range(0.1, 0.8)
        };
        self.colour(hue, saturation * saturation.sqrt(), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_numbers_and_seeds_have_nothing_in_common() {
        let start = |seed, index| Dice::new(seed, index).bits();
        let firsts: std::collections::HashSet<u32> =
            (0..100).flat_map(|i| [start(1, i), start(2, i)]).collect();
        assert_eq!(firsts.len(), 200);
    }

    #[test]
    fn normal_numbers_have_their_mean_and_deviation() {
        let mut dice = Dice::new(3, 4);
        let numbers: Vec<f32> = (0..20_000).map(|_| dice.normal(2.0, 0.5)).collect();
        let mean = numbers.iter().sum::<f32>() / 20_000.0;
        let spread = numbers.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 20_000.0;
        assert!((mean - 2.0).abs() < 0.02 && (spread.sqrt() - 0.5).abs() < 0.02);
    }
}
