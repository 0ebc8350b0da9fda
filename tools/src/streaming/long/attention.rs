//! Attention to a clip, over the last frames.

use praxiscope_runtime::ops;
use praxiscope_runtime::step::Weighting;
use tract_core::internal::*;

use super::{Long, Wire, shown};
use crate::streaming::axes::{Atom, Axes, Extents};
use crate::streaming::lower::Attended;

impl Long<'_> {
    pub(super) fn attention(&mut self, node: &TypedNode, attended: &Attended) -> TractResult<Wire> {
        let mut maps = tvec![];
        for outlet in attended.maps {
            let wire = *self.wires.get(&outlet).context("no wire")?;
            ensure!(!wire.is_hidden, "an attention to one row");
            let (axes, extents, _) = self.trace(outlet)?;
            maps.push(self.canonical(&node.name, wire.outlet, &axes, &extents)?);
        }
        let op = ops::Attention {
            weighting: match attended.op.weighting {
                Weighting::Softmax => ops::Weighting::Softmax,
                Weighting::Mean => ops::Weighting::Mean,
            },
            scale: attended.op.scale,
            window: Some(if attended.is_over_time {
                attended.op.frames
            } else {
                1
            }),
        };
        let name = self.unique(&format!("{}.window", node.name));
        let outlet = self.graph.wire_node(name, op, &maps)?[0];
        // Back to the axes that the clip graph has.
        let axes = self.trace(node.id.into())?.0;
        let outlet = self.arranged(&node.name, outlet, &axes)?;
        Ok(shown(outlet))
    }

    /// A map as `[1, C, T, H, W]`.
    pub(super) fn canonical(
        &mut self,
        name: &str,
        mut outlet: OutletId,
        axes: &Axes,
        extents: &Extents,
    ) -> TractResult<OutletId> {
        let shape = self.graph.outlet_fact(outlet)?.shape.to_tvec();
        let mut order: TVec<Option<Atom>> = tvec![];
        let mut dims = tvec![];
        for (axis, dim) in axes.0.iter().zip(&shape) {
            let others: usize = axis
                .iter()
                .filter(|atom| **atom != Atom::Time)
                .map(|atom| extents.of(*atom))
                .product();
            for atom in axis {
                order.push(Some(*atom));
                dims.push(match atom {
                    Atom::Time => (dim.to_usize()? / others).to_dim(),
                    atom => extents.of(*atom).to_dim(),
                });
            }
        }
        let op = AxisOp::Reshape(0, shape, dims);
        let name = self.unique(&format!("{name}.canonical"));
        outlet = self.graph.wire_node(&*name, op, &[outlet])?[0];
        for (place, atom) in CANONICAL.into_iter().enumerate() {
            let position = order.iter().position(|other| *other == atom);
            let op = match position {
                Some(from) => {
                    let moved = order.remove(from);
                    order.insert(place, moved);
                    AxisOp::Move(from, place)
                }
                None => {
                    order.insert(place, atom);
                    AxisOp::Add(place)
                }
            };
            if op != AxisOp::Move(place, place) {
                outlet = self
                    .graph
                    .wire_node(format!("{name}.{place}"), op, &[outlet])?[0];
            }
        }
        Ok(outlet)
    }

    /// `[1, C, T, H, W]` with the axes that the clip graph has.
    pub(super) fn arranged(
        &mut self,
        name: &str,
        mut outlet: OutletId,
        axes: &Axes,
    ) -> TractResult<OutletId> {
        let name = self.unique(&format!("{name}.arranged"));
        let mut order: TVec<Option<Atom>> = CANONICAL.as_slice().into();
        let wanted: Vec<Atom> = axes.0.iter().flatten().copied().collect();
        for (place, atom) in wanted.iter().enumerate() {
            let from = order.iter().position(|other| *other == Some(*atom));
            let from = from.context("an axis is missing")?;
            if from != place {
                let moved = order.remove(from);
                order.insert(place, moved);
                let op = AxisOp::Move(from, place);
                outlet = self
                    .graph
                    .wire_node(format!("{name}.{place}"), op, &[outlet])?[0];
            }
        }
        let shape = self.graph.outlet_fact(outlet)?.shape.to_tvec();
        let mut dims = shape.iter().cloned();
        let grouped = axes
            .0
            .iter()
            .map(|axis| dims.by_ref().take(axis.len()).product());
        let grouped: TVec<TDim> = grouped.collect();
        let op = AxisOp::Reshape(0, shape, grouped);
        Ok(self.graph.wire_node(name, op, &[outlet])?[0])
    }
}

/// The order of a map's axes where an attention takes it; the first is the batch's.
const CANONICAL: [Option<Atom>; 5] = [
    None,
    Some(Atom::Channels),
    Some(Atom::Time),
    Some(Atom::Height),
    Some(Atom::Width),
];
