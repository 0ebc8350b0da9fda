//! The one solid that everything is made of: two balls and the cone around both, in a space that may
//! be squeezed. Capsules, balls, ellipsoids and flat palms are special cases.

use glam::{Mat3, Quat, Vec3};

/// A squeezed space: a point of the camera's space is `inverse * (point - origin)` in it.
#[derive(Clone, Copy)]
struct Squeeze {
    origin: Vec3,
    inverse: Mat3,
}

/// Two balls and the cone that touches both, in metres before the camera at the origin.
#[derive(Clone, Copy)]
pub struct Solid {
    a: Vec3,
    b: Vec3,
    radius_a: f32,
    radius_b: f32,
    squeeze: Option<Squeeze>,
    /// Index of the part that gives colour and texture.
    pub part: u16,
}

/// What all rays from the camera share for one solid.
pub struct Target {
    a: Vec3,
    ba: Vec3,
    radius_a: f32,
    radius_b: f32,
    m0: f32,
    m1: f32,
    m5: f32,
    m7: f32,
    rr: f32,
    d2: f32,
    inverse: Option<Mat3>,
}

impl Solid {
    /// The cone around two balls.
    pub fn cone(part: u16, a: Vec3, b: Vec3, radius_a: f32, radius_b: f32) -> Self {
        Self {
            a,
            b,
            radius_a,
            radius_b,
            squeeze: None,
            part,
        }
    }

    /// A ball of three radii, turned.
    pub fn ellipsoid(part: u16, centre: Vec3, turn: Quat, radii: Vec3) -> Self {
        Self::flat(part, centre, turn, radii, Vec3::ZERO, Vec3::ZERO, 1.0, 1.0)
    }

    /// A cone in a space with the given place, turn and scale per axis.
    #[expect(
        clippy::too_many_arguments,
        reason = "a cone and the space it stands in"
    )]
    pub fn flat(
        part: u16,
        origin: Vec3,
        turn: Quat,
        scale: Vec3,
        a: Vec3,
        b: Vec3,
        radius_a: f32,
        radius_b: f32,
    ) -> Self {
        let inverse = Mat3::from_diagonal(scale.recip()) * Mat3::from_quat(turn.inverse());
        Self {
            a,
            b,
            radius_a,
            radius_b,
            squeeze: Some(Squeeze { origin, inverse }),
            part,
        }
    }

    /// The two balls as the camera's space knows them: centre and a radius that surely holds them.
    fn balls(&self) -> [(Vec3, f32); 2] {
        let Some(squeeze) = &self.squeeze else {
            return [(self.a, self.radius_a), (self.b, self.radius_b)];
        };
        let forward = squeeze.inverse.inverse();
        let longest = forward.x_axis.length().max(forward.y_axis.length());
        let longest = longest.max(forward.z_axis.length());
        [(self.a, self.radius_a), (self.b, self.radius_b)]
            .map(|(centre, radius)| (squeeze.origin + forward * centre, radius * longest))
    }

    /// The smallest rectangle on the plane at distance 1 that surely holds the solid: left, bottom,
    /// right, top; `None` when it is not wholly in front of the camera.
    pub fn bounds(&self) -> Option<[f32; 4]> {
        let mut bounds = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for (centre, radius) in self.balls() {
            if centre.z - radius < 0.02 {
                return None;
            }
            for (axis, across) in [centre.x, centre.y].into_iter().enumerate() {
                // The two tangents of a circle seen from the origin.
                let (z, r2) = (centre.z, radius * radius);
                let root = (across * across + z * z - r2).sqrt() * radius;
                let below = z * z - r2;
                bounds[axis] = bounds[axis].min((across * z - root) / below);
                bounds[axis + 2] = bounds[axis + 2].max((across * z + root) / below);
            }
        }
        Some(bounds)
    }

    /// What all rays share.
    pub fn target(&self) -> Target {
        let eye = self.squeeze.map_or(Vec3::ZERO, |s| s.inverse * -s.origin);
        let (oa, ob) = (eye - self.a, eye - self.b);
        let ba = self.b - self.a;
        let rr = self.radius_a - self.radius_b;
        let m0 = ba.length_squared();
        Target {
            a: oa,
            ba,
            radius_a: self.radius_a,
            radius_b: self.radius_b,
            m0,
            m1: ba.dot(oa),
            m5: oa.length_squared(),
            m7: ob.length_squared(),
            rr,
            d2: m0 - rr * rr,
            inverse: self.squeeze.map(|s| s.inverse),
        }
    }
}

impl Target {
    /// Where the ray along `(x, y, 1)` enters the solid: the depth `z`. (Quilez, "Round cone:
    /// intersection", for rays of any length.)
    #[inline]
    pub fn depth(&self, ray: Vec3) -> Option<f32> {
        let ray = self.inverse.map_or(ray, |inverse| inverse * ray);
        let dd = ray.length_squared();
        let m3 = ray.dot(self.a);
        if self.d2 <= 1e-9 {
            let radius = self.radius_a.max(self.radius_b);
            let h = m3 * m3 - dd * (self.m5 - radius * radius);
            return (h >= 0.0).then(|| (-m3 - h.sqrt()) / dd);
        }
        let m2 = ray.dot(self.ba);
        let k2 = self.d2 * dd - m2 * m2;
        let k1 = self.d2 * m3 - self.m1 * m2 + m2 * self.rr * self.radius_a;
        let k0 = self.d2 * self.m5 - self.m1 * self.m1 + 2.0 * self.m1 * self.rr * self.radius_a
            - self.m0 * self.radius_a * self.radius_a;
        let h = k1 * k1 - k0 * k2;
        if h < 0.0 {
            return None;
        }
        let t = (-h.sqrt() - k1) / k2;
        let y = self.m1 - self.radius_a * self.rr + t * m2;
        if y > 0.0 && y < self.d2 {
            return Some(t);
        }
        let m6 = m3 - m2;
        let h1 = m3 * m3 - dd * (self.m5 - self.radius_a * self.radius_a);
        let h2 = m6 * m6 - dd * (self.m7 - self.radius_b * self.radius_b);
        let first = if h1 >= 0.0 {
            (-m3 - h1.sqrt()) / dd
        } else {
            f32::MAX
        };
        let second = if h2 >= 0.0 {
            (-m6 - h2.sqrt()) / dd
        } else {
            f32::MAX
        };
        let t = first.min(second);
        (t < f32::MAX).then_some(t)
    }

    /// The outward direction, of length 1, where the ray enters at depth `t`.
    #[inline]
    pub fn normal(&self, ray: Vec3, t: f32) -> Vec3 {
        let local = self.inverse.map_or(ray, |inverse| inverse * ray);
        let from_a = self.a + local * t;
        let y = self.m1 - self.radius_a * self.rr + t * local.dot(self.ba);
        let normal = if self.d2 <= 1e-9 || y <= 0.0 {
            from_a
        } else if y >= self.d2 {
            from_a - self.ba
        } else {
            from_a * self.d2 - self.ba * y
        };
        let normal = self
            .inverse
            .map_or(normal, |inverse| inverse.transpose() * normal);
        normal.normalize_or(Vec3::NEG_Z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ray_meets_a_ball_a_capsule_and_an_ellipsoid_where_geometry_says() {
        let far = Vec3::new(0.0, 0.0, 2.0);
        let ball = Solid::cone(0, far, far, 0.5, 0.5).target();
        assert!((ball.depth(Vec3::Z).unwrap() - 1.5).abs() < 1e-5);
        assert!(ball.depth(Vec3::new(0.5, 0.0, 1.0)).is_none());
        let right = far + Vec3::X;
        let capsule = Solid::cone(0, far, right, 0.5, 0.5).target();
        let ray = Vec3::new(0.25, 0.0, 1.0);
        let depth = capsule.depth(ray).unwrap();
        assert!((depth - 1.5).abs() < 1e-5);
        assert!((capsule.normal(ray, depth) - Vec3::NEG_Z).length() < 1e-4);
        let flat = Solid::ellipsoid(0, far, Quat::IDENTITY, Vec3::new(1.0, 1.0, 0.1)).target();
        assert!((flat.depth(Vec3::Z).unwrap() - 1.9).abs() < 1e-5);
    }

    #[test]
    fn every_hit_lies_inside_the_bounds() {
        let turn = Quat::from_rotation_z(0.7);
        let solids = [
            Solid::cone(
                0,
                Vec3::new(0.1, 0.2, 1.0),
                Vec3::new(-0.2, 0.0, 0.7),
                0.1,
                0.05,
            ),
            Solid::ellipsoid(
                0,
                Vec3::new(0.1, -0.1, 0.8),
                turn,
                Vec3::new(0.2, 0.05, 0.1),
            ),
        ];
        for solid in solids {
            let [left, bottom, right, top] = solid.bounds().unwrap();
            let target = solid.target();
            let mut hits = 0;
            for step in 0..40_000 {
                let x = (step % 200) as f32 / 100.0 - 1.0;
                let y = (step / 200) as f32 / 100.0 - 1.0;
                if target.depth(Vec3::new(x, y, 1.0)).is_some() {
                    hits += 1;
                    assert!(
                        x >= left && x <= right && y >= bottom && y <= top,
                        "{x} {y}"
                    );
                }
            }
            assert!(hits > 100);
        }
    }
}
