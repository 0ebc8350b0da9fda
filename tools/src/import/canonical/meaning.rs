//! What a piece of data movement means, read off the origins of its numbers.
//!
//! The nodes that an exporter wrote are not looked at. Where every number of a value came from is
//! known exactly, and from that alone the value is recognised: the same map in another order, some
//! frames out of all, a temporal shift.

use std::borrow::Cow;

use praxiscope_runtime::ops::{Form, ShiftDirection, TemporalShift};
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

use super::movement::Origins;
use super::places::{Grid, rearrange, reshape};

/// One node of the canonical graph.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Axes are moved, added, removed, split or joined.
    Axes(AxisOp),
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
}

/// What is made of a map by movement alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// These steps, one after another, do it.
    Steps(Vec<Step>),
    /// A shift along time in which the ends of the clip lend to each other.
    Circular,
    /// A shift along time that no operator does, in words.
    OtherShift(String),
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
    let mut meaning = meaning_of(map, shape, &table)?;
    if let Meaning::Steps(steps) = &mut meaning {
        for step in steps {
            if let Step::Pad(pads) = step {
                pads.resize(rank, (0, 0));
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
    let mut rows = Vec::with_capacity(table.len() / extent);
    for row in table.chunks_exact(extent) {
        let first = row[0];
        let moves = match first {
            0 => row.iter().all(|origin| *origin == 0),
            _ => (first - 1) as usize % extent == 0 && (first..).zip(row).all(|(a, b)| a == *b),
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
    if !has_zeros {
        if let Some(steps) = view.reordered().or_else(|| view.selected()) {
            return Ok(Meaning::Steps(steps));
        }
    }
    if let Some(shifted) = view.shifted() {
        return Ok(shifted);
    }
    let Some((inner, pads)) = view.unpadded().filter(|_| has_zeros) else {
        return Ok(Meaning::Unknown);
    };
    let (extents, inner) = inner;
    Ok(match meaning_of(map, &extents, &inner)? {
        Meaning::Steps(mut steps) => {
            steps.push(Step::Pad(pads));
            Meaning::Steps(steps)
        }
        other => other,
    })
}

struct View<'a> {
    map: &'a [usize],
    grid: Grid,
    shape: &'a [usize],
    value: Grid,
    table: &'a [i32],
}

/// A part of an axis of the value that walks through the map with one stride.
#[derive(Clone, Copy, Debug)]
struct Digit {
    extent: usize,
    stride: usize,
}

impl View<'_> {
    /// The place in the map of a number of the value that is none of the zeros.
    fn origin(&self, at: usize) -> usize {
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
        Some(moves.into_iter().map(Step::Axes).collect())
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
                .map(Step::Axes),
        );
        Some(steps)
    }

    /// The value without the zeros around it, if there are none inside.
    fn unpadded(&self) -> Option<((Vec<usize>, Vec<i32>), Vec<(usize, usize)>)> {
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
        let inner = numbers.iter().map(|at| self.table[*at]).collect();
        Some(((extents, inner), pads))
    }

    /// All of the map, but some channels are those of other frames, or zero at the clip's ends.
    fn shifted(&self) -> Option<Meaning> {
        let order = self.aligned()?;
        // `of[axis]` of the map is followed by axis `order` of the value.
        let rank = self.grid.rank();
        let mut of = vec![0; rank];
        for (axis, map_axis) in order.iter().enumerate() {
            of[*map_axis] = axis;
        }
        let here = |at: usize, axis: usize| self.value.coordinate(at, of[axis]);
        let moves = |axis: &usize| {
            (0..self.table.len()).any(|at| {
                self.table[at] != 0
                    && self.grid.coordinate(self.origin(at), *axis) != here(at, *axis)
            })
        };
        let mut moving = (0..rank).filter(moves);
        let (Some(time), None) = (moving.next(), moving.next()) else {
            return None;
        };
        let channel = (0..rank).filter(|axis| *axis != time);
        let mut found = None;
        for channel in channel {
            if let Some(offsets) = self.offsets(&of, time, channel) {
                found = Some((channel, offsets));
                break;
            }
        }
        let (channel, offsets) = found?;
        let (time_axis, channel_axis) = (self.grid.axes[time], self.grid.axes[channel]);
        let Offsets::Zeros(offsets) = offsets else {
            return Some(Meaning::Circular);
        };
        let Some((direction, fold)) = shift_of(&offsets) else {
            return Some(Meaning::OtherShift(describe(&offsets)));
        };
        let shift = TemporalShift {
            direction,
            fold,
            time_axis,
            channel_axis,
            form: Form::Clip,
        };
        let order: Vec<usize> = order.iter().map(|axis| self.grid.axes[*axis]).collect();
        let moves = rearrange(self.map, self.shape, &order);
        let steps = std::iter::once(Step::Shift(shift)).chain(moves.into_iter().map(Step::Axes));
        Some(Meaning::Steps(steps.collect()))
    }

    /// For each axis of the value the axis of the map along which it walks, one to one.
    fn aligned(&self) -> Option<Vec<usize>> {
        let rank = self.grid.rank();
        if self.value.rank() != rank || self.table.len() != self.grid.places() {
            return None;
        }
        let mut order = vec![];
        for axis in 0..rank {
            let step = self.value.stride(axis);
            let follows = |of: &usize| {
                let mut seen = false;
                let all = (0..self.table.len()).all(|at| {
                    let last = self.value.coordinate(at, axis) + 1 == self.value.extents[axis];
                    if last || self.table[at] == 0 || self.table[at + step] == 0 {
                        return true;
                    }
                    seen = true;
                    let now = self.grid.coordinate(self.origin(at), *of);
                    now + 1 == self.grid.coordinate(self.origin(at + step), *of)
                });
                all && seen && self.grid.extents[*of] == self.value.extents[axis]
            };
            let of = (0..rank)
                .filter(|of| !order.contains(of))
                .find(|of| follows(of));
            // Where the ends meet, time itself does not walk on step by step.
            order.push(of.or_else(|| self.same_axis(axis, &order))?);
        }
        Some(order)
    }

    /// The axis at the same place, if it is of the same extent and is not taken.
    fn same_axis(&self, axis: usize, taken: &[usize]) -> Option<usize> {
        let same = self.grid.extents[axis] == self.value.extents[axis];
        (same && !taken.contains(&axis)).then_some(axis)
    }

    /// By how many frames each channel is shifted, if all that differs is that.
    fn offsets(&self, of: &[usize], time: usize, channel: usize) -> Option<Offsets> {
        let frames = self.grid.extents[time] as isize;
        let channels = self.grid.extents[channel];
        let mut offsets: Vec<Option<isize>> = vec![None; channels];
        let mut circular = false;
        for at in (0..self.table.len()).filter(|at| self.table[*at] != 0) {
            let now = self.value.coordinate(at, of[time]) as isize;
            let then = self.grid.coordinate(self.origin(at), time) as isize;
            let offset = then - now;
            let known = &mut offsets[self.value.coordinate(at, of[channel])];
            match known {
                None => *known = Some(offset),
                Some(known) if *known == offset => {}
                Some(known) if (*known - offset).rem_euclid(frames) == 0 => circular = true,
                Some(_) => return None,
            }
        }
        let offsets: Option<Vec<isize>> = offsets.into_iter().collect();
        let offsets = offsets?;
        let zeros_are_the_ends = (0..self.table.len()).all(|at| {
            let now = self.value.coordinate(at, of[time]) as isize;
            let then = now + offsets[self.value.coordinate(at, of[channel])];
            (self.table[at] == 0) != (0..frames).contains(&then)
        });
        match (circular, zeros_are_the_ends) {
            (true, _) if !self.table.contains(&0) => Some(Offsets::Around),
            (false, true) => Some(Offsets::Zeros(offsets)),
            _ => None,
        }
    }
}

enum Offsets {
    /// For each channel the frames from its own place to that of its origin.
    Zeros(Vec<isize>),
    /// The ends of the clip lend to each other.
    Around,
}

/// The operator that shifts channels so.
fn shift_of(offsets: &[isize]) -> Option<(ShiftDirection, usize)> {
    let run = |from: usize, offset: isize| {
        let rest = offsets.get(from..).unwrap_or_default();
        rest.iter().take_while(|other| **other == offset).count()
    };
    let future = run(0, 1);
    let past = run(future, -1);
    let rest = run(future + past, 0);
    if future + past + rest != offsets.len() || past == 0 {
        return None;
    }
    match future {
        0 => Some((ShiftDirection::OneWay, past)),
        _ if future == past => Some((ShiftDirection::TwoWay, past)),
        _ => None,
    }
}

fn describe(offsets: &[isize]) -> String {
    let runs = offsets.chunk_by(|a, b| a == b);
    let runs = runs.map(|run| format!("{} channels by {}", run.len(), -run[0]));
    runs.collect::<Vec<_>>().join(", ")
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
