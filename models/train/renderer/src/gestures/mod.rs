//! The eleven gestures, as a right arm makes them. Left, right and the turns are the person's.

mod strokes;
mod turn;

use glam::{Quat, Vec2, Vec3};

use strokes::{pull, push, swipe};
use turn::turn;

use crate::hand::{HandShape, orient};
use crate::performer::{Performer, wobble};
use crate::track::{ArmPose, Gait};

/// Makes the gesture of a label.
pub fn gesture(p: &mut Performer, label: usize) {
    match label {
        1 | 2 => {
            // Inwards is to the left for a right hand.
            let inwards = if (label == 1) == (p.stage.side > 0.0) {
                1.0
            } else {
                -1.0
            };
            swipe(p, label, Vec2::new(inwards, 0.0));
        }
        3 => swipe(p, label, Vec2::Y),
        4 => swipe(p, label, Vec2::NEG_Y),
        5 => push(p),
        6 => pull(p),
        7 | 8 => turn(p, label),
        9 => shake(p),
        10 => thumb_up(p),
        _ => stop(p),
    }
}

/// After a gesture: nothing for a moment, then away, or back to where it began and then away.
fn finish(p: &mut Performer, back: Option<ArmPose>) {
    if p.dice.chance(0.65) {
        let pause = p.dice.range(0.0, 0.35);
        p.hold(pause);
    }
    match back {
        Some(mut pose) if p.dice.chance(0.3) => {
            pose.shape = pose.shape.lerp(HandShape::SLACK, p.dice.range(0.2, 1.0));
            pose.turn *= wobble(p.dice, 0.3);
            pose.palm += p.dice.jitter(0.04);
            let seconds = p.dice.range(0.5, 1.2) / p.pace;
            let gait = p.gait(0.05);
            p.go(pose, seconds, gait);
            if p.dice.chance(0.8) {
                p.leave();
            }
        }
        _ => p.leave(),
    }
}

/// The open palm before a person, facing the camera.
fn palm_forward(p: &mut Performer, size: f32) -> ArmPose {
    let (u, v) = (p.dice.normal(-0.15, 0.13), p.dice.normal(-0.08, 0.12));
    let lean = Vec3::new(p.dice.normal(0.05, 0.2), 1.0, p.dice.normal(-0.1, 0.2));
    let facing = Vec3::new(p.dice.normal(0.0, 0.2), p.dice.normal(0.0, 0.15), -1.0);
    ArmPose {
        palm: p.spot(u, v, size),
        turn: orient(lean, facing),
        shape: HandShape::FLAT
            .lerp(HandShape::OPEN, p.dice.unit())
            .varied(p.dice),
    }
}

fn shake(p: &mut Performer) {
    let size = p.size();
    let centre = palm_forward(p, size);
    let wrist = p.dice.range(0.0, 1.0);
    let across = p.dice.range(0.03, 0.12) * (1.0 - 0.75 * wrist);
    let angle = p.dice.range(0.25, 0.65) * wrist;
    let about = if p.dice.chance(0.85) {
        Vec3::Z
    } else {
        Vec3::Y
    };
    let period = p.dice.range(0.22, 0.55);
    let halves = 3 + p.dice.below(7);
    let drift = p.dice.jitter(0.02);
    let at = |side: f32, share: f32, strength: f32| ArmPose {
        palm: centre.palm + Vec3::X * (side * across * strength) + drift * share,
        turn: Quat::from_axis_angle(about, -side * angle * strength) * centre.turn,
        shape: centre.shape,
    };
    p.approach(centre);
    let first = p.dice.sign();
    let start = p.now();
    for half in 0..halves {
        let side = if half % 2 == 0 { first } else { -first };
        let strength = p.dice.range(0.75, 1.15);
        let seconds = period * 0.5 * p.dice.range(0.85, 1.2) * if half == 0 { 0.7 } else { 1.0 };
        let gait = Gait {
            steepness: 1.5,
            ..Gait::SOFT
        };
        p.go(
            at(side, half as f32 / halves as f32, strength),
            seconds,
            gait,
        );
    }
    p.note(9, start, start + period * 1.05);
    finish(p, None);
}

/// A small movement while a hand is shown.
fn hold_up(p: &mut Performer, pose: ArmPose, label: usize) {
    let start = p.now();
    let seconds = p.dice.scale(0.7, 2.5);
    let mut left = seconds;
    while left > 0.0 {
        let step = p.dice.range(0.15, 0.5).min(left.max(0.05));
        let mut near = pose;
        near.palm += p.dice.jitter(0.005);
        near.turn *= wobble(p.dice, 0.04);
        let gait = Gait::SOFT;
        p.go(near, step, gait);
        left -= step;
    }
    p.note(label, start, start + 0.2);
}

fn thumb_up(p: &mut Performer) {
    let size = p.dice.scale(0.17, 0.42);
    let (u, v) = (p.dice.normal(-0.12, 0.13), p.dice.normal(-0.08, 0.12));
    // The knuckles point inwards, to the camera, or between.
    let heading = p.dice.range(-0.15, 1.45);
    let knuckles = Vec3::new(
        libm::cosf(heading),
        p.dice.normal(0.05, 0.15),
        -libm::sinf(heading),
    );
    let thumb = Vec3::new(p.dice.normal(0.0, 0.22), 1.0, p.dice.normal(0.0, 0.2));
    let y = knuckles.normalize();
    let pose = ArmPose {
        palm: p.spot(u, v, size),
        turn: orient(y, -thumb.cross(y)),
        shape: HandShape::THUMB.varied(p.dice),
    };
    if p.dice.chance(0.3) {
        // The thumb comes out only when the fist is there.
        let mut fist = pose;
        fist.shape = HandShape::FIST.varied(p.dice);
        p.approach(fist);
        let seconds = p.dice.range(0.1, 0.3);
        p.go(pose, seconds, Gait::SOFT);
    } else {
        p.approach(pose);
    }
    hold_up(p, pose, 10);
    finish(p, None);
}

fn stop(p: &mut Performer) {
    let size = p.dice.scale(0.19, 0.46);
    let pose = palm_forward(p, size);
    if p.dice.chance(0.4) {
        // The last of the way goes forwards, far less than in a push.
        let mut before = pose;
        before.palm.z += p.dice.range(0.02, 0.06);
        before.palm.y -= p.dice.range(0.0, 0.05);
        p.approach(before);
        let seconds = p.dice.range(0.15, 0.35);
        p.go(pose, seconds, Gait::SOFT);
    } else {
        p.approach(pose);
    }
    hold_up(p, pose, 11);
    finish(p, None);
}
