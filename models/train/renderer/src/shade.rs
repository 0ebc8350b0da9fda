//! Light and surfaces: the colour of a visible point, in linear light.

use glam::{Mat3, Vec3};

use crate::dice::Dice;
use crate::noise::{noise, turbulence};

/// What is painted on a face.
#[derive(Clone, Copy)]
pub struct Face {
    /// Colour of hair and brows.
    pub hair: Vec3,
    /// Where the hair begins above, in head heights from the middle.
    pub hairline: f32,
    /// 0 none, 1 a full beard.
    pub beard: f32,
    /// The frame's colour; none without glasses.
    pub glasses: Option<Vec3>,
    /// How open the mouth is.
    pub mouth: f32,
    /// How open the eyes are.
    pub eyes: f32,
}

/// What is on a piece of cloth.
#[derive(Clone, Copy)]
pub enum Pattern {
    /// Nothing.
    Plain,
    /// Stripes across (`0`) or along (`1`), so many a metre.
    Stripes(usize, f32),
    /// Checks, so many a metre.
    Checks(f32),
    /// Blotches, so many a metre.
    Blotches(f32),
    /// Something printed on the chest.
    Print(f32),
}

/// The surface of a part.
#[derive(Clone, Copy)]
pub enum Surface {
    /// Bare skin.
    Skin,
    /// The head, painted.
    Face(Face),
    /// Cloth with folds of a depth.
    Cloth(Pattern, f32),
    /// Hair.
    Hair,
    /// Anything smooth.
    Plain,
}

/// A part of the scene: its surface and the space its texture lies in.
#[derive(Clone, Copy)]
pub struct Part {
    /// What it is made of.
    pub surface: Surface,
    /// Its colour.
    pub colour: Vec3,
    /// The colour of its pattern.
    pub second: Vec3,
    /// Origin of its own space.
    pub origin: Vec3,
    /// From the camera's directions to its own, scaled as its texture wants.
    pub inverse: Mat3,
    /// Shadows fall on it.
    pub shaded: bool,
}

/// A light so far away that it comes from one direction.
#[derive(Clone, Copy)]
pub struct Light {
    /// The direction to it.
    pub toward: Vec3,
    /// Its colour and strength.
    pub colour: Vec3,
}

/// All the light of a room.
pub struct Lighting {
    /// Lamps, windows and the screen.
    pub lights: Vec<Light>,
    /// Light from everywhere above.
    pub above: Vec3,
    /// Light from everywhere below.
    pub below: Vec3,
}

impl Lighting {
    /// One room's light, `warmth` from -1 (blue) to 1 (orange).
    pub fn new(dice: &mut Dice) -> Self {
        let tint = |warmth: f32| Vec3::new(1.0 + 0.35 * warmth, 1.0, 1.0 - 0.4 * warmth);
        let mut lights = Vec::new();
        let count = 1 + dice.below(3);
        for index in 0..count {
            // Mostly before the person, sometimes a window or lamp behind.
            let behind = dice.chance(if index == 0 { 0.15 } else { 0.35 });
            let z = if behind {
                dice.range(0.2, 0.9)
            } else {
                dice.range(-1.0, -0.05)
            };
            let toward = Vec3::new(dice.normal(0.0, 0.8), dice.range(-0.15, 1.3), z).normalize();
            let colour = tint(dice.normal(0.0, 0.5)) * dice.scale(0.25, 1.5);
            lights.push(Light { toward, colour });
        }
        if dice.chance(0.35) {
            let toward = Vec3::new(dice.normal(0.0, 0.2), -0.15, -1.0).normalize();
            lights.push(Light {
                toward,
                colour: tint(-0.5) * dice.range(0.08, 0.4),
            });
        }
        let fill = dice.scale(0.12, 0.8);
        Self {
            lights,
            above: tint(dice.normal(0.0, 0.3)) * fill,
            below: tint(dice.normal(0.2, 0.3)) * fill * dice.range(0.25, 0.9),
        }
    }

    /// The light that a white surface gives back at a place, balls casting shadows.
    pub fn falls(&self, point: Vec3, normal: Vec3, wrap: f32, shadows: &[(Vec3, f32)]) -> Vec3 {
        let up = 0.5 + 0.5 * normal.y;
        let mut light = self.below + (self.above - self.below) * up;
        let mut open = 1.0;
        for &(centre, radius) in shadows {
            let toward = centre - point;
            let far2 = toward.length_squared();
            if far2 < radius * radius * 25.0 {
                let facing = normal.dot(toward) / far2.sqrt();
                open -= (0.9 * facing.max(0.0) * radius * radius / far2).min(0.7);
            }
        }
        light *= open.max(0.2);
        for lamp in &self.lights {
            let facing = ((normal.dot(lamp.toward) + wrap) / (1.0 + wrap)).max(0.0);
            if facing <= 0.0 {
                continue;
            }
            let mut seen = 1.0_f32;
            for &(centre, radius) in shadows {
                let toward = centre - point;
                let along = toward.dot(lamp.toward);
                if along > radius * 0.5 && along < 0.6 {
                    let miss = (toward.length_squared() - along * along).max(0.0).sqrt() / radius;
                    let soft = 0.35 + along * 1.5;
                    seen = seen.min(((miss - 1.0 + soft) / (2.0 * soft)).clamp(0.0, 1.0));
                }
            }
            light += lamp.colour * (facing * (0.25 + 0.75 * seen));
        }
        light
    }

    /// The colour of a point of a part.
    pub fn shade(&self, point: Vec3, normal: Vec3, part: &Part, shadows: &[(Vec3, f32)]) -> Vec3 {
        let local = part.inverse * (point - part.origin);
        let shadows = if part.shaded { shadows } else { &[] };
        let (mut colour, mut normal, mut wrap, mut gloss) = (part.colour, normal, 0.1, 0.0);
        match part.surface {
            Surface::Plain => gloss = 0.15,
            Surface::Skin => (wrap, gloss) = (0.3, 0.06),
            Surface::Hair => {
                colour *= 1.0 + 0.5 * noise(local * Vec3::new(90.0, 12.0, 90.0));
                gloss = 0.08;
            }
            Surface::Cloth(pattern, folds) => {
                let bent = local * 14.0;
                let fold = Vec3::new(
                    noise(bent),
                    noise(bent + Vec3::splat(5.5)),
                    noise(bent + Vec3::splat(11.5)),
                );
                normal = (normal + fold * folds).normalize_or(normal);
                if pattern.covers(local) {
                    colour = part.second;
                }
            }
            Surface::Face(face) => {
                (wrap, gloss) = (0.3, 0.06);
                colour = face.paint(local, colour, &mut gloss);
            }
        }
        let mut out = colour * self.falls(point, normal, wrap, shadows);
        if gloss > 0.0 {
            let view = -point.normalize_or(Vec3::Z);
            for lamp in &self.lights {
                let half = (lamp.toward + view).normalize_or(view);
                let shine = normal.dot(half).max(0.0);
                let shine = shine * shine * shine * shine;
                let shine = shine * shine * shine;
                out += lamp.colour * (gloss * shine * shine);
            }
        }
        out
    }
}

impl Pattern {
    fn covers(self, p: Vec3) -> bool {
        let odd = |x: f32| (x.floor() as i32) & 1 == 1;
        match self {
            Self::Plain => false,
            Self::Stripes(0, rate) => odd(p.y * rate),
            Self::Stripes(_, rate) => odd((p.x + 0.3 * p.z) * rate),
            Self::Checks(rate) => odd(p.y * rate) != odd((p.x + 0.3 * p.z) * rate),
            Self::Blotches(rate) => noise(p * rate) > 0.25,
            Self::Print(size) => {
                let (x, y) = (p.x / size, (p.y + 0.2) / (0.7 * size));
                p.z < 0.0 && x.abs().max(y.abs()) < 1.0 && turbulence(p * 40.0, 2) > -0.1
            }
        }
    }
}

impl Face {
    /// The colour at a place of the head, whose radii are 1; the face looks along -z.
    fn paint(&self, p: Vec3, skin: Vec3, gloss: &mut f32) -> Vec3 {
        let ragged = 0.06 * noise(p * 9.0);
        let front = p.z < 0.1;
        if p.y > self.hairline + ragged - 0.25 * p.x * p.x || (p.z > 0.15 && p.y > -0.35 + ragged) {
            return if self.hairline > 1.5 { skin } else { self.hair };
        }
        if !front {
            return skin;
        }
        let oval = |x: f32, y: f32, rx: f32, ry: f32| {
            let (dx, dy) = ((p.x.abs() - x) / rx, (p.y - y) / ry);
            dx * dx + dy * dy
        };
        if let Some(frame) = self.glasses {
            let ring = oval(0.40, 0.04, 0.29, 0.20).sqrt();
            let bridge = p.x.abs() < 0.14 && (p.y - 0.08).abs() < 0.03;
            let arm = p.x.abs() > 0.66 && (p.y - 0.1).abs() < 0.035;
            if (0.88..1.12).contains(&ring) || bridge || arm {
                *gloss = 0.3;
                return frame;
            }
        }
        let eye = oval(0.38, 0.06, 0.17, 0.075 * self.eyes.max(0.15));
        if eye < 1.0 {
            let iris = oval(0.38, 0.06, 0.075, 0.085);
            let white = skin * 0.4 + Vec3::splat(0.18);
            return if iris < 1.0 || self.eyes < 0.3 {
                Vec3::splat(0.03)
            } else {
                white
            };
        }
        if oval(0.38, 0.24 - 0.06 * (p.x.abs() - 0.38), 0.23, 0.05) < 1.0 {
            return skin.lerp(self.hair, 0.8);
        }
        let mouth = oval(0.0, -0.56, 0.30, 0.055 + 0.13 * self.mouth);
        if mouth < 1.0 {
            let inside = self.mouth > 0.25 && oval(0.0, -0.56, 0.2, 0.1 * self.mouth) < 1.0;
            return if inside {
                Vec3::new(0.04, 0.01, 0.01)
            } else {
                skin * Vec3::new(0.85, 0.5, 0.5)
            };
        }
        let socket = (1.6 - oval(0.38, 0.08, 0.25, 0.17)).clamp(0.0, 1.0) * 0.25;
        let flush = (1.0 - oval(0.5, -0.25, 0.25, 0.2)).max(0.0) * 0.12;
        let cheeks = skin * (1.0 - socket) * Vec3::new(1.0, 1.0 - flush, 1.0 - flush);
        let jaw = -0.30 - 0.35 * (1.0 - p.x.abs()).max(0.0) * 0.6 + ragged;
        let moustache = oval(0.0, -0.44, 0.34, 0.07) < 1.0;
        if self.beard > 0.0 && (p.y < jaw - 0.05 || moustache) {
            return cheeks.lerp(self.hair, self.beard);
        }
        cheeks
    }
}
