//! When a wire's frames come, and which frames of the recording they see.

use tract_core::internal::*;

use super::{Attention, Sliding, TimeWindow};

/// Frames of the recording that a wire's rows may reach back or ahead.
const FARTHEST: i64 = 1 << 16;
/// Frames of the recording from one of a wire's rows to the next.
const SELDOMEST: u64 = 1 << 12;

/// Which frames of the recording the rows of a wire see: row j sees those from `first + j * stride` to
/// `last + j * stride`, as far as the recording has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireTime {
    /// Frames of the recording from one row to the next.
    pub stride: u64,
    /// The first frame that row 0 sees, padding counted; `None`: each row sees all since the start.
    pub first: Option<i64>,
    /// The last frame that row 0 sees; below 0 if it is made of padding alone.
    pub last: i64,
}

impl WireTime {
    /// The recording itself.
    pub const RECORDING: WireTime = WireTime {
        stride: 1,
        first: Some(0),
        last: 0,
    };

    /// The frame that row `row` speaks of: `row * stride`, or what it sees that is nearest to it.
    pub fn own_frame(&self, row: u64) -> i64 {
        row as i64 * self.stride as i64 + self.own_offset()
    }

    /// Frames behind its own that a row waits for.
    pub fn lookahead(&self) -> u64 {
        (self.last - self.own_offset()).unsigned_abs()
    }

    /// Frames of the recording that a row sees; `None` for all since the start.
    pub fn receptive_field(&self) -> Option<u64> {
        self.first
            .map(|first| (self.last - first).unsigned_abs() + 1)
    }

    fn own_offset(&self) -> i64 {
        0.max(self.first.unwrap_or(0)).min(self.last)
    }

    /// The rows that `need` makes of this wire's rows.
    fn through(&self, need: &Need) -> TractResult<WireTime> {
        let stride = self.stride * need.stride;
        let step = self.stride as i64;
        let time = WireTime {
            stride,
            first: self.first.map(|first| first - need.before * step),
            last: self.last + (need.reach() - need.before) * step,
        };
        let first = time.first.unwrap_or(0);
        ensure!(
            stride <= SELDOMEST && first.abs() <= FARTHEST && time.last.abs() <= FARTHEST,
            "it would see the frames {first} to {} of every {stride}",
            time.last
        );
        Ok(time)
    }

    /// The rows of a node over these wires.
    ///
    /// # Errors
    /// When the wires have other strides, or reach farther than a program may.
    pub(super) fn of_node(ports: &[(WireTime, Need)]) -> TractResult<WireTime> {
        let mut whole: Option<WireTime> = None;
        for (wire, need) in ports {
            let time = wire.through(need)?;
            let before = *whole.get_or_insert(time);
            ensure!(
                before.stride == time.stride,
                "one input has a row for every {} frames, another for every {}",
                before.stride,
                time.stride
            );
            whole = Some(WireTime {
                stride: time.stride,
                first: before.first.zip(time.first).map(|(a, b)| a.min(b)),
                last: before.last.max(time.last),
            });
        }
        whole.context("nothing streams into it")
    }
}

/// What one input of a node must have for a row: row j takes the frames
/// `j * stride - before + i * dilation` for i from 0 to `kernel - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub kernel: usize,
    pub stride: u64,
    pub dilation: i64,
    /// Below 0 where the first frames are never taken.
    pub before: i64,
    /// How far a row may reach behind the last frame.
    pub after: i64,
}

impl Need {
    /// The frame alone.
    pub const FRAME: Need = Need {
        kernel: 1,
        stride: 1,
        dilation: 1,
        before: 0,
        after: 0,
    };

    pub fn sample(every: usize, first: usize) -> Need {
        Need {
            stride: every as u64,
            before: -(first as i64),
            ..Need::FRAME
        }
    }

    /// The newest frame and those before it.
    pub fn last(frames: usize, dilation: usize) -> Need {
        Need {
            kernel: frames,
            dilation: dilation as i64,
            before: (frames as i64 - 1) * dilation as i64,
            ..Need::FRAME
        }
    }

    pub fn sliding(sliding: &Sliding) -> Need {
        // What was before the last frames is summed up, not kept.
        Need::last(sliding.frames.unwrap_or(1), sliding.dilation)
    }

    pub fn attended(attention: &Attention) -> Need {
        Need::last(attention.frames, attention.dilation)
    }

    pub fn reach(&self) -> i64 {
        (self.kernel as i64 - 1) * self.dilation
    }

    /// The frame that is `tap`th in the window of row `row`.
    pub fn tap(&self, row: u64, tap: usize) -> i64 {
        self.first(row) + tap as i64 * self.dilation
    }

    /// The first frame of a row's window.
    pub fn first(&self, row: u64) -> i64 {
        row as i64 * self.stride as i64 - self.before
    }

    /// The last frame of a row's window.
    pub fn end(&self, row: u64) -> i64 {
        self.first(row) + self.reach()
    }

    /// Whether a recording of `frames` frames has this row.
    pub fn exists(&self, row: u64, frames: u64) -> bool {
        self.end(row) < frames as i64 + self.after
    }
}

impl From<&TimeWindow> for Need {
    fn from(window: &TimeWindow) -> Need {
        Need {
            kernel: window.kernel,
            stride: window.stride as u64,
            dilation: window.dilation as i64,
            before: window.before as i64,
            after: window.after as i64,
        }
    }
}
