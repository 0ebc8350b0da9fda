//! Movement: places in time and the way from each to the next.

use glam::{Quat, Vec3};
use libm::powf;

use crate::hand::HandShape;

/// What an arm does: seen as a right arm in the person's space, see [`crate::stage`].
#[derive(Clone, Copy)]
pub struct ArmPose {
    /// The middle of the palm, metres.
    pub palm: Vec3,
    /// The hand's turn, see [`crate::hand`].
    pub turn: Quat,
    /// The joints.
    pub shape: HandShape,
}

/// How the head and the trunk stand.
#[derive(Clone, Copy)]
pub struct BodyPose {
    /// Turn to the side, nod and tilt of the head, radians.
    pub head: Vec3,
    /// The trunk's place against its usual one, metres.
    pub lean: Vec3,
    /// The trunk's turn about the vertical.
    pub turn: f32,
}

/// A thing that has something between two of it.
pub trait Between: Copy {
    /// The thing at `share` of the way; `bow` displaces it half-way.
    fn between(self, to: Self, share: f32, bow: Vec3) -> Self;
}

impl Between for ArmPose {
    fn between(self, to: Self, share: f32, bow: Vec3) -> Self {
        Self {
            palm: self.palm.lerp(to.palm, share) + bow * (4.0 * share * (1.0 - share)),
            turn: self.turn.slerp(to.turn, share),
            shape: self.shape.lerp(to.shape, share),
        }
    }
}

impl Between for BodyPose {
    fn between(self, to: Self, share: f32, bow: Vec3) -> Self {
        Self {
            head: self.head.lerp(to.head, share),
            lean: self.lean.lerp(to.lean, share) + bow * (4.0 * share * (1.0 - share)),
            turn: self.turn + (to.turn - self.turn) * share,
        }
    }
}

/// How a way is gone.
#[derive(Clone, Copy)]
pub struct Gait {
    /// 1 is even; more is slower at both ends.
    pub steepness: f32,
    /// Below 1 the fast part comes early, above 1 late.
    pub skew: f32,
    /// The displacement half-way.
    pub bow: Vec3,
}

impl Gait {
    /// Starts and stops softly and goes straight.
    pub const SOFT: Self = Self {
        steepness: 1.9,
        skew: 1.0,
        bow: Vec3::ZERO,
    };

    fn share(&self, time: f32) -> f32 {
        let time = powf(time.clamp(0.0, 1.0), self.skew);
        let (there, left) = (powf(time, self.steepness), powf(1.0 - time, self.steepness));
        there / (there + left)
    }
}

struct Key<T> {
    time: f32,
    at: T,
    gait: Gait,
}

/// A movement; before its first place and after its last one it stands.
pub struct Track<T> {
    keys: Vec<Key<T>>,
}

impl<T: Between> Track<T> {
    /// Starts at a place.
    pub fn new(at: T) -> Self {
        Self {
            keys: vec![Key {
                time: 0.0,
                at,
                gait: Gait::SOFT,
            }],
        }
    }

    /// Where it stands so far.
    pub fn last(&self) -> T {
        self.keys[self.keys.len() - 1].at
    }

    /// Until when it is known.
    pub fn end(&self) -> f32 {
        self.keys[self.keys.len() - 1].time
    }

    /// Stands until `time`.
    pub fn hold_until(&mut self, time: f32) {
        if time > self.end() {
            self.keys.push(Key {
                time,
                at: self.last(),
                gait: Gait::SOFT,
            });
        }
    }

    /// Goes to a place within some seconds.
    pub fn go(&mut self, at: T, seconds: f32, gait: Gait) {
        let time = self.end() + seconds.max(0.02);
        self.keys.push(Key { time, at, gait });
    }

    /// Where it is at a time.
    pub fn at(&self, time: f32) -> T {
        let next = self.keys.partition_point(|key| key.time <= time);
        let (Some(from), Some(to)) = (self.keys.get(next.wrapping_sub(1)), self.keys.get(next))
        else {
            return self.keys[next.min(self.keys.len() - 1)].at;
        };
        let share = to.gait.share((time - from.time) / (to.time - from.time));
        from.at.between(to.at, share, to.gait.bow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_stands_before_and_after_and_passes_its_bow_half_way() {
        let still = BodyPose {
            head: Vec3::ZERO,
            lean: Vec3::ZERO,
            turn: 0.0,
        };
        let mut track = Track::new(still);
        track.hold_until(1.0);
        let there = BodyPose {
            lean: Vec3::X,
            ..still
        };
        track.go(
            there,
            1.0,
            Gait {
                bow: Vec3::Y,
                ..Gait::SOFT
            },
        );
        assert_eq!(track.at(0.5).lean, Vec3::ZERO);
        assert!((track.at(1.5).lean - Vec3::new(0.5, 1.0, 0.0)).length() < 1e-5);
        assert_eq!(track.at(9.0).lean, Vec3::X);
    }
}
