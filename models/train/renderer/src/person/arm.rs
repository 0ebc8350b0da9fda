//! An arm: shoulder, elbow by two bones of fixed length, wrist, hand, sleeve, and what is held.

use glam::{Quat, Vec3};

use super::{Held, Person};
use crate::assembly::{Assembly, Look};
use crate::shade::Surface;
use crate::track::ArmPose;

impl Person {
    pub(super) fn arm(
        &self,
        arm: usize,
        pose: &ArmPose,
        held: Option<Held>,
        (place, base, trunk, frame): (Vec3, Vec3, Quat, Quat),
        out: &mut Assembly,
    ) {
        let side = if arm == 0 { 1.0 } else { -1.0 };
        let mirror = |v: Vec3| Vec3::new(v.x * side, v.y, v.z);
        let shoulder = base + trunk * mirror(Vec3::new(-self.shoulder, -0.045, 0.01));
        let (upper, lower) = (0.29, 0.26);
        // Everything of the hand hangs on the wrist.
        let out_of_wrist = |v: Vec3| frame * mirror(pose.turn * v);
        let mut wrist = place + frame * mirror(pose.palm) - out_of_wrist(self.hands.palm_centre());
        let reach = wrist - shoulder;
        if reach.length() > 1.12 * (upper + lower) {
            wrist = shoulder + reach.normalize_or(Vec3::NEG_Z) * (1.12 * (upper + lower));
        }
        let pole = frame * mirror(Vec3::new(-self.flare, -1.0, 0.3));
        let elbow = elbow(shoulder, wrist, upper, lower, pole);
        let forearm = (wrist - elbow).normalize_or(Vec3::Y);
        let along = out_of_wrist(Vec3::Y);
        let bend = along.angle_between(forearm);
        let limit = 1.25;
        let relief = if bend > limit {
            Quat::IDENTITY.slerp(Quat::from_rotation_arc(along, forearm), 1.0 - limit / bend)
        } else {
            Quat::IDENTITY
        };
        let to_camera = |v: Vec3| wrist + relief * out_of_wrist(v);

        let skin = Look::plain(Surface::Skin, self.skin);
        let bare = out.plain(skin, wrist);
        for bone in self.hands.bones(&pose.shape) {
            out.cone(
                bare,
                to_camera(bone.a),
                to_camera(bone.b),
                bone.radius_a,
                bone.radius_b,
            );
        }
        out.cone(bare, elbow, elbow.lerp(wrist, 0.45), 0.040, 0.040);
        out.cone(bare, elbow.lerp(wrist, 0.4), wrist, 0.040, 0.0265);

        let look = self.jacket.unwrap_or(self.shirt);
        let limb =
            |a: Vec3, b: Vec3| Quat::from_rotation_arc(Vec3::Y, (b - a).normalize_or(Vec3::Y));
        let upper_cloth = out.part(look, shoulder, limb(shoulder, elbow), Vec3::ONE, true);
        let full = self.loose;
        if self.sleeve > 0.0 {
            out.cone(
                upper_cloth,
                shoulder,
                elbow,
                0.058 + full * 0.5,
                0.050 + full,
            );
            let lower_cloth = out.part(look, elbow, limb(elbow, wrist), Vec3::ONE, false);
            let cuff = elbow.lerp(wrist, self.sleeve);
            let wide = 0.047 + full;
            out.cone(
                lower_cloth,
                elbow,
                cuff,
                wide,
                wide - 0.012 * self.sleeve + full * 0.4,
            );
        } else {
            let hem = shoulder.lerp(elbow, 0.75 + self.sleeve);
            out.cone(bare, shoulder, elbow, 0.052, 0.042);
            out.cone(upper_cloth, shoulder, hem, 0.060, 0.056 + full);
        }
        if let Some((which, colour)) = self.watch.filter(|watch| watch.0 == arm) {
            debug_assert!(which < 2);
            let part = out.plain(Look::plain(Surface::Plain, colour), wrist);
            out.cone(
                part,
                wrist.lerp(elbow, 0.06),
                wrist.lerp(elbow, 0.12),
                0.030,
                0.030,
            );
        }
        if let Some(held) = held {
            let turn = |v: Vec3| to_camera(v);
            let (colour, a, b, radius) = match held {
                Held::Cup => (
                    self.hat,
                    [0.035, 0.075, -0.035],
                    [-0.055, 0.075, -0.045],
                    0.036,
                ),
                Held::Phone => (
                    Vec3::splat(0.02),
                    [0.03, 0.12, -0.03],
                    [-0.03, 0.0, -0.03],
                    0.016,
                ),
                Held::Pen => (self.hat, [0.05, 0.13, -0.03], [-0.02, 0.05, -0.05], 0.005),
            };
            let part = out.plain(Look::plain(Surface::Plain, colour), wrist);
            out.cone(
                part,
                turn(Vec3::from(a)),
                turn(Vec3::from(b)),
                radius,
                radius,
            );
        }
        out.shadows
            .push((to_camera(Vec3::new(0.0, 0.08, -0.01)), 0.05));
        out.shadows.push((elbow.lerp(wrist, 0.6), 0.042));
    }
}

/// Where the elbow is; both bones stretch alike when the wrist is too far away for them.
fn elbow(shoulder: Vec3, wrist: Vec3, upper: f32, lower: f32, pole: Vec3) -> Vec3 {
    let way = wrist - shoulder;
    let distance = way.length().max(1e-3);
    let direction = way / distance;
    let stretch = (distance / (0.985 * (upper + lower))).max(1.0);
    let (upper, lower) = (upper * stretch, lower * stretch);
    let along = (distance * distance + upper * upper - lower * lower) / (2.0 * distance);
    let along = along.clamp(-upper, upper);
    let aside = (upper * upper - along * along).max(0.0).sqrt();
    let across = (pole - direction * pole.dot(direction)).normalize_or(Vec3::NEG_Y);
    shoulder + direction * along + across * aside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bones_keep_their_lengths_within_reach_and_stretch_alike_beyond() {
        let wrist = Vec3::new(0.1, 0.2, -0.35);
        let elbow_at = elbow(Vec3::ZERO, wrist, 0.29, 0.26, Vec3::NEG_Y);
        assert!((elbow_at.length() - 0.29).abs() < 1e-4);
        assert!((elbow_at.distance(wrist) - 0.26).abs() < 1e-4);
        let far = elbow(Vec3::ZERO, Vec3::X, 0.29, 0.26, Vec3::NEG_Y);
        assert!((far.length() / far.distance(Vec3::X) - 0.29 / 0.26).abs() < 0.01);
    }
}
