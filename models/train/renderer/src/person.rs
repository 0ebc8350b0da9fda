//! A person: measures, clothes and looks, fixed for a recording, and the solids of a moment.

use glam::{Mat3, Quat, Vec3};

use crate::dice::Dice;
use crate::hand::HandBuild;
use crate::shade::{Face, Part, Pattern, Surface};
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

/// What there is to see: solids, their parts, and the balls that cast shadows.
#[derive(Default)]
pub struct Assembly {
    /// All solids.
    pub solids: Vec<Solid>,
    /// All parts.
    pub parts: Vec<Part>,
    /// Balls whose shadows fall on shaded parts.
    pub shadows: Vec<(Vec3, f32)>,
}

impl Assembly {
    /// Adds a part; its own space is `turn` at `origin`, shrunk by `scale`.
    pub fn part(&mut self, look: Look, origin: Vec3, turn: Quat, scale: Vec3, shaded: bool) -> u16 {
        let inverse = Mat3::from_diagonal(scale.recip()) * Mat3::from_quat(turn.inverse());
        let Look {
            surface,
            colour,
            second,
        } = look;
        self.parts.push(Part {
            surface,
            colour,
            second,
            origin,
            inverse,
            shaded,
        });
        (self.parts.len() - 1) as u16
    }

    /// Adds a cone.
    pub fn cone(&mut self, part: u16, a: Vec3, b: Vec3, radius_a: f32, radius_b: f32) {
        self.solids
            .push(Solid::cone(part, a, b, radius_a, radius_b));
    }
}

/// A surface and its colours.
#[derive(Clone, Copy)]
pub struct Look {
    /// What it is made of.
    pub surface: Surface,
    /// Its colour.
    pub colour: Vec3,
    /// The colour of its pattern.
    pub second: Vec3,
}

impl Look {
    /// One colour.
    pub fn plain(surface: Surface, colour: Vec3) -> Self {
        Self {
            surface,
            colour,
            second: colour,
        }
    }
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
        out.cone(
            neck,
            at(0.0, -0.06, 0.012),
            at(0.0, 0.10, 0.0),
            0.060,
            0.054,
        );
        out.cone(
            neck,
            at(0.0, -0.045, -0.03),
            at(0.0, -0.02, -0.01),
            0.055,
            0.05,
        );
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

    fn head(&self, moment: &Moment, base: Vec3, trunk: Quat, out: &mut Assembly) {
        let angles = moment.body.head;
        let turn = trunk
            * Quat::from_rotation_y(angles.x)
            * Quat::from_rotation_x(angles.y)
            * Quat::from_rotation_z(angles.z);
        let neck = base + trunk * Vec3::new(0.0, 0.075, 0.0);
        let centre = neck + turn * Vec3::new(0.0, 0.105, -0.022);
        let at = |x: f32, y: f32, z: f32| centre + turn * (Vec3::new(x, y, z) * self.head);
        let face = Face {
            mouth: moment.mouth,
            eyes: moment.eyes,
            ..self.face
        };
        let look = Look::plain(Surface::Face(face), self.skin);
        let skull = out.part(look, centre, turn, self.head, true);
        let radii = self.head * Vec3::new(1.0, 0.98, 1.0);
        out.solids
            .push(Solid::ellipsoid(skull, at(0.0, 0.04, 0.05), turn, radii));
        let jaw = self.head * Vec3::new(0.80, 0.62, 0.72);
        out.solids
            .push(Solid::ellipsoid(skull, at(0.0, -0.42, -0.22), turn, jaw));
        let skin = Look::plain(Surface::Skin, self.skin);
        let bare = out.part(skin, centre, turn, Vec3::ONE, true);
        out.cone(
            bare,
            at(0.0, 0.08, -0.96),
            at(0.0, -0.24, -1.12),
            0.009,
            0.015,
        );
        for side in [-1.0, 1.0] {
            let ear = Vec3::new(0.012, 0.030, 0.018);
            out.solids
                .push(Solid::ellipsoid(bare, at(side * 1.0, 0.0, 0.12), turn, ear));
        }
        self.hair(&at, turn, centre, out);
        if self.headset {
            let look = Look::plain(Surface::Plain, Vec3::splat(0.03));
            let dark = out.part(look, centre, turn, Vec3::ONE, false);
            for side in [-1.0, 1.0] {
                out.cone(
                    dark,
                    at(side * 1.05, -0.1, 0.1),
                    at(side * 1.1, 0.15, 0.1),
                    0.03,
                    0.03,
                );
                out.cone(
                    dark,
                    at(side * 1.1, 0.3, 0.1),
                    at(side * 0.7, 1.0, 0.1),
                    0.012,
                    0.012,
                );
                out.cone(
                    dark,
                    at(side * 0.7, 1.0, 0.1),
                    at(0.0, 1.22, 0.1),
                    0.012,
                    0.012,
                );
            }
        }
        out.shadows.push((centre, 0.085));
    }

    fn hair(
        &self,
        at: &dyn Fn(f32, f32, f32) -> Vec3,
        turn: Quat,
        centre: Vec3,
        out: &mut Assembly,
    ) {
        if self.hair == Hair::None {
            return;
        }
        let hat = self.hair == Hair::Hat;
        let look = if hat {
            Look::plain(Surface::Cloth(Pattern::Plain, 0.1), self.hat)
        } else {
            Look::plain(Surface::Hair, self.face.hair)
        };
        let part = out.part(look, centre, turn, Vec3::ONE, true);
        let more = self.hair_volume * if self.hair == Hair::Short { 0.4 } else { 1.0 };
        let cap = self.head * Vec3::new(1.0, 0.86, 0.95) + Vec3::splat(more);
        let rise = if hat { 0.36 } else { 0.27 };
        out.solids
            .push(Solid::ellipsoid(part, at(0.0, rise, 0.20), turn, cap));
        match self.hair {
            Hair::Full => {
                for side in [-1.0, 1.0] {
                    let radius = 0.03 + more;
                    out.cone(
                        part,
                        at(side * 0.7, 0.6, 0.1),
                        at(side * 0.9, -0.2, 0.3),
                        radius,
                        radius,
                    );
                }
            }
            Hair::Long => {
                for side in [-1.0, 1.0] {
                    let (radius, low) = (0.028 + more, at(side * 1.05, -1.7, 0.1));
                    out.cone(
                        part,
                        at(side * 0.75, 0.6, 0.1),
                        at(side * 1.0, -0.5, 0.3),
                        radius,
                        radius,
                    );
                    out.cone(part, at(side * 1.0, -0.5, 0.3), low, radius, radius * 0.8);
                }
                out.cone(part, at(0.0, 0.0, 0.6), at(0.0, -1.5, 0.6), 0.07, 0.07);
            }
            Hair::Bun => out.cone(part, at(0.0, 1.1, 0.5), at(0.0, 1.2, 0.6), 0.035, 0.035),
            _ => {}
        }
    }

    fn arm(
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
        let bare = out.part(skin, wrist, Quat::IDENTITY, Vec3::ONE, false);
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
            let part = out.part(
                Look::plain(Surface::Plain, colour),
                wrist,
                Quat::IDENTITY,
                Vec3::ONE,
                false,
            );
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
            let part = out.part(
                Look::plain(Surface::Plain, colour),
                wrist,
                Quat::IDENTITY,
                Vec3::ONE,
                false,
            );
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
