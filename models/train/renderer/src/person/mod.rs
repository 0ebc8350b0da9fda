//! A person: measures, clothes and looks, fixed for a recording, and the solids of a moment.

mod arm;
mod head;

use glam::{Quat, Vec3};

use crate::assembly::{Assembly, Look};
use crate::dice::Dice;
use crate::hand::HandBuild;
use crate::shade::{Face, Pattern, Surface};
use crate::solid::Solid;
use crate::track::{ArmPose, BodyPose};

/// What a hand may hold.
#[derive(Clone, Copy, PartialEq)]
pub enum Held {
    /// A cup or a glass.
    Cup,
    /// A telephone.
    Phone,
    /// A pen.
    Pen,
}

/// A moment of a person.
pub struct Moment {
    /// Right arm, then left arm, each as a right arm.
    pub arms: [ArmPose; 2],
    /// Head and trunk.
    pub body: BodyPose,
    /// How open the mouth is, 0 to 1.
    pub mouth: f32,
    /// How open the eyes are, 0 to 1.
    pub eyes: f32,
    /// What which arm holds.
    pub held: Option<(usize, Held)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Hair {
    None,
    Short,
    Full,
    Long,
    Bun,
    Hat,
}

/// Measures and looks.
pub struct Person {
    /// The hands.
    pub hands: HandBuild,
    skin: Vec3,
    hair: Hair,
    hair_volume: f32,
    hat: Vec3,
    face: Face,
    head: Vec3,
    shoulder: f32,
    girth: f32,
    shirt: Look,
    jacket: Option<Look>,
    collar: f32,
    open_neck: bool,
    sleeve: f32,
    loose: f32,
    flare: f32,
    watch: Option<(usize, Vec3)>,
    headset: bool,
    chair: Option<(Vec3, f32)>,
}

const SKINS: [Vec3; 6] = [
    Vec3::new(0.68, 0.45, 0.35),
    Vec3::new(0.60, 0.37, 0.26),
    Vec3::new(0.48, 0.28, 0.18),
    Vec3::new(0.33, 0.18, 0.105),
    Vec3::new(0.18, 0.09, 0.055),
    Vec3::new(0.08, 0.043, 0.03),
];

fn cloth(dice: &mut Dice) -> Look {
    let (colour, second) = (dice.any_colour(), dice.any_colour());
    let rate = dice.scale(12.0, 60.0);
    let pattern = match dice.below(10) {
        0 | 1 => Pattern::Stripes(dice.below(2), rate),
        2 => Pattern::Checks(rate),
        3 => Pattern::Blotches(rate),
        4 | 5 => Pattern::Print(dice.range(0.04, 0.11)),
        _ => Pattern::Plain,
    };
    Look {
        surface: Surface::Cloth(pattern, dice.range(0.05, 0.45)),
        colour,
        second,
    }
}

impl Person {
    /// Somebody; `held_back` gives a body of the test, with other hands.
    pub fn new(dice: &mut Dice, shoulder: f32, held_back: bool) -> Self {
        let tone = 4.9 * dice.unit().min(dice.range(0.3, 1.3)).min(0.999);
        let skin = SKINS[tone as usize].lerp(SKINS[tone as usize + 1], tone.fract());
        let skin = skin * (Vec3::ONE + dice.jitter(0.05));
        let grey = dice.chance(0.15);
        let darkness = dice.range(0.0, 1.0);
        let hair_colour = if grey {
            Vec3::splat(dice.range(0.2, 0.6))
        } else {
            Vec3::new(0.02, 0.014, 0.01).lerp(Vec3::new(0.30, 0.17, 0.07), darkness * darkness)
        };
        let hair = dice.weighted(&[
            (Hair::None, 0.08),
            (Hair::Short, 0.34),
            (Hair::Full, 0.2),
            (Hair::Long, 0.26),
            (Hair::Bun, 0.06),
            (Hair::Hat, 0.06),
        ]);
        let hairline = match hair {
            Hair::None => 2.0,
            _ => dice.range(0.5, 0.85),
        };
        let face = Face {
            hair: hair_colour,
            hairline,
            beard: if dice.chance(0.3) {
                dice.range(0.2, 0.95)
            } else {
                0.0
            },
            glasses: dice.chance(0.3).then(|| {
                if dice.chance(0.75) {
                    Vec3::splat(0.02)
                } else {
                    dice.any_colour() * 0.5
                }
            }),
            mouth: 0.0,
            eyes: 1.0,
        };
        let size = dice.normal(1.0, 0.04);
        Self {
            hands: HandBuild::new(dice, held_back),
            skin,
            hair,
            hair_volume: dice.range(0.004, 0.03),
            hat: dice.any_colour(),
            face,
            head: Vec3::new(dice.normal(0.076, 0.003), dice.normal(0.115, 0.005), 0.095) * size,
            shoulder,
            girth: dice.normal(1.0, 0.1) * if held_back { 1.08 } else { 1.0 },
            shirt: cloth(dice),
            jacket: dice.chance(0.25).then(|| cloth(dice)),
            open_neck: dice.chance(0.5),
            collar: if dice.chance(0.3) {
                dice.range(0.0, 1.0)
            } else {
                0.0
            },
            sleeve: dice.pick(&[0.96, 0.94, 0.9, 0.9, 0.6, 0.35, 0.0, 0.0, 0.0, -0.4]),
            loose: dice.range(0.0, 0.018),
            flare: dice.range(0.15, 1.1),
            watch: dice
                .chance(0.15)
                .then(|| (dice.below(2), dice.any_colour() * 0.5)),
            headset: dice.chance(0.07),
            chair: dice.chance(0.4).then(|| {
                let dark = if dice.chance(0.6) { 0.1 } else { 0.9 };
                (dice.any_colour() * dark, dice.range(-0.22, 0.12))
            }),
        }
    }

    /// Adds the person of a moment. `place` and `frame` say where the person's space lies in the
    /// camera's.
    pub fn assemble(&self, moment: &Moment, place: Vec3, frame: Quat, out: &mut Assembly) {
        let trunk = frame * Quat::from_rotation_y(moment.body.turn);
        let base = place + frame * moment.body.lean;
        self.trunk(base, trunk, frame, out);
        self.head(moment, base, trunk, out);
        for (arm, pose) in moment.arms.iter().enumerate() {
            let held = moment.held.filter(|held| held.0 == arm).map(|held| held.1);
            self.arm(arm, pose, held, (place, base, trunk, frame), out);
        }
        if let Some((colour, height)) = self.chair {
            let part = out.part(
                Look::plain(Surface::Cloth(Pattern::Plain, 0.1), colour),
                place,
                frame,
                Vec3::ONE,
                false,
            );
            let centre = place + frame * Vec3::new(0.0, height - 0.3, 0.2);
            out.solids.push(Solid::ellipsoid(
                part,
                centre,
                frame,
                Vec3::new(0.27, 0.34, 0.05),
            ));
        }
    }

    fn trunk(&self, base: Vec3, turn: Quat, frame: Quat, out: &mut Assembly) {
        let shirt = out.part(self.shirt, base, turn, Vec3::ONE, true);
        let at = |x: f32, y: f32, z: f32| base + turn * Vec3::new(x, y, z);
        let wide = self.shoulder;
        let coat = self
            .jacket
            .map(|look| out.part(look, base, turn, Vec3::ONE, true));
        let outer = coat.unwrap_or(shirt);
        out.solids.push(Solid::flat(
            shirt,
            base,
            frame.slerp(turn, 0.7),
            Vec3::new(self.girth, 1.0, 0.62 * self.girth),
            Vec3::new(0.0, -0.15, 0.01),
            Vec3::new(0.0, -0.55, 0.0),
            0.155,
            0.165,
        ));
        if coat.is_some() {
            for side in [-1.0, 1.0] {
                let (top, low) = (at(side * 0.09, -0.06, -0.02), at(side * 0.13, -0.6, -0.04));
                out.cone(outer, top, low, 0.07 * self.girth, 0.10 * self.girth);
            }
        }
        let (left, right) = (
            at(-wide + 0.01, -0.055, 0.01),
            at(wide - 0.01, -0.055, 0.01),
        );
        out.cone(outer, left, right, 0.066, 0.066);
        for side in [-1.0, 1.0] {
            let ball = at(side * (wide - 0.02), -0.05, 0.01);
            out.cone(outer, at(side * 0.025, 0.02, 0.025), ball, 0.052, 0.062);
            out.cone(
                outer,
                at(side * 0.1, -0.12, 0.015),
                at(side * 0.1, -0.35, 0.01),
                0.085,
                0.085,
            );
        }
        let skin = Look::plain(Surface::Skin, self.skin * 0.95);
        let neck = out.part(skin, base, turn, Vec3::ONE, true);
        let low = if self.open_neck { -0.05 } else { 0.0 };
        out.cone(neck, at(0.0, low, 0.012), at(0.0, 0.10, 0.0), 0.060, 0.054);
        if self.open_neck {
            out.cone(
                neck,
                at(0.0, -0.045, -0.03),
                at(0.0, -0.02, -0.01),
                0.055,
                0.05,
            );
        }
        if self.collar > 0.0 {
            let high = 0.02 + 0.05 * self.collar;
            out.cone(
                outer,
                at(0.0, 0.0, 0.025),
                at(0.0, high, 0.018),
                0.073,
                0.066,
            );
        }
    }
}
