//! The camera, and where a person sits before it.
//!
//! The camera's space has its origin in the lens, x to the right of the picture, y up, z away from
//! it. A person's space has its origin between the shoulders, is tilted by the camera's pitch and,
//! for the left arm, mirrored: every movement is written for a right arm, `+x` inwards.
//! Places in the picture are in picture heights from its centre, `+u` inwards, `+v` up.

use glam::{Quat, Vec2, Vec3};

use crate::dice::Dice;

/// Length of a hand, metres, as far as distances go.
const HAND: f32 = 0.19;
/// How far the palm comes from the shoulder with a stretched arm.
const REACH: f32 = 0.60;

/// What stays the same during a recording.
#[derive(Clone, Copy)]
pub struct Stage {
    /// Focal length in picture heights.
    pub focal: f32,
    /// The camera looks down by this, radians.
    pub pitch: f32,
    /// Between the person's shoulders, in the camera's space.
    pub base: Vec3,
    /// +1 when the right hand acts, -1 for the left one.
    pub side: f32,
    /// The person's shoulders are this far from the middle.
    pub shoulder: f32,
}

impl Stage {
    /// A seated person whose head and shoulders fill a third to two thirds of the picture.
    pub fn new(dice: &mut Dice) -> Self {
        let focal = dice.scale(0.95, 1.75);
        // Top of the head to the armpits is about 0.42 m.
        let filled = dice.range(0.42, 0.86);
        let distance = (0.42 * focal / filled).max(0.5);
        let head_v = dice.range(0.02, 0.30);
        let head_u = dice.normal(0.0, 0.09);
        let pitch = dice.normal(-0.03, 0.13);
        let head = Vec3::new(head_u / focal, head_v / focal, 1.0) * distance;
        let base = head - Quat::from_rotation_x(pitch) * Vec3::new(0.0, 0.17, -0.02);
        let side = if dice.chance(0.62) { 1.0 } else { -1.0 };
        Self {
            focal,
            pitch,
            base,
            side,
            shoulder: dice.normal(0.178, 0.012),
        }
    }

    /// From the person's space, as a right arm's, to the camera's.
    pub fn to_camera(self, place: Vec3, side: f32) -> Vec3 {
        let place = Vec3::new(place.x * side, place.y, place.z);
        self.base + Quat::from_rotation_x(self.pitch) * place
    }

    /// The place in the picture, `u` to the right.
    pub fn picture(self, camera: Vec3) -> Vec2 {
        Vec2::new(camera.x, camera.y) * (self.focal / camera.z.max(0.05))
    }

    /// The place at `(u, v)` in the picture where a hand is `size` picture heights long, or as near
    /// to that as the arm reaches.
    pub fn spot(&self, u: f32, v: f32, size: f32) -> Vec3 {
        let shoulder = Vec3::new(-self.shoulder, -0.03, 0.0);
        let mut depth = (HAND * self.focal / size).max(0.17);
        let mut place = self.unproject(u, v, depth);
        for _ in 0..60 {
            let before_chest = place.z < -0.13;
            if place.distance(shoulder) <= REACH || !before_chest {
                break;
            }
            depth += 0.01;
            place = self.unproject(u, v, depth);
        }
        for _ in 0..60 {
            if place.z <= -0.13 || depth < 0.2 {
                break;
            }
            depth -= 0.01;
            place = self.unproject(u, v, depth);
        }
        place
    }

    fn unproject(&self, u: f32, v: f32, depth: f32) -> Vec3 {
        let camera = Vec3::new(u * self.side / self.focal, v / self.focal, 1.0) * depth;
        let place = Quat::from_rotation_x(-self.pitch) * (camera - self.base);
        Vec3::new(place.x * self.side, place.y, place.z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_seen_where_it_was_asked_for() {
        for seed in 0..50 {
            let stage = Stage::new(&mut Dice::new(seed, 0));
            let place = stage.spot(0.2, -0.1, 0.25);
            let seen = stage.picture(stage.to_camera(place, stage.side));
            assert!(
                (seen - Vec2::new(0.2 * stage.side, -0.1)).length() < 1e-3,
                "{seen}"
            );
        }
    }
}
