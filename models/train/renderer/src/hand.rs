//! A hand: bones, joints, and the flesh around them.
//!
//! Built as a right hand with the wrist at the origin, the fingers along +y, the palm towards -z and
//! the thumb on the +x side; in metres for a hand 0.19 m long.

use glam::{Quat, Vec3};

use crate::dice::Dice;

/// How the joints stand; angles in radians, shares from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct HandShape {
    /// Bend at the knuckles: index, middle, ring, little finger.
    pub knuckle: [f32; 4],
    /// Bend at the middle joints; the last joints follow at two thirds.
    pub middle: [f32; 4],
    /// How far the fingers stand apart.
    pub spread: f32,
    /// The thumb's angle away from the index finger, in the palm's plane.
    pub thumb_out: f32,
    /// How far the thumb stands before the palm.
    pub thumb_over: f32,
    /// Bend of the thumb's joints.
    pub thumb_bend: f32,
}

impl HandShape {
    /// Flat, fingers together.
    pub const FLAT: Self = Self::even(0.05, 0.05, 0.15, 0.45, 0.1, 0.1);
    /// Open, fingers apart.
    pub const OPEN: Self = Self::even(-0.05, 0.08, 0.9, 0.9, 0.1, 0.0);
    /// As it hangs by itself.
    pub const SLACK: Self = Self::even(0.45, 0.55, 0.2, 0.45, 0.35, 0.3);
    /// Closed.
    pub const FIST: Self = Self::even(1.45, 1.65, 0.0, 0.15, 0.75, 0.7);
    /// Closed with the thumb stretched.
    pub const THUMB: Self = Self::even(1.35, 1.6, 0.0, 1.35, -0.05, -0.15);
    /// As around a knob or a ball.
    pub const GRIP: Self = Self::even(0.55, 0.6, 0.6, 0.7, 0.6, 0.25);

    const fn even(
        knuckle: f32,
        middle: f32,
        spread: f32,
        thumb_out: f32,
        thumb_over: f32,
        thumb_bend: f32,
    ) -> Self {
        Self {
            knuckle: [knuckle; 4],
            middle: [middle; 4],
            spread,
            thumb_out,
            thumb_over,
            thumb_bend,
        }
    }

    /// Only some fingers stretched (index to little), the others closed.
    pub fn fingers(stretched: [bool; 4], thumb: bool) -> Self {
        let mut shape = if thumb { Self::THUMB } else { Self::FIST };
        shape.thumb_out = if thumb { 0.9 } else { 0.2 };
        for (finger, up) in stretched.into_iter().enumerate() {
            if up {
                shape.knuckle[finger] = 0.05;
                shape.middle[finger] = 0.08;
                shape.spread = 0.5;
            }
        }
        shape
    }

    /// Thumb and index finger meet or stand `gap` (0 to 1) apart.
    pub fn pinch(gap: f32, others: f32) -> Self {
        let mut shape = Self::even(others, others * 1.1, 0.2, 0.35, 0.75, 0.35);
        shape.knuckle[0] = 0.85 - 0.55 * gap;
        shape.middle[0] = 0.8 - 0.6 * gap;
        shape.thumb_out = 0.35 + 0.45 * gap;
        shape.thumb_over = 0.75 - 0.35 * gap;
        shape
    }

    /// The shape on the way to another.
    pub fn lerp(self, to: Self, share: f32) -> Self {
        let mix = |a: f32, b: f32| a + (b - a) * share;
        let four = |a: [f32; 4], b: [f32; 4]| std::array::from_fn(|i| mix(a[i], b[i]));
        Self {
            knuckle: four(self.knuckle, to.knuckle),
            middle: four(self.middle, to.middle),
            spread: mix(self.spread, to.spread),
            thumb_out: mix(self.thumb_out, to.thumb_out),
            thumb_over: mix(self.thumb_over, to.thumb_over),
            thumb_bend: mix(self.thumb_bend, to.thumb_bend),
        }
    }

    /// The shape as one person makes it this time.
    pub fn varied(mut self, dice: &mut Dice) -> Self {
        let lazy = dice.normal(0.0, 0.07);
        for finger in 0..4 {
            self.knuckle[finger] += lazy + dice.normal(0.0, 0.07);
            self.middle[finger] += (lazy + dice.normal(0.0, 0.08)).max(-0.05);
        }
        self.spread += dice.normal(0.0, 0.15);
        self.thumb_out += dice.normal(0.0, 0.15);
        self.thumb_over += dice.normal(0.0, 0.1);
        self.thumb_bend += dice.normal(0.0, 0.1);
        self
    }
}

/// A ball-and-cone bone of the built hand.
#[derive(Clone, Copy)]
pub struct Bone {
    /// Where it starts.
    pub a: Vec3,
    /// Where it ends.
    pub b: Vec3,
    /// Radius at `a`.
    pub radius_a: f32,
    /// Radius at `b`.
    pub radius_b: f32,
}

impl Bone {
    /// From `a` to `b`, with the first two radii.
    fn between(a: Vec3, b: Vec3, radii: &[f32]) -> Self {
        Self {
            a,
            b,
            radius_a: radii[0],
            radius_b: radii[1],
        }
    }
}

/// The measures of one person's hands.
pub struct HandBuild {
    knuckles: [Vec3; 4],
    lengths: [[f32; 3]; 4],
    thickness: f32,
    thumb: f32,
    /// A palm of one slab and not of a cone for each bone.
    slab: bool,
    size: f32,
}

impl HandBuild {
    /// `held_back` gives the hands of the test: other proportions, another palm.
    pub fn new(dice: &mut Dice, held_back: bool) -> Self {
        let wide = dice.normal(1.0, 0.06) * if held_back { 1.09 } else { 1.0 };
        let long = dice.normal(1.0, 0.05) * if held_back { 0.93 } else { 1.0 };
        let knuckles = [
            Vec3::new(0.0265 * wide, 0.0925, 0.0),
            Vec3::new(0.0045 * wide, 0.0965, 0.003),
            Vec3::new(-0.0165 * wide, 0.0905, 0.002),
            Vec3::new(-0.0355 * wide, 0.0790, -0.003),
        ];
        let lengths = [
            [0.044, 0.026, 0.020],
            [0.049, 0.030, 0.021],
            [0.045, 0.028, 0.021],
            [0.036, 0.021, 0.018],
        ]
        .map(|bones: [f32; 3]| {
            let finger = long * dice.normal(1.0, 0.03);
            bones.map(|bone| bone * finger)
        });
        Self {
            knuckles,
            lengths,
            thickness: dice.normal(1.0, 0.08) * if held_back { 1.12 } else { 1.0 },
            thumb: dice.normal(1.0, 0.06) * if held_back { 1.08 } else { 1.0 },
            slab: held_back,
            size: dice.normal(1.0, 0.07),
        }
    }

    /// From the wrist to the middle of the palm.
    pub fn palm_centre(&self) -> Vec3 {
        Vec3::new(0.0, 0.062, -0.004) * self.size
    }

    /// The hand's bones in its own space.
    pub fn bones(&self, shape: &HandShape) -> Vec<Bone> {
        let mut bones = Vec::with_capacity(26);
        self.palm(&mut bones);
        for finger in 0..4 {
            self.finger(finger, shape, &mut bones);
        }
        self.thumb(shape, &mut bones);
        for bone in &mut bones {
            bone.a *= self.size;
            bone.b *= self.size;
            bone.radius_a *= self.size;
            bone.radius_b *= self.size;
        }
        bones
    }

    fn palm(&self, bones: &mut Vec<Bone>) {
        let mut add = |a: [f32; 3], b: [f32; 3], radius_a: f32, radius_b: f32| {
            let (a, b) = (Vec3::from(a), Vec3::from(b));
            bones.push(Bone {
                a,
                b,
                radius_a: radius_a * self.thickness,
                radius_b,
            });
        };
        let k = self.knuckles;
        if self.slab {
            for share in [0.0, 0.5, 1.0] {
                let low = [-0.019 + 0.036 * share, 0.006, 0.0];
                let high = k[3].lerp(k[0], share) - Vec3::new(0.0, 0.004, 0.0);
                add(low, high.to_array(), 0.0150, 0.0130);
            }
            add([0.0, 0.0, 0.0], [0.0, 0.08, 0.0], 0.0165, 0.0150);
        } else {
            for (wrist, knuckle) in [0.016, 0.005, -0.007, -0.018].into_iter().zip(k) {
                add([wrist, 0.004, 0.0], knuckle.to_array(), 0.0145, 0.0118);
            }
            let across = k[0].lerp(k[3], 0.5);
            add(
                [0.0, 0.02, -0.001],
                [across.x, across.y - 0.02, 0.0],
                0.0150,
                0.0130,
            );
        }
        add(
            [0.021, 0.018, -0.009],
            [0.030, 0.058, -0.007],
            0.0165,
            0.0125,
        );
        add(
            [-0.021, 0.016, -0.005],
            [-0.030, 0.058, -0.005],
            0.0150,
            0.0125,
        );
    }

    fn finger(&self, finger: usize, shape: &HandShape, bones: &mut Vec<Bone>) {
        let apart = [0.22, 0.04, -0.13, -0.32][finger] * shape.spread;
        let sideways = Vec3::new(libm::sinf(apart), libm::cosf(apart), 0.0);
        let slim = [1.0, 1.03, 0.98, 0.86][finger] * self.thickness;
        let radii = [0.0108, 0.0094, 0.0083, 0.0068].map(|radius| radius * slim);
        let mut bend = shape.knuckle[finger];
        let mut from = self.knuckles[finger];
        for joint in 0..3 {
            let direction = sideways * libm::cosf(bend) - Vec3::Z * libm::sinf(bend);
            let to = from + direction * self.lengths[finger][joint];
            bones.push(Bone::between(from, to, &radii[joint..]));
            from = to;
            let middle = shape.middle[finger];
            bend += if joint == 0 { middle } else { middle * 0.66 };
        }
    }

    fn thumb(&self, shape: &HandShape, bones: &mut Vec<Bone>) {
        let (out, over) = (shape.thumb_out, shape.thumb_over);
        let mut direction =
            Vec3::new(libm::sinf(out), libm::cosf(out), -over).normalize_or(Vec3::Y);
        let inwards = Vec3::new(-0.75, 0.35, -0.45);
        let radii = [0.0155, 0.0118, 0.0108, 0.0085].map(|radius| radius * self.thickness);
        let mut from = Vec3::new(0.021, 0.020, -0.008);
        for (joint, length) in [0.042, 0.036, 0.029].into_iter().enumerate() {
            if joint > 0 {
                let across = inwards - direction * inwards.dot(direction);
                let axis = direction
                    .cross(across.normalize_or(Vec3::X))
                    .normalize_or(Vec3::Z);
                direction = Quat::from_axis_angle(axis, shape.thumb_bend) * direction;
            }
            let to = from + direction * (length * self.thumb);
            bones.push(Bone::between(from, to, &radii[joint..]));
            from = to;
        }
    }
}

/// The turn of a hand whose fingers point along `fingers` and whose palm faces `palm`.
pub fn orient(fingers: Vec3, palm: Vec3) -> Quat {
    let y = fingers.normalize_or(Vec3::Y);
    let z = (-palm + y * palm.dot(y)).normalize_or(y.any_orthonormal_vector());
    Quat::from_mat3(&glam::Mat3::from_cols(y.cross(z), y, z)).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingers_point_and_palms_face_where_they_are_told() {
        let turn = orient(Vec3::new(1.0, 0.0, -1.0), Vec3::Y);
        assert!((turn * Vec3::Y - Vec3::new(1.0, 0.0, -1.0).normalize()).length() < 1e-3);
        assert!((turn * Vec3::NEG_Z - Vec3::Y).length() < 1e-3);
    }

    #[test]
    fn an_open_hand_is_longer_than_a_fist_and_as_long_as_it_should_be() {
        for held_back in [false, true] {
            let build = HandBuild::new(&mut Dice::new(1, 1), held_back);
            let reach = |shape| {
                let bones = build.bones(&shape);
                bones
                    .iter()
                    .map(|bone| bone.b.y + bone.radius_b)
                    .fold(0.0, f32::max)
            };
            let (open, fist) = (reach(HandShape::FLAT), reach(HandShape::FIST));
            assert!((0.15..0.24).contains(&open), "{open}");
            assert!(fist < 0.75 * open);
        }
    }
}
