//! What is behind people: walls, windows, shelves, lamps, painted once for a recording.

mod things;

use glam::{Vec2, Vec3};

use crate::blur::blur;
use crate::dice::Dice;
use crate::noise::{noise, turbulence};
use crate::raster::Picture;
use things::thing;

/// A picture being painted; places are in picture heights, x from the middle, y down from the top.
struct Canvas {
    picture: Picture,
    unit: f32,
    origin: Vec2,
}

impl Canvas {
    fn place(&self, at: usize) -> Vec2 {
        let (column, row) = (at % self.picture.width, at / self.picture.width);
        (Vec2::new(column as f32 + 0.5, row as f32 + 0.5) - self.origin) / self.unit
    }

    /// Mixes `colour` in where `cover` (from a place inside the box) says so.
    fn paint(&mut self, low: Vec2, high: Vec2, colour: impl Fn(Vec2) -> (Vec3, f32)) {
        let first = (low * self.unit + self.origin).floor().max(Vec2::ZERO);
        let last = (high * self.unit + self.origin).ceil();
        let columns = first.x as usize..(last.x.max(0.0) as usize).min(self.picture.width);
        for row in first.y as usize..(last.y.max(0.0) as usize).min(self.picture.height) {
            for column in columns.clone() {
                let at = row * self.picture.width + column;
                let (paint, cover) = colour(self.place(at));
                self.picture.pixels[at] = self.picture.pixels[at].lerp(paint, cover);
            }
        }
    }

    /// A rectangle with sharp borders.
    fn rect(&mut self, low: Vec2, high: Vec2, colour: impl Fn(Vec2) -> Vec3) {
        let unit = self.unit;
        let edge = Vec2::splat(1.0 / unit);
        self.paint(low - edge, high + edge, |p| {
            let inside = (p - low).min(high - p) * unit + 0.5;
            (
                colour(p),
                inside.clamp(Vec2::ZERO, Vec2::ONE).element_product(),
            )
        });
    }

    /// An ellipse; `soft` is the width of its border as a share of its radius.
    fn oval(&mut self, centre: Vec2, radii: Vec2, soft: f32, colour: impl Fn(Vec2) -> Vec3) {
        let reach = radii * (1.0 + soft);
        self.paint(centre - reach, centre + reach, |p| {
            let far = ((p - centre) / radii).length();
            (
                colour(p),
                ((1.0 + soft - far) / (soft + 0.02)).clamp(0.0, 1.0),
            )
        });
    }
}

/// The room of a recording, with a margin on all sides, in linear light. `held_back` rooms share no
/// kind of wall and few kinds of things with the others.
pub fn room(
    dice: &mut Dice,
    width: usize,
    height: usize,
    margin: usize,
    held_back: bool,
) -> Picture {
    let picture = Picture::new(width + 2 * margin, height + 2 * margin);
    let origin = Vec2::new(picture.width as f32 / 2.0, margin as f32);
    let mut canvas = Canvas {
        picture,
        unit: height as f32,
        origin,
    };
    wall(dice, &mut canvas, held_back);
    let things = dice.below(9);
    for _ in 0..things {
        thing(dice, &mut canvas, held_back);
    }
    falloff(dice, &mut canvas);
    let softness = dice.scale(0.002, 0.03) * height as f32;
    blur(&mut canvas.picture, softness);
    canvas.picture
}

fn wall(dice: &mut Dice, canvas: &mut Canvas, held_back: bool) {
    let base = if dice.chance(0.5) {
        let (hue, saturation) = (dice.range(0.02, 0.18), dice.range(0.02, 0.35));
        let value = dice.range(0.35, 0.95);
        dice.colour(hue, saturation, value)
    } else {
        dice.any_colour()
    };
    let second = base * dice.range(0.5, 0.95);
    let kind = if held_back {
        4 + dice.below(3)
    } else {
        dice.below(4)
    };
    let size = dice.scale(0.03, 0.25);
    let rough = dice.range(0.0, 0.25);
    let seed = dice.jitter(50.0);
    let turn = Vec2::from_angle(dice.normal(0.0, 0.05));
    let everywhere = (Vec2::splat(-4.0), Vec2::splat(4.0));
    let odd = |x: f32| x.floor() as i32 & 1 == 1;
    canvas.paint(everywhere.0, everywhere.1, |p| {
        let q = turn.rotate(p) / size;
        let joint = |x: f32| (x - x.floor()) < 0.08;
        let mark = match kind {
            1 => odd(q.x),
            2 => joint(q.x) || noise(seed + Vec3::new(q.x.floor() * 9.1, q.y * 0.8, 0.0)) > 0.35,
            4 => joint(q.y * 1.6) || joint(q.x + if odd(q.y * 1.6) { 0.5 } else { 0.0 }),
            5 => odd(q.x) != odd(q.y),
            6 => joint(q.x) || joint(q.y),
            _ => false,
        };
        let colour = if mark { second } else { base };
        let grain = if kind == 3 { 3.0 } else { 1.0 } * rough;
        (
            colour * (1.0 + grain * turbulence(seed + p.extend(0.0) * 6.0, 3)).max(0.1),
            1.0,
        )
    });
    if dice.chance(0.4) {
        let (at, tilt, shade) = (
            dice.range(-0.7, 0.7),
            dice.normal(0.0, 0.05),
            dice.range(0.5, 1.4),
        );
        canvas.paint(everywhere.0, everywhere.1, |p| {
            let side = ((p.x - at - tilt * p.y) * 100.0).clamp(0.0, 1.0);
            (base * shade, side * 0.9)
        });
    }
    if dice.chance(0.3) {
        let (height, slope) = (dice.range(0.0, 0.25), dice.normal(0.0, 0.2));
        let ceiling = Vec3::splat(dice.range(0.4, 0.9));
        canvas.paint(everywhere.0, everywhere.1, |p| {
            (
                ceiling,
                ((height + slope * p.x - p.y) * 60.0).clamp(0.0, 1.0),
            )
        });
    }
}

/// A lamp's light falls unevenly on it all.
fn falloff(dice: &mut Dice, canvas: &mut Canvas) {
    let centre = Vec2::new(dice.range(-1.0, 1.0), dice.range(-0.5, 1.0));
    let (near, far) = (dice.range(0.7, 1.5), dice.range(0.2, 1.0));
    let level = dice.scale(0.3, 1.3);
    for at in 0..canvas.picture.pixels.len() {
        let distance = (canvas.place(at) - centre).length();
        let share = 1.0 / (1.0 + distance * distance * 1.5);
        canvas.picture.pixels[at] *= level * (far + (near - far) * share);
    }
}
