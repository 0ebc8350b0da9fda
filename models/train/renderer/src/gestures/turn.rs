//! Turns of a hand or a finger.

use std::f32::consts::TAU;

use glam::Vec3;

use super::finish;
use crate::hand::{HandShape, orient};
use crate::performer::Performer;
use crate::track::{ArmPose, Gait};

/// A hand rolling about its fingers' axis, turning in the picture's plane, or a finger circling.
pub fn turn(p: &mut Performer, label: usize) {
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
        let first = p.dice.range(0.0, TAU);
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
            let angle = first + sense * TAU * rounds * step as f32 / steps as f32;
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
        // Some turn again and again: one event, whatever the way back looks like.
        if p.dice.chance(0.35) {
            for _ in 0..1 + p.dice.below(2) {
                let back = seconds * p.dice.range(0.6, 1.1);
                p.go(half_way, back * 0.5, gait);
                p.go(from, back * 0.5, gait);
                p.go(half_way, seconds * 0.5, gait);
                p.go(to, seconds * 0.5, gait);
            }
        }
    }
    p.note(label, start, start + 0.6 * seconds);
    finish(p, None);
}
