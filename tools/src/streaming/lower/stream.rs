//! What a wire of the clip graph has become.

use tract_core::internal::*;

use super::super::axes::{Atom, Axes, Extents};
use super::super::function::Function;

/// The rows of a wire: its positions in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::streaming) struct Rows {
    /// How many there are in the clip that the network was made for.
    pub native: usize,
    /// Frames from one to the next.
    pub stride: usize,
    /// How many of the program's rows there are for one: more than one where temporal strides were
    /// turned into dilations.
    pub dilation: usize,
}

/// A value of the clip graph.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// The same in all clips.
    Constant(Arc<Tensor>),
    /// Frame after frame.
    Stream(Box<Stream>),
    /// The products of all places of one map with all places of another.
    Scores(Box<Scores>),
}

impl From<Stream> for Value {
    fn from(stream: Stream) -> Value {
        Value::Stream(Box::new(stream))
    }
}

/// Zeros around a stream's maps that the next operator takes in: time, height, width.
pub(super) type Padding = [[usize; 2]; 3];

/// A tensor of the clip graph as a stream of frames of the step program.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// The wire of the step program.
    pub base: OutletId,
    /// What is still to be done to each of its numbers.
    pub pending: Option<Pending>,
    /// Height, width and channels.
    pub frame: [usize; 3],
    pub axes: Axes,
    pub rows: Rows,
    /// The operators over a window of rows that stand for ones over all rows of the clip, since which
    /// there is one value for the clip.
    pub slides: TVec<usize>,
    /// The pool of the clip graph whose window was the whole clip, and made one row of it.
    pub whole: Option<usize>,
    /// The node that picked rows which happen to be evenly apart, and may as well be the first of every
    /// so many.
    pub spread: Option<usize>,
    /// Where it is one row that was picked out of the clip's, such as the last.
    pub picked: Option<Picked>,
    pub padding: Padding,
    /// Whether places were repeated along an axis, as a constant's are.
    pub repeated: bool,
    /// Whether it stands for the sums of all rows so far, of which it has the means.
    pub summed: bool,
}

/// One row, picked out of the clip's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picked {
    /// The node of the clip graph.
    pub node: usize,
    /// The node of the step program that leaves out the rows before it.
    pub sample: usize,
    /// Rows before it in the clip.
    pub before: usize,
    /// Whether it is the last one and has met nothing since: then a row may be given for every frame,
    /// from the first one on.
    pub is_last: bool,
}

impl Picked {
    /// Beside other values, which stand at their own rows.
    pub fn met(self) -> Picked {
        Picked {
            is_last: false,
            ..self
        }
    }
}

/// A function of each number, which nobody has computed yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub function: Function,
    /// The value of the clip graph that it gives.
    pub origin: Option<OutletId>,
}

impl Stream {
    pub fn extents(&self) -> Extents {
        Extents {
            rows: self.rows.native,
            frame: self.frame,
        }
    }

    /// Whether it has rows; otherwise there is one value for the clip.
    pub fn has_time(&self) -> bool {
        self.axes.has(Atom::Time)
    }

    pub fn is_padded(&self) -> bool {
        self.padding != Padding::default()
    }

    /// The zeros around the maps along what an axis stands for.
    pub fn padding_of(&self, atom: Atom) -> [usize; 2] {
        match atom {
            Atom::Time => self.padding[0],
            Atom::Height => self.padding[1],
            Atom::Width => self.padding[2],
            Atom::Channels => [0, 0],
        }
    }

    pub fn function(&self) -> Function {
        match &self.pending {
            Some(pending) => pending.function.clone(),
            None => Function::identity(),
        }
    }

    /// Whether both are functions of the same numbers.
    pub fn is_beside(&self, other: &Stream) -> bool {
        self.base == other.base
            && self.axes == other.axes
            && self.rows == other.rows
            && !self.is_padded()
            && !other.is_padded()
            && self.repeated == other.repeated
            && !self.summed
            && !other.summed
    }

    /// Whether the extents are those of the tensor that it stands for.
    pub fn is_shaped(&self, shape: &[usize]) -> bool {
        let extents = self.extents();
        self.axes.rank() == shape.len()
            && (self.axes.0.iter().zip(shape)).all(|(axis, &dim)| {
                let padding = axis.iter().flat_map(|atom| self.padding_of(*atom));
                let padding: usize = padding.sum();
                extents.product(axis) + padding == dim
                    || (self.repeated && extents.product(axis) == 1)
            })
    }
}

/// Whose places an axis of the products has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Unit,
    Left,
    Right,
    /// Both maps' positions in time: each looks at its own frame alone.
    Frames,
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
            side => side,
        }
    }
}

/// A map whose places look at others, or are looked at.
#[derive(Clone, Debug)]
pub(super) struct Looking {
    pub outlet: OutletId,
    pub map: Stream,
    /// What its places' axis stands for.
    pub places: TVec<Atom>,
}

/// The products of all places of `left` with all places of `right`, on their way to becoming the
/// weights of an attention.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    pub left: Looking,
    pub right: Looking,
    pub axes: TVec<Side>,
    pub factor: f32,
    /// The side over whose places the softmax was taken.
    pub softmax: Option<Side>,
}
