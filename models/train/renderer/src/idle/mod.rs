//! What people do before a camera that is no gesture.

mod fingers;

use std::f32::consts::{PI, TAU};

use glam::{Quat, Vec3};

use fingers::{count, drum, open_and_close, pinch, type_keys};

use crate::dice::Dice;
use crate::hand::{HandShape, orient};
use crate::performer::{Performer, wobble};
use crate::person::Held;
use crate::track::{ArmPose, Gait};

/// Does one of the things.
pub fn idle(p: &mut Performer) {
    let act = p.dice.weighted(&[
        (rest as fn(&mut Performer), 0.16),
        (touch_face, 0.16),
        (drink, 0.06),
        (talk, 0.14),
        (drum, 0.07),
        (roll, 0.08),
        (pinch, 0.08),
        (open_and_close, 0.08),
        (count, 0.08),
        (type_keys, 0.06),
        (show_something, 0.07),
        (pass, 0.08),
        (reach_for_camera, 0.02),
    ]);
    act(p);
}

fn rest(p: &mut Performer) {
    let seconds = p.dice.scale(0.4, 3.0);
    p.hold(seconds);
}

/// Small moves about a pose for some seconds, each to what `next` makes of it.
fn play(
    p: &mut Performer,
    pose: ArmPose,
    seconds: f32,
    steps: (f32, f32),
    mut next: impl FnMut(&mut Dice, usize, ArmPose) -> ArmPose,
) {
    let until = p.now() + seconds;
    let mut step = 0;
    while p.now() < until {
        let there = next(p.dice, step, pose);
        let time = p.dice.range(steps.0, steps.1);
        p.go(there, time, Gait::SOFT);
        step += 1;
    }
}

/// Some pose of a raised hand.
fn raised(p: &mut Performer, shape: HandShape) -> ArmPose {
    let (u, v) = (p.dice.normal(-0.12, 0.15), p.dice.normal(-0.08, 0.14));
    let size = p.size();
    let forward = p.dice.range(-0.2, 1.5);
    let fingers = Vec3::new(
        p.dice.normal(0.15, 0.3),
        libm::cosf(forward),
        -libm::sinf(forward),
    );
    let palm = match p.dice.below(5) {
        0 => Vec3::Z,
        1 => Vec3::X,
        2 => Vec3::new(0.2, -1.0, -0.3),
        _ => Vec3::new(0.2, -0.2, -1.0),
    };
    ArmPose {
        palm: p.spot(u, v, size),
        turn: orient(fingers, palm),
        shape: shape.varied(p.dice),
    }
}

/// Scratches, rubs, adjusts glasses or hair, leans the chin on the hand.
fn touch_face(p: &mut Performer) {
    let palm = Vec3::new(
        p.dice.normal(-0.06, 0.05),
        p.dice.range(0.02, 0.30),
        p.dice.range(-0.2, -0.11),
    );
    let fingers = Vec3::new(p.dice.range(0.0, 0.8), p.dice.range(0.3, 1.0), 0.3);
    let shape = match p.dice.below(4) {
        0 => HandShape::pinch(0.1, 0.5),
        1 => HandShape::fingers([true, false, false, false], false),
        2 => HandShape::FIST,
        _ => HandShape::SLACK,
    };
    let pose = ArmPose {
        palm,
        turn: wobble(p.dice, 0.3) * orient(fingers, Vec3::new(0.4, 0.0, 1.0)),
        shape: shape.varied(p.dice),
    };
    p.approach(pose);
    let seconds = p.dice.scale(0.2, 2.5);
    let restless = p.dice.range(0.0, 0.02);
    play(p, pose, seconds, (0.08, 0.35), |dice, _, mut near| {
        near.palm += dice.jitter(restless);
        near.turn *= wobble(dice, 0.1);
        near
    });
    p.leave();
}

fn drink(p: &mut Performer) {
    let began = p.now();
    let thing = p.dice.pick(&[Held::Cup, Held::Cup, Held::Phone, Held::Pen]);
    let mouth = ArmPose {
        palm: Vec3::new(p.dice.normal(-0.05, 0.02), p.dice.range(0.05, 0.12), -0.16),
        turn: wobble(p.dice, 0.15) * orient(Vec3::new(0.9, 0.3, -0.3), Vec3::new(0.3, 0.1, 1.0)),
        shape: HandShape::GRIP.varied(p.dice),
    };
    let pose = if thing == Held::Cup {
        mouth
    } else {
        raised(p, HandShape::GRIP)
    };
    p.approach(pose);
    let seconds = p.dice.range(0.4, 2.5);
    play(p, pose, seconds, (0.2, 0.6), |dice, _, mut near| {
        near.palm += dice.jitter(0.008);
        near.turn *= wobble(dice, 0.1);
        near
    });
    p.leave();
    let now = p.now();
    p.held.push((began, now, thing));
}

/// Gestures of somebody who talks: now here, now there, never far.
fn talk(p: &mut Performer) {
    let pose = raised(p, HandShape::SLACK);
    p.approach(pose);
    let seconds = p.dice.scale(0.5, 4.0);
    let wide = p.dice.range(0.01, 0.06);
    play(p, pose, seconds, (0.15, 0.6), |dice, _, mut near| {
        near.palm += dice.jitter(wide);
        near.turn *= wobble(dice, 0.35);
        near.shape = near.shape.lerp(HandShape::OPEN, dice.unit()).varied(dice);
        near
    });
    p.leave();
}

/// Both hands, or one, roll about each other before the chest.
fn roll(p: &mut Performer) {
    let both = p.dice.chance(0.7);
    let (u, v) = (p.dice.normal(-0.02, 0.06), p.dice.normal(-0.15, 0.1));
    let size = p.dice.scale(0.17, 0.32);
    let centre = p.spot(u, v, size);
    let (radius, period) = (p.dice.range(0.03, 0.09), p.dice.range(0.35, 0.9));
    let sense = p.dice.sign();
    let shape = if p.dice.chance(0.5) {
        HandShape::FLAT
    } else {
        HandShape::SLACK
    };
    let shape = shape.varied(p.dice);
    let turn = wobble(p.dice, 0.3) * orient(Vec3::new(1.0, 0.2, -0.2), Vec3::new(0.0, -0.2, 1.0));
    let at = |angle: f32| ArmPose {
        palm: centre + Vec3::new(0.0, libm::sinf(angle), libm::cosf(angle)) * radius,
        turn: Quat::from_rotation_x(0.3 * libm::sinf(angle)) * turn,
        shape,
    };
    let rounds = p.dice.range(1.5, 5.0);
    p.approach(at(0.0));
    let now = p.now();
    if both {
        let lead = p.dice.range(0.4, 0.8);
        p.arms[1].hold_until(now - lead);
        let left = now - p.arms[1].end();
        p.arms[1].go(at(PI), left, Gait::SOFT);
    }
    let steps = (rounds * 10.0) as usize;
    for step in 1..=steps {
        let angle = sense * TAU * rounds * step as f32 / steps as f32;
        let even = Gait {
            steepness: 1.0,
            ..Gait::SOFT
        };
        let seconds = rounds * period / steps as f32;
        p.go(at(angle), seconds, even);
        if both {
            p.arms[1].go(at(angle + PI), seconds, even);
        }
    }
    if both {
        let rest = p.arms[1].at(0.0);
        let seconds = p.dice.range(0.5, 1.1);
        p.arms[1].go(rest, seconds, Gait::SOFT);
    }
    p.leave();
}

/// Holds a thing to the camera, or shows the edge or the back of a hand.
fn show_something(p: &mut Performer) {
    let began = p.now();
    let shape = p
        .dice
        .pick(&[HandShape::GRIP, HandShape::SLACK, HandShape::FIST]);
    let pose = raised(p, shape);
    p.approach(pose);
    let seconds = p.dice.scale(0.3, 2.0);
    play(p, pose, seconds, (0.2, 0.6), |dice, _, mut near| {
        near.palm += dice.jitter(0.012);
        near.turn *= wobble(dice, 0.2);
        near
    });
    p.leave();
    let now = p.now();
    if p.dice.chance(0.6) {
        let thing = p.dice.pick(&[Held::Cup, Held::Phone, Held::Pen]);
        p.held.push((began, now, thing));
    }
}

/// The hand comes and goes, and that is all.
fn pass(p: &mut Performer) {
    let shape = p.dice.pick(&[
        HandShape::SLACK,
        HandShape::FLAT,
        HandShape::FIST,
        HandShape::GRIP,
    ]);
    let pose = raised(p, shape);
    p.approach(pose);
    let seconds = p.dice.range(0.0, 0.2);
    p.hold(seconds);
    p.leave();
}

/// Turns the camera, or switches it on or off: the hand comes very near.
fn reach_for_camera(p: &mut Performer) {
    let (u, v) = (p.dice.normal(0.0, 0.15), p.dice.pick(&[-0.5, 0.45, 0.5]));
    let fingers = Vec3::new(0.3, 0.2, -1.0);
    let turn = wobble(p.dice, 0.2) * orient(fingers, Vec3::new(0.2, -1.0, 0.0));
    let pose = ArmPose {
        palm: p.spot(u, v, 0.5),
        turn,
        shape: HandShape::GRIP.varied(p.dice),
    };
    p.approach(pose);
    let seconds = p.dice.range(0.3, 1.5);
    play(p, pose, seconds, (0.15, 0.5), |dice, _, mut near| {
        near.palm += dice.jitter(0.01);
        near
    });
    p.leave();
}
