//! Smooth noise in three dimensions, from one small table.

use std::sync::LazyLock;

use glam::Vec3;

use crate::dice::Dice;

const SIDE: usize = 32;

static TABLE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let mut dice = Dice::new(0x6e6f_6973, 0);
    (0..SIDE * SIDE * SIDE)
        .map(|_| dice.range(-1.0, 1.0))
        .collect()
});

/// From -1 to 1; changes within about one unit of length.
pub fn noise(place: Vec3) -> f32 {
    let table = &TABLE;
    let floor = place.floor();
    let part = place - floor;
    let part = part * part * (Vec3::splat(3.0) - 2.0 * part);
    let cell = floor.as_ivec3();
    let wrap = |i: i32| (i & (SIDE as i32 - 1)) as usize;
    let (x0, x1) = (wrap(cell.x), wrap(cell.x + 1));
    let row = |y: i32, z: i32| {
        let start = (wrap(cell.z + z) * SIDE + wrap(cell.y + y)) * SIDE;
        table[start + x0] + (table[start + x1] - table[start + x0]) * part.x
    };
    let low = row(0, 0) + (row(1, 0) - row(0, 0)) * part.y;
    let high = row(0, 1) + (row(1, 1) - row(0, 1)) * part.y;
    low + (high - low) * part.z
}

/// Some octaves of it.
pub fn turbulence(place: Vec3, octaves: usize) -> f32 {
    let (mut sum, mut share, mut scale) = (0.0, 0.6, 1.0);
    for _ in 0..octaves {
        sum += share * noise(place * scale + Vec3::splat(scale * 7.3));
        share *= 0.55;
        scale *= 2.1;
    }
    sum
}
