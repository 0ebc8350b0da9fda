//! Places in a map: a table of origins as coordinates.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

/// A map's axes of more than one place, with the distance between neighbours along each.
#[derive(Clone, Debug)]
pub struct Grid {
    /// The axes, by their numbers.
    pub axes: TVec<usize>,
    /// Their extents.
    pub extents: TVec<usize>,
    strides: TVec<usize>,
}

impl Grid {
    pub fn of(shape: &[usize]) -> Grid {
        let mut grid = Grid {
            axes: tvec![],
            extents: tvec![],
            strides: tvec![],
        };
        for (axis, &extent) in shape.iter().enumerate() {
            if extent > 1 {
                grid.axes.push(axis);
                grid.extents.push(extent);
                grid.strides.push(shape[axis + 1..].iter().product());
            }
        }
        grid
    }

    pub fn rank(&self) -> usize {
        self.axes.len()
    }

    pub fn stride(&self, axis: usize) -> usize {
        self.strides[axis]
    }

    /// The coordinate of a place along an axis of this grid.
    pub fn coordinate(&self, place: usize, axis: usize) -> usize {
        place / self.strides[axis] % self.extents[axis]
    }

    /// The number of places.
    pub fn places(&self) -> usize {
        self.extents.iter().product()
    }
}

/// The moves from a map of shape `from` to one of shape `to` whose axes of more than one place are,
/// in their order, these of `from`. No reshape is among them.
pub fn rearrange(from: &[usize], to: &[usize], order: &[usize]) -> Vec<AxisOp> {
    let ones = |shape: &[usize]| -> Vec<usize> {
        let ones = shape.iter().enumerate().filter(|(_, extent)| **extent == 1);
        ones.map(|(axis, _)| axis).collect()
    };
    let (mut old, new) = (ones(from), ones(to));
    // The axes as they stand, by their numbers in `from`.
    let mut axes: Vec<usize> = (0..from.len()).collect();
    let mut moves = vec![];
    while old.len() > new.len() {
        let axis = old.remove(0);
        if let Some(at) = axes.iter().position(|other| *other == axis) {
            moves.push(AxisOp::Rm(at));
            axes.remove(at);
        }
    }
    let added = new.len() - old.len();
    let (fresh, kept) = new.split_at(added);
    let (mut many, mut one) = (order.iter(), old.iter());
    let mut wanted: Vec<usize> = vec![];
    for axis in 0..to.len() {
        if kept.contains(&axis) {
            wanted.extend(one.next());
        } else if !fresh.contains(&axis) {
            wanted.extend(many.next());
        }
    }
    for (place, axis) in wanted.into_iter().enumerate() {
        let at = axes.iter().position(|other| *other == axis);
        if let Some(at) = at.filter(|at| *at != place) {
            moves.push(AxisOp::Move(at, place));
            let axis = axes.remove(at);
            axes.insert(place, axis);
        }
    }
    moves.extend(fresh.iter().map(|axis| AxisOp::Add(*axis)));
    moves
}

/// The moves from a map of shape `from`, read as factors of extents `factors`, to one of shape `to`
/// in which they stand in the order `order`.
pub fn reshape(from: &[usize], to: &[usize], factors: &[usize], order: &[usize]) -> Vec<AxisOp> {
    let dims = |extents: &[usize]| -> TVec<TDim> { extents.iter().map(TDim::from).collect() };
    let mut moves = AxisOp::Reshape(0, dims(from), dims(factors))
        .simplify()
        .to_vec();
    let mut axes: Vec<usize> = (0..factors.len()).collect();
    for (place, factor) in order.iter().enumerate() {
        let at = axes.iter().position(|other| other == factor);
        if let Some(at) = at.filter(|at| *at != place) {
            moves.push(AxisOp::Move(at, place));
            let axis = axes.remove(at);
            axes.insert(place, axis);
        }
    }
    let ordered: Vec<usize> = order.iter().map(|factor| factors[*factor]).collect();
    moves.extend(AxisOp::Reshape(0, dims(&ordered), dims(to)).simplify());
    moves
}
