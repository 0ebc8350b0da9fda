//! What is behind people: walls, windows, shelves, lamps, painted once for a recording.

use glam::{Vec2, Vec3};

use crate::dice::Dice;
use crate::noise::{noise, turbulence};
use crate::raster::Picture;

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
        let painter = if held_back {
            dice.pick(&[cabinets, curtain, board, clothes, window, blob] as &[Painter])
        } else {
            dice.pick(&[
                window, shelf, shelf, frame, door, lamp, plant, sofa, boxes, blob,
            ] as &[Painter])
        };
        painter(dice, &mut canvas);
    }
    falloff(dice, &mut canvas);
    let softness = dice.scale(0.002, 0.03) * height as f32;
    blur(&mut canvas.picture, softness);
    canvas.picture
}

type Painter = fn(&mut Dice, &mut Canvas);

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

fn spot(dice: &mut Dice) -> Vec2 {
    Vec2::new(dice.range(-0.8, 0.8), dice.range(-0.1, 0.8))
}

fn window(dice: &mut Dice, canvas: &mut Canvas) {
    let size = Vec2::new(dice.range(0.2, 0.7), dice.range(0.3, 0.9));
    let low = spot(dice) - Vec2::new(size.x / 2.0, 0.3);
    let light = dice.scale(0.3, 4.0);
    let sky = Vec3::new(0.75, 0.88, 1.0) * light;
    let green = Vec3::new(0.2, 0.3, 0.12) * light;
    let horizon = dice.range(0.2, 1.3);
    let frame = Vec3::splat(dice.range(0.05, 0.9));
    let seed = dice.jitter(50.0);
    let slats = dice.chance(0.3).then(|| dice.scale(20.0, 70.0));
    let panes = dice.range(0.15, 0.4);
    canvas.rect(low - 0.02, low + size + 0.02, |_| frame);
    canvas.rect(low, low + size, |p| {
        let q = p - low;
        let hills = horizon + 0.15 * turbulence(seed + p.extend(0.0) * 5.0, 3);
        let view = if q.y > hills * size.y {
            green * (1.0 + turbulence(seed + p.extend(1.0) * 14.0, 3))
        } else {
            sky
        };
        let bar = (q.x / panes).fract() < 0.06;
        let slat = slats.is_some_and(|rate| (q.y * rate).fract() < 0.55);
        if slat {
            view * 0.3 + frame * 0.3
        } else if bar {
            frame
        } else {
            view
        }
    });
}

fn shelf(dice: &mut Dice, canvas: &mut Canvas) {
    let size = Vec2::new(dice.range(0.3, 0.9), dice.range(0.3, 0.9));
    let low = spot(dice) - size / 2.0;
    let (hue, saturation, value) = (
        dice.range(0.03, 0.1),
        dice.range(0.1, 0.7),
        dice.range(0.1, 0.9),
    );
    let wood = dice.colour(hue, saturation, value);
    canvas.rect(low, low + size, |_| wood * 0.5);
    let rows = 2 + dice.below(4);
    let tall = size.y / rows as f32;
    for row in 0..rows {
        let top = low.y + row as f32 * tall;
        let mut x = low.x + 0.01;
        while x < low.x + size.x - 0.01 {
            let wide = dice.scale(0.01, 0.05);
            let height = tall * dice.range(0.45, 0.9);
            let colour = dice.any_colour();
            if dice.chance(0.85) {
                let from = Vec2::new(x, top + tall - height);
                let to = Vec2::new((x + wide).min(low.x + size.x), top + tall);
                canvas.rect(from, to, |_| colour);
            }
            x += wide;
        }
        let board = Vec2::new(low.x, top + tall - 0.008);
        canvas.rect(board, board + Vec2::new(size.x, 0.016), |_| wood);
    }
}

fn frame(dice: &mut Dice, canvas: &mut Canvas) {
    let size = Vec2::new(dice.range(0.1, 0.4), dice.range(0.1, 0.4));
    let low = spot(dice) - size / 2.0;
    let (edge, one, two) = (dice.any_colour(), dice.any_colour(), dice.any_colour());
    let (seed, scale, border) = (
        dice.jitter(50.0),
        dice.scale(3.0, 20.0),
        dice.range(0.0, 0.03),
    );
    canvas.rect(low - border, low + size + border, |_| edge);
    canvas.rect(low, low + size, |p| {
        one.lerp(
            two,
            (0.5 + turbulence(seed + p.extend(0.0) * scale, 3)).clamp(0.0, 1.0),
        )
    });
}

fn door(dice: &mut Dice, canvas: &mut Canvas) {
    let size = Vec2::new(dice.range(0.25, 0.6), 1.6);
    let low = Vec2::new(dice.range(-0.9, 0.5), dice.range(-0.2, 0.3));
    let colour = dice.any_colour();
    let inset = dice.range(0.03, 0.08);
    canvas.rect(low - 0.03, low + size + 0.03, |_| colour * 0.7);
    canvas.rect(low, low + size, |_| colour);
    let shade = dice.range(0.7, 1.2);
    for panel in 0..2 {
        let top = low + Vec2::new(inset, inset + 0.5 * panel as f32);
        canvas.rect(top, top + Vec2::new(size.x - 2.0 * inset, 0.42), |_| {
            colour * shade
        });
    }
}

fn lamp(dice: &mut Dice, canvas: &mut Canvas) {
    let centre = Vec2::new(dice.range(-0.7, 0.7), dice.range(0.0, 0.5));
    let warm = dice.colour_warm();
    let size = dice.scale(0.02, 0.12);
    let strength = dice.scale(0.3, 2.5);
    let stem = Vec2::new(0.008, 0.8);
    canvas.rect(centre - Vec2::new(stem.x, 0.0), centre + stem, |_| {
        Vec3::splat(0.05)
    });
    let glow = size * dice.range(3.0, 7.0);
    let reach = Vec2::splat(glow);
    canvas.paint(centre - reach, centre + reach, |p| {
        let near = (1.0 - (p - centre).length() / glow).max(0.0);
        (warm * strength, 0.5 * near * near)
    });
    let flat = dice.range(0.6, 1.4);
    canvas.oval(centre, Vec2::new(size, size * flat), 0.1, |_| {
        warm * strength * 2.0
    });
}

fn plant(dice: &mut Dice, canvas: &mut Canvas) {
    let centre = Vec2::new(dice.range(-0.8, 0.8), dice.range(0.3, 0.9));
    let size = dice.range(0.06, 0.22);
    for _ in 0..12 + dice.below(30) {
        let (hue, value) = (dice.range(0.2, 0.38), dice.range(0.1, 0.55));
        let colour = dice.colour(hue, 0.6, value);
        let place = centre + Vec2::new(dice.normal(0.0, size), dice.normal(0.0, size));
        let leaf = Vec2::new(dice.range(0.008, 0.04), dice.range(0.008, 0.04));
        canvas.oval(place, leaf, 0.1, |_| colour);
    }
}

fn sofa(dice: &mut Dice, canvas: &mut Canvas) {
    let (colour, cushion) = (dice.any_colour(), dice.any_colour());
    let top = dice.range(0.45, 0.85);
    let low = Vec2::new(dice.range(-1.1, -0.2), top);
    let size = Vec2::new(dice.range(0.7, 2.0), 1.0);
    let seed = dice.jitter(50.0);
    canvas.rect(low, low + size, |p| {
        let soft = (1.0 - (p.y - low.y) * 1.2).max(0.3);
        colour * soft * (1.0 + 0.2 * turbulence(seed + p.extend(0.0) * 8.0, 2))
    });
    let middle = low + Vec2::new(size.x * dice.unit(), 0.1);
    canvas.oval(middle, Vec2::new(0.12, 0.1), 0.15, |_| cushion);
}

fn boxes(dice: &mut Dice, canvas: &mut Canvas) {
    let corner = spot(dice);
    for _ in 0..1 + dice.below(6) {
        let size = Vec2::new(dice.scale(0.02, 0.3), dice.scale(0.02, 0.3));
        let low = corner + Vec2::new(dice.normal(0.0, 0.15), dice.normal(0.0, 0.15));
        let colour = dice.any_colour();
        canvas.rect(low, low + size, |p| {
            colour * (1.0 - 0.4 * (p.y - low.y) / size.y)
        });
    }
}

/// Any rounded thing, skin-coloured now and then.
fn blob(dice: &mut Dice, canvas: &mut Canvas) {
    let skin = dice.colour(0.05, 0.5, 0.8) * dice.range(0.3, 1.0);
    let colour = if dice.chance(0.3) {
        skin
    } else {
        dice.any_colour()
    };
    let radii = Vec2::new(dice.scale(0.02, 0.25), dice.scale(0.02, 0.25));
    let (centre, soft) = (spot(dice), dice.range(0.02, 0.4));
    let toward = Vec2::from_angle(dice.range(0.0, 6.28));
    canvas.oval(centre, radii, soft, |p| {
        colour * (1.0 + 0.6 * ((p - centre) / radii).dot(toward)).max(0.1)
    });
}

fn cabinets(dice: &mut Dice, canvas: &mut Canvas) {
    let colour = dice.any_colour();
    let (wide, tall, low) = (
        dice.range(0.15, 0.35),
        dice.range(0.2, 0.5),
        dice.range(-0.2, 0.4),
    );
    let count = 2 + dice.below(5);
    let left = dice.range(-1.0, 0.0);
    for index in 0..count {
        let corner = Vec2::new(left + index as f32 * wide, low);
        let high = corner + Vec2::new(wide - 0.01, tall);
        canvas.rect(corner, high, |p| colour * (1.0 - 0.15 * (p.y - low) / tall));
        let grip = Vec2::new(high.x - 0.04, low + tall * 0.7);
        canvas.rect(grip, grip + Vec2::new(0.008, 0.06), |_| Vec3::splat(0.3));
    }
}

fn curtain(dice: &mut Dice, canvas: &mut Canvas) {
    let colour = dice.any_colour();
    let low = Vec2::new(dice.range(-1.0, 0.5), -0.3);
    let (wide, rate) = (dice.range(0.25, 1.2), dice.scale(15.0, 60.0));
    let seed = dice.jitter(50.0);
    canvas.rect(low, low + Vec2::new(wide, 2.0), |p| {
        let fold = libm::sinf(p.x * rate + 2.0 * noise(seed + p.extend(0.0) * 2.0));
        colour * (0.7 + 0.35 * fold)
    });
}

fn board(dice: &mut Dice, canvas: &mut Canvas) {
    let size = Vec2::new(dice.range(0.4, 1.0), dice.range(0.25, 0.6));
    let low = spot(dice) - size / 2.0;
    let (ground, ink) = (Vec3::splat(dice.pick(&[0.8, 0.03])), dice.any_colour());
    let seed = dice.jitter(50.0);
    canvas.rect(low - 0.015, low + size + 0.015, |_| Vec3::splat(0.25));
    canvas.rect(low, low + size, |p| {
        let line = (p.y * 22.0).fract() < 0.25
            && noise(seed + Vec3::new(p.x * 40.0, p.y * 3.0, 0.0)) > 0.0;
        if line { ink } else { ground }
    });
}

fn clothes(dice: &mut Dice, canvas: &mut Canvas) {
    let mut x = dice.range(-0.9, 0.3);
    let top = dice.range(0.0, 0.4);
    for _ in 0..3 + dice.below(6) {
        let wide = dice.range(0.05, 0.14);
        let colour = dice.any_colour();
        let low = Vec2::new(x, top);
        canvas.rect(low, low + Vec2::new(wide, dice.range(0.3, 0.7)), |p| {
            colour * (0.6 + 0.4 * libm::sinf((p.x - x) / wide * 3.1))
        });
        x += wide;
    }
}

impl Dice {
    fn colour_warm(&mut self) -> Vec3 {
        let (hue, saturation) = (self.range(0.06, 0.15), self.range(0.1, 0.6));
        self.colour(hue, saturation, 1.0)
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

/// A box blur of two passes, with a radius in pixels that need not be whole.
pub fn blur(picture: &mut Picture, radius: f32) {
    if radius < 0.15 {
        return;
    }
    let mut line = Vec::new();
    for _ in 0..2 {
        for row in 0..picture.height {
            smooth(
                &mut picture.pixels,
                row * picture.width,
                1,
                picture.width,
                radius,
                &mut line,
            );
        }
        for column in 0..picture.width {
            smooth(
                &mut picture.pixels,
                column,
                picture.width,
                picture.height,
                radius,
                &mut line,
            );
        }
    }
}

fn smooth(
    pixels: &mut [Vec3],
    start: usize,
    stride: usize,
    count: usize,
    radius: f32,
    line: &mut Vec<Vec3>,
) {
    line.clear();
    line.extend((0..count).map(|i| pixels[start + i * stride]));
    let whole = radius as usize;
    let part = radius - whole as f32;
    let weight = 1.0 / (1.0 + 2.0 * radius);
    let at = |i: isize| line[i.clamp(0, count as isize - 1) as usize];
    let mut sum: Vec3 = (-(whole as isize)..=whole as isize).map(at).sum();
    for i in 0..count as isize {
        let (before, after) = (i - whole as isize, i + whole as isize);
        let ends = at(before - 1) + at(after + 1);
        pixels[start + i as usize * stride] = (sum + ends * part) * weight;
        sum += at(after + 1) - at(before);
    }
}
