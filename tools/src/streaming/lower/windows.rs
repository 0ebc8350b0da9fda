//! What a window of the clip graph is to rows and frames.

use praxiscope_runtime::step::{SpaceWindow, TimeWindow};
use tract_core::internal::*;
use tract_core::ops::cnn::PoolSpec;

use super::stream::{Rows, Stream};
use super::window::PLACES;
use super::{Lowered, Lowering, refuse};
use crate::streaming::axes::Atom;

/// What a window of the clip graph is to the rows and frames of a stream.
pub(super) struct Windows {
    pub time: TimeWindow,
    pub space: SpaceWindow,
    /// The rows behind it.
    pub rows: Rows,
    /// For each of the window's axes, what it goes along; `None` where it does nothing.
    pub along: TVec<Option<Atom>>,
    /// Whether it spans all of the clip, in time, and has padding on no side there.
    pub spans_time: bool,
    /// Whether it spans the map as well.
    pub spans_map: bool,
    /// Whether the operator pads by itself.
    pub pads: bool,
    pub places: usize,
}

impl Lowering<'_> {
    pub(super) fn windows(
        &self,
        node: &TypedNode,
        spec: &PoolSpec,
        stream: &Stream,
    ) -> Lowered<Windows> {
        if stream.repeated {
            refuse!("its window goes over places that are repeated");
        }
        let shape = self.shape(node.inputs[0])?;
        let output = self.shape(node.id.into())?;
        let layout = spec.data_format.shape(shape.clone())?;
        let (batch, channels) = (layout.n_axis(), layout.c_axis());
        let extents = stream.extents();
        if !stream.axes.is_alone(channels, Atom::Channels, &extents) {
            refuse!("its channels are {:?}", stream.axes.0[channels]);
        }
        // Frames, or pixels, of which each is seen by itself.
        let is_place = |atom: &Atom| *atom != Atom::Channels || extents.of(*atom) == 1;
        if let Some(axis) = batch.filter(|axis| !stream.axes.0[*axis].iter().all(is_place)) {
            refuse!("it sees {:?} one by one", stream.axes.0[axis]);
        }
        let paddings = spec.computed_padding(layout.hw_dims());
        let mut time = TimeWindow::FRAME;
        let mut space = SpaceWindow::PIXEL;
        let mut rows = stream.rows;
        let mut along = tvec![];
        let (mut spans_time, mut spans_map, mut pads, mut places) = (false, true, false, 1);
        for (index, padding) in paddings.iter().enumerate() {
            let axis = layout.h_axis() + index;
            let own = [padding.pad_before, padding.pad_after];
            let (kernel, stride) = (spec.kernel_shape[index], spec.stride(index));
            let is_still = kernel == 1 && stride == 1 && own == [0, 0];
            let atom = self.goes_along(stream, axis, &along);
            let Some(atom) = atom else {
                if is_still {
                    along.push(None);
                    continue;
                }
                refuse!("its window goes along {:?}", stream.axes.0[axis]);
            };
            along.push(Some(atom));
            let around = stream.padding_of(atom);
            let dilation = spec.dilation(index);
            let window = Side {
                kernel,
                stride,
                dilation,
                padding: [own[0] + around[0], own[1] + around[1]],
            };
            let inside = extents.of(atom);
            let Some(padding) = window.fitted(inside, output[axis]) else {
                refuse!(
                    "a window of {window:?} over {inside} does not make {}",
                    output[axis]
                );
            };
            pads |= own != [0, 0] || padding[1] > window.padding[1];
            places *= kernel;
            let spans = kernel == inside && padding == [0, 0];
            if atom == Atom::Time {
                spans_time = spans && inside > 1;
                let is_dense = self.options.dense;
                time = TimeWindow {
                    kernel,
                    stride: if is_dense { 1 } else { stride },
                    dilation: dilation * rows.dilation,
                    before: padding[0] * rows.dilation,
                    after: padding[1] * rows.dilation,
                };
                rows = Rows {
                    native: output[axis],
                    stride: rows.stride * stride,
                    dilation: if is_dense {
                        rows.dilation * stride
                    } else {
                        rows.dilation
                    },
                };
            } else {
                let side = usize::from(atom == Atom::Width);
                spans_map &= spans;
                space.kernel[side] = kernel;
                space.stride[side] = stride;
                space.dilation[side] = dilation;
                space.padding[side] = padding;
            }
        }
        for (place, atom) in PLACES.into_iter().enumerate() {
            if stream.padding[place] != [0, 0] && !along.contains(&Some(atom)) {
                refuse!("zeros are put around its map along {atom:?}, where it has no window");
            }
        }
        Ok(Windows {
            time,
            space,
            rows,
            along,
            spans_time,
            spans_map,
            pads,
            places,
        })
    }

    /// What a window's axis goes along. One of a single place takes a side of the map that is one
    /// pixel wide.
    pub(super) fn goes_along(
        &self,
        stream: &Stream,
        axis: usize,
        taken: &[Option<Atom>],
    ) -> Option<Atom> {
        let extents = stream.extents();
        let own = PLACES.into_iter().find(|atom| {
            stream.axes.0[axis].contains(atom) && stream.axes.is_alone(axis, *atom, &extents)
        });
        let free = |atom: &Atom| {
            extents.of(*atom) == 1 && !taken.contains(&Some(*atom)) && !stream.axes.has(*atom)
        };
        own.or_else(|| {
            let is_unit = extents.product(&stream.axes.0[axis]) == 1;
            let sides = [Atom::Height, Atom::Width];
            sides.into_iter().find(free).filter(|_| is_unit)
        })
    }
}

/// A window along one axis.
#[derive(Debug)]
struct Side {
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: [usize; 2],
}

impl Side {
    /// The padding with which the window makes `outputs` of `inside`: its own, or another behind
    /// where a last window that runs out of the map is kept.
    fn fitted(&self, inside: usize, outputs: usize) -> Option<[usize; 2]> {
        let reach = (self.kernel - 1) * self.dilation + 1;
        let [before, behind] = self.padding;
        let made =
            |behind: usize| Some((inside + before + behind).checked_sub(reach)? / self.stride + 1);
        if made(behind) == Some(outputs) {
            return Some([before, behind]);
        }
        let covered = outputs.checked_sub(1)? * self.stride + reach;
        let kept = covered.checked_sub(inside + before)?;
        (kept < behind + self.stride).then_some([before, kept])
    }
}
