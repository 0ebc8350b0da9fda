//! Pools.

use std::fmt;

use praxiscope_kernels::float::{self, PoolKind};
use praxiscope_kernels::{Geometry, Isa, KernelError};
use tract_core::internal::*;

use super::conv::window;
use crate::step::Reduction;
use crate::step::node::FrameShape;

/// A pool over time and the map. A window that meets nothing gives zero.
pub(in crate::step) struct Pool {
    kernel: float::Pool,
    geometry: Geometry,
    /// What a window gives that meets padding in space: `None` where padding needs no second look.
    corrected: Option<Vec<Correction>>,
    zero_padded_max: bool,
}

/// What is to be done with an output pixel behind the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Correction {
    /// Its window lies on the map.
    Nothing,
    /// Part of its window is padding that counts as zeros: it is no less than zero.
    AtLeastZero,
    /// All of its window is padding that does not count.
    Zero,
}

impl Pool {
    pub fn new(
        pool: &crate::step::Pool,
        [height, width, channels]: FrameShape,
        isa: Isa,
    ) -> TractResult<Pool> {
        let window = window(pool.time.kernel, &pool.space);
        let geometry = Geometry::per_channel([height, width], channels, window)?;
        let kind = match (pool.of, pool.zero_padded) {
            (Reduction::Max, _) => PoolKind::Max,
            (Reduction::Mean, true) => PoolKind::MeanOfTaps,
            (Reduction::Mean, false) => PoolKind::MeanOfPixels,
        };
        let zero_padded_max = kind == PoolKind::Max && pool.zero_padded;
        let corrections = (kind == PoolKind::Max).then(|| corrections(&geometry, zero_padded_max));
        Ok(Pool {
            kernel: float::Pool::new(&geometry, kind, isa)?,
            geometry,
            corrected: corrections.filter(|all| all.iter().any(|c| *c != Correction::Nothing)),
            zero_padded_max,
        })
    }

    pub fn run(&self, taps: &[Option<&[f32]>], output: &mut [f32]) -> Result<(), KernelError> {
        if taps.iter().all(Option::is_none) {
            output.fill(0.0);
            return Ok(());
        }
        self.kernel
            .run(taps, output, 0..self.geometry.output()[0])?;
        if self.zero_padded_max && taps.iter().any(Option::is_none) {
            output.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        if let Some(corrected) = &self.corrected {
            let pixels = output.chunks_exact_mut(self.geometry.out_channels());
            for (pixel, correction) in pixels.zip(corrected) {
                match correction {
                    Correction::Nothing => {}
                    Correction::AtLeastZero => pixel.iter_mut().for_each(|x| *x = x.max(0.0)),
                    Correction::Zero => pixel.fill(0.0),
                }
            }
        }
        Ok(())
    }
}

/// For each output pixel of a maximum.
fn corrections(geometry: &Geometry, zero_padded: bool) -> Vec<Correction> {
    let [height, width] = geometry.output();
    let [_, rows, columns] = geometry.window().kernel;
    let mut corrections = Vec::with_capacity(height * width);
    for y in 0..height {
        let inside = |tap: usize| geometry.source_row(y, tap).is_some();
        let there = (0..rows).filter(|tap| inside(*tap)).count();
        for x in 0..width {
            let inside = |tap: usize| geometry.source_column(x, tap).is_some();
            let seen = there * (0..columns).filter(|tap| inside(*tap)).count();
            corrections.push(match (zero_padded, seen) {
                (true, seen) if seen < rows * columns => Correction::AtLeastZero,
                (false, 0) => Correction::Zero,
                _ => Correction::Nothing,
            });
        }
    }
    corrections
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.geometry).finish()
    }
}
