//! From solids to a picture in linear light: depth test per pixel, one shading per visible pixel,
//! several sub-frames that differ in time and by parts of a pixel (motion blur, smooth edges).

use glam::{Vec2, Vec3};

use crate::assembly::Assembly;
use crate::shade::Lighting;
use crate::solid::Target;

/// A picture of linear light.
#[derive(Clone)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row by row from the top.
    pub pixels: Vec<Vec3>,
}

impl Picture {
    /// A black picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            pixels: vec![Vec3::ZERO; width * height],
        }
    }

    /// The picture between pixels, the border going on outside; `x`, `y` in pixels.
    #[inline]
    pub fn sample(&self, x: f32, y: f32) -> Vec3 {
        let x = x.clamp(0.0, self.width as f32 - 1.001);
        let y = y.clamp(0.0, self.height as f32 - 1.001);
        let (column, row) = (x as usize, y as usize);
        let (right, below) = (x - column as f32, y - row as f32);
        let at = row * self.width + column;
        let high = self.pixels[at].lerp(self.pixels[at + 1], right);
        let next = at + self.width;
        high.lerp(self.pixels[next].lerp(self.pixels[next + 1], right), below)
    }
}

/// The buffers of one worker.
pub struct Raster {
    width: usize,
    height: usize,
    /// Focal length in pixels.
    focal: f32,
    depth: Vec<f32>,
    solid: Vec<u16>,
    targets: Vec<Target>,
}

/// A solid's mark on a pixel where there is none.
const NOTHING: u16 = u16::MAX;

impl Raster {
    /// Buffers for pictures of a size; `focal` is in picture heights.
    pub fn new(width: usize, height: usize, focal: f32) -> Self {
        Self {
            width,
            height,
            focal: focal * height as f32,
            depth: vec![0.0; width * height],
            solid: vec![NOTHING; width * height],
            targets: Vec::new(),
        }
    }

    /// Adds one sub-frame to `sum`, `weight` of all. `shift` moves the picture, in pixels;
    /// `background` has the same size and a margin around it.
    pub fn add(
        &mut self,
        assembly: &Assembly,
        lighting: &Lighting,
        (background, margin): (&Picture, f32),
        shift: Vec2,
        weight: f32,
        sum: &mut Picture,
    ) {
        self.depth.fill(f32::MAX);
        self.solid.fill(NOTHING);
        self.targets.clear();
        let centre = Vec2::new(self.width as f32, self.height as f32) * 0.5 + shift;
        for (index, solid) in assembly.solids.iter().enumerate() {
            self.targets.push(solid.target());
            if let Some(bounds) = solid.bounds() {
                self.mark(index, bounds, centre);
            }
        }
        for row in 0..self.height {
            for column in 0..self.width {
                let at = row * self.width + column;
                let solid = self.solid[at];
                let colour = if solid == NOTHING {
                    let (x, y) = (column as f32 - shift.x, row as f32 - shift.y);
                    background.sample(x + margin, y + margin)
                } else {
                    let ray = self.ray(column, row, centre);
                    let depth = self.depth[at];
                    let normal = self.targets[usize::from(solid)].normal(ray, depth);
                    let part = assembly.solids[usize::from(solid)].part;
                    let part = &assembly.parts[usize::from(part)];
                    lighting.shade(ray * depth, normal, part, &assembly.shadows)
                };
                sum.pixels[at] += colour * weight;
            }
        }
    }

    #[inline]
    fn ray(&self, column: usize, row: usize, centre: Vec2) -> Vec3 {
        let (x, y) = (column as f32 + 0.5 - centre.x, centre.y - row as f32 - 0.5);
        Vec3::new(x / self.focal, y / self.focal, 1.0)
    }

    fn mark(&mut self, index: usize, [left, bottom, right, top]: [f32; 4], centre: Vec2) {
        let columns = self.span(left, right, centre.x, self.width);
        let rows = self.span(-top, -bottom, centre.y, self.height);
        let target = &self.targets[index];
        for row in rows {
            for column in columns.clone() {
                let ray = self.ray(column, row, centre);
                let at = row * self.width + column;
                if let Some(depth) = target.depth(ray)
                    && depth < self.depth[at]
                    && depth > 0.0
                {
                    self.depth[at] = depth;
                    self.solid[at] = index as u16;
                }
            }
        }
    }

    /// The pixels whose centres lie between two places on the plane at distance 1.
    fn span(&self, low: f32, high: f32, centre: f32, count: usize) -> std::ops::Range<usize> {
        let first = (low * self.focal + centre - 0.5)
            .ceil()
            .clamp(0.0, count as f32);
        let last = (high * self.focal + centre + 0.5)
            .floor()
            .clamp(0.0, count as f32);
        first as usize..(last as usize).max(first as usize)
    }
}
