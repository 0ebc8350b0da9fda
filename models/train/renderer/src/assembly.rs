//! What there is to see in a moment: solids, their parts, and what casts shadows.

use glam::{Mat3, Quat, Vec3};

use crate::shade::{Part, Surface};
use crate::solid::Solid;

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

    /// Adds a part without a pattern or a shadow: how it is turned cannot be seen.
    pub fn plain(&mut self, look: Look, origin: Vec3) -> u16 {
        self.part(look, origin, Quat::IDENTITY, Vec3::ONE, false)
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
