//! Head, face, hair and what sits on them.

use glam::{Quat, Vec3};

use super::{Hair, Moment, Person};
use crate::assembly::{Assembly, Look};
use crate::shade::{Face, Pattern, Surface};
use crate::solid::Solid;

impl Person {
    pub(super) fn head(&self, moment: &Moment, base: Vec3, trunk: Quat, out: &mut Assembly) {
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
        // Thick hair stands out above and behind, not before the face.
        let back = 0.22 + more / self.head.z;
        let cap_at = at(0.0, rise + 0.7 * more / self.head.y, back);
        out.solids.push(Solid::ellipsoid(part, cap_at, turn, cap));
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
}
