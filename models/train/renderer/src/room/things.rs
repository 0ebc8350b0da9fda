//! What stands and hangs in rooms.

use glam::{Vec2, Vec3};

use super::Canvas;
use crate::dice::Dice;
use crate::noise::{noise, turbulence};

type Painter = fn(&mut Dice, &mut Canvas);

/// Paints one thing somewhere.
pub fn thing(dice: &mut Dice, canvas: &mut Canvas, held_back: bool) {
    let painter = if held_back {
        dice.pick(&[cabinets, curtain, board, clothes, window, blob] as &[Painter])
    } else {
        dice.pick(&[
            window, shelf, shelf, frame, door, lamp, plant, sofa, boxes, blob,
        ] as &[Painter])
    };
    painter(dice, canvas);
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
    let toward = Vec2::from_angle(dice.range(0.0, std::f32::consts::TAU));
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
