//! Heads that look about and nod, trunks that lean: whatever the hands do.

use glam::Vec3;

use crate::dice::Dice;
use crate::track::{BodyPose, Gait, Track};

/// The head looks about, nods and tilts; the trunk leans. Goes on until `until`.
pub fn fidget_body(dice: &mut Dice, body: &mut Track<BodyPose>, until: f32) {
    let usual = body.last();
    let lively = dice.scale(0.3, 1.5);
    while body.end() < until {
        let wait = dice.scale(0.2, 3.0) / lively;
        body.hold_until(body.end() + wait);
        let now = body.last();
        match dice.below(10) {
            0 | 1 => {
                let depth = dice.range(0.08, 0.3);
                for turn in 0..2 + 2 * dice.below(3) {
                    let mut next = now;
                    next.head.y += if turn % 2 == 0 { -depth } else { depth * 0.3 };
                    body.go(next, dice.range(0.12, 0.3), Gait::SOFT);
                }
            }
            2 => {
                let width = dice.range(0.1, 0.4);
                for turn in 0..2 + dice.below(4) {
                    let mut next = now;
                    next.head.x += if turn % 2 == 0 { width } else { -width };
                    body.go(next, dice.range(0.15, 0.35), Gait::SOFT);
                }
            }
            3 | 4 => {
                let mut next = usual;
                next.lean = Vec3::new(
                    dice.normal(0.0, 0.05),
                    dice.normal(-0.01, 0.02),
                    dice.normal(-0.02, 0.06),
                );
                next.turn = usual.turn + dice.normal(0.0, 0.12);
                next.head += dice.jitter(0.1);
                body.go(next, dice.range(0.5, 1.5), Gait::SOFT);
            }
            _ => {
                let mut next = now;
                let glance = dice.range(0.3, 1.3);
                next.head = usual.head
                    + Vec3::new(
                        dice.normal(0.0, 0.3) * glance,
                        dice.normal(0.0, 0.15) * glance,
                        dice.normal(0.0, 0.07),
                    );
                body.go(next, dice.range(0.2, 0.7), Gait::SOFT);
            }
        }
    }
}
