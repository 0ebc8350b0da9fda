//! Ways in which exporters write a shift.

use super::*;

/// How zeros are written.
#[derive(Clone, Copy, Debug)]
pub enum Zeros {
    Constant,
    Difference,
    Product,
    Padding,
}

/// In which axes the map is seen while it is shifted.
#[derive(Clone, Copy, Debug)]
pub enum Seen {
    AsItLies,
    WithBatch,
    PixelsJoined,
    TimeBehindChannels,
}

/// How a shift is written.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    pub zeros: Zeros,
    pub seen: Seen,
    pub scattered: bool,
    /// Channels that come from the frame after, and from the frame before.
    pub future: usize,
    pub past: usize,
    /// Channels that are left alone before them.
    pub skipped: usize,
    /// Frames that they are moved by.
    pub by: usize,
}

impl Spelling {
    /// The operator that it is, if there is one.
    pub fn operator(&self) -> Option<(ShiftDirection, usize)> {
        if self.by != 1 || self.skipped > 0 || self.past == 0 {
            return None;
        }
        match self.future {
            0 => Some((ShiftDirection::OneWay, self.past)),
            future if future == self.past => Some((ShiftDirection::TwoWay, self.past)),
            _ => None,
        }
    }

    pub fn graph(&self) -> TypedModel {
        let (mut draft, map) = Draft::new(&SHAPE);
        let dims = |extents: &[usize]| -> TVec<TDim> { extents.iter().map(TDim::from).collect() };
        let pixels = [SHAPE[2], SHAPE[3]];
        let joined = [SHAPE[2] * SHAPE[3]];
        let (to, back): (Vec<AxisOp>, Vec<AxisOp>) = match self.seen {
            Seen::AsItLies => (vec![], vec![]),
            Seen::WithBatch => (vec![AxisOp::Add(0)], vec![AxisOp::Rm(0)]),
            Seen::PixelsJoined => (
                vec![
                    AxisOp::Reshape(2, dims(&pixels), dims(&joined)),
                    AxisOp::Add(0),
                ],
                vec![
                    AxisOp::Rm(0),
                    AxisOp::Reshape(2, dims(&joined), dims(&pixels)),
                ],
            ),
            Seen::TimeBehindChannels => (
                vec![AxisOp::Move(0, 1), AxisOp::Add(0)],
                vec![AxisOp::Rm(0), AxisOp::Move(1, 0)],
            ),
        };
        let (time, channels) = match self.seen {
            Seen::AsItLies => (0, 1),
            Seen::WithBatch | Seen::PixelsJoined => (1, 2),
            Seen::TimeBehindChannels => (2, 1),
        };
        let map = to.into_iter().fold(map, |map, op| draft.wire(op, &[map]));
        let shifted = match self.scattered {
            true => self.scatter(&mut draft, map, time, channels),
            false => self.join(&mut draft, map, time, channels),
        };
        let shifted = back
            .into_iter()
            .fold(shifted, |map, op| draft.wire(op, &[map]));
        draft.finish(shifted)
    }

    /// Ranges of channels, and the frames from a place to where its number comes from.
    pub fn parts(&self) -> Vec<(usize, usize, isize)> {
        let (by, all) = (self.by as isize, SHAPE[CHANNELS]);
        let a = self.skipped;
        let (b, c) = (a + self.future, a + self.future + self.past);
        let parts = [(0, a, 0), (a, b, by), (b, c, -by), (c, all, 0)];
        parts.into_iter().filter(|part| part.0 < part.1).collect()
    }

    /// Parts that are joined again.
    pub fn join(&self, draft: &mut Draft, map: OutletId, time: usize, channels: usize) -> OutletId {
        let frames = SHAPE[TIME];
        let mut parts = vec![];
        for (start, end, offset) in self.parts() {
            let part = draft.slice(map, channels, start, end);
            let by = offset.unsigned_abs();
            parts.push(match offset {
                0 => part,
                1.. => {
                    let kept = draft.slice(part, time, by, frames);
                    self.widen(draft, part, kept, time, (0, by))
                }
                _ => {
                    let kept = draft.slice(part, time, 0, frames - by);
                    self.widen(draft, part, kept, time, (by, 0))
                }
            });
        }
        draft.wire(TypedConcat { axis: channels }, &parts)
    }

    /// Zeros before and behind what was kept of a part.
    pub fn widen(
        &self,
        draft: &mut Draft,
        part: OutletId,
        kept: OutletId,
        time: usize,
        (before, behind): (usize, usize),
    ) -> OutletId {
        let by = before + behind;
        let zeros = match self.zeros {
            Zeros::Padding => {
                let mut pads = vec![(0, 0); draft.shape(part).len()];
                pads[time] = (before, behind);
                let mode = PadMode::Constant(tensor0(0f32).into_arc_tensor());
                return draft.wire(Pad { pads, mode }, &[kept]);
            }
            Zeros::Difference => {
                let zeros = draft.wire(math::sub(), &[part, part]);
                draft.slice(zeros, time, 0, by)
            }
            Zeros::Product => {
                let some = draft.slice(part, time, 0, by);
                let zero = tensor0(0f32)
                    .broadcast_into_rank(draft.shape(part).len())
                    .unwrap();
                let zero = draft.constant(zero);
                draft.wire(math::mul(), &[some, zero])
            }
            Zeros::Constant => {
                let mut shape = draft.shape(part);
                shape[time] = by;
                draft.constant(Tensor::zero::<f32>(&shape).unwrap())
            }
        };
        let parts = if before > 0 {
            [zeros, kept]
        } else {
            [kept, zeros]
        };
        draft.wire(TypedConcat { axis: time }, &parts)
    }

    /// Parts that are written into zeros.
    pub fn scatter(
        &self,
        draft: &mut Draft,
        map: OutletId,
        time: usize,
        channels: usize,
    ) -> OutletId {
        let frames = SHAPE[TIME];
        let shape = draft.shape(map);
        let mut result = draft.constant(Tensor::zero::<f32>(&shape).unwrap());
        for (start, end, offset) in self.parts() {
            let by = offset.unsigned_abs();
            let (from, to) = match offset {
                0.. => (by, 0),
                _ => (0, by),
            };
            let part = draft.slice(map, channels, start, end);
            let part = draft.slice(part, time, from, from + frames - by);
            // One index for each number, as the slowest of all exporters has it.
            let part_shape = draft.shape(part);
            let mut index_shape = part_shape.clone();
            index_shape.push(part_shape.len());
            let indices = tract_ndarray::ArrayD::from_shape_fn(index_shape, |at| {
                let axis = at[part_shape.len()];
                let shifted = match axis {
                    _ if axis == channels => start,
                    _ if axis == time => to,
                    _ => 0,
                };
                (at[axis] + shifted) as i64
            });
            let indices = draft.constant(indices.into_tensor());
            let op = ScatterNd::new(ScatterReduction::None);
            result = draft.wire(op, &[result, indices, part]);
        }
        result
    }
}
