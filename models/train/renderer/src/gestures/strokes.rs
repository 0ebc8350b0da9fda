//! Strokes: swipes, push and pull.

use glam::{Vec2, Vec3};

use super::{finish, palm_forward};
use crate::hand::{HandShape, orient};
use crate::performer::{Performer, wobble};
use crate::track::{ArmPose, Gait};

/// The hand's stand in a swipe along `along` (in the picture's plane).
fn blade(p: &mut Performer, along: Vec2) -> (Vec3, Vec3) {
    let toward = along.extend(0.0);
    let forward = p.dice.range(0.0, 1.5);
    let upright = Vec3::new(
        p.dice.normal(0.1, 0.2),
        libm::cosf(forward),
        -libm::sinf(forward),
    );
    let inwards = Vec3::new(1.0, p.dice.range(-0.2, 0.7), p.dice.range(-0.8, 0.1));
    if along.x.abs() > along.y.abs() {
        match p.dice.below(10) {
            // The palm leads, or the back of the hand.
            0..=3 => (
                upright,
                toward + Vec3::new(0.0, 0.0, p.dice.range(-0.9, 0.2)),
            ),
            4 | 5 => (upright, Vec3::new(1.0, -0.2, p.dice.range(-0.6, 0.4))),
            // The palm to the camera, or to oneself.
            6 | 7 => (Vec3::new(p.dice.normal(0.0, 0.3), 1.0, -0.15), Vec3::NEG_Z),
            8 => (inwards, Vec3::new(0.0, -0.2, 1.0)),
            _ => (inwards, Vec3::new(0.3, -1.0, 0.1)),
        }
    } else {
        let flat = Vec3::new(
            p.dice.range(-0.1, 1.0),
            p.dice.normal(0.1, 0.2),
            p.dice.range(-1.0, -0.1),
        );
        match p.dice.below(10) {
            0..=3 => (flat, toward + Vec3::new(0.0, 0.0, p.dice.range(-0.7, 0.3))),
            4 | 5 => (flat, Vec3::new(0.2, -1.0, p.dice.range(-0.4, 0.4))),
            6 | 7 => (Vec3::new(p.dice.normal(0.1, 0.3), 1.0, -0.3), Vec3::NEG_Z),
            _ => (inwards, Vec3::new(0.0, -0.1, 1.0)),
        }
    }
}

pub fn swipe(p: &mut Performer, label: usize, direction: Vec2) {
    let sideways = direction.y == 0.0;
    let tilt = Vec2::from_angle(p.dice.normal(0.0, 0.16));
    let along = tilt.rotate(direction);
    let reach = if sideways {
        p.dice.range(0.30, 0.95)
    } else {
        p.dice.range(0.28, 0.70)
    };
    let centre = Vec2::new(p.dice.normal(-0.07, 0.1), p.dice.normal(-0.08, 0.12));
    let (near, far) = (centre - along * reach / 2.0, centre + along * reach / 2.0);
    let size = p.size();
    let (fingers, palm) = blade(p, along);
    // The wrist follows the hand: the fingers lag first and lead at the end.
    let swing = along.extend(0.0) * p.dice.range(0.0, 0.8);
    let wobbled = wobble(p.dice, 0.15);
    let shape = HandShape::FLAT
        .lerp(HandShape::OPEN, p.dice.unit() * 0.7)
        .varied(p.dice);
    let later = shape.lerp(HandShape::SLACK, p.dice.unit() * 0.35);
    let deeper = p.dice.normal(1.0, 0.1);
    let from = ArmPose {
        palm: p.spot(near.x, near.y, size),
        turn: wobbled * orient(fingers - swing, palm),
        shape,
    };
    let to = ArmPose {
        palm: p.spot(far.x, far.y, size * deeper),
        turn: wobbled * orient(fingers + swing, palm),
        shape: later,
    };
    p.approach(from);
    if p.dice.chance(0.5) {
        let pause = p.dice.range(0.0, 0.35);
        p.hold(pause);
    }
    let seconds = p.dice.scale(0.22, 0.85) / p.pace.sqrt();
    let start = p.now();
    let bow = Vec3::new(0.0, 0.0, p.dice.range(-0.06, 0.03)) + p.dice.jitter(0.02);
    let gait = Gait {
        steepness: p.dice.range(1.4, 2.2),
        skew: p.dice.range(0.7, 1.15),
        bow,
    };
    p.go(to, seconds, gait);
    p.note(label, start, start + 0.55 * seconds);
    finish(p, Some(from));
}

/// The stroke of a push or a pull.
fn towards(p: &mut Performer, to: ArmPose, label: usize) {
    let seconds = p.dice.scale(0.3, 0.9) / p.pace.sqrt();
    let start = p.now();
    let gait = p.gait(0.01);
    p.go(to, seconds, gait);
    p.note(label, start, start + 0.6 * seconds);
}

pub fn push(p: &mut Performer) {
    let size = p.dice.scale(0.17, 0.27);
    let from = palm_forward(p, size);
    let more = p.dice.scale(1.35, 2.1);
    let seen = p.stage.picture(p.stage.to_camera(from.palm, p.stage.side));
    let (u, v) = (
        seen.x * p.stage.side * p.dice.range(0.6, 1.1),
        seen.y * p.dice.range(0.6, 1.2),
    );
    let to = ArmPose {
        palm: p.spot(u, v, size * more),
        turn: from.turn * wobble(p.dice, 0.15),
        shape: from.shape.lerp(HandShape::OPEN, p.dice.unit() * 0.5),
    };
    p.approach(from);
    if p.dice.chance(0.4) {
        let pause = p.dice.range(0.0, 0.25);
        p.hold(pause);
    }
    towards(p, to, 5);
    finish(p, Some(from));
}

pub fn pull(p: &mut Performer) {
    let near_size = p.dice.scale(0.28, 0.46);
    let (u, v) = (p.dice.normal(-0.12, 0.12), p.dice.normal(-0.04, 0.1));
    let facing_self = p.dice.chance(0.55);
    let (fingers, palm) = if facing_self {
        let up = p.dice.range(0.0, 1.0);
        let fingers = Vec3::new(p.dice.range(-0.1, 0.7), up, -0.9 * (1.0 - up));
        (fingers, Vec3::new(0.2, 0.25, 1.0))
    } else {
        (
            Vec3::new(p.dice.normal(0.05, 0.2), 1.0, p.dice.normal(-0.15, 0.2)),
            Vec3::NEG_Z,
        )
    };
    let open = HandShape::FLAT
        .lerp(HandShape::OPEN, p.dice.unit())
        .varied(p.dice);
    let turn = wobble(p.dice, 0.15) * orient(fingers, palm);
    let from = ArmPose {
        palm: p.spot(u, v, near_size),
        turn,
        shape: open,
    };
    let less = p.dice.scale(0.45, 0.72);
    let closed = if p.dice.chance(0.3) {
        p.dice.range(0.3, 1.0)
    } else {
        p.dice.range(0.0, 0.2)
    };
    let (aside, lower) = (u * p.dice.range(0.8, 1.2), v - p.dice.range(-0.02, 0.08));
    let to = ArmPose {
        palm: p.spot(aside, lower, near_size * less),
        turn: turn * wobble(p.dice, 0.2),
        shape: open.lerp(
            if p.dice.chance(0.5) {
                HandShape::FIST
            } else {
                HandShape::SLACK
            },
            closed,
        ),
    };
    p.approach(from);
    let pause = p.dice.range(0.0, 0.35);
    p.hold(pause);
    towards(p, to, 6);
    finish(p, None);
}
