//! The eleven gestures, as a right arm makes them. Left, right and the turns are the person's.

use glam::{Quat, Vec2, Vec3};

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

fn swipe(p: &mut Performer, label: usize, direction: Vec2) {
    let sideways = direction.y == 0.0;
    let tilt = Vec2::from_angle(p.dice.normal(0.0, 0.16));
    let along = tilt.rotate(direction);
    let reach = if sideways {
        p.dice.range(0.30, 0.85)
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

fn push(p: &mut Performer) {
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
    let seconds = p.dice.scale(0.3, 0.9) / p.pace.sqrt();
    let start = p.now();
    let gait = p.gait(0.01);
    p.go(to, seconds, gait);
    p.note(5, start, start + 0.6 * seconds);
    finish(p, Some(from));
}

fn pull(p: &mut Performer) {
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
    let seconds = p.dice.scale(0.3, 0.9) / p.pace.sqrt();
    let start = p.now();
    let gait = p.gait(0.01);
    p.go(to, seconds, gait);
    p.note(6, start, start + 0.6 * seconds);
    finish(p, None);
}

/// A hand rolling about its fingers' axis, turning in the picture's plane, or a finger circling.
fn turn(p: &mut Performer, label: usize) {
    // As the camera sees it, the person's clockwise runs counterclockwise; a mirrored arm swaps.
    let sense = if (label == 7) == (p.stage.side > 0.0) {
        1.0
    } else {
        -1.0
    };
    let style = p.dice.below(10);
    let (u, v) = (p.dice.normal(-0.13, 0.12), p.dice.normal(-0.08, 0.12));
    let size = p.size();
    let place = p.spot(u, v, size);
    let start;
    let mut seconds;
    if style < 2 {
        let point = HandShape::fingers([true, false, false, false], false).varied(p.dice);
        let forward = p.dice.range(0.2, 1.4);
        let fingers = Vec3::new(0.1, libm::cosf(forward), -libm::sinf(forward));
        let facing = Vec3::new(
            p.dice.range(-0.1, 0.6),
            -0.7 * libm::sinf(forward),
            -libm::cosf(forward),
        );
        let turn = orient(fingers, facing);
        let radius = p.dice.range(0.025, 0.07);
        let (rounds, period) = (p.dice.range(1.2, 3.0), p.dice.range(0.45, 1.0));
        let first = p.dice.range(0.0, 6.28);
        let at = |angle: f32| {
            let (s, c) = (libm::sinf(angle), libm::cosf(angle));
            let away = Vec3::new(c, s, 0.0);
            ArmPose {
                palm: place + away * radius,
                turn: orient(fingers + away * 0.15, facing),
                shape: point,
            }
        };
        p.approach(ArmPose { turn, ..at(first) });
        start = p.now();
        seconds = rounds * period;
        let steps = (rounds * 12.0) as usize;
        for step in 1..=steps {
            let angle = first + sense * 6.283 * rounds * step as f32 / steps as f32;
            let gait = Gait {
                steepness: 1.0,
                ..Gait::SOFT
            };
            p.go(at(angle), seconds / steps as f32, gait);
        }
        seconds = period * 1.6;
    } else {
        let raise = if style < 5 {
            p.dice.range(0.8, 1.3)
        } else {
            p.dice.range(0.0, 0.8)
        };
        let axis = Vec3::new(
            p.dice.normal(0.1, 0.2),
            libm::sinf(raise),
            -libm::cosf(raise),
        );
        let in_plane = style >= 8;
        let grip = p.dice.unit();
        let shape = HandShape::OPEN.lerp(HandShape::GRIP, grip).varied(p.dice);
        let (low, high) = if in_plane { (0.7, 2.6) } else { (-1.0, 3.2) };
        let middle = p.dice.range(low + 0.7, high - 0.7);
        let most = (middle - low).min(high - middle).min(1.6);
        let half = p.dice.range(0.6, 1.0) * most.max(0.5);
        let at = |angle: f32| {
            let (s, c) = (libm::sinf(angle), libm::cosf(angle));
            let turn = if in_plane {
                orient(Vec3::new(c, s, -0.2), Vec3::NEG_Z)
            } else {
                // The thumb's direction goes round the fingers' axis.
                let y = axis.normalize();
                let right = Vec3::Y.cross(-y).normalize_or(Vec3::X);
                let thumb = right * c + right.cross(y).normalize_or(Vec3::Y) * s;
                orient(y, -thumb.cross(y))
            };
            ArmPose {
                palm: place + Vec3::new(0.0, 0.01 * s, 0.0),
                turn,
                shape,
            }
        };
        let (from, to) = (at(middle - sense * half), at(middle + sense * half));
        let half_way = at(middle);
        p.approach(from);
        if p.dice.chance(0.5) {
            let pause = p.dice.range(0.0, 0.3);
            p.hold(pause);
        }
        start = p.now();
        seconds = p.dice.scale(0.35, 1.0) / p.pace.sqrt();
        let gait = Gait {
            steepness: 1.3,
            ..Gait::SOFT
        };
        p.go(half_way, seconds * 0.5, gait);
        p.go(to, seconds * 0.5, gait);
    }
    p.note(label, start, start + 0.6 * seconds);
    finish(p, None);
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
    p.approach(pose);
    hold_up(p, pose, 11);
    finish(p, None);
}
