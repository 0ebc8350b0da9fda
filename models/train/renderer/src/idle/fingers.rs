//! Busy fingers.

use glam::Vec3;

use super::{play, raised};
use crate::hand::{HandShape, orient};
use crate::performer::{Performer, wobble};
use crate::track::{ArmPose, Gait};

/// Fingers drum in the air or on the table.
pub fn drum(p: &mut Performer) {
    let pose = raised(p, HandShape::GRIP);
    p.approach(pose);
    let seconds = p.dice.scale(0.8, 3.0);
    let deep = p.dice.range(0.3, 0.8);
    play(p, pose, seconds, (0.06, 0.14), |dice, step, mut near| {
        near.shape.knuckle[step % 4] += deep;
        near.shape.knuckle[(step + 1) % 4] -= deep * 0.5;
        near.palm += dice.jitter(0.003);
        near
    });
    p.leave();
}

/// Thumb and index finger, or two fingers, open and close.
pub fn pinch(p: &mut Performer) {
    let others = p.dice.pick(&[0.2, 0.8, 1.4]);
    let pose = raised(p, HandShape::pinch(0.0, others));
    p.approach(pose);
    let seconds = p.dice.scale(0.6, 2.5);
    play(p, pose, seconds, (0.2, 0.7), |dice, step, mut near| {
        near.shape = HandShape::pinch((step % 2) as f32, others);
        near.turn *= wobble(dice, 0.08);
        near
    });
    p.leave();
}

/// The whole hand opens or closes, spreads or bunches: once or often, never held open for long.
pub fn open_and_close(p: &mut Performer) {
    let closed = p
        .dice
        .pick(&[HandShape::FIST, HandShape::GRIP, HandShape::FLAT]);
    let open = HandShape::OPEN.varied(p.dice);
    let first = p.dice.below(2);
    let shapes = [closed.varied(p.dice), open];
    let pose = raised(p, shapes[first]);
    p.approach(pose);
    let steps = 1 + p.dice.below(6);
    for step in 0..steps {
        let mut near = pose;
        near.shape = shapes[(first + step + 1) % 2];
        near.palm += p.dice.jitter(0.008);
        let seconds = p.dice.range(0.2, 0.6);
        p.go(near, seconds, Gait::SOFT);
    }
    p.leave();
}

/// Counts by fingers, points, shows two of them, a fist or a thumb down.
pub fn count(p: &mut Performer) {
    let shape_of = |number: usize, thumb: bool| {
        let up = std::array::from_fn(|finger| finger < number);
        HandShape::fingers(up, thumb)
    };
    let start = p.dice.below(4);
    let mut pose = raised(p, shape_of(start, false));
    if start == 0 && p.dice.chance(0.5) {
        // The thumb down, or to the side.
        let down = Vec3::new(p.dice.range(-0.2, 0.9), -1.0, 0.0);
        let y = Vec3::new(0.7, 0.1, -0.7).normalize();
        pose.turn = orient(y, -down.cross(y));
        pose.shape = HandShape::THUMB.varied(p.dice);
        p.approach(pose);
        let seconds = p.dice.range(0.4, 2.0);
        p.hold(seconds);
        p.leave();
        return;
    }
    p.approach(pose);
    let seconds = p.dice.scale(0.5, 3.0);
    let pointing = p.dice.chance(0.4);
    play(p, pose, seconds, (0.15, 0.7), |dice, step, mut near| {
        if !pointing {
            near.shape = shape_of((start + step) % 4, dice.chance(0.3)).varied(dice);
        }
        near.palm += dice.jitter(0.012);
        near.turn *= wobble(dice, 0.1);
        near
    });
    p.leave();
}

/// Both hands low before the person, the fingers busy.
pub fn type_keys(p: &mut Performer) {
    let low = Vec3::new(p.dice.range(-0.15, -0.05), p.dice.range(-0.4, -0.2), -0.32);
    let turn = orient(Vec3::new(0.2, 0.1, -1.0), Vec3::NEG_Y);
    let pose = ArmPose {
        palm: low,
        turn,
        shape: HandShape::GRIP.varied(p.dice),
    };
    p.approach(pose);
    let seconds = p.dice.scale(0.8, 4.0);
    play(p, pose, seconds, (0.06, 0.16), |dice, _, mut near| {
        near.palm += dice.jitter(0.008);
        near.shape.knuckle[dice.below(4)] += dice.range(0.0, 0.5);
        near
    });
    if p.dice.chance(0.6) {
        p.leave();
    }
}
