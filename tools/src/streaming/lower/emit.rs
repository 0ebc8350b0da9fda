//! Nodes of the step program.

use praxiscope_runtime::step::StepOp;
use tract_core::internal::*;

use super::{Lowered, Lowering, refuse};

impl Lowering<'_> {
    /// Wires an operator of the step program and gives the result and its frame.
    pub(super) fn emit(
        &mut self,
        name: &str,
        op: StepOp,
        inputs: &[OutletId],
    ) -> Lowered<(OutletId, [usize; 3])> {
        let name = self.name(name);
        let wire = self.step.wire_node(name, op, inputs)?[0];
        let shape = &self.step.outlet_fact(wire)?.shape;
        match shape.as_concrete().map(<[usize; 3]>::try_from) {
            Some(Ok(frame)) => Ok((wire, frame)),
            _ => refuse!("{shape:?} is no frame"),
        }
    }

    pub(super) fn emit_constant(&mut self, name: &str, tensor: Tensor) -> Lowered<OutletId> {
        let name = self.name(name);
        Ok(self.step.add_const(name, tensor)?)
    }

    /// A name that no node has yet.
    pub(super) fn name(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}.{number}");
        }
        name
    }
}
