//! How much of a signal is left in another.

/// Sums over pairs of numbers, the true one and the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signal {
    power: f64,
    noise: f64,
}

impl Signal {
    pub fn add(&mut self, truth: f32, other: f32) {
        self.power += f64::from(truth).powi(2);
        self.noise += f64::from(other - truth).powi(2);
    }

    /// Takes the sums of other pairs as well.
    pub fn join(&mut self, more: &Signal) {
        self.power += more.power;
        self.noise += more.noise;
    }

    /// Signal-to-noise ratio in decibels; infinite without noise, `None` without a signal.
    pub fn decibels(&self) -> Option<f64> {
        (self.power > 0.0).then(|| 10.0 * (self.power / self.noise).log10())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_amplitude_is_twenty_decibels() {
        let mut signal = Signal::default();
        for truth in [1.0, -2.0, 3.0] {
            signal.add(truth, truth * 1.1);
        }
        assert!((signal.decibels().unwrap() - 20.0).abs() < 1e-4);
    }

    #[test]
    fn silence_has_no_ratio() {
        assert_eq!(Signal::default().decibels(), None);
    }
}
