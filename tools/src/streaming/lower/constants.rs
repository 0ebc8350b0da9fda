//! Constants that meet maps.

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::math;

use super::{Lowered, refuse};
use crate::streaming::axes::{Atom, Axes, Extents};

/// Whether the sums of all rows so far become their means.
pub(super) fn counts(op: &TypedBinOp, number: &Tensor, axes: &Axes) -> bool {
    let time = axes.position(Atom::Time);
    let Some(counting) = time.and_then(|time| Counting::along(number, time)) else {
        return false;
    };
    match counting {
        Counting::Rows => op.0.is::<math::Div>(),
        Counting::Shares => op.0.is::<math::Mul>(),
    }
}

/// Numbers that go on with the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::streaming) enum Counting {
    /// 1, 2, 3, ...
    Rows,
    /// 1, 1/2, 1/3, ...
    Shares,
}

impl Counting {
    /// What the numbers along an axis do, if they are the same along all others.
    pub fn along(numbers: &Tensor, axis: usize) -> Option<Counting> {
        let mut line = numbers.clone();
        for other in (0..numbers.rank()).filter(|other| *other != axis) {
            let first = line.slice(other, 0, 1).ok()?;
            let is_same = first.broadcast_to_shape(line.shape()).ok()? == line;
            line = is_same.then_some(first)?;
        }
        Counting::of(&line).filter(|_| line.len() > 1)
    }

    fn of(numbers: &Tensor) -> Option<Counting> {
        let found = numbers.to_plain_array_view::<f32>().ok()?;
        let is = |counting: Counting| {
            let near = |(at, found): (usize, &f32)| (counting.at(at) - found).abs() < 1e-6;
            found.iter().enumerate().all(near)
        };
        [Counting::Rows, Counting::Shares]
            .into_iter()
            .find(|counting| is(*counting))
    }

    pub fn at(self, row: usize) -> f32 {
        match self {
            Counting::Rows => (row + 1) as f32,
            Counting::Shares => 1.0 / (row + 1) as f32,
        }
    }
}

/// The number that all places of a constant have.
pub(super) fn uniform(tensor: &Tensor) -> Option<f32> {
    let values = tensor.to_plain_array_view::<f32>().ok()?;
    let first = *values.first()?;
    let is_one = |value: &f32| value.to_bits() == first.to_bits();
    values.iter().all(is_one).then_some(first)
}

/// A constant of the clip graph as a frame `[H, W, C]`, of which an extent may be 1.
pub(super) fn constant_frame(tensor: &Tensor, axes: &Axes, extents: &Extents) -> Lowered<Tensor> {
    let mut tensor = tensor.clone();
    if tensor.rank() != axes.rank() {
        refuse!(
            "a constant of {} axes meets a map of {}",
            tensor.rank(),
            axes.rank()
        );
    }
    let mut shape: TVec<usize> = tvec![];
    let mut atoms: TVec<Atom> = tvec![];
    for (index, axis) in axes.0.iter().enumerate() {
        let dim = tensor.shape()[index];
        if dim == 1 {
            continue;
        }
        if extents.product(axis) != dim {
            refuse!(
                "a constant broadens the map from {} to {dim}",
                extents.product(axis)
            );
        }
        if axis.contains(&Atom::Time) && extents.rows > 1 {
            tensor = still(tensor, index)?;
            continue;
        }
        for atom in axis.iter().filter(|atom| extents.of(**atom) > 1) {
            atoms.push(*atom);
            shape.push(extents.of(*atom));
        }
    }
    arranged(
        tensor.into_shape(&shape)?,
        &atoms,
        &[Atom::Height, Atom::Width, Atom::Channels],
    )
}

/// A tensor whose axes stand for `atoms` with its axes in the order of `wanted`, those which it lacks
/// having one place.
pub(super) fn arranged<A: PartialEq>(
    mut tensor: Tensor,
    atoms: &[A],
    wanted: &[A],
) -> Lowered<Tensor> {
    let mut order = tvec![];
    for atom in wanted {
        let position = atoms.iter().position(|other| other == atom);
        order.push(position.unwrap_or(tensor.rank()));
        if position.is_none() {
            tensor.insert_axis(tensor.rank())?;
        }
    }
    Ok(tensor.permute_axes(&order)?)
}

/// A constant that is the same along the axis of time, without it.
fn still(tensor: Tensor, axis: usize) -> Lowered<Tensor> {
    let first = tensor.slice(axis, 0, 1)?;
    for row in 1..tensor.shape()[axis] {
        if tensor.slice(axis, row, row + 1)? != first {
            refuse!("its constant differs from frame to frame, and a stream has no first frame");
        }
    }
    Ok(first)
}
