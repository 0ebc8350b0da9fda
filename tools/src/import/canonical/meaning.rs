//! What a piece of data movement means, read off the origins of its numbers.
//!
//! The nodes that an exporter wrote are not looked at. Where every number of a value came from is
//! known exactly, and from that alone the value is recognised: the same map in another order, some
//! frames out of all, a temporal shift.

use std::borrow::Cow;

use praxiscope_runtime::ops::TemporalShift;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

use super::movement::Origins;
use super::picks::Picks;
use super::places::{Grid, rearrange, reshape};

/// One node of the canonical graph.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Axes are moved, added, removed, split or joined.
    Axes(Box<AxisOp>),
    /// Channels are lent along time.
    Shift(TemporalShift),
    /// A range of places along an axis.
    Slice {
        axis: usize,
        start: usize,
        end: usize,
    },
    /// Every `step`th place along an axis.
    Every { axis: usize, step: usize },
    /// The places with these numbers along an axis.
    At { axis: usize, numbers: Vec<usize> },
    /// Zeros before and behind each axis.
    Pad(Vec<(usize, usize)>),
    /// Numbers of a window become channels, or take the place of channels.
    Picks(Box<Picks>),
}

impl Step {
    pub fn axes(op: AxisOp) -> Step {
        Step::Axes(Box::new(op))
    }
}

/// What is made of a map by movement alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// These steps, one after another, do it.
    Steps(Vec<Step>),
    /// A shift along time in which the ends of the clip lend to each other.
    Circular,
    /// Something else.
    Unknown,
}

/// The meaning of a value of origins `origins` in a map of shape `map`.
///
/// # Errors
/// When the table of origins is none.
pub fn meaning(map: &[usize], origins: &Origins) -> TractResult<Meaning> {
    let mut table = Cow::Borrowed(origins.values()?);
    let (mut map, mut shape) = (map, origins.shape());
    let rank = shape.len();
    // Rows that are moved as a whole, the pixels of a picture, need not be looked at one by one.
    while let Some(rows) = rows(map, shape, &table) {
        table = Cow::Owned(rows);
        (map, shape) = (&map[..map.len() - 1], &shape[..shape.len() - 1]);
    }
    let peeled = rank - shape.len();
    let mut meaning = meaning_of(map, shape, &table)?;
    if let Meaning::Steps(steps) = &mut meaning {
        for step in steps {
            match step {
                Step::Pad(pads) => pads.resize(rank, (0, 0)),
                Step::Picks(picks) => picks.widen(picks.window.len() + peeled),
                _ => {}
            }
        }
    }
    Ok(meaning)
}

/// The origins of whole rows along the last axis, if the map's are moved as they are.
fn rows(map: &[usize], shape: &[usize], table: &[i32]) -> Option<Vec<i32>> {
    let (extent, other) = (*map.last()?, *shape.last()?);
    if map.len() < 2 || shape.len() < 2 || extent != other || extent == 0 {
        return None;
    }
    // Time and the channels stay: even where all of these move together, it is a shift.
    let is_left = |shape: &[usize]| Grid::of(&shape[..shape.len() - 1]).rank() >= 2;
    if extent > 1 && !(is_left(map) && is_left(shape)) {
        return None;
    }
    let mut rows = Vec::with_capacity(table.len() / extent);
    for row in table.chunks_exact(extent) {
        let first = row[0];
        let moves = match first {
            0 => row.iter().all(|origin| *origin == 0),
            _ => {
                ((first - 1) as usize).is_multiple_of(extent)
                    && (first..).zip(row).all(|(a, b)| a == *b)
            }
        };
        if first < 0 || !moves {
            return None;
        }
        rows.push(match first {
            0 => 0,
            _ => (first - 1) / extent as i32 + 1,
        });
    }
    Some(rows)
}

fn meaning_of(map: &[usize], shape: &[usize], table: &[i32]) -> TractResult<Meaning> {
    if table.iter().any(|origin| *origin < 0) || table.is_empty() {
        return Ok(Meaning::Unknown);
    }
    let view = View {
        map,
        grid: Grid::of(map),
        shape,
        value: Grid::of(shape),
        table,
    };
    let has_zeros = table.contains(&0);
    let gathered = || view.gathered().map(|step| vec![step]);
    let whole = || {
        gathered()
            .or_else(|| view.reordered())
            .or_else(|| view.selected())
    };
    if let Some(steps) = (!has_zeros).then(whole).flatten() {
        return Ok(Meaning::Steps(steps));
    }
    if let Some(shifted) = view.shifted() {
        return Ok(shifted);
    }
    let Some(inner) = view.unpadded().filter(|_| has_zeros) else {
        return Ok(Meaning::Unknown);
    };
    Ok(match meaning_of(map, &inner.extents, &inner.table)? {
        Meaning::Steps(mut steps) => {
            steps.push(Step::Pad(inner.pads));
            Meaning::Steps(steps)
        }
        other => other,
    })
}

/// A value of so many places, and for each of them its origin in the map.
pub(super) struct View<'a> {
    pub map: &'a [usize],
    pub grid: Grid,
    pub shape: &'a [usize],
    pub value: Grid,
    pub table: &'a [i32],
}

/// A value without the zeros around it.
struct Unpadded {
    extents: Vec<usize>,
    table: Vec<i32>,
    /// How many zeros are before and behind it along each axis.
    pads: Vec<(usize, usize)>,
}

/// A part of an axis of the value that walks through the map with one stride.
#[derive(Clone, Copy, Debug)]
struct Digit {
    extent: usize,
    stride: usize,
}

impl View<'_> {
    /// The place in the map of a number of the value that is none of the zeros.
    pub fn origin(&self, at: usize) -> usize {
        (self.table[at] - 1) as usize
    }

    /// All of the map in another order: every axis of the value is made of digits, each of which
    /// walks along the map with its own stride, and together they visit each place once.
    fn reordered(&self) -> Option<Vec<Step>> {
        if self.table.len() != self.grid.places() || self.origin(0) != 0 {
            return None;
        }
        let mut digits = vec![];
        for axis in 0..self.value.rank() {
            digits.extend(self.digits(axis)?);
        }
        let places = |at: usize| {
            let (mut rest, mut place) = (at, 0);
            for digit in digits.iter().rev() {
                place += rest % digit.extent * digit.stride;
                rest /= digit.extent;
            }
            place
        };
        if (0..self.table.len()).any(|at| self.origin(at) != places(at)) {
            return None;
        }
        let mut sorted: Vec<usize> = (0..digits.len()).collect();
        sorted.sort_by_key(|digit| std::cmp::Reverse(digits[*digit].stride));
        let tiles = sorted.iter().rev().try_fold(1, |behind, digit| {
            (digits[*digit].stride == behind).then(|| behind * digits[*digit].extent)
        });
        if tiles != Some(self.grid.places()) {
            return None;
        }
        let factors: Vec<usize> = sorted.iter().map(|digit| digits[*digit].extent).collect();
        let order: Vec<usize> = (0..digits.len())
            .filter_map(|digit| sorted.iter().position(|other| *other == digit))
            .collect();
        let whole_axes = factors == *self.grid.extents && digits.len() == self.value.rank();
        let moves = if whole_axes {
            let axes: Vec<usize> = order.iter().map(|at| self.grid.axes[*at]).collect();
            rearrange(self.map, self.shape, &axes)
        } else {
            reshape(self.map, self.shape, &factors, &order)
        };
        Some(moves.into_iter().map(Step::axes).collect())
    }

    /// The digits of one axis of the value, the slowest first.
    fn digits(&self, axis: usize) -> Option<Vec<Digit>> {
        let (extent, step) = (self.value.extents[axis], self.value.stride(axis));
        let mut digits = vec![];
        let mut block = 1;
        while block < extent {
            let stride = self.origin(block * step).checked_sub(self.origin(0))?;
            let count = (1..extent / block)
                .find(|n| self.origin(n * block * step) != self.origin(0) + n * stride)
                .unwrap_or(extent / block);
            if !(extent / block).is_multiple_of(count) || stride == 0 {
                return None;
            }
            digits.insert(
                0,
                Digit {
                    extent: count,
                    stride,
                },
            );
            block *= count;
        }
        Some(digits)
    }

    /// Some places of each axis out of all, in another order of the axes.
    fn selected(&self) -> Option<Vec<Step>> {
        // For each axis of the map its numbers in the value, and the axis of the value.
        let mut numbers: Vec<Vec<usize>> = vec![];
        let mut from: Vec<Option<usize>> = vec![None; self.grid.rank()];
        for axis in 0..self.grid.rank() {
            numbers.push(vec![self.grid.coordinate(self.origin(0), axis)]);
        }
        for axis in 0..self.value.rank() {
            let (extent, step) = (self.value.extents[axis], self.value.stride(axis));
            let along = |n: usize, of: usize| self.grid.coordinate(self.origin(n * step), of);
            let changes = |of: &usize| (1..extent).any(|n| along(n, *of) != along(0, *of));
            let mut changing = (0..self.grid.rank()).filter(changes);
            let (Some(of), None) = (changing.next(), changing.next()) else {
                return None;
            };
            if from[of].replace(axis).is_some() {
                return None;
            }
            numbers[of] = (0..extent).map(|n| along(n, of)).collect();
        }
        let expected = |at: usize| {
            let place = |of: usize| {
                let number = from[of].map_or(0, |axis| self.value.coordinate(at, axis));
                numbers[of][number] * self.grid.stride(of)
            };
            (0..self.grid.rank()).map(place).sum::<usize>()
        };
        if (0..self.table.len()).any(|at| self.origin(at) != expected(at)) {
            return None;
        }
        let mut steps = vec![];
        let mut left = self.map.to_vec();
        for (of, numbers) in numbers.iter().enumerate() {
            let axis = self.grid.axes[of];
            steps.extend(select(axis, left[axis], numbers));
            left[axis] = numbers.len();
        }
        let mut order = vec![];
        for axis in 0..self.value.rank() {
            let of = from.iter().position(|from| *from == Some(axis))?;
            order.push(self.grid.axes[of]);
        }
        steps.extend(
            rearrange(&left, self.shape, &order)
                .into_iter()
                .map(Step::axes),
        );
        Some(steps)
    }

    /// The value without the zeros around it, if there are none inside.
    fn unpadded(&self) -> Option<Unpadded> {
        let coordinate = |at: usize, axis: usize| {
            let behind: usize = self.shape[axis + 1..].iter().product();
            at / behind % self.shape[axis]
        };
        let numbers: Vec<usize> = (0..self.table.len())
            .filter(|at| self.table[*at] != 0)
            .collect();
        let mut pads = vec![];
        let mut extents = vec![];
        for axis in 0..self.shape.len() {
            let first = numbers.iter().map(|at| coordinate(*at, axis)).min()?;
            let last = numbers.iter().map(|at| coordinate(*at, axis)).max()?;
            pads.push((first, self.shape[axis] - 1 - last));
            extents.push(last + 1 - first);
        }
        if extents.iter().product::<usize>() != numbers.len() {
            return None;
        }
        let table = numbers.iter().map(|at| self.table[*at]).collect();
        Some(Unpadded {
            extents,
            table,
            pads,
        })
    }
}

/// Takes places out of an axis of so many.
fn select(axis: usize, extent: usize, numbers: &[usize]) -> Vec<Step> {
    let first = numbers[0];
    let step = numbers
        .get(1)
        .map_or(1, |second| second.wrapping_sub(first));
    let even = numbers
        .iter()
        .enumerate()
        .all(|(at, number)| *number == first.wrapping_add(at.wrapping_mul(step)));
    // Frames that only happen to be even are not every so many of a longer clip.
    if !even || step == 0 || !extent.is_multiple_of(step) {
        let numbers = numbers.to_vec();
        return vec![Step::At { axis, numbers }];
    }
    // As far as the last step would reach, so that what is left has as many steps as are wanted.
    let end = (first + numbers.len() * step).min(extent);
    let mut steps = vec![];
    if (first, end) != (0, extent) {
        let start = first;
        steps.push(Step::Slice { axis, start, end });
    }
    if step > 1 {
        steps.push(Step::Every { axis, step });
    }
    steps
}
