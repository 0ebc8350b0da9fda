//! Temporal shifts, by the origins of their numbers.

use praxiscope_runtime::ops::{Border, Form, ShiftDirection, TemporalShift};

use super::meaning::{Meaning, Step, View};
use super::picks::lent;
use super::places::rearrange;

impl View<'_> {
    /// All of the map, but some channels are those of other frames, or zero at the clip's ends.
    pub fn shifted(&self) -> Option<Meaning> {
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
        let mut steps = match shift_of(&offsets) {
            Some((direction, fold)) => vec![Step::Shift(TemporalShift {
                direction,
                fold,
                time_axis,
                channel_axis,
                border: Border::Zeros,
                form: Form::Clip,
            })],
            None => lent(self.map, (time_axis, channel_axis), &offsets),
        };
        let order: Vec<usize> = order.iter().map(|axis| self.grid.axes[*axis]).collect();
        let moves = rearrange(self.map, self.shape, &order);
        steps.extend(moves.into_iter().map(Step::axes));
        Some(Meaning::Steps(steps))
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
