//! `If` with a condition that is known once the inputs' shapes are.
//!
//! TorchScript's exporter writes `x.squeeze(d)` as an `If` over the extent of `d` whose branches give
//! tensors of different rank. Only the branch that is taken is looked at.

use std::collections::HashMap;

use tract_onnx::model::{ParseResult, ParsingContext};
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::source::TypedSource;
use tract_onnx::tract_hir::infer::{Factoid, InferenceOp};
use tract_onnx::tract_hir::internal::{
    InferenceFact, InferenceModel, InferenceModelExt, InferenceNode,
};

/// Reads an `If`.
///
/// # Errors
/// When a branch is missing or cannot be read.
pub fn read(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let read = |name| context.parse_graph(node.get_attr(name)?);
    let branches = [read("then_branch")?, read("else_branch")?];
    let mut outer: Vec<String> = vec![];
    let mut take = |branch: ParseResult| {
        let place = |name: &String| {
            let known = outer.iter().position(|other| other == name);
            known.unwrap_or_else(|| {
                outer.push(name.clone());
                outer.len() - 1
            })
        };
        let inputs = branch.unresolved_inputs.iter().map(place).collect();
        Branch {
            body: branch.model,
            inputs,
        }
    };
    let [then, otherwise] = branches;
    let (then, otherwise) = (take(then), take(otherwise));
    Ok((Box::new(Branches { then, otherwise }), outer))
}

/// A branch, and for each of its inputs its place among the names that are read from outside.
#[derive(Clone, Debug)]
struct Branch {
    body: InferenceModel,
    inputs: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Branches {
    then: Branch,
    otherwise: Branch,
}

impl PartialEq for Branches {
    fn eq(&self, _: &Branches) -> bool {
        false
    }
}

impl Eq for Branches {}

impl Branches {
    fn taken(&self, condition: &Tensor) -> TractResult<&Branch> {
        Ok(match condition.cast_to_scalar::<bool>()? {
            true => &self.then,
            false => &self.otherwise,
        })
    }
}

impl Op for Branches {
    fn name(&self) -> StaticName {
        "If".into()
    }

    not_a_typed_op!();
}

impl EvalOp for Branches {
    not_out_of_plan!();
}

impl InferenceOp for Branches {
    fn infer_facts(
        &mut self,
        inputs: TVec<&InferenceFact>,
        outputs: TVec<&InferenceFact>,
        observed: TVec<&InferenceFact>,
    ) -> TractResult<(
        TVec<InferenceFact>,
        TVec<InferenceFact>,
        TVec<InferenceFact>,
    )> {
        let mut inputs: TVec<InferenceFact> = inputs.into_iter().cloned().collect();
        let mut outputs: TVec<InferenceFact> = outputs.into_iter().cloned().collect();
        let observed = observed.into_iter().cloned().collect();
        let Some(condition) = inputs[0].value.concretize() else {
            return Ok((inputs, outputs, observed));
        };
        let branch = match condition.cast_to_scalar::<bool>()? {
            true => &mut self.then,
            false => &mut self.otherwise,
        };
        for (index, outer) in branch.inputs.iter().enumerate() {
            let fact = branch.body.input_fact_mut(index)?;
            fact.unify_with_mut(&mut inputs[outer + 1])?;
        }
        branch.body.analyse(false)?;
        for (index, output) in outputs.iter_mut().enumerate() {
            branch.body.output_fact_mut(index)?.unify_with_mut(output)?;
        }
        Ok((inputs, outputs, observed))
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.then.body.outputs.len())
    }

    fn to_typed(
        &self,
        _source: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &HashMap<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        let condition = target.outlet_fact(mapping[&node.inputs[0]])?.konst.clone();
        let condition = condition.context("the condition of an If depends on the frames")?;
        let branch = self.taken(&condition)?;
        let body = branch.body.clone().into_typed()?;
        let mut wires: HashMap<OutletId, OutletId> = HashMap::new();
        for (input, outer) in body.input_outlets()?.iter().zip(&branch.inputs) {
            wires.insert(*input, mapping[&node.inputs[outer + 1]]);
        }
        for id in body.eval_order()? {
            let inner = body.node(id);
            if inner.op_is::<TypedSource>() {
                continue;
            }
            let inputs: TVec<OutletId> = inner.inputs.iter().map(|input| wires[input]).collect();
            let name = format!("{}.{}", node.name, inner.name);
            let outputs = target.wire_node(name, inner.op.clone(), &inputs)?;
            for (slot, wire) in outputs.into_iter().enumerate() {
                wires.insert(OutletId::new(id, slot), wire);
            }
        }
        Ok(body.outputs.iter().map(|output| wires[output]).collect())
    }

    as_op!();
}
