//! The temporal shift on frames that are stacked along the batch axis.

use praxiscope_runtime::ops::{Border, Form, ShiftDirection, TemporalShift};

use super::{CHANNEL_AXIS, Net, Wire};
use crate::error::BuildError;

/// How all shifts of a network move their channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    /// Which neighbours lend their channels.
    pub direction: ShiftDirection,
    /// One channel in `divisor` moves each way.
    pub divisor: usize,
    /// What enters at the clip's ends.
    pub border: Border,
}

impl Net {
    /// Shifts `[T, C, H, W]` along time. Maps of fewer channels than the divisor stay as they are.
    pub fn shift(&mut self, name: &str, x: Wire, shift: Shift) -> Result<Wire, BuildError> {
        let fold = self.channels(x)? / shift.divisor;
        if fold == 0 {
            return Ok(x);
        }
        let op = TemporalShift {
            direction: shift.direction,
            fold,
            time_axis: 0,
            channel_axis: CHANNEL_AXIS,
            border: shift.border,
            form: Form::Clip,
        };
        self.wire(name, op, &[x])
    }
}
